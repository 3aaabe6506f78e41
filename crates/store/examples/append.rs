//! How fast the log takes batches on this machine's disk.
//!
//! `cargo run --release -p trunkline-store --example append -- FOLDER [SECONDS] [BYTES] [SENDERS]
//! [DURABILITY]`: so many senders append batches of so many bytes, each waiting for its
//! acknowledgement before the next. FOLDER must be on the disk that is meant, not in memory.
#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    reason = "an example that measures"
)]

use std::error::Error;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use rustix::time::{ClockId, clock_gettime};
use trunkline_rt::{Clock, Random};
use trunkline_store::disk::Folder;
use trunkline_store::wal::{Base, Config, Durability, Frame, Position, Refused, Signal, Wal};

/// Spans in a batch of an SDK, for the figure in spans.
const SPANS: f64 = 512.0;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().ok_or("which folder?")?;
    let mut number = |default: u64| arguments.next().map_or(Ok(default), |text| text.parse());
    let (seconds, length, senders) = (number(5)?, number(150_000)?, number(16)?);
    let durability = match arguments.next().as_deref() {
        None | Some("fsync") => Durability::Fsync,
        Some("os") => Durability::Os,
        Some("none") => Durability::None,
        Some(other) => return Err(format!("{other} is not fsync, os or none").into()),
    };

    let disk = Arc::new(Folder::open(folder)?);
    let config = Config::new(durability);
    let base = Base { disk, clock: Clock::system(), config };
    let begun = Instant::now();
    let (wal, report) = Wal::open(base, Position::default(), &mut |_| Ok(()), taken)?;
    println!("replayed {} bytes in {:?}", report.bytes, begun.elapsed());

    let stop = AtomicBool::new(false);
    let times = Mutex::new(Vec::new());
    let payload = payload(usize::try_from(length)?);
    let (begun, cpu) = (Instant::now(), cpu());
    std::thread::scope(|scope| {
        for _ in 0..senders {
            scope.spawn(|| send(&wal, &payload, &stop, &times));
        }
        while begun.elapsed() < Duration::from_secs(seconds) {
            std::thread::sleep(Duration::from_millis(100));
        }
        stop.store(true, Ordering::Relaxed);
    });
    let (took, used) = (begun.elapsed().as_secs_f64(), cpu_since(cpu));
    let stats = wal.stats();
    let mut times = times.into_inner()?;
    times.sort_unstable();
    let at = |share: usize| times.get(times.len() * share / 1_000).copied().unwrap_or_default();
    let frames = stats.frames as f64;
    println!(
        "{:.1} MB/s, {:.0} batches/s, {:.0} spans/s, {:.0} groups/s, {:.1} batches in each",
        frames * length as f64 / took / 1e6,
        frames / took,
        frames * SPANS / took,
        stats.groups as f64 / took,
        frames / stats.groups.max(1) as f64,
    );
    println!("acknowledged after p50 {:?}, p99 {:?}, p99.9 {:?}", at(500), at(990), at(999));
    println!(
        "processor: {:.1} % of one, {:.2} µs a batch",
        used / took * 100.0,
        used * 1e6 / frames
    );
    wal.forget(Position { file: u64::MAX, offset: 0 })?;
    Ok(())
}

/// A head that keeps nothing.
fn taken(_: &[Frame]) {}

fn send(wal: &Wal, payload: &Bytes, stop: &AtomicBool, times: &Mutex<Vec<Duration>>) {
    let mut mine = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let begun = Instant::now();
        match wal.append(Signal::Spans, payload.clone()).wait() {
            Ok(position) => {
                mine.push(begun.elapsed());
                // As if a segment had it, so that the disk does not fill.
                let _ = wal.forget(position);
            }
            Err(Refused::Closed) => return,
            Err(refused) => std::thread::sleep(refused.retry_after().unwrap_or_default()),
        }
    }
    if let Ok(mut times) = times.lock() {
        times.extend(mine);
    }
}

fn payload(length: usize) -> Bytes {
    let mut random = Random::from_seed(1);
    let bytes: Vec<u8> =
        std::iter::repeat_with(|| random.bytes8()).flatten().take(length).collect();
    bytes.into()
}

/// What this process has used of the processors, in seconds.
fn cpu() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

fn cpu_since(before: f64) -> f64 {
    cpu() - before
}
