//! Values over windows, who tells of a service, and each call once.

use std::collections::BTreeMap;

use proptest::prelude::*;
use trunkline_otlp::StatusCode;
use trunkline_rt::Clock;
use trunkline_rt::metrics::Sparse;
use trunkline_store::rollup::{
    Cell, EdgeCell, EdgeKey, EdgeKind, Recorder, SeriesKey, Weight, calls,
};
use trunkline_store::source::Limits;

use super::*;
use crate::edges::{Edge, Sort, Source};

const SECOND: u64 = 1_000_000_000;

/// Rollups in memory.
#[derive(Default)]
struct Memory(BTreeMap<Period, Rollup>);

impl Rollups for Memory {
    fn kept(&self) -> Duration {
        Duration::from_hours(24)
    }

    fn read(
        &self,
        periods: Range<Period>,
        wanted: &Wanted<'_>,
        budget: &mut Budget,
        see: &mut dyn FnMut(Period, &Rollup),
    ) -> Result<(), QueryError> {
        for (period, rollup) in self.0.range(periods) {
            budget.spend(rollup.len() as u64, 0)?;
            let mut shown = rollup.clone();
            shown.series.retain(|key, _| (wanted.series)(&key.service));
            if !wanted.edges {
                shown.edges.clear();
            }
            see(*period, &shown);
        }
        Ok(())
    }
}

impl Memory {
    /// Counts calls that ended at a second.
    fn count(&mut self, second: u64, key: SeriesKey, number: u64, micros: u64) {
        let mut latency = Sparse::default();
        latency.add(micros, Weight::calls(number).fixed());
        let cell = Cell { spans: number, bytes: 1, sum_micros: number * micros, latency };
        let rollup = self.0.entry(Period::of(second * SECOND)).or_default();
        rollup.series.entry(key).or_default().merge(&cell);
    }

    fn series(&self, question: &Question, measure: Measure) -> Vec<Series> {
        let moments = question.moments().unwrap();
        let (series, truncated) = series(self, question, &moments, measure, &mut budget()).unwrap();
        assert!(!truncated);
        series
    }

    /// Values of the only series.
    fn values(&self, question: &Question, measure: Measure) -> Vec<f64> {
        let all = self.series(question, measure);
        assert_eq!(all.len(), 1, "{all:?}");
        all[0].points.iter().map(|point| point.1).collect()
    }
}

fn budget() -> Budget {
    Budget::new(&Clock::system(), Limits::default())
}

fn key(operation: &str, status: StatusCode) -> SeriesKey {
    let (service, operation) = ("api".into(), operation.into());
    SeriesKey { service, recorder: Recorder::Own, operation, kind: Kind::Server, status }
}

fn well(operation: &str) -> SeriesKey {
    key(operation, StatusCode::Unset)
}

fn question() -> Question {
    Question {
        services: vec!["api".into()],
        by_operation: false,
        kinds: vec![Kind::Server],
        time: 60 * SECOND..=80 * SECOND,
        step: Duration::from_secs(10),
        window: Duration::from_secs(20),
    }
}

#[test]
fn a_value_counts_the_window_before_its_moment() {
    let mut memory = Memory::default();
    memory.count(70, well("b"), 15, 900);
    memory.count(70, key("b", StatusCode::Error), 5, 900);
    memory.count(40, well("a"), 100, 900);
    memory.count(50, key("a", StatusCode::Error), 10, 900);
    memory.count(50, key("a", StatusCode::Ok), 30, 900);
    assert_eq!(memory.values(&question(), Measure::Calls), [7.0, 2.0, 1.0]);
    assert_eq!(memory.values(&question(), Measure::Errors), [10.0 / 140.0, 0.25, 0.25]);
    let by_operation = Question { by_operation: true, ..question() };
    let names = memory.series(&by_operation, Measure::Calls);
    let names: Vec<_> =
        names.iter().map(|one| (one.operation.as_deref(), one.points.len())).collect();
    assert_eq!(names, [(Some("a"), 3), (Some("b"), 1)], "from the first call on");
    let clients = Question { kinds: vec![Kind::Client], ..question() };
    assert_eq!(memory.series(&clients, Measure::Calls), []);
    let others = Question { services: vec!["web".into()], ..question() };
    assert_eq!(memory.series(&others, Measure::Calls), []);
    let all = Question { services: Vec::new(), ..question() };
    assert_eq!(memory.values(&all, Measure::Calls), [7.0, 2.0, 1.0]);
}

