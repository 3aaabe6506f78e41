//! Questions, and how long they take.

use std::error::Error;
use std::time::Instant;

use trunkline_model::trace::TraceId;
use trunkline_rt::{Clock, Random};
use trunkline_store::Store;
use trunkline_store::source::{Budget, Field, Filter, Level, Limits, Search, SpanSource, Test};

use super::generator::{KEYS, TRACE_SPANS, VALUES, key, value};

/// How often each is asked, always of something else.
const BY_ID: usize = 1_000;
const BY_ATTRIBUTE: usize = 200;
/// Traces of one answer.
const FOUND: usize = 20;

/// What was asked, how long it took each time in milliseconds, and how long 99 % may.
pub type Asked = (&'static str, Vec<f64>, f64);

pub fn ask(store: &Store, samples: &[TraceId]) -> Result<Vec<Asked>, Box<dyn Error>> {
    let clock = Clock::system();
    let budget = || Budget::new(&clock, Limits::default());
    let mut random = Random::from_seed(7);
    let mut below =
        |bound: usize| usize::try_from(random.number() % bound as u64).unwrap_or_default();
    let mut by_id = Vec::new();
    for _ in 0..BY_ID {
        let id = samples[below(samples.len())];
        by_id.push(timed(|| {
            let found = store.traces(&[id], &mut budget())?;
            assert_eq!(found[0].len(), TRACE_SPANS, "the trace is whole");
            Ok(())
        })?);
    }
    let (mut summaries, mut traces) = (Vec::new(), Vec::new());
    for _ in 0..BY_ATTRIBUTE {
        let search = by_attribute(below(KEYS), below(VALUES));
        summaries.push(timed(|| {
            let ids = ids(store, &search, &mut budget())?;
            assert_eq!(store.summaries(&ids, &mut budget())?.len(), ids.len());
            Ok(())
        })?);
        let search = by_attribute(below(KEYS), below(VALUES));
        traces.push(timed(|| {
            let ids = ids(store, &search, &mut budget())?;
            assert_eq!(store.traces(&ids, &mut budget())?.len(), ids.len());
            Ok(())
        })?);
    }
    Ok(vec![
        ("a trace by its id", by_id, 15.0),
        ("20 summaries by an attribute", summaries, 200.0),
        ("20 whole traces by an attribute", traces, 500.0),
    ])
}

fn by_attribute(key_number: usize, value_number: usize) -> Search {
    let field = Field::Attribute(Level::Any, key(key_number).into());
    let text = value(key_number, value_number);
    Search {
        filter: Filter::Where(field, Test::Text(text.into())),
        start_unix_nanos: 0..=u64::MAX,
        limit: FOUND,
        after: None,
    }
}

fn ids(
    store: &Store,
    search: &Search,
    budget: &mut Budget,
) -> Result<Vec<TraceId>, Box<dyn Error>> {
    let found = store.search(search, budget)?;
    assert!(!found.partial, "the budget is large enough");
    Ok(found.hits.iter().map(|hit| hit.trace).collect())
}

fn timed(work: impl FnOnce() -> Result<(), Box<dyn Error>>) -> Result<f64, Box<dyn Error>> {
    let begun = Instant::now();
    work()?;
    Ok(begun.elapsed().as_secs_f64() * 1e3)
}

/// The time within which so many of a thousand ended.
pub fn share(times: &[f64], of_thousand: usize) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = (sorted.len() * of_thousand).div_ceil(1_000).saturating_sub(1);
    sorted.get(place).copied().unwrap_or_default()
}
