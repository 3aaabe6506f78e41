//! The bytes of a log file, all numbers little-endian.
//!
//! A file begins with its header (64 bytes) at 0 and again at 4096; frames follow from 8192.
//!
//! | header | bytes | frame | bytes |
//! |---|---|---|---|
//! | magic | 8 | magic | 4 |
//! | format version | 4 | crc32c of the 28 bytes that follow | 4 |
//! | crc32c of the 12 bytes before | 4 | crc32c of the payload | 4 |
//! | number of the file | 8 | length of the payload | 4 |
//! | sequence of its first frame | 8 | sequence | 8 |
//! | salt | 4 | salt of the file | 4 |
//! | the file before: number, end, synced | 24 | bytes before it that were not synced | 4 |
//! | crc32c of the 60 bytes before | 4 | signal, flags, 0, 0 | 4 |
//!
//! The first 16 bytes stay the same in all versions. The salt is random, so that a payload cannot
//! contain what would pass for a frame of its file. A header tells where the frames of the file
//! before end, because what lies behind may be of a group that was refused; and up to where that
//! file is known to have been synced, because what is missing before that was lost, and what is
//! missing after it was never acknowledged, or not as durable. Frames tell that of their own file:
//! as a rule a group is written when the one before it was synced.

use super::{Position, Signal};

/// The format that is written, and the newest that is understood. A new signal is a new version.
pub(super) const VERSION: u32 = 1;

/// Where the first frame begins.
pub(super) const DATA_START: u64 = 8192;

/// Where the header is a second time: on another page, which is rarely lost together with the first.
pub(super) const COPY_START: u64 = 4096;

pub(super) const FILE_HEADER_BYTES: usize = 64;
pub(super) const FRAME_HEADER_BYTES: usize = 36;

const FILE_MAGIC: [u8; 8] = *b"\x97TLWAL\r\n";
pub(super) const FRAME_MAGIC: [u8; 4] = *b"\xf9TL\x96";

/// The frame is a mark that everything before it was synced, and has no payload.
const SEAL: u8 = 1 << 1;

/// Where the frames of a file end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Seal {
    /// The file; 0 if there is none.
    pub number: u64,
    /// What lies behind does not count.
    pub end: u64,
    /// What lies before was synced.
    pub synced: u64,
}

impl Seal {
    pub(super) fn position(&self) -> Position {
        Position { file: self.number, offset: self.end }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FileHeader {
    pub number: u64,
    pub first_sequence: u64,
    pub salt: u32,
    pub previous: Seal,
}

/// Why bytes are no header that can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HeaderError {
    Newer(u32),
    Broken,
}

impl FileHeader {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(FILE_HEADER_BYTES);
        bytes.extend_from_slice(&FILE_MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&crc32c::crc32c(&bytes).to_le_bytes());
        bytes.extend_from_slice(&self.number.to_le_bytes());
        bytes.extend_from_slice(&self.first_sequence.to_le_bytes());
        bytes.extend_from_slice(&self.salt.to_le_bytes());
        for number in [self.previous.number, self.previous.end, self.previous.synced] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.extend_from_slice(&crc32c::crc32c(&bytes).to_le_bytes());
        bytes
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, HeaderError> {
        let version = version(bytes).ok_or(HeaderError::Broken)?;
        if version > VERSION {
            return Err(HeaderError::Newer(version));
        }
        Self::decode_body(bytes).ok_or(HeaderError::Broken)
    }

