//! Work on many things that ends when its budget does, or when nobody waits for it any more.
//!
//! What is cut short is no answer: [`Reader::compute`](crate::Reader::compute), where such work runs,
//! looks at the budget at its end and throws it away then.

use std::io;

use trunkline_store::source::Budget;

/// Things between two looks at the budget.
const PACE: u64 = 1_000;
/// Bytes of a text between two looks at the budget.
const TEXT_PACE: usize = 1 << 20;

/// These, as long as the budget lasts.
pub fn paced<I: IntoIterator>(items: I, budget: &mut Budget) -> Paced<'_, I::IntoIter> {
    Paced { items: items.into_iter(), budget, left: 0 }
}

/// See [`paced`].
#[derive(Debug)]
pub struct Paced<'a, I> {
    items: I,
    budget: &'a mut Budget,
    left: u64,
}

impl<I: Iterator> Iterator for Paced<'_, I> {
    type Item = I::Item;

    fn next(&mut self) -> Option<I::Item> {
        if self.left == 0 {
            self.budget.spend(PACE, 0).ok()?;
            self.left = PACE;
        }
        self.left -= 1;
        self.items.next()
    }
}

/// A text that is written as long as the budget lasts.
#[derive(Debug)]
pub struct PacedText<'a> {
    text: Vec<u8>,
    budget: &'a mut Budget,
    paid: usize,
}

impl<'a> PacedText<'a> {
    /// An empty one.
    pub const fn new(budget: &'a mut Budget) -> Self {
        Self { text: Vec::new(), budget, paid: 0 }
    }

    /// What was written.
    pub fn into_bytes(self) -> Vec<u8> {
        self.text
    }
}

impl io::Write for PacedText<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.text.extend_from_slice(bytes);
        let unpaid = self.text.len() - self.paid;
        if unpaid >= TEXT_PACE {
            self.paid = self.text.len();
            self.budget.spend(0, unpaid as u64).map_err(io::Error::other)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use trunkline_rt::Clock;
    use trunkline_store::source::Limits;

    use super::*;

    #[test]
    fn work_ends_where_its_budget_does() {
        let limits = Limits { rows: 2_500, bytes: 1 << 20, ..Limits::default() };
        let mut budget = Budget::new(&Clock::system(), limits);
        assert_eq!(paced(0..10_000, &mut budget).count(), 2_000);
        assert_eq!(paced(0..10, &mut budget).count(), 0, "and does not begin again");
        let mut budget = Budget::new(&Clock::system(), limits);
        let mut text = PacedText::new(&mut budget);
        let written = (0..10_000).take_while(|_| text.write_all(&[b'x'; 1_000]).is_ok()).count();
        assert!((1_000..1_100).contains(&written), "{written}");
    }
}
