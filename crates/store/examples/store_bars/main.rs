//! Measures the bars of the store: `cargo run --release -p trunkline-store --example store_bars --
//! FOLDER [SPANS] [SEED] [RATE]`.
//!
//! Seeded spans are appended as fast as they are taken, each batch synced before it is acknowledged,
//! while heads are cut and segments merged beside; the clock stops when nothing waits to be merged.
//! With RATE no more than so many spans come a second. Then questions are asked of all of it. What making the spans costs is told and left out. FOLDER
//! must be on the disk that is meant; what is written there is removed.
#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "an example that measures"
)]

mod columns;
mod generator;
mod load;
mod process;
mod questions;

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use trunkline_rt::Clock;
use trunkline_store::disk::Folder;
use trunkline_store::{Config, Store};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Spans, unless the command line says otherwise.
const SPANS: u64 = 10_000_000;

/// What is to be met; goals are 100 000 spans a second and 50 bytes.
const SPANS_PER_SECOND_MIN: f64 = 70_000.0;
const BYTES_MAX: f64 = 60.0;
const MEMORY_MIB_MAX: f64 = 400.0;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().ok_or("which folder?")?;
    let spans = arguments.next().map_or(Ok(SPANS), |text| text.parse())?;
    let seed = arguments.next().map_or(Ok(1), |text| text.parse())?;
    let rate = arguments.next().map(|text| text.parse()).transpose()?;
    let folder = Path::new(&folder).join("store-bars");
    let _ = std::fs::remove_dir_all(&folder);
    let met = measure(&folder, (spans, seed), rate);
    std::fs::remove_dir_all(&folder)?;
    Ok(if met? { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn measure(
    folder: &Path,
    (spans, seed): (u64, u64),
    rate: Option<f64>,
) -> Result<bool, Box<dyn Error>> {
    let memory = process::Watch::begin();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let store = Store::open(Config::default(), Arc::new(Folder::open(folder)?), Clock::system())?;
    println!("{spans} spans, seed {seed}, fsync on, {} cores", process::cores());

    let loaded = runtime.block_on(load::run(&store, spans, seed, rate));
    let mut bars = Bars(true);
    load::print(&store, &loaded);
    bars.at_least("spans a second", loaded.rate(), SPANS_PER_SECOND_MIN);
    let bytes = columns::print(folder, store.stats().spans)?;
    bars.at_most("bytes a span, with index", bytes, BYTES_MAX);

    let asked = questions::ask(&store, &loaded.samples)?;
    for (what, times, max) in &asked {
        let (half, most) = (questions::share(times, 500), questions::share(times, 990));
        println!("  {what}: {} times, half within {half:.2} ms", times.len());
        bars.at_most(&format!("{what}, 99 % within ms"), most, *max);
    }
    println!("  head and caches at the end: {:.1} MiB", process::anonymous_mib());
    bars.at_most("anonymous memory throughout, MiB", memory.most(), MEMORY_MIB_MAX);
    store.close();
    Ok(bars.0)
}

/// Whether all were met.
struct Bars(bool);

impl Bars {
    fn at_least(&mut self, what: &str, figure: f64, bar: f64) {
        self.print(what, figure, bar, figure >= bar, "at least");
    }

    fn at_most(&mut self, what: &str, figure: f64, bar: f64) {
        self.print(what, figure, bar, figure <= bar, "at most");
    }

    fn print(&mut self, what: &str, figure: f64, bar: f64, met: bool, word: &str) {
        let met_word = if met { "met" } else { "MISSED" };
        println!("{met_word:>6}  {what}: {figure:.1} ({word} {bar})");
        self.0 &= met;
    }
}
