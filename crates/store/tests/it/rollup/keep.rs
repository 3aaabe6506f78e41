//! Keeping: what is committed is there after a restart, bounded by age and bytes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use trunkline_otlp::Kind;
use trunkline_rt::Clock;
use trunkline_store::rollup::kept::Kept;
use trunkline_store::rollup::{
    Commit, Config, Keep, KeepError, Mark, Period, Rollup, Rollups, Seen, View, Wanted,
};
use trunkline_store::source::{Budget, Limits};

use super::span::{MILLI, NOW, SECOND, With, edges, request, span};

pub fn memory() -> Arc<dyn Keep> {
    Arc::new(Kept::in_memory().unwrap())
}

pub fn open(keep: &Arc<dyn Keep>) -> Rollups {
    Rollups::open(Config::default(), Arc::clone(keep), Mark::default(), NOW).unwrap()
}

/// Everything, by period.
pub fn all(rollups: &Rollups) -> Vec<(Period, Rollup)> {
    let mut all = Vec::new();
    let mut budget = Budget::new(&Clock::system(), Limits::default());
    let see = &mut |period, rollup: &Rollup| all.push((period, rollup.clone()));
    rollups.read(Period(0)..Period(u32::MAX), &Wanted::ALL, &mut budget, see).unwrap();
    all
}

pub fn at(offset: u64) -> Mark {
    Mark { file: 1, offset }
}

/// Spans in all series.
fn spans(rollups: &Rollups) -> u64 {
    all(rollups).iter().flat_map(|(_, rollup)| rollup.series.values()).map(|cell| cell.spans).sum()
}

#[test]
fn what_was_counted_is_shown_once_before_and_after_it_is_kept() {
    let keep = memory();
    let rollups = open(&keep);
    let ended = |ago: u64| span("a", 1, 1 + ago, 0, Kind::Server).ended(NOW - ago * SECOND);
    rollups.take(at(1), &request(&[ended(0), ended(20)]), NOW);
    assert_eq!(spans(&rollups), 2);
    rollups.flush(NOW).unwrap();
    assert_eq!(spans(&rollups), 2);
    rollups.take(at(2), &request(&[ended(1), ended(21), ended(50)]), NOW);
    let shown = all(&rollups);
    assert_eq!(spans(&rollups), 5);
    assert!(
        shown.windows(2).all(|pair| pair[0].0 < pair[1].0),
        "each period once, the oldest first"
    );
    rollups.flush(NOW).unwrap();
    assert_eq!(all(&rollups), shown);
    drop(rollups);
    assert_eq!(all(&open(&keep)), shown);
    assert_eq!(open(&keep).mark(), at(2));
}

#[test]
fn a_frame_that_is_counted_is_not_counted_again() {
    let rollups = open(&memory());
    let batch = request(&[span("a", 1, 1, 0, Kind::Server)]);
    rollups.take(at(5), &batch, NOW);
    rollups.take(at(5), &batch, NOW);
    rollups.take(at(4), &batch, NOW);
    rollups.take_with(at(3), |_| panic!("it is counted"));
    assert_eq!(spans(&rollups), 1);
}

#[test]
fn frames_without_spans_let_the_log_be_forgotten() {
    let rollups = open(&memory());
    rollups.take(at(7), &[], NOW);
    assert_eq!(rollups.mark(), Mark::default());
    rollups.flush(NOW).unwrap();
    assert_eq!(rollups.mark(), at(7));
}

#[test]
fn a_call_meets_over_a_restart() {
    let keep = memory();
    let rollups = open(&keep);
    rollups.take(
        at(1),
        &request(&[span("a", 1, 1, 9, Kind::Client).with("peer.service", "x")]),
        NOW,
    );
    rollups.flush(NOW).unwrap();
    drop(rollups);
    let rollups = open(&keep);
    rollups.take(at(2), &request(&[span("b", 1, 2, 1, Kind::Server)]), NOW + SECOND);
    rollups.maintain(NOW + 60 * SECOND).unwrap();
    let told: Vec<_> = all(&rollups).iter().flat_map(|(_, rollup)| edges(rollup)).collect();
    assert_eq!(told, ["a > b call: 1 0"]);
}

