//! Shows what was counted: what is kept, what is being committed, and what is in memory.

use std::collections::BTreeMap;
use std::ops::{ControlFlow, Range};
use std::sync::PoisonError;

use super::Rollups;
use super::flush::is_made;
use crate::rollup::format::{Wanted, read};
use crate::rollup::keep::KeepError;
use crate::rollup::period::{Period, Rollup};
use crate::rollup::texts::Texts;
use crate::source::{Budget, QueryError, Spent};

impl Rollups {
    /// Shows what was counted in these periods, the oldest first, each once with all its parts.
    ///
    /// # Errors
    /// The budget is spent, or what is kept cannot be read. Damaged rollups are left out and counted.
    pub fn read(
        &self,
        periods: Range<Period>,
        wanted: &Wanted<'_>,
        budget: &mut Budget,
        see: &mut dyn FnMut(Period, &Rollup),
    ) -> Result<(), QueryError> {
        let moving = self.moving.read().unwrap_or_else(PoisonError::into_inner);
        let view = self.keep.view().map_err(unreadable)?;
        let (attempt, counted) = {
            let live = self.live();
            (live.attempt.clone(), live.accumulator.peek(wanted))
        };
        drop(moving);
        // A commit that seemed to fail may have been made: it is in one place or the other.
        let attempt = match attempt {
            Some(attempt) if is_made(&*view, attempt.sequence).map_err(unreadable)? => None,
            attempt => attempt,
        };
        let mut memory: BTreeMap<Period, Rollup> =
            counted.into_iter().filter(|(period, _)| periods.contains(period)).collect();
        for (period, part) in attempt.iter().flat_map(|attempt| &attempt.parts) {
            if periods.contains(period) {
                memory.entry(*period).or_default().merge(&wanted_of(part, wanted));
            }
        }
        let mut show = Show { memory, budget, see };
        let (mut texts, mut damaged) = (Texts::default(), 0);
        let mut spent = None;
        let mut step = |period, bytes: &[u8]| {
            let kept = read(bytes, wanted, &mut texts).unwrap_or_else(|_| {
                damaged += 1;
                Rollup::default()
            });
            show.kept(period, kept, bytes.len())
        };
        let ended = view.range(periods, &mut |period, bytes| match step(period, bytes) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                spent = Some(error);
                ControlFlow::Break(())
            }
        });
        self.live().damaged += damaged;
        ended.map_err(unreadable)?;
        match spent {
            Some(spent) => Err(spent.into()),
            None => Ok(show.before(None)?),
        }
    }
}

/// Merges what is in memory into what is kept, in the order of time.
struct Show<'a> {
    memory: BTreeMap<Period, Rollup>,
    budget: &'a mut Budget,
    see: &'a mut dyn FnMut(Period, &Rollup),
}

impl Show<'_> {
    fn kept(&mut self, period: Period, mut kept: Rollup, bytes: usize) -> Result<(), Spent> {
        self.before(Some(period))?;
        if let Some(more) = self.memory.remove(&period) {
            kept.merge(&more);
        }
        self.one(period, &kept, bytes)
    }

    /// What is only in memory, up to before a period.
    fn before(&mut self, period: Option<Period>) -> Result<(), Spent> {
        while let Some(entry) = self.memory.first_entry()
            && period.is_none_or(|period| *entry.key() < period)
        {
            let (before, rollup) = entry.remove_entry();
            self.one(before, &rollup, 0)?;
        }
        Ok(())
    }

    fn one(&mut self, period: Period, rollup: &Rollup, bytes: usize) -> Result<(), Spent> {
        self.budget.spend(rollup.len() as u64, bytes as u64)?;
        (self.see)(period, rollup);
        Ok(())
    }
}

fn unreadable(error: KeepError) -> QueryError {
    QueryError::Unreadable { file: "rollups".to_owned(), source: Box::new(error) }
}

fn wanted_of(rollup: &Rollup, wanted: &Wanted<'_>) -> Rollup {
    let series = rollup.series.iter().filter(|(key, _)| (wanted.series)(&key.service));
    let edges = rollup.edges.iter().filter(|_| wanted.edges);
    Rollup {
        series: series.map(|(key, cell)| (key.clone(), cell.clone())).collect(),
        edges: edges.map(|(key, cell)| (key.clone(), cell.clone())).collect(),
    }
}
