//! The file of the access log: appended to, and opened again when its name leads elsewhere.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::PathBuf;

/// Readable by the group: whoever ships logs need not be us.
const MODE: u32 = 0o640;

/// Not everything could be written.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) error: io::Error,
    /// Lines that are lost, a torn one included.
    pub(super) lines_lost: u64,
}

/// An open log file.
#[derive(Debug)]
pub(super) struct LogFile {
    path: PathBuf,
    file: File,
    /// The last write broke off inside a line: the next one must begin on a new one.
    torn: bool,
}

impl LogFile {
    pub(super) fn open(path: PathBuf) -> io::Result<Self> {
        let file = append(&path)?;
        Ok(Self { path, file, torn: false })
    }

    /// Writes whole lines. With `reopen`, they go to the old file and the next ones to a new one.
    pub(super) fn write(&mut self, lines: &[u8], reopen: bool) -> Result<(), Failed> {
        if !reopen && self.was_moved() {
            self.reopen();
        }
        let result = self.append_lines(lines);
        if reopen {
            self.reopen();
        }
        result
    }

    fn append_lines(&mut self, lines: &[u8]) -> Result<(), Failed> {
        let mut left = lines;
        let result = write_some(&mut self.file, &mut self.torn, &mut left);
        result.map_err(|error| Failed { error, lines_lost: count_lines(left) })
    }

    /// Whether the name now leads to another file, or to none.
    fn was_moved(&self) -> bool {
        let Ok(open) = self.file.metadata() else {
            return true;
        };
        match std::fs::metadata(&self.path) {
            Ok(named) => (named.dev(), named.ino()) != (open.dev(), open.ino()),
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        }
    }

    /// Without a new file, the old one goes on: its lines can still be found.
    fn reopen(&mut self) {
        match append(&self.path) {
            Ok(file) => {
                self.file = file;
                self.torn = false;
            }
            Err(error) => {
                tracing::warn!(path = %self.path.display(), %error, "access log cannot be opened again");
            }
        }
    }
}

fn append(path: &std::path::Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(MODE).open(path)
}

fn write_some(file: &mut File, torn: &mut bool, left: &mut &[u8]) -> io::Result<()> {
    if *torn && !left.is_empty() {
        file.write_all(b"\n")?;
        *torn = false;
    }
    while !left.is_empty() {
        match file.write(left) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => {
                let (done, rest) = left.split_at(written.min(left.len()));
                *torn = !done.ends_with(b"\n");
                *left = rest;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Writes to a stream; if it fails, all lines count as lost.
pub(super) fn write_whole_lines(stream: &mut dyn Write, lines: &[u8]) -> Result<(), Failed> {
    let written = stream.write_all(lines).and_then(|()| stream.flush());
    written.map_err(|error| Failed { error, lines_lost: count_lines(lines) })
}

fn count_lines(bytes: &[u8]) -> u64 {
    bytes.split(|byte| *byte == b'\n').count().saturating_sub(1) as u64
}