#[test]
fn an_answer_has_a_bound_of_values_and_says_what_it_leaves_out() {
    let mut memory = Memory::default();
    for number in 0..150 {
        memory.count(50, well(&format!("operation {number}")), 1, 900);
    }
    // 10 001 moments of five measures: room for nine series of them.
    let step = Duration::from_millis(10);
    let asked =
        Question { by_operation: true, time: 60 * SECOND..=160 * SECOND, step, ..question() };
    let moments = asked.moments().unwrap();
    let told = |measures: &[Measure], budget: &mut Budget| {
        courses(&memory, &asked, &moments, measures, budget)
    };
    let (nine, truncated) = told(&[Measure::Calls; 5], &mut budget()).unwrap();
    assert_eq!((nine.len(), truncated), (9, true));
    let (of_one, truncated) = told(&[Measure::Calls], &mut budget()).unwrap();
    assert_eq!((of_one.len(), truncated), (49, true));
    // Values cost as rows do: those of one series are more than this.
    let limits = Limits { rows: 5_000, ..Limits::default() };
    let mut little = Budget::new(&Clock::system(), limits);
    assert!(told(&[Measure::Calls; 5], &mut little).is_err());
}

#[test]
fn where_nothing_is_called_there_is_a_rate_and_no_number() {
    let mut memory = Memory::default();
    let long = Question { time: 60 * SECOND..=140 * SECOND, ..question() };
    memory.count(65, well("a"), 20, 900);
    assert_eq!(memory.values(&long, Measure::Calls), [1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
    assert!(memory.values(&long, Measure::Latency(0.5))[2].is_nan());
    assert_eq!(memory.values(&long, Measure::Errors), [0.0; 8], "nothing failed, ever");
    memory.count(105, key("a", StatusCode::Error), 20, 900);
    let errors = memory.values(&long, Measure::Errors);
    assert_eq!((errors[0], errors[4]), (0.0, 1.0));
    assert!(errors[3].is_nan(), "{errors:?}");
}

#[test]
fn quantiles_are_spread_over_their_bucket_and_in_milliseconds() {
    let mut memory = Memory::default();
    memory.count(55, well("a"), 90, 1_000);
    memory.count(55, well("b"), 10, 2_000_000);
    let at = |share| {
        memory.values(
            &Question { time: 60 * SECOND..=60 * SECOND, ..question() },
            Measure::Latency(share),
        )[0]
    };
    assert!((0.96..1.024).contains(&at(0.5)), "{}", at(0.5));
    assert!((1_800.0..2_100.0).contains(&at(0.95)), "{}", at(0.95));
    assert!(at(0.2) < at(0.5) && at(0.91) < at(0.99));
    assert_eq!((at(-0.1), at(1.1)), (f64::NEG_INFINITY, f64::INFINITY));
    assert!(at(f64::NAN).is_nan());
}

#[test]
fn windows_are_whole_periods() {
    let mut memory = Memory::default();
    memory.count(50, well("a"), 10, 900);
    let short = Question {
        window: Duration::from_millis(1),
        time: 60 * SECOND..=60 * SECOND,
        ..question()
    };
    assert_eq!(memory.values(&short, Measure::Calls), [1.0]);
    let between = Question {
        time: 53 * SECOND..=63 * SECOND,
        step: Duration::from_secs(5),
        window: STEP,
        ..question()
    };
    assert_eq!(memory.values(&between, Measure::Calls), [1.0, 1.0, 0.0]);
}

#[test]
fn an_answer_has_a_bounded_number_of_points() {
    let fine = Question { step: Duration::from_micros(1), ..question() };
    assert_eq!(fine.moments(), Err(TooFine));
    assert_eq!(question().moments().unwrap().len(), 3);
    let backward = Question { time: std::ops::RangeInclusive::new(9, 3), ..question() };
    assert_eq!(backward.moments().unwrap(), [0_u64; 0]);
}

#[test]
fn what_a_service_records_itself_counts_and_the_proxy_only_for_others() {
    let mut memory = Memory::default();
    let proxy = |mut key: SeriesKey| {
        key.recorder = Recorder::Proxy;
        key
    };
    let legacy = |mut key: SeriesKey| {
        key.service = "legacy".into();
        key
    };
    memory.count(45, well("GET /orders"), 20, 900);
    memory.count(45, proxy(well("GET /{id}")), 20, 900);
    memory.count(55, proxy(well("GET /{id}")), 20, 900);
    memory.count(55, proxy(legacy(well("GET /{id}"))), 40, 900);
    let asked = Question {
        services: vec!["api".into(), "legacy".into()],
        time: 60 * SECOND..=60 * SECOND,
        ..question()
    };
    let told = memory.series(&asked, Measure::Calls);
    let told: Vec<_> = told.iter().map(|one| (&*one.service, one.points[0].1)).collect();
    assert_eq!(told, [("api", 1.0), ("legacy", 2.0)]);
}

#[test]
fn a_question_ends_with_its_budget() {
    let mut memory = Memory::default();
    (0..10).for_each(|second| memory.count(second * 10, well("a"), 1, 1));
    let mut budget = Budget::new(&Clock::system(), Limits { rows: 3, ..Limits::default() });
    let wide = Question { time: 0..=100 * SECOND, ..question() };
    assert!(series(&memory, &wide, &wide.moments().unwrap(), Measure::Calls, &mut budget).is_err());
    assert!(edges(&memory, 0..=100 * SECOND, &mut budget).is_err());
}

proptest! {
    /// The window that moves says what a sum over each window says.
    #[test]
    fn courses_are_sums_of_their_windows(
        counts in prop::collection::vec((0_u64..900, 0_usize..3, 1_u64..9, 1_u64..2_000_000), 0..60),
        start in 0_u64..600,
        step in 1_u64..70,
        window in 1_u64..400,
        by_operation in any::<bool>(),
    ) {
        let mut memory = Memory::default();
        let keys = [well("a"), key("a", StatusCode::Error), well("b")];
        for (second, which, number, micros) in &counts {
            memory.count(*second, keys[*which].clone(), *number, *micros);
        }
        let question = Question {
            by_operation,
            time: start * SECOND..=(start + 400) * SECOND,
            step: Duration::from_secs(step),
            window: Duration::from_secs(window),
            ..question()
        };
        let moments = question.moments().unwrap();
        let measures = [Measure::Calls, Measure::Errors, Measure::Latency(0.9)];
        let (courses, _) = courses(&memory, &question, &moments, &measures, &mut budget()).unwrap();
        let window = window.div_ceil(10) * 10;
        for course in courses {
            for (place, moment) in course.moments.iter().enumerate() {
                let within = |period: &&Period| period.start_unix_nanos() < *moment && period.start_unix_nanos() + window * SECOND >= *moment;
                let (mut total, mut failed, mut latency) = (0, 0, Sparse::default());
                for period in memory.0.keys().filter(within) {
                    for (key, cell) in &memory.0[period].series {
                        if course.operation.as_ref().is_none_or(|operation| *operation == key.operation) {
                            total += cell.calls();
                            failed += if key.status == StatusCode::Error { cell.calls() } else { 0 };
                            latency.merge(&cell.latency);
                        }
                    }
                }
                #[expect(clippy::cast_precision_loss)]
                let expected = [calls(total) / window as f64, calls(failed) / calls(total), latency.quantile(0.9).map_or(f64::NAN, |micros| micros / 1_000.0)];
                for (values, expected) in course.values.iter().zip(expected) {
                    prop_assert!(values[place].to_bits() == expected.to_bits() || (values[place].is_nan() && expected.is_nan()), "{} is not {expected}", values[place]);
                }
            }
        }
    }

    /// A window of a day gives the same, up to periods that leave it together.
    #[test]
    fn long_windows_are_as_good(counts in prop::collection::vec((0_u64..100_000, 1_u64..9), 1..40)) {
        let mut memory = Memory::default();
        for (second, number) in &counts {
            memory.count(*second, well("a"), *number, 900);
        }
        let day = Question { time: 100_000 * SECOND..=100_000 * SECOND, window: Duration::from_secs(100_000), ..question() };
        let sum: u64 = counts.iter().map(|(_, number)| number).sum();
        #[expect(clippy::cast_precision_loss)]
        let expected = sum as f64 / 100_000.0;
        let told = memory.values(&day, Measure::Calls)[0];
        prop_assert!((told - expected).abs() < 1e-9, "{told} {expected}");
    }
}

/// `(caller, callee, kind, recorder, calls, failed)`.
type Told<'a> = (&'a str, &'a str, EdgeKind, Recorder, u64, u64);

fn graph(told: &[Told<'_>]) -> Vec<Edge> {
    let mut memory = Memory::default();
    for (place, (caller, callee, kind, recorder, number, failed)) in told.iter().enumerate() {
        let key = EdgeKey {
            caller: (*caller).into(),
            callee: (*callee).into(),
            kind: *kind,
            recorder: *recorder,
        };
        let mut cell = EdgeCell {
            seen: *number,
            calls: Weight::calls(*number).fixed(),
            failed: Weight::calls(*failed).fixed(),
            ..EdgeCell::default()
        };
        cell.callee.add(
            if *recorder == Recorder::Own { 1_000 } else { 9_000 },
            Weight::calls(*number).fixed(),
        );
        let rollup = memory.0.entry(Period(u32::try_from(place).unwrap() % 3)).or_default();
        rollup.edges.entry(key).or_default().merge(&cell);
    }
    edges(&memory, 0..=100 * SECOND, &mut budget()).unwrap()
}

fn words(edges: &[Edge]) -> Vec<String> {
    let word = |edge: &Edge| {
        format!(
            "{} > {} {} {}: {} {}",
            edge.caller,
            edge.callee,
            edge.sort.as_str(),
            edge.source.as_str(),
            edge.calls,
            edge.failed
        )
    };
    edges.iter().map(word).collect()
}

#[test]
fn a_call_that_both_saw_counts_once() {
    use EdgeKind::Call;
    use Recorder::{Own, Proxy};
    let told = graph(&[
        ("a", "b", Call, Own, 10, 1),
        ("a", "b", Call, Proxy, 10, 2),
        ("a", "b", Call, Own, 2, 0),
        ("a", "b", Call, Proxy, 2, 0),
    ]);
    assert_eq!(words(&told), ["a > b call both: 12 2"], "as many: the proxy");
    assert!(told[0].p50_nanos.unwrap() > 8_000_000, "with the durations that it saw");
    let sampled = graph(&[("a", "b", Call, Own, 3, 1), ("a", "b", Call, Proxy, 30, 0)]);
    assert_eq!(words(&sampled), ["a > b call both: 30 0"]);
    let around = graph(&[("a", "b", Call, Own, 30, 1), ("a", "b", Call, Proxy, 3, 0)]);
    assert_eq!(
        words(&around),
        ["a > b call both: 30 1"],
        "most take another way than through the proxy"
    );
    assert!(around[0].p99_nanos.unwrap() < 1_100_000);
}

#[test]
fn edges_have_the_best_word_for_what_they_are() {
    use EdgeKind::{Call, Database, Entry, External, Local, Message};
    use Recorder::{Own, Proxy};
    let told = graph(&[
        ("user", "a", Entry, Own, 5, 0),
        ("a", "a", Local, Own, 7, 0),
        ("a", "b", Call, Own, 2, 0),
        ("a", "b", External, Own, 3, 1),
        ("a", "b", Message, Own, 4, 0),
        ("a", "c", External, Own, 1, 0),
        ("a", "db", Database, Own, 6, 0),
        ("a", "db", Call, Proxy, 6, 0),
        ("b", "stripe", External, Own, 8, 0),
        ("c", "legacy", Call, Proxy, 9, 3),
    ]);
    assert_eq!(
        words(&told),
        [
            "a > a local spans: 7 0",
            "a > b call spans: 5 1",
            "a > b message spans: 4 0",
            "a > c call spans: 1 0",
            "a > db database both: 6 0",
            "b > stripe external spans: 8 0",
            "c > legacy call proxy: 9 3",
            "user > a entry spans: 5 0",
        ]
    );
    let dependencies: Vec<_> =
        told.iter().filter(|edge| edge.is_dependency()).map(|edge| &*edge.callee).collect();
    assert_eq!(dependencies, ["a", "b", "b", "c", "legacy"]);
    assert!(told.iter().all(|edge| edge.source != Source::Both || edge.sort == Sort::Database));
}