#[test]
fn what_the_proxy_saw_is_an_edge_of_its_own() {
    let rollups = open(&memory());
    let seen = Seen {
        caller: "web",
        callee: "legacy",
        calls: 12,
        failed: 2,
        latency: &[(1_023, 10), (1 << 20, 2)],
        sum_micros: 5_000,
    };
    rollups.seen(&[seen], NOW);
    rollups.flush(NOW).unwrap();
    rollups.seen(&[Seen { calls: 1, failed: 5, latency: &[], sum_micros: 0, ..seen }], NOW);
    let shown = all(&rollups);
    let told: Vec<_> = shown.iter().flat_map(|(_, rollup)| edges(rollup)).collect();
    assert_eq!(told, ["web > legacy call: 13 3"]);
    let cell = shown[0].1.edges.values().next().unwrap();
    assert_eq!((cell.seen, cell.caller_micros, cell.caller.total() >> 16), (13, 5_000, 12));
}

#[test]
fn old_rollups_are_forgotten_by_age_and_by_bytes() {
    let keep = memory();
    let config = Config { kept_bytes_max: 4_000, ..Config::default() };
    let rollups = Rollups::open(config, Arc::clone(&keep), Mark::default(), NOW).unwrap();
    let day = 24 * 3_600;
    for step in 0..200_u64 {
        let now = NOW + step * 10 * SECOND;
        let name = format!("operation {step}");
        rollups.take(
            at(step + 1),
            &request(&[span("a", 1, step + 1, 0, Kind::Server).named(&name).ended(now)]),
            now,
        );
        rollups.maintain(now).unwrap();
    }
    let stats = rollups.stats();
    assert!(stats.kept_bytes <= 4_000 && stats.forgotten > 100, "{stats:?}");
    let shown = all(&rollups);
    assert_eq!(
        (shown.len(), stats.forgotten + stats.kept_periods as u64),
        (stats.kept_periods, 200)
    );
    assert_eq!(shown.last().unwrap().0, Period::of(NOW + 1_990 * SECOND));
    rollups.take(at(1_000), &[], NOW);
    rollups.flush(NOW + (day + 1_000) * SECOND).unwrap();
    let first = Period::of(NOW + 1_000 * SECOND);
    assert!(all(&rollups).iter().all(|(period, _)| *period >= first));
}

#[test]
fn there_is_a_time_for_maintenance() {
    let rollups = open(&memory());
    let wait = |after: u64| rollups.wait(NOW + after * MILLI).as_millis();
    assert_eq!(wait(0), 0, "what a former process left may be due");
    rollups.maintain(NOW).unwrap();
    assert_eq!((wait(0), wait(9_000), wait(10_000)), (10_000, 1_000, 0));
    rollups.take(at(1), &request(&[span("a", 1, 1, 9, Kind::Client)]), NOW);
    assert_eq!((wait(0), wait(600), wait(1_000), wait(10_001)), (1_000, 400, 0, 0));
    rollups.maintain(NOW + SECOND).unwrap();
    assert_eq!(wait(1_000), 1_000);
}

#[test]
fn an_idle_process_writes_nothing() {
    #[derive(Debug, Default)]
    struct Counting(AtomicU64);
    impl Keep for Counting {
        fn view(&self) -> Result<Box<dyn View>, KeepError> {
            memory().view()
        }
        fn commit(&self, _: &Commit<'_>) -> Result<(), KeepError> {
            self.0.fetch_add(1, Ordering::Relaxed);
            Ok(())
        }
    }
    let keep = Arc::new(Counting::default());
    let rollups =
        Rollups::open(Config::default(), Arc::clone(&keep) as _, Mark::default(), NOW).unwrap();
    (0..20).for_each(|step| rollups.maintain(NOW + step * 10 * SECOND).unwrap());
    assert_eq!(keep.0.load(Ordering::Relaxed), 1, "where it begins, and nothing more");
}

/// Fails as it is told: before it commits, or after.
#[derive(Debug)]
struct Broken {
    inner: Arc<dyn Keep>,
    how: AtomicU8,
}

const WELL: u8 = 0;
const BEFORE: u8 = 1;
const AFTER: u8 = 2;

impl Keep for Broken {
    fn view(&self) -> Result<Box<dyn View>, KeepError> {
        self.inner.view()
    }

    fn commit(&self, commit: &Commit<'_>) -> Result<(), KeepError> {
        let how = self.how.load(Ordering::Relaxed);
        if how != BEFORE {
            self.inner.commit(commit)?;
        }
        if how == WELL { Ok(()) } else { Err(KeepError("the disk is full".into())) }
    }
}

