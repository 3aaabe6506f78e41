//! Who called whom, and the course of rates: from rollups as far as they go.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::{Error, Reader};
use crate::edges::{self, Edge};
use crate::red::{self, Course, Measure, Question, Series};
use crate::search;

/// Traces of a time from which edges are counted when nobody kept rollups.
const EDGE_TRACES_MAX: usize = 5_000;

impl Reader {
    /// Who called whom in a time, and whether that is exact. Rollups are, as far back as they are
    /// kept; what is older is counted from the newest traces, and exact if all were seen and spans
    /// are kept for longer than that.
    ///
    /// # Errors
    /// See [`Reader::ask`].
    pub async fn edges(&self, time: RangeInclusive<u64>) -> Result<(Vec<Edge>, bool), Error> {
        let border = self.rollups.as_ref().map_or(u64::MAX, |rollups| {
            let kept = u64::try_from(rollups.kept().as_nanos()).unwrap_or(u64::MAX);
            self.clock.wall_nanos().saturating_sub(kept).next_multiple_of(red::STEP_NANOS)
        });
        // Who asks for as long as counts are kept asks for a whole period more than there is by now.
        let all_kept = time.start().saturating_add(2 * red::STEP_NANOS) >= border;
        let rollups = self.rollups.clone().filter(|_| *time.end() >= border);
        self.ask(move |source, budget| {
            let Some(rollups) = rollups else {
                return search::edges(source, time, EDGE_TRACES_MAX, budget);
            };
            if all_kept {
                return Ok((red::edges(&*rollups, time, budget)?, true));
            }
            let (start, end) = time.into_inner();
            let later = red::edges(&*rollups, border..=end, budget)?;
            let before = start..=border.saturating_sub(1);
            let (earlier, all) = search::edges(source, before, EDGE_TRACES_MAX, budget)?;
            let exact = all && search::has_before(source, start, budget)?;
            Ok((edges::together(earlier, later), exact))
        })
        .await
    }

    /// The course of a measure, of each of whom it is asked, and whether there are more.
    ///
    /// # Errors
    /// See [`Reader::ask`]; also when nobody keeps rollups, or there would be too many points.
    pub async fn series(
        &self,
        question: Question,
        measure: Measure,
    ) -> Result<(Vec<Series>, bool), Error> {
        let rollups = self.rollups.clone().ok_or(Error::NoRollups)?;
        let moments = question.moments()?;
        self.ask(move |_, budget| red::series(&*rollups, &question, &moments, measure, budget))
            .await
    }

    /// The courses of several measures, read once, and whether there are more.
    ///
    /// # Errors
    /// See [`Reader::series`].
    pub async fn courses(
        &self,
        question: Question,
        measures: Vec<Measure>,
    ) -> Result<(Vec<Course>, bool), Error> {
        let rollups = self.rollups.clone().ok_or(Error::NoRollups)?;
        let moments = question.moments()?;
        self.ask(move |_, budget| red::courses(&*rollups, &question, &moments, &measures, budget))
            .await
    }

    /// How long a step of the rollups is.
    pub fn step(&self) -> Option<Duration> {
        self.rollups.as_ref().map(|_| red::STEP)
    }
}
