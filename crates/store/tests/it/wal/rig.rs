//! Payloads that can be told apart, and what a log was seen to do with them.

use std::sync::{Arc, Mutex};

use trunkline_rt::{Clock, Random};
use trunkline_store::disk::Disk;
use trunkline_store::wal::{
    Base, Config, Durability, Frame, OpenError, Position, Report, Signal, Ticket, Wal,
};

/// A number below `limit`.
pub fn below(random: &mut Random, limit: usize) -> usize {
    usize::try_from(random.number() % limit as u64).unwrap()
}

/// A payload of a number; bytes that no other one has.
pub fn payload(id: u64, length: usize) -> Vec<u8> {
    let mut random = Random::from_seed(id);
    let mut bytes = id.to_le_bytes().to_vec();
    while bytes.len() < length.max(16) {
        bytes.extend(random.bytes8());
    }
    bytes
}

/// The number of a payload, every byte of which is as it was.
pub fn id(bytes: &[u8]) -> u64 {
    let id = u64::from_le_bytes(*bytes.first_chunk().unwrap());
    assert_eq!(bytes, payload(id, bytes.len()), "payload {id} is not what was appended");
    id
}

/// A seed to repeat a run with, from `TRUNKLINE_SEED`; otherwise a new one. It is printed.
pub fn seed() -> u64 {
    let given = std::env::var("TRUNKLINE_SEED").ok().map(|seed| seed.parse().unwrap());
    let seed = given.unwrap_or_else(|| Random::from_system().number());
    println!("TRUNKLINE_SEED={seed}");
    seed
}

/// How often something is done: so often, unless the environment says otherwise.
pub fn times(variable: &str, otherwise: usize) -> usize {
    std::env::var(variable).map_or(otherwise, |text| text.parse().unwrap())
}

/// A small log, so that little makes many files.
pub fn small() -> Config {
    Config {
        file_bytes: 64 * 1024,
        group_bytes: 16 * 1024,
        free_bytes_min: 0,
        ..Config::new(Durability::Fsync)
    }
}

pub fn base(disk: &(impl Disk + Clone + 'static), config: Config) -> Base {
    Base { disk: Arc::new(disk.clone()), clock: Clock::system(), config }
}

/// What the log gave to the head, in order: from replay, then from groups.
#[derive(Debug, Clone, Default)]
pub struct Head(Arc<Mutex<Vec<(u64, Position)>>>);

impl Head {
    pub fn push(&self, frame: &Frame) {
        assert_eq!(frame.signal, Signal::Spans);
        self.0.lock().unwrap().push((id(&frame.payload), frame.position));
    }

    /// Numbers of the payloads after a mark.
    pub fn after(&self, mark: Position) -> Vec<u64> {
        let frames = self.0.lock().unwrap();
        frames.iter().filter(|(_, position)| *position > mark).map(|(id, _)| *id).collect()
    }

    pub fn positions(&self) -> Vec<Position> {
        self.0.lock().unwrap().iter().map(|(_, position)| *position).collect()
    }
}

/// Opens a log; its head has what was replayed, and gets what is committed.
pub fn open(base: Base, mark: Position) -> Result<(Wal, Head, Report), OpenError> {
    let head = Head::default();
    let (replayed, committed) = (head.clone(), head.clone());
    let mut replay = |frame: Frame| {
        replayed.push(&frame);
        Ok(())
    };
    let committed = move |frames: &[Frame]| frames.iter().for_each(|frame| committed.push(frame));
    let (wal, report) = Wal::open(base, mark, &mut replay, committed)?;
    Ok((wal, head, report))
}

/// Waits until it is.
pub fn acknowledged(ticket: Ticket) {
    ticket.wait().unwrap();
}
