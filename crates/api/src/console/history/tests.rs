//! Laws of the history, with looks at moments made here.

use trunkline_model::ops::Distribution;
use trunkline_rt::{Clock, ManualClock};

use super::*;
use crate::console::tally::Total;

fn orders() -> Key {
    Key::Service("orders".parse().unwrap())
}

/// Counters after so many requests of 10 µs and so many failures of 90 µs.
fn book(good: u64, bad: u64) -> Book {
    let mut total = Total::default();
    let latency = Distribution { buckets: vec![(10, good), (90, bad)], sum: 0, count: good + bad };
    total.add(&[(200, good), (502, bad)], &latency);
    Book::from([(orders(), total)])
}

struct World {
    manual: ManualClock,
    began: Instant,
    history: History,
}

impl World {
    fn new() -> Self {
        let manual = ManualClock::new();
        Self { began: Clock::from(&manual).now(), manual, history: History::default() }
    }

    fn now(&self) -> Instant {
        Clock::from(&self.manual).now()
    }

    fn look_after(&self, seconds: u64, book: Book) {
        self.manual.advance(Duration::from_secs(seconds));
        self.history.look(self.now(), self.began, book);
    }

    fn view(&self, minutes: u64, book: &Book) -> View {
        self.history.view(self.now(), self.began, Duration::from_mins(minutes), book)
    }
}

#[test]
fn a_window_counts_what_happened_in_it_up_to_this_moment() {
    let world = World::new();
    for step in 1..=60 {
        world.look_after(5, book(step * 10, 0));
    }
    let now = book(600, 7);
    let tally = |view: &View| (view.of(&orders()).requests, view.of(&orders()).failed);
    let minute = world.view(1, &now);
    assert_eq!((tally(&minute), minute.seconds()), ((127, 7), 60.0));
    let all = world.view(15, &now);
    assert_eq!((tally(&all), all.seconds()), ((607, 7), 300.0));
    assert_eq!(all.of(&orders()).latency().quantile(0.99), Some(90));
    assert_eq!(all.of(&Key::Entrance), Tally::default());
}

#[test]
fn a_young_process_is_measured_over_its_own_age() {
    let world = World::new();
    world.manual.advance(Duration::from_secs(2));
    let view = world.view(1, &book(10, 0));
    assert_eq!((view.of(&orders()).rate(view.seconds()), view.seconds()), (5.0, 2.0));
}

#[test]
fn points_of_a_series_sum_up_to_what_was_counted() {
    let world = World::new();
    for step in 1..=200 {
        world.look_after(5, book(step * 7, step));
    }
    for minutes in [1, 5, 15] {
        let view = world.view(minutes, &book(1_407, 203));
        let points = view.series(&orders(), 60);
        let sum = |part: fn(&Point) -> u64| points.iter().map(part).sum::<u64>();
        let tally = view.of(&orders());
        assert_eq!(sum(|point| point.requests), tally.requests, "{minutes}");
        assert_eq!(sum(|point| point.failed), tally.failed, "{minutes}");
        assert!(points.windows(2).all(|pair| pair[0].age > pair[1].age));
        assert!(points.iter().all(|point| point.p99 == Some(90)), "{minutes}: {points:?}");
    }
}

#[test]
fn quick_looks_become_points_of_their_own_and_are_joined_later() {
    let world = World::new();
    for second in 1..=600 {
        world.look_after(1, book(second * second, 0));
    }
    let points = world.view(1, &book(600 * 600, 0)).series(&orders(), 60);
    assert_eq!(points[59].requests, 600 * 600 - 599 * 599);
    assert_eq!(points[0].requests, 541 * 541 - 540 * 540);
    let kept = world.history.kept();
    assert!(kept.fine.len() <= 67 && kept.coarse.len() <= 110, "{}", kept.coarse.len());
}

#[test]
fn memory_is_bounded_and_the_oldest_go_first() {
    let world = World::new();
    let busy = |look: u64| -> Book {
        (0..2_000)
            .map(|number| {
                let mut total = Total::default();
                let latency = Distribution {
                    buckets: (1..20).map(|bucket| (bucket * 100, look)).collect(),
                    sum: 0,
                    count: 19 * look,
                };
                total.add(&[(200, 19 * look)], &latency);
                (Key::Service(format!("s-{number}").parse().unwrap()), total)
            })
            .collect()
    };
    for look in 1..=40 {
        world.look_after(5, busy(look));
    }
    let kept = world.history.kept();
    let bytes: usize = kept.coarse.iter().chain(&kept.fine).map(Sample::bytes).sum();
    assert_eq!(bytes, kept.bytes);
    assert!(bytes <= BYTES_MAX && bytes > BYTES_MAX / 2, "{bytes}");
}
