//! Power cuts at any moment of a store's life: while it takes, cuts, merges, removes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use trunkline_rt::{Clock, Random};
use trunkline_store::disk::{Call, Fault, Recorder};
use trunkline_store::{Config, Store};

use super::rig::{append, batch, check, check_counts, open, small};
use crate::wal::rig::{below, seed, times};

/// At least so many; `TRUNKLINE_IMAGES` says otherwise.
const IMAGES: usize = 500;

/// A moment at which everything ends, and what had happened by then.
struct Image {
    disk: Recorder,
    seed: u64,
    acknowledged: Vec<u64>,
    submitted: u64,
}

/// A store that is cut off again and again.
struct Run {
    random: Random,
    config: Config,
    disk: Recorder,
    acknowledged: Arc<Mutex<Vec<u64>>>,
    submitted: Arc<AtomicU64>,
    images: Arc<Mutex<Vec<Image>>>,
}

impl Run {
    fn new(seed: u64) -> Self {
        let mut random = Random::from_seed(seed);
        let mut config = small();
        config.memory.head_spans_max = 4 + below(&mut random, 30);
        config.log.file_bytes = 2_000 + below(&mut random, 20_000) as u64;
        let (acknowledged, submitted, images) = Default::default();
        let disk = Recorder::new();
        Self { random, config, disk, acknowledged, submitted, images }
    }

    /// Takes an image at one of so many calls.
    fn watch(&mut self, one_of: usize) {
        let random = Mutex::new(Random::from_seed(self.random.number()));
        let disk = self.disk.clone();
        let (images, acknowledged) = (Arc::clone(&self.images), Arc::clone(&self.acknowledged));
        let submitted = Arc::clone(&self.submitted);
        self.disk.watch(move |_, _| {
            let mut random = random.lock().unwrap();
            if below(&mut random, one_of) > 0 {
                return;
            }
            // In this order: what is acknowledged meanwhile need not be in the image.
            let acknowledged = acknowledged.lock().unwrap().clone();
            let seed = random.number();
            let disk = disk.crash(seed);
            let submitted = submitted.load(Ordering::SeqCst);
            images.lock().unwrap().push(Image { disk, seed, acknowledged, submitted });
        });
    }

    fn step(&mut self, store: &Store) {
        match below(&mut self.random, 20) {
            0..=13 => {
                let number = self.submitted.fetch_add(1, Ordering::SeqCst);
                if append(store, &batch(number)).is_ok() {
                    self.acknowledged.lock().unwrap().push(number);
                }
            }
            14..=15 => drop(store.flush()),
            16..=17 => drop(store.rollups().flush(Clock::system().wall_nanos())),
            _ => drop(store.maintain()),
        }
    }
}

fn check_image(config: &Config, image: &Image) {
    println!("image of seed {} with {} batches", image.seed, image.acknowledged.len());
    let store = open(config, &image.disk);
    check(&store, &image.acknowledged, image.submitted);
    check_counts(&store);
    // It goes on from there, and another restart changes nothing.
    let next = image.submitted;
    append(&store, &batch(next)).unwrap();
    if image.seed % 2 == 0 {
        store.flush().unwrap();
    }
    let mut acknowledged = image.acknowledged.clone();
    acknowledged.push(next);
    check(&store, &acknowledged, next + 1);
    store.close();
    drop(store);
    let store = open(config, &image.disk);
    check(&store, &acknowledged, next + 1);
    check_counts(&store);
}

#[test]
fn what_is_acknowledged_is_there_once_after_a_power_cut_at_any_moment() {
    let wanted = times("TRUNKLINE_IMAGES", IMAGES);
    let mut seeds = Random::from_seed(seed());
    let mut images = 0;
    let mut most = 0;
    while images < wanted {
        let mut run = Run::new(seeds.number());
        run.watch(6);
        let store = open(&run.config, &run.disk);
        for _ in 0..60 {
            run.step(&store);
        }
        let stats = store.stats();
        most = most.max(stats.segments);
        drop(store);
        let taken = std::mem::take(&mut *run.images.lock().unwrap());
        for image in &taken {
            check_image(&run.config, image);
        }
        images += taken.len();
    }
    println!("{images} images, up to {most} segments");
}

#[test]
fn a_disk_that_fails_loses_nothing_that_was_acknowledged() {
    let wanted = times("TRUNKLINE_IMAGES", IMAGES) / 10;
    let mut seeds = Random::from_seed(seed());
    for _ in 0..wanted.max(1) {
        let mut run = Run::new(seeds.number());
        let store = open(&run.config, &run.disk);
        for _ in 0..60 {
            if below(&mut run.random, 4) == 0 {
                let calls = [Call::Create, Call::Rename, Call::Remove, Call::SyncFolder];
                let more = [Call::Write, Call::SetLength, Call::SyncData];
                let call = *calls.iter().chain(&more).nth(below(&mut run.random, 7)).unwrap();
                let error = if below(&mut run.random, 2) == 0 {
                    std::io::ErrorKind::StorageFull
                } else {
                    std::io::ErrorKind::Other
                };
                let after = below(&mut run.random, 6) as u64;
                run.disk.fail(Fault { call: Some(call), after, times: 1, error });
            }
            run.step(&store);
        }
        run.disk.heal();
        // The log tries again by itself, maintenance when it is asked.
        let acknowledged = run.acknowledged.lock().unwrap().clone();
        let submitted = run.submitted.load(Ordering::SeqCst);
        store.maintain().unwrap();
        check(&store, &acknowledged, submitted);
        check_counts(&store);
        let crashed = run.disk.crash(run.random.number());
        drop(store);
        for disk in [&run.disk, &crashed] {
            let store = open(&run.config, disk);
            check(&store, &acknowledged, submitted);
            check_counts(&store);
        }
    }
}
