//! The one file that is written to.

use std::io;
use std::path::Path;

use super::super::format::{
    COPY_START, DATA_START, FRAME_HEADER_BYTES, FileHeader, FrameHeader, Seal,
};
use super::super::queue::Waiting;
use super::super::{FOLDER, Frame, Position, Signal, path};
use crate::disk::{Disk, File};

/// Payloads from this size on are written from where they are; smaller ones are gathered.
const GATHERED_MAX: usize = 256 * 1024;

#[derive(Debug)]
pub(super) struct Active {
    file: Box<dyn File>,
    number: u64,
    salt: u32,
    /// End of the last group.
    end: u64,
    /// What is known to be on the disk.
    synced: u64,
    buffer: Vec<u8>,
}

impl Active {
    /// Makes a file of this number, whose first frame will have this sequence. It is durable when
    /// this returns.
    pub(super) fn begin(
        disk: &dyn Disk,
        (number, first_sequence): (u64, u64),
        salt: u32,
        previous: Seal,
    ) -> io::Result<Self> {
        let file = disk.create(&path(number))?;
        let header = FileHeader { number, first_sequence, salt, previous }.encode();
        file.write_at(0, &header)?;
        file.write_at(COPY_START, &header)?;
        file.sync_data()?;
        disk.sync_folder(Path::new(FOLDER))?;
        let (end, synced) = (DATA_START, DATA_START);
        Ok(Self { file, number, salt, end, synced, buffer: Vec::new() })
    }

    pub(super) fn end(&self) -> u64 {
        self.end
    }

    pub(super) fn seal(&self) -> Seal {
        Seal { number: self.number, end: self.end, synced: self.synced }
    }

    pub(super) fn is_dirty(&self) -> bool {
        self.synced < self.end
    }

    /// Whether so many bytes belong into another file.
    pub(super) fn is_full(&self, bytes: u64, file_bytes: u64) -> bool {
        self.end > DATA_START && self.end.saturating_add(bytes) > file_bytes
    }

    /// Writes a group behind the last one, and syncs it if asked to. After an error the file must
    /// not be used any more, and still ends where it did.
    pub(super) fn write(
        &mut self,
        group: &[Waiting],
        sequence: u64,
        sync: bool,
    ) -> io::Result<Vec<Frame>> {
        let (frames, end) = self.put(group, sequence)?;
        if sync {
            self.file.sync_data()?;
            self.synced = end;
        }
        self.end = end;
        Ok(frames)
    }

    /// Gives back where the group ends, too.
    fn put(&mut self, group: &[Waiting], sequence: u64) -> io::Result<(Vec<Frame>, u64)> {
        self.buffer.clear();
        let mut written = self.end;
        let mut end = self.end;
        let mut frames = Vec::with_capacity(group.len());
        for (sequence, waiting) in (sequence..).zip(group) {
            self.put_header(end, sequence, Some(waiting.signal), &waiting.payload)?;
            end += (FRAME_HEADER_BYTES + waiting.payload.len()) as u64;
            if waiting.payload.len() < GATHERED_MAX {
                self.buffer.extend_from_slice(&waiting.payload);
            } else {
                self.file.write_at(written, &self.buffer)?;
                written += self.buffer.len() as u64;
                self.buffer.clear();
                self.file.write_at(written, &waiting.payload)?;
                written += waiting.payload.len() as u64;
            }
            frames.push(Frame {
                position: Position { file: self.number, offset: end },
                sequence,
                signal: waiting.signal,
                payload: waiting.payload.clone(),
            });
        }
        if !self.buffer.is_empty() {
            self.file.write_at(written, &self.buffer)?;
        }
        Ok((frames, end))
    }

    fn put_header(
        &mut self,
        start: u64,
        sequence: u64,
        signal: Option<Signal>,
        payload: &[u8],
    ) -> io::Result<()> {
        let too_large = |_| io::Error::from(io::ErrorKind::FileTooLarge);
        let header = FrameHeader {
            payload_crc: crc32c::crc32c(payload),
            length: u32::try_from(payload.len()).map_err(too_large)?,
            sequence,
            salt: self.salt,
            unsynced: u32::try_from(start - self.synced).map_err(too_large)?,
            signal,
        };
        header.encode(&mut self.buffer);
        Ok(())
    }

    /// Makes what was written durable. After an error the file must not be used any more.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data()?;
        self.synced = self.end;
        Ok(())
    }

    /// Removes what lies behind the last group that was written, if it can.
    pub(super) fn cut(&self) {
        let _ = self.file.set_length(self.end);
    }

    /// Marks that everything before was synced.
    pub(super) fn finish(&mut self, sequence: u64) -> io::Result<()> {
        if self.is_dirty() {
            self.sync()?;
        }
        if self.end > DATA_START {
            self.buffer.clear();
            self.put_header(self.end, sequence, None, &[])?;
            self.file.write_at(self.end, &self.buffer)?;
            self.file.sync_data()?;
        }
        Ok(())
    }
}
