//! Measures the bars of an admitted call: `cargo run --release -p trunkline-resilience --example
//! admit_bars`.
//!
//! A call passes a breaker, a bulkhead and a rate limit behind one lock, is admitted and judged, and
//! gives its places back: the way of a request through the proxy, without the clock. Alone, and with
//! a second thread on the same key that does nothing else. The figure is the median of many rounds,
//! so that a moment of noise does not count; allocations are counted over all of them.
#![expect(clippy::print_stdout, reason = "it is a program that prints figures")]
#![expect(clippy::disallowed_methods, reason = "measuring time is what it is for")]

use std::alloc::System;
use std::hint::black_box;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use trunkline_resilience::breaker::{self, Breaker, Outcome, Window};
use trunkline_resilience::bulkhead::{self, Bulkhead};
use trunkline_resilience::rate::Gcra;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const ROUNDS: usize = 201;
const CALLS: u32 = 10_000;
/// Looks at a lock that is held, and pauses between two of them.
const LOOKS: u32 = 16;
const PAUSES: u32 = 48;
/// Nanoseconds for a call alone, and with a second thread on the same key.
const ALONE_MAX: f64 = 150.0;
const SHARED_MAX: f64 = 400.0;

struct Guarded {
    breaker: Breaker,
    bulkhead: Bulkhead<()>,
    limit: Gcra,
    scheduled: u64,
}

fn guarded() -> Guarded {
    let config = breaker::Config { window: Window::Seconds(10), ..breaker::Config::default() };
    Guarded {
        breaker: Breaker::new(config, Duration::ZERO).expect("the defaults are valid"),
        bulkhead: Bulkhead::new(bulkhead::Config::default()),
        limit: Gcra::new(1_000_000_000, Duration::from_secs(1), 1_000_000),
        scheduled: 0,
    }
}

/// As the proxy does it: what is held for nanoseconds is worth looking at some times more before a
/// thread is put to sleep.
fn lock(guarded: &Mutex<Guarded>) -> MutexGuard<'_, Guarded> {
    for _ in 0..LOOKS {
        match guarded.try_lock() {
            Ok(guard) => return guard,
            Err(TryLockError::Poisoned(poisoned)) => return poisoned.into_inner(),
            // To look takes the line away from who holds it: not too often.
            Err(TryLockError::WouldBlock) => (0..PAUSES).for_each(|_| std::hint::spin_loop()),
        }
    }
    guarded.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One call at `now`; it must be admitted.
fn call(guarded: &Mutex<Guarded>, now: Duration) {
    let mut all = lock(guarded);
    let permit = all.breaker.try_acquire(now, &mut |_| ()).expect("it is closed");
    assert!(all.bulkhead.try_enter(), "there is room");
    let nanos = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
    all.scheduled = all.limit.take(all.scheduled, nanos).unwrap_or(all.scheduled);
    drop(all);
    black_box(&permit);
    let mut all = lock(guarded);
    let took = Duration::from_micros(300);
    all.breaker.on_result(permit, Outcome::Success, took, now, &mut |_| ());
    assert!(all.bulkhead.leave().is_none(), "nobody waits");
}

/// Nanoseconds of a call, as the median of the rounds.
fn measure(guarded: &Mutex<Guarded>) -> f64 {
    let mut now = Duration::from_secs(1);
    let mut rounds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let begin = Instant::now();
            for _ in 0..CALLS {
                now += Duration::from_micros(3);
                call(guarded, now);
            }
            begin.elapsed().as_secs_f64() * 1e9 / f64::from(CALLS)
        })
        .collect();
    rounds.sort_unstable_by(f64::total_cmp);
    rounds.get(ROUNDS / 2).copied().unwrap_or(f64::NAN)
}

fn main() -> ExitCode {
    let alone = {
        let guarded = Mutex::new(guarded());
        measure(&guarded)
    };
    let allocations = {
        let guarded = Mutex::new(guarded());
        call(&guarded, Duration::from_secs(1));
        let region = Region::new(ALLOCATOR);
        (0..CALLS).for_each(|_| call(&guarded, Duration::from_secs(2)));
        region.change().allocations
    };
    let shared = {
        let (guarded, over) = (Mutex::new(guarded()), AtomicBool::new(false));
        std::thread::scope(|threads| {
            threads.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    call(&guarded, Duration::from_secs(1));
                }
            });
            let figure = measure(&guarded);
            over.store(true, Ordering::Relaxed);
            figure
        })
    };
    println!("breaker + bulkhead + rate limit, one admitted call:");
    println!("  alone            {alone:6.1} ns   (bar: {ALONE_MAX})");
    println!("  two threads      {shared:6.1} ns   (bar: {SHARED_MAX})");
    println!("  allocations      {allocations:6}      (bar: 0)");
    let met = alone <= ALONE_MAX && shared <= SHARED_MAX && allocations == 0;
    if met { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
