//! A bulkhead: so many calls at one time, and some that wait for their turn.
//!
//! Permits go to those who wait in the order of their coming, and never past them (Resilience4j's
//! `SemaphoreBulkhead` with `fair`). Who leaves hands its permit to the next; who gives up leaves
//! the queue by its ticket. A smaller limit takes effect without blocking anybody: permits are
//! simply not handed on until enough came back. How long one waits is the caller's to watch.

use std::time::Duration;

use crate::queue::{Priority, Queue, Ticket};

/// The settings of a bulkhead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config {
    /// Calls at one time; zero lets none pass.
    pub max_concurrent_calls: u32,
    /// The longest wait for a permit; zero does not wait.
    pub max_wait_duration: Duration,
    /// How many may wait.
    pub max_waiting: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self { max_concurrent_calls: 25, max_wait_duration: Duration::ZERO, max_waiting: 10_000 }
    }
}

/// What one who asks is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// It has a permit.
    Permitted,
    /// It waits, and gets a permit from one who leaves.
    Waits(Ticket),
    /// No permit, and no place to wait.
    Rejected,
}

/// Permits and those who wait for them; `T` is what wakes one.
#[derive(Debug)]
pub struct Bulkhead<T> {
    config: Config,
    running: u32,
    waiting: Queue<T>,
}

impl<T> Bulkhead<T> {
    /// An empty one.
    pub fn new(config: Config) -> Self {
        Self { config, running: 0, waiting: Queue::default() }
    }

    /// Its settings.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Takes a permit if one is free and nobody waits for it.
    #[must_use]
    pub fn try_enter(&mut self) -> bool {
        let free = self.running < self.config.max_concurrent_calls && self.waiting.is_empty();
        self.running += u32::from(free);
        free
    }

    /// Takes a permit, or a place in the queue.
    pub fn enter(&mut self, priority: Priority, one: impl FnOnce() -> T) -> Entry {
        if self.try_enter() {
            return Entry::Permitted;
        }
        if self.config.max_wait_duration.is_zero() {
            return Entry::Rejected;
        }
        match self.waiting.push(priority, one(), self.config.max_waiting) {
            Ok(ticket) => Entry::Waits(ticket),
            Err(_) => Entry::Rejected,
        }
    }

    /// Gives a permit back. The one who is returned has it now, and is to be told so.
    #[must_use = "who is returned has a permit, and does not know it"]
    pub fn leave(&mut self) -> Option<T> {
        debug_assert!(self.running > 0, "a permit is given back once");
        self.running = self.running.saturating_sub(1);
        self.hand_on()
    }

    /// Takes one who gave up out of the queue; `false` if it has a permit by now, which it has to
    /// give back.
    #[must_use]
    pub fn give_up(&mut self, ticket: Ticket) -> bool {
        self.waiting.remove(ticket).is_some()
    }

    /// Changes the settings. Call [`Self::hand_on`] afterwards until nobody is returned.
    pub fn change(&mut self, config: Config) {
        self.config = config;
    }

    /// Hands a free permit to the next who waits.
    pub fn hand_on(&mut self) -> Option<T> {
        if self.running >= self.config.max_concurrent_calls {
            return None;
        }
        let next = self.waiting.pop(|_| true)?;
        self.running += 1;
        Some(next)
    }

    /// Calls that run.
    pub fn running(&self) -> u32 {
        self.running
    }

    /// Permits that are free.
    pub fn available(&self) -> u32 {
        self.config.max_concurrent_calls.saturating_sub(self.running)
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bulkhead(max: u32, waiting: usize) -> Bulkhead<u32> {
        Bulkhead::new(Config {
            max_concurrent_calls: max,
            max_wait_duration: Duration::from_secs(1),
            max_waiting: waiting,
        })
    }

    #[test]
    fn permits_go_to_those_who_came_first() {
        let mut bulkhead = bulkhead(1, 2);
        assert_eq!(bulkhead.enter(0, || 1), Entry::Permitted);
        let Entry::Waits(second) = bulkhead.enter(0, || 2) else { panic!() };
        assert!(matches!(bulkhead.enter(0, || 3), Entry::Waits(_)));
        assert_eq!(bulkhead.enter(0, || 4), Entry::Rejected);
        assert!(!bulkhead.try_enter());
        assert!(bulkhead.give_up(second) && !bulkhead.give_up(second));
        assert_eq!((bulkhead.leave(), bulkhead.running()), (Some(3), 1));
        assert_eq!((bulkhead.leave(), bulkhead.available()), (None, 1));
    }

    #[test]
    fn without_a_wait_who_finds_none_is_rejected() {
        let config = Config { max_concurrent_calls: 1, ..Config::default() };
        let mut bulkhead = Bulkhead::new(config);
        assert_eq!(bulkhead.enter(0, || ()), Entry::Permitted);
        assert_eq!(bulkhead.enter(0, || ()), Entry::Rejected);
    }

    #[test]
    fn a_change_blocks_nobody() {
        let mut bulkhead = bulkhead(3, 10);
        (0..3).for_each(|one| assert_eq!(bulkhead.enter(0, || one), Entry::Permitted));
        assert!(matches!(bulkhead.enter(0, || 9), Entry::Waits(_)));
        bulkhead.change(Config { max_concurrent_calls: 1, ..*bulkhead.config() });
        assert_eq!((bulkhead.leave(), bulkhead.leave()), (None, None));
        assert_eq!(bulkhead.leave(), Some(9));
        bulkhead.change(Config { max_concurrent_calls: 2, ..*bulkhead.config() });
        assert_eq!((bulkhead.hand_on(), bulkhead.available()), (None, 1));
    }

    proptest! {
        #[test]
        fn no_permit_is_ever_lost_or_made(
            steps in prop::collection::vec((0_u8..4, any::<usize>()), 1..400),
            max in 1_u32..5,
        ) {
            let mut bulkhead = bulkhead(max, 6);
            let (mut running, mut waiting) = (0_u32, vec![]);
            for (number, (step, which)) in steps.into_iter().enumerate() {
                let name = u32::try_from(number).unwrap();
                match step {
                    0 | 1 => match bulkhead.enter(0, || name) {
                        Entry::Permitted => running += 1,
                        Entry::Waits(ticket) => waiting.push((name, ticket)),
                        Entry::Rejected => prop_assert!(running == max),
                    },
                    2 if running > 0 => {
                        running -= 1;
                        if let Some(next) = bulkhead.leave() {
                            prop_assert_eq!(waiting.remove(0).0, next);
                            running += 1;
                        }
                    }
                    3 if !waiting.is_empty() => {
                        let (_, ticket) = waiting.remove(which % waiting.len());
                        prop_assert!(bulkhead.give_up(ticket));
                    }
                    _ => {}
                }
                prop_assert!(bulkhead.running() == running && running <= max);
                prop_assert_eq!(bulkhead.waiting(), waiting.len());
            }
        }
    }
}
