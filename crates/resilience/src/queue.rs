//! A bounded queue by priority: who waits longest among the most urgent is next.
//!
//! One who leaves is taken out by its ticket, so that a caller that gave up holds no place. Who is
//! offered something may be unable to use it (it waits for one certain endpoint): the next who can
//! is found instead. Holds no clock and wakes nobody; the caller does both.

use std::collections::BTreeMap;

/// Most urgent first: -10 before 0 before 10.
pub type Priority = i8;

/// The place of one who waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket {
    priority: Priority,
    number: u64,
}

/// Who waits, in order. Allocates with each entry.
#[derive(Debug)]
pub struct Queue<T> {
    waiting: BTreeMap<Ticket, T>,
    next: u64,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self { waiting: BTreeMap::new(), next: 0 }
    }
}

impl<T> Queue<T> {
    /// Adds one behind all of its priority; gives it back if `max` wait already.
    pub fn push(&mut self, priority: Priority, one: T, max: usize) -> Result<Ticket, T> {
        if self.waiting.len() >= max {
            return Err(one);
        }
        let ticket = Ticket { priority, number: self.next };
        self.next += 1;
        self.waiting.insert(ticket, one);
        Ok(ticket)
    }

    /// Takes the next one that `takes` says can use what is there.
    pub fn pop(&mut self, takes: impl Fn(&T) -> bool) -> Option<T> {
        let ticket = self.waiting.iter().find(|(_, one)| takes(one)).map(|(ticket, _)| *ticket)?;
        self.waiting.remove(&ticket)
    }

    /// Takes out one that leaves; `None` if it was served before.
    pub fn remove(&mut self, ticket: Ticket) -> Option<T> {
        self.waiting.remove(&ticket)
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn drain(mut queue: Queue<char>) -> String {
        std::iter::from_fn(|| queue.pop(|_| true)).collect()
    }

    fn queue(entries: &[(Priority, char)]) -> Queue<char> {
        let mut queue = Queue::default();
        for (priority, one) in entries {
            queue.push(*priority, *one, 100).unwrap();
        }
        queue
    }

    #[test]
    fn the_urgent_come_first_and_the_patient_in_order() {
        assert_eq!(drain(queue(&[(0, 'a'), (5, 'b'), (0, 'c'), (-3, 'd'), (5, 'e')])), "dacbe");
    }

    #[test]
    fn it_is_bounded() {
        let mut queue = queue(&[(0, 'a'), (0, 'b')]);
        assert_eq!(queue.push(-10, 'c', 2), Err('c'));
        assert!(queue.push(-10, 'c', 3).is_ok());
    }

    #[test]
    fn one_who_leaves_frees_its_place() {
        let mut queue = queue(&[(0, 'a')]);
        let ticket = queue.push(0, 'b', 10).unwrap();
        assert_eq!(queue.remove(ticket), Some('b'));
        assert_eq!(queue.remove(ticket), None);
        assert_eq!((queue.len(), drain(queue).as_str()), (1, "a"));
    }

    #[test]
    fn who_cannot_use_what_is_there_keeps_its_place() {
        let mut queue = queue(&[(0, 'a'), (0, 'b')]);
        assert_eq!(queue.pop(|one| *one == 'b'), Some('b'));
        assert_eq!(queue.pop(|one| *one == 'b'), None);
        assert_eq!(drain(queue), "a");
    }

    proptest! {
        #[test]
        fn order_is_by_priority_and_arrival(priorities in prop::collection::vec(-10_i8..=10, 0..60)) {
            let mut queue = Queue::default();
            for (number, priority) in priorities.iter().enumerate() {
                queue.push(*priority, (*priority, number), 100).unwrap();
            }
            let served: Vec<_> = std::iter::from_fn(|| queue.pop(|_| true)).collect();
            let mut sorted = served.clone();
            sorted.sort_unstable();
            prop_assert_eq!(served, sorted);
        }
    }
}