    fn decode_body(bytes: &[u8]) -> Option<Self> {
        let (covered, mut crc) = bytes.get(..FILE_HEADER_BYTES)?.split_at(FILE_HEADER_BYTES - 4);
        if u32_of(&mut crc)? != crc32c::crc32c(covered) {
            return None;
        }
        let mut rest = covered.get(16..)?;
        let number = u64_of(&mut rest)?;
        let first_sequence = u64_of(&mut rest)?;
        let salt = u32_of(&mut rest)?;
        let previous = Seal {
            number: u64_of(&mut rest)?,
            end: u64_of(&mut rest)?,
            synced: u64_of(&mut rest)?,
        };
        Some(Self { number, first_sequence, salt, previous })
    }
}

fn version(bytes: &[u8]) -> Option<u32> {
    let mut rest = bytes.strip_prefix(&FILE_MAGIC)?;
    let version = u32_of(&mut rest)?;
    (u32_of(&mut rest)? == crc32c::crc32c(bytes.get(..12)?)).then_some(version)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FrameHeader {
    pub payload_crc: u32,
    pub length: u32,
    pub sequence: u64,
    pub salt: u32,
    /// So many bytes before it were not known to be synced when it was written.
    pub unsynced: u32,
    /// None for a seal.
    pub signal: Option<Signal>,
}

impl FrameHeader {
    pub(super) fn encode(&self, into: &mut Vec<u8>) {
        let mut body = [0_u8; FRAME_HEADER_BYTES - 8];
        let fields: [&[u8]; 6] = [
            &self.payload_crc.to_le_bytes(),
            &self.length.to_le_bytes(),
            &self.sequence.to_le_bytes(),
            &self.salt.to_le_bytes(),
            &self.unsynced.to_le_bytes(),
            &self.signal.map_or([0, SEAL], |signal| [signal.number(), 0]),
        ];
        for (place, byte) in body.iter_mut().zip(fields.into_iter().flatten()) {
            *place = *byte;
        }
        into.extend_from_slice(&FRAME_MAGIC);
        into.extend_from_slice(&crc32c::crc32c(&body).to_le_bytes());
        into.extend_from_slice(&body);
    }

    /// The header at the start of these bytes, if they are one.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes.get(..FRAME_HEADER_BYTES)?.strip_prefix(&FRAME_MAGIC)?;
        if u32_of(&mut rest)? != crc32c::crc32c(rest) {
            return None;
        }
        let payload_crc = u32_of(&mut rest)?;
        let length = u32_of(&mut rest)?;
        let sequence = u64_of(&mut rest)?;
        let salt = u32_of(&mut rest)?;
        let unsynced = u32_of(&mut rest)?;
        let signal = match rest {
            [0, SEAL, 0, 0] => None,
            [number, 0, 0, 0] => Some(Signal::from_number(*number)?),
            _ => return None,
        };
        Some(Self { payload_crc, length, sequence, salt, unsynced, signal })
    }

    /// Bytes of the frame with its header.
    pub(super) fn total(&self) -> u64 {
        FRAME_HEADER_BYTES as u64 + u64::from(self.length)
    }
}

fn u32_of(bytes: &mut &[u8]) -> Option<u32> {
    let (number, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(u32::from_le_bytes(*number))
}

fn u64_of(bytes: &mut &[u8]) -> Option<u64> {
    let (number, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(u64::from_le_bytes(*number))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file_header() -> FileHeader {
        let previous = Seal { number: 6, end: 9_000, synced: 8_500 };
        FileHeader { number: 7, first_sequence: 42, salt: 0xdead_beef, previous }
    }

    #[test]
    fn headers_are_read_as_they_were_written() {
        let bytes = file_header().encode();
        assert_eq!(bytes.len(), FILE_HEADER_BYTES);
        assert_eq!(FileHeader::decode(&bytes), Ok(file_header()));
        for signal in [None, Some(Signal::Spans)] {
            let header = FrameHeader {
                payload_crc: 1,
                length: 2,
                sequence: 3,
                salt: 4,
                unsynced: 5,
                signal,
            };
            let mut bytes = Vec::new();
            header.encode(&mut bytes);
            assert_eq!(bytes.len(), FRAME_HEADER_BYTES);
            assert_eq!(FrameHeader::decode(&bytes), Some(header));
        }
    }

    #[test]
    fn a_header_with_any_flipped_bit_is_refused() {
        let header = FrameHeader {
            payload_crc: 1,
            length: 2,
            sequence: 3,
            salt: 4,
            unsynced: 5,
            signal: Some(Signal::Spans),
        };
        let mut frame = Vec::new();
        header.encode(&mut frame);
        let file = file_header().encode();
        for bit in 0..FRAME_HEADER_BYTES * 8 {
            let mut bytes = frame.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(FrameHeader::decode(&bytes), None, "bit {bit}");
        }
        for bit in 0..FILE_HEADER_BYTES * 8 {
            let mut bytes = file.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(FileHeader::decode(&bytes), Err(HeaderError::Broken), "bit {bit}");
        }
    }

    #[test]
    fn a_newer_version_is_told_from_a_broken_one() {
        let mut bytes = file_header().encode();
        bytes[8..12].copy_from_slice(&9_u32.to_le_bytes());
        let crc = crc32c::crc32c(&bytes[..12]);
        bytes[12..16].copy_from_slice(&crc.to_le_bytes());
        bytes.truncate(16);
        assert_eq!(FileHeader::decode(&bytes), Err(HeaderError::Newer(9)));
    }
}
