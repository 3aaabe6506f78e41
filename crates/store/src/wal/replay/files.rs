//! Which files there are, and what their headers say.

use std::collections::HashMap;
use std::io;

use super::super::format::{
    COPY_START, DATA_START, FILE_HEADER_BYTES, FRAME_HEADER_BYTES, FileHeader, FrameHeader,
    HeaderError, Seal,
};
use super::super::window::{WINDOW_BYTES, Window};
use super::super::{OpenError, Position, name, number, path};
use super::{folder, io_error};
use crate::disk::Disk;

/// The files of a log.
#[derive(Debug)]
pub(super) struct Listed {
    /// Those that may hold frames after the mark, in order.
    pub known: Vec<Known>,
    /// Those that hold none for certain.
    pub unused: Vec<u64>,
    /// Highest number.
    pub newest: u64,
}

/// A file, and what its header says, as far as it can be read.
#[derive(Debug)]
pub(super) struct Known {
    pub number: u64,
    pub length: u64,
    pub window: Window,
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
    let mut listed = Listed { known: Vec::new(), unused: Vec::new(), newest };
    for number in numbers {
        if number < mark.file {
            listed.unused.push(number);
            continue;
        }
        let mut file = open(disk, number)?;
        if file.salt.is_none() && is_blank(&mut file) {
            listed.unused.push(number);
        } else {
            listed.known.push(file);
        }
    }
    // A file that was cut to nothing is told from one that was never begun by the one after it.
    let needed: Vec<Seal> = listed.known.iter().filter_map(|file| file.previous).collect();
    let lost = |number: &u64| needed.iter().any(|seal| seal.number == *number);
    listed.unused.retain(|number| *number < mark.file || !lost(number));
    Ok(listed)
}

fn open(disk: &dyn Disk, number: u64) -> Result<Known, OpenError> {
    let file = disk.open(&path(number)).map_err(io_error(name(number)))?;
    let window = Window::new(file).map_err(io_error(name(number)))?;
    let length = window.length();
    let mut known = Known { number, length, window, salt: None, first: None, previous: None };
    for start in [0, COPY_START] {
        match FileHeader::decode(known.window.get(start, FILE_HEADER_BYTES)) {
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
    let frame = FrameHeader::decode(known.window.get(DATA_START, FRAME_HEADER_BYTES));
    known.salt = frame.map(|frame| frame.salt);
    Ok(known)
}

/// Whether no frame was ever written to it.
fn is_blank(file: &mut Known) -> bool {
    let mut at = DATA_START;
    while at < file.length {
        let piece = file.window.get(at, WINDOW_BYTES);
        if piece.is_empty() || piece.iter().any(|byte| *byte != 0) {
            return false;
        }
        at += piece.len() as u64;
    }
    true
}

/// Where files end, as the ones after them say.
pub(super) fn seals(known: &[Known]) -> HashMap<u64, Seal> {
    // Of several, the newest counts.
    known.iter().filter_map(|file| file.previous).map(|seal| (seal.number, seal)).collect()
}
