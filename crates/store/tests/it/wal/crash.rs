//! Power cuts and ends of the process at any moment: what was committed by then is replayed, once
//! and in order.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use trunkline_rt::Random;
use trunkline_store::disk::{Call, Fault, Recorder};
use trunkline_store::wal::{Config, Durability, Position, Signal, Ticket, Wal};

use super::rig::{Head, base, below, open, payload, seed, small, times};

/// At least so many of each kind; `TRUNKLINE_IMAGES` says otherwise.
const IMAGES: usize = 500;

/// A moment at which everything ends, and what had happened by then.
struct Image {
    disk: Recorder,
    seed: u64,
    mark: Position,
    committed: Vec<u64>,
    submitted: u64,
    /// Refused, and something was acknowledged afterwards.
    gone: HashSet<u64>,
}

/// A run of a log that is cut off again and again.
struct Run {
    random: Random,
    disk: Recorder,
    config: Config,
    /// What comes before is in a segment.
    mark: Arc<Mutex<Position>>,
    submitted: Arc<AtomicU64>,
    images: Arc<Mutex<Vec<Image>>>,
    refused: Vec<u64>,
    gone: Arc<Mutex<HashSet<u64>>>,
    /// Replayed, but never acknowledged, and maybe not on the disk.
    optional: Arc<HashSet<u64>>,
}

impl Run {
    fn new(seed: u64, disk: Recorder, submitted: u64, mark: Position) -> Self {
        let mut random = Random::from_seed(seed);
        let config = Config {
            file_bytes: 10_000 + below(&mut random, 60_000) as u64,
            group_bytes: 1 + below(&mut random, 20_000),
            ..small()
        };
        Self {
            random,
            disk,
            config,
            mark: Arc::new(Mutex::new(mark)),
            submitted: Arc::new(AtomicU64::new(submitted)),
            images: Arc::default(),
            refused: Vec::new(),
            gone: Arc::default(),
            optional: Arc::default(),
        }
    }

    /// Takes an image before one in so many calls.
    fn take_images(&mut self, head: &Head, one_in: usize, images_max: usize) {
        let (disk, head, images) = (self.disk.clone(), head.clone(), Arc::clone(&self.images));
        let (mark, submitted) = (Arc::clone(&self.mark), Arc::clone(&self.submitted));
        let (optional, gone) = (Arc::clone(&self.optional), Arc::clone(&self.gone));
        let random = Mutex::new(Random::from_seed(self.random.number()));
        self.disk.watch(move |_, _| {
            let mut random = random.lock().unwrap();
            let mut images = images.lock().unwrap();
            if below(&mut random, one_in) == 0 && images.len() < images_max {
                let seed = random.number();
                // What is committed is read before, what is submitted after: the image lies between.
                let mark = *mark.lock().unwrap();
                let gone = gone.lock().unwrap().clone();
                let mut committed = head.after(mark);
                committed.retain(|id| !optional.contains(id));
                let disk = if below(&mut random, 4) == 0 { disk.kill() } else { disk.crash(seed) };
                let submitted = submitted.load(Ordering::SeqCst);
                images.push(Image { disk, seed, mark, committed, submitted, gone });
            }
        });
    }

    fn append(&mut self, wal: &Wal) -> (u64, Ticket) {
        let id = self.submitted.fetch_add(1, Ordering::SeqCst);
        let length = match below(&mut self.random, 20) {
            0 => 40_000,
            1..5 => below(&mut self.random, 4_000),
            _ => below(&mut self.random, 600),
        };
        (id, wal.append(Signal::Spans, Bytes::from(payload(id, length))))
    }

    /// Some load: bursts, waits, and now and then a segment.
    fn work(&mut self, wal: &Wal, head: &Head, bursts: usize) {
        for _ in 0..bursts {
            let tickets: Vec<_> =
                (0..=below(&mut self.random, 8)).map(|_| self.append(wal)).collect();
            for (id, ticket) in tickets {
                match ticket.wait() {
                    Ok(position) => {
                        assert!(head.positions().contains(&position));
                        self.gone.lock().unwrap().extend(self.refused.drain(..));
                    }
                    Err(error) => {
                        assert!(error.retry_after().is_some(), "{error}");
                        self.refused.push(id);
                    }
                }
            }
            if below(&mut self.random, 10) == 0 {
                let positions = head.positions();
                if let Some(at) = positions.get(below(&mut self.random, positions.len().max(1))) {
                    let mark = self.advance(*at);
                    let _ = wal.forget(mark);
                }
            }
        }
    }

    fn advance(&self, to: Position) -> Position {
        let mut mark = self.mark.lock().unwrap();
        *mark = (*mark).max(to);
        *mark
    }

