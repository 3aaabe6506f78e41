//! Rates over windows, and quantiles of sums.

use proptest::prelude::*;

use super::*;

const SECOND: u64 = 1_000_000_000;

fn rollup(second: u64, operation: &str, calls: u64, failed: u64, nanos: u64) -> Rollup {
    let mut durations = Histogram::default();
    durations.put(Histogram::bucket(nanos), calls);
    Rollup {
        start_unix_nanos: second * SECOND,
        service: "api".into(),
        operation: operation.into(),
        kind: Kind::Server,
        calls,
        failed,
        durations,
    }
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

fn series(question: &Question, rollups: &[Rollup], measure: Measure) -> Vec<Series> {
    let mut collector = Collector::new(question);
    for rollup in rollups {
        collector.take(rollup);
    }
    collector.series(measure).unwrap()
}

#[test]
fn a_rate_counts_the_window_before_its_moment() {
    let rollups =
        [rollup(70, "b", 20, 5, 9), rollup(40, "a", 100, 0, 9), rollup(50, "a", 40, 10, 9)];
    let found = series(&question(), &rollups, Measure::Calls);
    let values = |series: &Series| series.points.iter().map(|point| point.1).collect::<Vec<_>>();
    assert_eq!(values(&found[0]), [7.0, 2.0, 1.0]);
    assert_eq!(
        values(&series(&question(), &rollups, Measure::Errors)[0]),
        [10.0 / 140.0, 0.25, 0.25]
    );
    let by_operation = Question { by_operation: true, ..question() };
    let names: Vec<_> = series(&by_operation, &rollups, Measure::Calls)
        .into_iter()
        .map(|one| one.operation)
        .collect();
    assert_eq!(names, [Some("a".into()), Some("b".into())]);
    let clients = Question { kinds: vec![Kind::Client], ..question() };
    assert!(series(&clients, &rollups, Measure::Calls).is_empty());
}

#[test]
fn an_answer_has_a_bounded_number_of_points() {
    let fine = Question { step: Duration::from_micros(1), ..question() };
    assert_eq!(fine.moments(), Err(TooFine));
    assert_eq!(question().moments().unwrap().len(), 3);
    assert_eq!(question().needed(), 40 * SECOND..=80 * SECOND);
}

proptest! {
    #[test]
    fn a_quantile_is_off_by_less_than_a_bucket(
        mut durations in prop::collection::vec(2_u32.., 1..200),
        percent in 1_usize..=100,
    ) {
        let mut histogram = Histogram::default();
        for nanos in &durations {
            histogram.record(u64::from(*nanos));
        }
        durations.sort_unstable();
        let exact = f64::from(durations[(durations.len() * percent).div_ceil(100) - 1]);
        let share = f64::from(u32::try_from(percent).unwrap()) / 100.0;
        let found = histogram.quantile(share).unwrap();
        prop_assert!(found >= exact * 0.91 && found <= exact * 1.1, "{found} is not {exact}");
        let mut copy = histogram.clone();
        copy.add(&histogram);
        copy.remove(&histogram);
        prop_assert_eq!(&copy, &histogram);
        prop_assert_eq!(histogram.count(), durations.len() as u64);
    }
}
