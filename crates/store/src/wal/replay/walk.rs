//! The accounts of a replay: what was delivered, what is missing, and how many frames that was.
//!
//! Damage whose header can be read counts itself. Of other damage, the next number that can be read
//! tells how many frames are missing: further on in the file, or in the header of the next one.

use std::collections::VecDeque;

use super::super::format::FrameHeader;
use super::super::report::{Damage, Report};
use super::super::{Frame, OpenError, Position, ReplayError};
use super::damage;

pub(super) struct Walk<'a> {
    deliver: &'a mut dyn FnMut(Frame) -> Result<(), ReplayError>,
    report: Report,
    file: String,
    /// The number that the next frame should have.
    expected: Option<u64>,
    /// In this file, what is known to have been synced.
    synced: u64,
    /// Damages behind that, in order.
    pending: VecDeque<Damage>,
    /// Whether the last of them waits for a number.
    open: bool,
    /// The last damage of the file before, which waits for a number, and whether it is lost.
    carried: Option<(Damage, bool)>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(
        mark: Position,
        deliver: &'a mut dyn FnMut(Frame) -> Result<(), ReplayError>,
    ) -> Self {
        Self {
            deliver,
            report: Report { end: mark, ..Report::default() },
            file: String::new(),
            expected: None,
            synced: 0,
            pending: VecDeque::new(),
            open: false,
            carried: None,
        }
    }

    /// A file begins; `first` is the number of its first frame.
    pub(super) fn begin(&mut self, file: String, first: Option<u64>, synced: u64) {
        self.report.files += 1;
        self.file = file;
        self.synced = synced;
        if let Some(first) = first {
            self.resolve(first);
            self.expected = Some(first);
        }
    }

    /// The next frame's number is about this.
    pub(super) fn number_after(&mut self, sequence: u64) {
        self.expected = self.expected.max(Some(sequence));
    }

    pub(super) fn header(&mut self, start: u64, header: &FrameHeader) {
        self.resolve(header.sequence);
        self.expected = Some(header.sequence + u64::from(header.signal.is_some()));
        self.synced = self.synced.max(start.saturating_sub(u64::from(header.unsynced)));
        while self.pending.front().is_some_and(|damage| damage.offset < self.synced) {
            if let Some(damage) = self.pending.pop_front() {
                self.report.lose(damage);
            }
        }
    }

    pub(super) fn deliver(&mut self, frame: Frame) -> Result<(), OpenError> {
        let position = frame.position;
        self.report.frames += 1;
        self.report.bytes += frame.payload.len() as u64;
        self.report.end = position;
        (self.deliver)(frame).map_err(|source| OpenError::Replay { position, source })
    }

    /// No sound frame is in these bytes; what has a header is one frame.
    pub(super) fn broken(&mut self, start: u64, end: u64, header: Option<&FrameHeader>) {
        if start >= end {
            return;
        }
        if let Some(header) = header {
            self.header(start, header);
        }
        match self.pending.back_mut() {
            Some(last) if last.offset + last.length == start => last.length = end - last.offset,
            _ => self.pending.push_back(damage(&self.file, start, end)),
        }
        self.open = header.is_none();
        if header.is_some_and(|header| header.signal.is_some()) {
            self.count(1);
        }
    }

    /// The file ends; what comes before `synced` was synced. Gives back how far that is known.
    pub(super) fn end(&mut self, synced: Option<u64>) -> u64 {
        let synced = synced.unwrap_or(self.synced);
        while let Some(damage) = self.pending.pop_front() {
            let lost = damage.offset < synced;
            if self.open && self.pending.is_empty() {
                self.settle();
                self.carried = Some((damage, lost));
            } else {
                self.put(damage, lost);
            }
        }
        self.open = false;
        synced
    }

    /// The report, and the number of the frame that comes next.
    pub(super) fn finish(mut self) -> (Report, Option<u64>) {
        self.settle();
        (self.report, self.expected)
    }

    /// A number was read: so many frames are missing before it.
    fn resolve(&mut self, sequence: u64) {
        let missing = self.expected.map_or(0, |expected| sequence.saturating_sub(expected));
        if let Some((mut damage, lost)) = self.carried.take() {
            add(&mut damage, missing);
            self.put(damage, lost);
        } else if self.open {
            self.count(missing);
        }
        self.open = false;
    }

    fn count(&mut self, frames: u64) {
        if let Some(last) = self.pending.back_mut() {
            add(last, frames);
        }
    }

    fn settle(&mut self) {
        if let Some((damage, lost)) = self.carried.take() {
            self.put(damage, lost);
        }
    }

    fn put(&mut self, damage: Damage, lost: bool) {
        if lost {
            self.report.lose(damage);
        } else {
            self.report.leave(damage);
        }
    }
}

fn add(damage: &mut Damage, frames: u64) {
    if frames > 0 {
        damage.frames = Some(damage.frames.unwrap_or(0) + frames);
    }
}