    fn images(&self) -> Vec<Image> {
        std::mem::take(&mut *self.images.lock().unwrap())
    }
}

/// Opens an image and compares. The opened log goes on from there; what is in it that was never
/// committed is given back as well.
fn check(image: &Image, config: Config) -> (Wal, Head, HashSet<u64>) {
    let (wal, head, report) = open(base(&image.disk, config), image.mark).unwrap();
    let seed = image.seed;
    assert_eq!(report.lost_places, 0, "image {seed}: {report:?}");
    assert!(head.positions().iter().all(|position| *position > image.mark), "image {seed}");
    let mut replayed = head.after(Position::default());
    let committed: HashSet<_> = image.committed.iter().copied().collect();
    let rest: Vec<_> = replayed.extract_if(.., |id| !committed.contains(id)).collect();
    assert_eq!(replayed, image.committed, "image {seed}");
    assert!(rest.iter().all(|id| *id < image.submitted), "image {seed} invents {rest:?}");
    let optional: HashSet<_> = rest.iter().copied().collect();
    assert!(optional.is_disjoint(&image.gone), "image {seed}: refused, and yet {rest:?}");
    assert_eq!(optional.len(), rest.len(), "image {seed}: twice in {rest:?}");
    (wal, head, optional)
}

/// Cuts a run off, goes on from each image, and cuts that off as well. How many images were there?
fn torture(seed: u64, faults: impl Fn(&Recorder, &mut Random)) -> usize {
    let mut run = Run::new(seed, Recorder::new(), 0, Position::default());
    let (wal, head, _) = open(base(&run.disk, run.config.clone()), Position::default()).unwrap();
    run.take_images(&head, 7, 12);
    for _ in 0..3 {
        faults(&run.disk, &mut run.random);
        run.work(&wal, &head, 12);
        run.disk.heal();
    }
    drop(wal);
    let images = run.images();
    let mut count = images.len();
    for image in images {
        let mut next = Run::new(image.seed, image.disk.clone(), image.submitted, image.mark);
        let (wal, head, optional) = check(&image, next.config.clone());
        next.optional = Arc::new(optional);
        next.take_images(&head, 5, 4);
        faults(&next.disk, &mut next.random);
        next.work(&wal, &head, 4);
        drop(wal);
        for second in next.images() {
            count += 1;
            check(&second, next.config.clone());
        }
    }
    count
}

#[test]
fn what_is_acknowledged_survives_power_cuts() {
    let mut random = Random::from_seed(seed());
    let mut images = 0;
    while images < times("TRUNKLINE_IMAGES", IMAGES) {
        images += torture(random.number(), |_, _| {});
    }
}

#[test]
fn what_is_acknowledged_survives_power_cuts_on_a_disk_that_fails() {
    const CALLS: [Option<Call>; 6] = [
        None,
        Some(Call::Create),
        Some(Call::Write),
        Some(Call::SyncData),
        Some(Call::SyncFolder),
        Some(Call::Remove),
    ];
    let mut random = Random::from_seed(seed());
    let mut images = 0;
    while images < times("TRUNKLINE_IMAGES", IMAGES) {
        images += torture(random.number(), |disk, random| {
            let error = [std::io::ErrorKind::StorageFull, std::io::ErrorKind::Other];
            disk.fail(Fault {
                call: CALLS[below(random, CALLS.len())],
                after: below(random, 20) as u64,
                times: 1 + below(random, 4) as u64,
                error: error[below(random, 2)],
            });
        });
    }
}

#[test]
fn without_sync_a_power_cut_costs_what_was_not_synced_and_spoils_nothing() {
    let mut random = Random::from_seed(seed());
    let (mut images, mut lost) = (0, 0);
    while images < 200 {
        let mut run = Run::new(random.number(), Recorder::new(), 0, Position::default());
        run.config.durability = Durability::Os;
        let (wal, head, _) =
            open(base(&run.disk, run.config.clone()), Position::default()).unwrap();
        run.take_images(&head, 3, 20);
        run.work(&wal, &head, 20);
        drop(wal);
        for image in run.images() {
            let config = run.config.clone();
            let (_wal, head, report) = open(base(&image.disk, config), image.mark).unwrap();
            let replayed = head.after(Position::default());
            let seed = image.seed;
            assert!(replayed.is_sorted_by(|a, b| a < b), "image {seed}: {replayed:?}");
            assert!(replayed.iter().all(|id| *id < image.submitted), "image {seed}");
            assert_eq!(report.lost_places, 0, "image {seed}: {report:?}");
            images += 1;
            lost += image.committed.iter().filter(|id| !replayed.contains(id)).count();
        }
    }
    assert!(lost > 0, "or the disk is not as bad as it should be");
}