#[test]
fn a_commit_that_fails_is_made_later_and_once() {
    for how in [BEFORE, AFTER] {
        let broken = Arc::new(Broken { inner: memory(), how: AtomicU8::new(WELL) });
        let keep: Arc<dyn Keep> = broken.clone();
        let rollups = open(&keep);
        let batch = |id| request(&[span("a", 1, id, 0, Kind::Server)]);
        rollups.take(at(1), &batch(1), NOW);
        rollups.flush(NOW).unwrap();
        broken.how.store(how, Ordering::Relaxed);
        rollups.take(at(2), &batch(2), NOW);
        assert!(rollups.flush(NOW).is_err());
        rollups.take(at(3), &batch(3), NOW);
        assert!(rollups.maintain(NOW + SECOND).is_ok(), "it is not asked again at once");
        assert!(how == AFTER || rollups.maintain(NOW + 10 * SECOND).is_err());
        assert_eq!((rollups.mark() <= at(2), rollups.stats().failed_commits > 0), (true, true));
        broken.how.store(WELL, Ordering::Relaxed);
        rollups.flush(NOW + 20 * SECOND).unwrap();
        assert_eq!((spans(&rollups), rollups.mark()), (3, at(3)));
        drop(rollups);
        assert_eq!((spans(&open(&keep)), open(&keep).mark()), (3, at(3)));
    }
}

#[test]
fn damaged_rollups_are_left_out_and_counted() {
    let keep = memory();
    let rollups = open(&keep);
    rollups.take(
        at(1),
        &request(&[
            span("a", 1, 1, 0, Kind::Server),
            span("a", 1, 2, 0, Kind::Server).ended(NOW - 60 * SECOND),
        ]),
        NOW,
    );
    rollups.flush(NOW).unwrap();
    let state = keep.view().unwrap().state().unwrap().unwrap();
    let commit =
        Commit { rollups: &[(Period::of(NOW), vec![1, 1, 9, 9])], first: Period(0), state: &state };
    keep.commit(&commit).unwrap();
    assert_eq!((spans(&rollups), rollups.stats().damaged), (1, 1));
    rollups.take(at(2), &request(&[span("a", 1, 3, 0, Kind::Server)]), NOW);
    rollups.flush(NOW).unwrap();
    assert_eq!((spans(&rollups), rollups.stats().damaged), (2, 2));
}

#[test]
fn a_newer_state_is_refused() {
    let keep = memory();
    keep.commit(&Commit { rollups: &[], first: Period(0), state: &[77] }).unwrap();
    let error = Rollups::open(Config::default(), keep, Mark::default(), NOW).unwrap_err();
    assert!(
        std::error::Error::source(&error).unwrap().to_string().contains("version 77"),
        "{error:?}"
    );
}

#[test]
fn reading_ends_with_its_budget() {
    let rollups = open(&memory());
    let batch: Vec<_> = (0..100)
        .map(|ago| span("a", 1, ago + 1, 0, Kind::Server).ended(NOW - ago * 10 * SECOND))
        .collect();
    rollups.take(at(1), &request(&batch), NOW);
    rollups.flush(NOW).unwrap();
    let mut budget = Budget::new(&Clock::system(), Limits { rows: 50, ..Limits::default() });
    let read = rollups.read(Period(0)..Period(u32::MAX), &Wanted::ALL, &mut budget, &mut |_, _| {});
    assert!(read.is_err());
}

#[test]
fn totals_only_grow() {
    let rollups = open(&memory());
    let take = |step: u64, count: u64| {
        let now = NOW + step * 10 * SECOND;
        let batch: Vec<_> =
            (0..count).map(|id| span("a", 1, id + 1, 0, Kind::Server).ended(now)).collect();
        rollups.take(at(step + 1), &request(&batch), now);
        rollups.maintain(now).unwrap();
        let totals = rollups.totals();
        (
            totals.series.values().map(|total| total.cell.spans).sum::<u64>(),
            totals.edges.values().map(|total| total.cell.seen).sum::<u64>(),
        )
    };
    assert_eq!([take(0, 3), take(1, 4), take(2, 0)], [(3, 3), (7, 7), (7, 7)]);
    assert_eq!(take(1_000, 0), (0, 0), "what is idle for an hour is forgotten");
}
