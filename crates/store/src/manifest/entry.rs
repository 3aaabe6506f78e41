//! What the manifest says of a segment: enough to know whether a question concerns it.

use std::path::PathBuf;

use crate::encoding::binary::{Out, bool, byte, list, short};
use crate::encoding::{Damaged, varint};
use crate::segment::{Place, Service, Written};

/// A segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Its number; no two of a store have the same.
    pub(crate) number: u64,
    /// How often its spans were merged.
    pub(crate) level: u8,
    /// Its traces were picked by sampling, or need not be.
    pub(crate) sampled: bool,
    /// Spans.
    pub(crate) spans: u64,
    /// Row groups.
    pub(crate) groups: u32,
    /// Of the file.
    pub(crate) bytes: u64,
    /// Earliest and latest start of a span.
    pub(crate) start: (u64, u64),
    /// Where its index is, and the bytes that it has unpacked.
    pub(crate) index: Place,
    pub(crate) index_bytes: u32,
    /// Where its filter of trace ids is.
    pub(crate) bloom: Place,
    pub(crate) services: Vec<Service>,
}

/// What began in the future did not.
fn seen_at(service: &Service, now: u64) -> Service {
    Service { latest: service.latest.min(now), ..service.clone() }
}

impl Entry {
    /// Of a segment that was written by now.
    pub(crate) fn new(number: u64, level: u8, written: &Written, now: u64) -> Self {
        let groups = written.index.groups.iter();
        let least = groups.clone().map(|group| group.start.0).min();
        let most = groups.map(|group| group.start.1).max();
        Self {
            number,
            level,
            sampled: false,
            spans: written.index.rows(),
            groups: written.index.groups.len() as u32,
            bytes: written.bytes,
            start: (least.unwrap_or(0), most.unwrap_or(0)),
            index: written.place,
            index_bytes: written.index_bytes,
            bloom: written.index.bloom,
            services: written.index.services.iter().map(|service| seen_at(service, now)).collect(),
        }
    }

    /// When its newest span began, as far as that can be: some clocks are far ahead, and would keep a
    /// segment for ever.
    pub(crate) fn latest(&self) -> u64 {
        self.services.iter().map(|service| service.latest).max().unwrap_or(self.start.1)
    }

    /// The path of its file, below the store's folder.
    pub(crate) fn path(&self) -> PathBuf {
        path(self.level, self.number)
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Out::default();
        out.0.push(self.level);
        out.bool(self.sampled);
        out.number(self.spans);
        out.number(self.groups);
        out.number(self.bytes);
        out.number(self.start.0);
        out.number(self.start.1);
        self.index.put(&mut out);
        out.number(self.index_bytes);
        self.bloom.put(&mut out);
        out.list(&self.services, |out, service| service.put(out));
        out.0
    }

    pub(super) fn decode(number: u64, mut bytes: &[u8]) -> Result<Self, Damaged> {
        let rest = &mut bytes;
        Ok(Self {
            number,
            level: byte(rest)?,
            sampled: bool(rest)?,
            spans: varint(rest)?,
            groups: short(rest)?,
            bytes: varint(rest)?,
            start: (varint(rest)?, varint(rest)?),
            index: Place::take(rest)?,
            index_bytes: short(rest)?,
            bloom: Place::take(rest)?,
            services: list(rest, Service::take)?,
        })
    }
}

/// The folder of segments.
pub(crate) const FOLDER: &str = "segments";

/// The path of a segment.
pub(crate) fn path(level: u8, number: u64) -> PathBuf {
    PathBuf::from(FOLDER).join(format!("{level}-{number:016}.parquet"))
}

/// Level and number of a segment's file name, if it is one.
pub(crate) fn parse_name(name: &str) -> Option<(u8, u64)> {
    let (level, number) = name.strip_suffix(".parquet")?.split_once('-')?;
    let number = (number.len() == 16).then_some(number)?;
    Some((level.parse().ok()?, number.parse().ok()?))
}
