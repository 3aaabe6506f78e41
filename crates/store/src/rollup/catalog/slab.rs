//! Things by number; numbers of those that went are given again.

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct Slab<T> {
    places: Vec<Option<T>>,
    free: Vec<u32>,
    len: usize,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self { places: Vec::new(), free: Vec::new(), len: 0 }
    }
}

impl<T> Slab<T> {
    /// Keeps one and says its number.
    pub(super) fn insert(&mut self, thing: T) -> u32 {
        self.len += 1;
        if let Some(number) = self.free.pop()
            && let Some(place) = self.places.get_mut(number as usize)
        {
            *place = Some(thing);
            return number;
        }
        let number = u32::try_from(self.places.len()).expect("far fewer are kept than 2^32");
        self.places.push(Some(thing));
        number
    }

    #[inline]
    pub(super) fn get(&self, number: u32) -> Option<&T> {
        self.places.get(number as usize)?.as_ref()
    }

    pub(super) fn get_mut(&mut self, number: u32) -> Option<&mut T> {
        self.places.get_mut(number as usize)?.as_mut()
    }

    /// Takes out all that are old.
    pub(super) fn take_if(&mut self, old: impl Fn(&T) -> bool) -> Vec<T> {
        let mut taken = Vec::new();
        for (number, place) in self.places.iter_mut().enumerate() {
            if let Some(thing) = place.take_if(|thing| old(thing)) {
                taken.push(thing);
                self.free.push(u32::try_from(number).unwrap_or(u32::MAX));
            }
        }
        self.len -= taken.len();
        taken
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }
}
