//! Which files there are, and what their headers say.

use std::collections::HashMap;
use std::io;

use super::super::format::{
    COPY_START, DATA_START, FILE_HEADER_BYTES, FRAME_HEADER_BYTES, FileHeader, FrameHeader,
    HeaderError, Seal,
};
use super::super::{OpenError, Position, name, number, path};
use super::{folder, io_error};
use crate::disk::{Disk, File};

/// The files of a log.
#[derive(Debug)]
pub(super) struct Listed {
    /// Those that may hold frames after the mark, in order.
    pub known: Vec<Known>,
    /// Those that hold none.
    pub unused: Vec<u64>,
    /// Of these, those that were not finished when they were begun: number and bytes.
    pub unfinished: Vec<(u64, u64)>,
    /// Highest number.
    pub newest: u64,
}

/// A file, and what its header says, as far as it can be read.
#[derive(Debug)]
pub(in super::super) struct Known {
    pub number: u64,
    pub length: u64,
    pub salt: Option<u32>,
    /// Sequence of its first frame.
    pub first: Option<u64>,
    pub previous: Option<Seal>,
}

pub(super) fn list(disk: &dyn Disk, mark: Position) -> Result<Listed, OpenError> {
    let names = match disk.list(folder()) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        names => names.map_err(io_error(super::super::FOLDER))?,
    };
    let mut numbers: Vec<u64> = names.iter().filter_map(|name| number(name)).collect();
    numbers.sort_unstable();
    let newest = numbers.last().copied().unwrap_or(0);
    let (unused, numbers): (Vec<_>, Vec<_>) =
        numbers.into_iter().partition(|number| *number < mark.file);
    let mut listed = Listed { known: Vec::new(), unused, unfinished: Vec::new(), newest };
    for number in numbers {
        listed.known.push(open(disk, number)?);
    }
    // Frames are written when the header is durable: without it, there are none. One that is named
    // by the file after it had some, and was cut.
    let named: Vec<Seal> = listed.known.iter().filter_map(|file| file.previous).collect();
    listed.known.retain(|file| {
        let begun = file.salt.is_some() || file.length > DATA_START;
        let kept = begun || named.iter().any(|seal| seal.number == file.number);
        if !kept {
            listed.unused.push(file.number);
            listed.unfinished.push((file.number, file.length));
        }
        kept
    });
    Ok(listed)
}

/// Reads the header of a file.
pub(in super::super) fn open(disk: &dyn Disk, number: u64) -> Result<Known, OpenError> {
    let file = disk.open(&path(number)).map_err(io_error(name(number)))?;
    let length = file.length().map_err(io_error(name(number)))?;
    let mut known = Known { number, length, salt: None, first: None, previous: None };
    for start in [0, COPY_START] {
        let bytes: [u8; FILE_HEADER_BYTES] = read(&*file, start);
        match FileHeader::decode(&bytes) {
            Ok(header) if header.number == number => {
                known.salt = Some(header.salt);
                known.first = Some(header.first_sequence);
                known.previous = Some(header.previous);
                return Ok(known);
            }
            Err(HeaderError::Newer(version)) => {
                return Err(OpenError::Newer { file: name(number), version });
            }
            // A file of another name is not the one that is looked for.
            Ok(_) | Err(HeaderError::Broken) => {}
        }
    }
    // No payload lies here, so that this frame is one.
    let bytes: [u8; FRAME_HEADER_BYTES] = read(&*file, DATA_START);
    known.salt = FrameHeader::decode(&bytes).map(|frame| frame.salt);
    Ok(known)
}

/// What cannot be read is zeros, which are no header.
fn read<const BYTES: usize>(file: &dyn File, offset: u64) -> [u8; BYTES] {
    let mut bytes = [0; BYTES];
    match file.read_exact_at(offset, &mut bytes) {
        Ok(()) => bytes,
        Err(_) => [0; BYTES],
    }
}

/// Where files end, as the ones after them say.
pub(super) fn seals(known: &[Known]) -> HashMap<u64, Seal> {
    // Of several, the newest counts.
    known.iter().filter_map(|file| file.previous).map(|seal| (seal.number, seal)).collect()
}
