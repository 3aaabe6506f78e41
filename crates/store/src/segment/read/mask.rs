//! A set of rows of a row group.

use std::ops::Range;

/// One bit for each row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mask {
    words: Vec<u64>,
    rows: u32,
}

impl Mask {
    /// No row.
    pub(crate) fn none(rows: u32) -> Self {
        Self { words: vec![0; rows.div_ceil(64) as usize], rows }
    }

    /// Every row.
    pub(crate) fn all(rows: u32) -> Self {
        let mut mask = Self { words: vec![u64::MAX; rows.div_ceil(64) as usize], rows };
        if let Some(last) = mask.words.last_mut()
            && !rows.is_multiple_of(64)
        {
            *last = (1 << (rows % 64)) - 1;
        }
        mask
    }

    pub(crate) fn set(&mut self, row: u32) {
        if let Some(word) = self.words.get_mut(row as usize / 64) {
            *word |= 1 << (row % 64);
        }
    }

    pub(crate) fn has(&self, row: u32) -> bool {
        self.words.get(row as usize / 64).is_some_and(|word| word >> (row % 64) & 1 == 1)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    /// Adds the rows of another one.
    pub(crate) fn add(&mut self, other: &Self) {
        self.words.iter_mut().zip(&other.words).for_each(|(word, other)| *word |= other);
    }

    /// Takes the rows of another one away.
    pub(crate) fn remove(&mut self, other: &Self) {
        self.words.iter_mut().zip(&other.words).for_each(|(word, other)| *word &= !other);
    }

    /// Whether there is one of these rows.
    pub(crate) fn any(&self, rows: Range<u32>) -> bool {
        let (first, last) = (rows.start as usize / 64, rows.end.saturating_sub(1) as usize / 64);
        let words = self.words.get(first..=last).unwrap_or_default();
        (first..).zip(words).any(|(index, word)| {
            let mut word = *word;
            if index == first {
                word &= u64::MAX << (rows.start % 64);
            }
            if index == last && !rows.end.is_multiple_of(64) {
                word &= (1 << (rows.end % 64)) - 1;
            }
            word != 0
        })
    }

    /// The rows, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = u32> {
        (0_u32..).zip(&self.words).flat_map(|(index, word)| {
            let mut left = *word;
            std::iter::from_fn(move || {
                let bit = (left != 0).then(|| left.trailing_zeros())?;
                left &= left - 1;
                Some(index * 64 + bit)
            })
        })
    }

    /// How many.
    pub(crate) fn count(&self) -> u32 {
        self.words.iter().map(|word| word.count_ones()).sum()
    }

    /// Of how many rows.
    pub(crate) const fn rows(&self) -> u32 {
        self.rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_behave() {
        let mut mask = Mask::none(130);
        assert!(mask.is_empty() && !mask.any(0..130));
        for row in [0, 63, 64, 129] {
            mask.set(row);
        }
        assert_eq!(mask.iter().collect::<Vec<_>>(), [0, 63, 64, 129]);
        assert!(mask.has(63) && !mask.has(62) && !mask.has(999));
        assert!(mask.any(60..64) && !mask.any(65..129) && mask.any(65..130) && mask.any(64..65));
        let mut all = Mask::all(130);
        assert_eq!(all.count(), 130);
        all.remove(&mask);
        assert_eq!(all.count(), 126);
        all.add(&mask);
        assert_eq!(all, Mask::all(130));
        assert_eq!(Mask::all(64).count(), 64);
        assert_eq!(Mask::all(0).count(), 0);
    }
}
