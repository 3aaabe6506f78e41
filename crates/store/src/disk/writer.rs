//! A file as a stream that is written from its beginning, for whoever wants [`io::Write`].

use std::io::{self, Write};

use super::File;

/// Bytes that are gathered before they go to the file.
const BUFFER_BYTES: usize = 256 * 1024;

/// Writes a file from its beginning. What was not flushed is lost when it is dropped.
#[derive(Debug)]
pub struct Writer {
    file: Box<dyn File>,
    buffer: Vec<u8>,
    /// Of the buffer's first byte.
    offset: u64,
}

impl Writer {
    /// Begins at the start of this file.
    pub fn new(file: Box<dyn File>) -> Self {
        Self { file, buffer: Vec::new(), offset: 0 }
    }

    /// Bytes written so far.
    pub fn position(&self) -> u64 {
        self.offset + self.buffer.len() as u64
    }

    /// Writes what is left, makes all of it durable and gives the file back, to be read. The name
    /// is durable once the folder is synced as well.
    pub fn finish(mut self) -> io::Result<Box<dyn File>> {
        self.flush()?;
        self.file.sync_data()?;
        Ok(self.file)
    }
}

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.buffer.len() + bytes.len() > BUFFER_BYTES {
            self.flush()?;
        }
        if bytes.len() >= BUFFER_BYTES {
            self.file.write_at(self.offset, bytes)?;
            self.offset += bytes.len() as u64;
        } else {
            self.buffer.extend_from_slice(bytes);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.write_at(self.offset, &self.buffer)?;
        self.offset += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }
}
