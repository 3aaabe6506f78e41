//! Appends batches as fast as they are taken, and waits until nothing is left to be merged.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rustix::time::ClockId;
use trunkline_model::trace::TraceId;
use trunkline_store::Store;

use super::generator::{BATCH_SPANS, Generator};
use super::process;

/// Batches under way.
const SENDERS: usize = 32;
/// Batches that are made ahead.
const AHEAD: usize = 32;
/// Traces that are remembered, to be asked for.
const SAMPLES: u64 = 2_000;
/// It is looked so often whether all is merged.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// How it went.
pub struct Loaded {
    pub spans: u64,
    pub bytes: u64,
    /// From the first batch until nothing was left to be merged.
    pub wall: f64,
    /// Until the last batch was acknowledged.
    pub acknowledged: f64,
    /// Processor seconds, of all and of making spans.
    pub cpu: f64,
    pub making: f64,
    pub samples: Vec<TraceId>,
}

impl Loaded {
    /// Spans a second, as if making them cost nothing: it takes turns with the rest on the cores.
    pub fn rate(&self) -> f64 {
        self.spans as f64 / (self.wall - self.making / process::cores() as f64)
    }
}

/// `rate`: spans that come a second, if not as many as are taken.
pub async fn run(store: &Arc<Store>, spans: u64, seed: u64, rate: Option<f64>) -> Loaded {
    let batches = spans.div_ceil(BATCH_SPANS as u64);
    let (begun, cpu) = (Instant::now(), process::seconds(ClockId::ProcessCPUTime));
    let (made, to_send) = std::sync::mpsc::sync_channel::<Bytes>(AHEAD);
    let to_send = Arc::new(std::sync::Mutex::new(to_send));
    let making = std::thread::spawn(move || make(batches, seed, rate, &made));
    let tending = tokio::spawn(tend(Arc::clone(store)));
    let mut bytes = 0;
    let mut under_way = tokio::task::JoinSet::new();
    for _ in 0..SENDERS {
        let (store, to_send) = (Arc::clone(store), Arc::clone(&to_send));
        under_way.spawn(async move {
            let mut bytes = 0;
            loop {
                let from = Arc::clone(&to_send);
                let next = tokio::task::block_in_place(|| from.lock().unwrap().recv());
                let Ok(batch) = next else { return bytes };
                bytes += batch.len() as u64;
                while let Err(refused) = store.append(batch.clone()).await {
                    tokio::time::sleep(refused.retry_after().expect("it is sound")).await;
                }
            }
        });
    }
    while let Some(sent) = under_way.join_next().await {
        bytes += sent.unwrap();
    }
    let acknowledged = begun.elapsed().as_secs_f64();
    let flushed = Arc::clone(store);
    tokio::task::spawn_blocking(move || flushed.flush()).await.unwrap().unwrap();
    while store.stats().compaction_debt > 0 || store.stats().head_spans > 0 {
        tokio::time::sleep(LOOK_EVERY).await;
    }
    let wall = begun.elapsed().as_secs_f64();
    tending.abort();
    let cpu = process::seconds(ClockId::ProcessCPUTime) - cpu;
    let (making, samples) = making.join().unwrap();
    let spans = batches * BATCH_SPANS as u64;
    Loaded { spans, bytes, wall, acknowledged, cpu, making, samples }
}

/// Makes batches on a thread of its own; says what that cost, and some of the traces.
fn make(
    batches: u64,
    seed: u64,
    rate: Option<f64>,
    into: &std::sync::mpsc::SyncSender<Bytes>,
) -> (f64, Vec<TraceId>) {
    let begun = Instant::now();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let mut generator = Generator::new(seed, u64::try_from(now.as_nanos()).unwrap());
    let every = (batches / SAMPLES).max(1);
    let mut samples = Vec::new();
    for number in 0..batches {
        if let Some(rate) = rate {
            let due = begun + Duration::from_secs_f64((number * BATCH_SPANS as u64) as f64 / rate);
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
        }
        let batch = Bytes::from(generator.batch());
        // The last one may not be sent as a whole.
        if number % every == 0 && number + 1 < batches {
            samples.extend(generator.last_trace());
        }
        if into.send(batch).is_err() {
            break;
        }
    }
    (process::seconds(ClockId::ThreadCPUTime), samples)
}

async fn tend(store: Arc<Store>) {
    loop {
        store.due().await;
        let due = Arc::clone(&store);
        tokio::task::spawn_blocking(move || due.maintain()).await.unwrap().unwrap();
    }
}

pub fn print(store: &Store, loaded: &Loaded) {
    let stats = store.stats();
    let a_span = |seconds: f64| seconds * 1e6 / loaded.spans as f64;
    let stages = [
        ("into the head", stats.time.insert.as_secs_f64()),
        ("cut to segments", stats.time.cut.as_secs_f64()),
        ("merge", stats.time.merge.as_secs_f64()),
    ];
    let rest = loaded.cpu - loaded.making - stages.iter().map(|(_, time)| time).sum::<f64>();
    println!(
        "  {:.0} bytes a span came in; acknowledged after {:.1} s, all merged after {:.1} s: {:.0} \
         spans/s as the clock says",
        loaded.bytes as f64 / loaded.spans as f64,
        loaded.acknowledged,
        loaded.wall,
        loaded.spans as f64 / loaded.wall,
    );
    println!("  processor time a span, in µs:");
    for (stage, seconds) in stages {
        println!("    {stage:<28}{:>8.3}", a_span(seconds));
    }
    println!("    {:<28}{:>8.3}", "check, log, rates, the rest", a_span(rest));
    println!("    {:<28}{:>8.3}  (left out)", "making the spans", a_span(loaded.making));
    println!(
        "  {} segments, {} groups synced, {:.1} batches in each",
        stats.segments,
        stats.log.groups,
        stats.log.frames as f64 / stats.log.groups.max(1) as f64
    );
}
