//! The access log: one line per exchange, to a file or a stream.
//!
//! Lines are formatted by whoever hands over a record (the management side) and gathered in a
//! bounded buffer; a thread of its own writes them, within 100 ms. So neither a slow disk nor a full
//! one ever holds up anybody: what does not fit is dropped and counted. A file is opened again when
//! it was moved away and when [`AccessLog::reopen`] asks for it (SIGUSR1), so that rotation needs no
//! restart and loses no line.

mod file;
mod line;

use std::cell::RefCell;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use trunkline_model::LogLines;
use trunkline_model::record::{ExchangeRecord, RecordSink};
use trunkline_model::units::Share;

use file::LogFile;
pub use line::LINE_BYTES_MAX;

/// Lines that wait to be written, in bytes: some seconds of a busy gateway while a disk is slow.
pub const BUFFER_BYTES_MAX: usize = 4 << 20;

/// From this many bytes on they are written at once.
const WRITE_BYTES: usize = 64 << 10;

/// How long fewer bytes are gathered; with the time of writing, lines are there within 100 ms.
const GATHER: Duration = Duration::from_millis(50);

/// How long [`AccessLog::flush`] waits for a disk.
const FLUSH_TIME_MAX: Duration = Duration::from_secs(2);

thread_local! {
    /// Where a line is made; kept for its room.
    static LINE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Where lines go.
pub enum Target {
    /// A file, created with mode 0640 where there is none, appended to where there is.
    File(PathBuf),
    /// A stream that somebody else opened, such as standard output.
    Stream(Box<dyn Write + Send>),
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            Self::Stream(_) => f.write_str("Stream"),
        }
    }
}

/// Why there is no access log.
#[derive(Debug, thiserror::Error)]
pub enum AccessLogError {
    /// The file cannot be opened for writing.
    #[error("the access log `{}` cannot be opened", .path.display())]
    Open {
        /// As it was named.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The system has no thread for it.
    #[error("the thread of the access log cannot be started")]
    Thread(#[source] io::Error),
}

/// See the module's documentation. Dropping it writes what is left, and gives up on a reader that
/// takes nothing for two seconds.
#[derive(Debug)]
pub struct AccessLog {
    lines: LogLines,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    /// There is something to do.
    work: Condvar,
    /// Everything is written.
    idle: Condvar,
}

#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "five independent facts, each read on its own")]
struct State {
    buffer: Vec<u8>,
    /// Lines that were lost: the buffer was full, or the disk.
    dropped: u64,
    writing: bool,
    hurry: bool,
    reopen: bool,
    closing: bool,
    ended: bool,
}

impl AccessLog {
    /// Opens the target and starts the writing thread.
    pub fn open(target: Target, lines: impl Into<LogLines>) -> Result<Self, AccessLogError> {
        let output = match target {
            Target::Stream(stream) => Output::Stream(stream),
            Target::File(path) => match LogFile::open(path.clone()) {
                Ok(file) => Output::File(file),
                Err(source) => return Err(AccessLogError::Open { path, source }),
            },
        };
        let shared = Arc::<Shared>::default();
        let of_thread = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("access log".into())
            .spawn(move || write_lines(&of_thread, output))
            .map_err(AccessLogError::Thread)?;
        Ok(Self { lines: lines.into(), shared, thread: Some(thread) })
    }

    /// Writes the line of a record if it is to have one, or drops and counts it when the buffer is
    /// full.
    pub fn write(&self, record: &ExchangeRecord) {
        if !self.wants(record) {
            return;
        }
        LINE.with_borrow_mut(|line| {
            line.clear();
            line::format(&self.lines.format, record, line);
            self.append(line);
        });
    }

    fn append(&self, line: &str) {
        let mut state = self.shared.lock();
        if state.buffer.len() + line.len() > BUFFER_BYTES_MAX {
            state.dropped += 1;
            return;
        }
        let before = state.buffer.len();
        state.buffer.extend_from_slice(line.as_bytes());
        let full = before < WRITE_BYTES && state.buffer.len() >= WRITE_BYTES;
        drop(state);
        if before == 0 || full {
            self.shared.work.notify_one();
        }
    }

    /// Chosen by the trace, so that every gateway that an exchange passes keeps the same ones.
    fn wants(&self, record: &ExchangeRecord) -> bool {
        let share = u64::from(self.lines.sample.basis_points());
        let whole = u64::from(Share::ALL.basis_points());
        if share >= whole {
            return true;
        }
        let [_, _, _, _, _, _, _, _, tail @ ..] = *record.trace.trace.bytes();
        let number = u64::from_be_bytes(tail);
        number % whole < share || self.lines.always.takes(record)
    }

    /// Opens the file again, after what is buffered was written to the old one. Returns at once.
    pub fn reopen(&self) {
        self.shared.lock().reopen = true;
        self.shared.work.notify_one();
    }

    /// Waits until everything is written, or for two seconds.
    pub fn flush(&self) {
        let mut state = self.shared.lock();
        state.hurry = true;
        self.shared.work.notify_one();
        let busy = |state: &mut State| state.writing || !state.buffer.is_empty() || state.reopen;
        drop(self.shared.idle.wait_timeout_while(state, FLUSH_TIME_MAX, busy));
    }

    /// Lines that were lost so far.
    pub fn dropped(&self) -> u64 {
        self.shared.lock().dropped
    }
}

impl RecordSink for AccessLog {
    fn take(&self, record: &ExchangeRecord) {
        self.write(record);
    }
}

impl Drop for AccessLog {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.closing = true;
        self.shared.work.notify_one();
        let waiting = |state: &mut State| !state.ended;
        let waited = self.shared.idle.wait_timeout_while(state, FLUSH_TIME_MAX, waiting);
        let ended = waited.unwrap_or_else(PoisonError::into_inner).0.ended;
        // A thread that is stuck in a write cannot be joined; it ends with its stream.
        if ended && let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until there are lines worth writing, and takes them. `None` when it is over.
    fn next(&self, into: &mut Vec<u8>) -> Option<Work> {
        let nothing =
            |state: &mut State| state.buffer.is_empty() && !state.closing && !state.reopen;
        let gathering = |state: &mut State| {
            state.buffer.len() < WRITE_BYTES && !state.closing && !state.reopen && !state.hurry
        };
        let state = self.work.wait_while(self.lock(), nothing);
        let state = state.unwrap_or_else(PoisonError::into_inner);
        let state = self.work.wait_timeout_while(state, GATHER, gathering);
        let (mut state, _) = state.unwrap_or_else(PoisonError::into_inner);
        if state.closing && state.buffer.is_empty() {
            return None;
        }
        std::mem::swap(&mut state.buffer, into);
        state.writing = true;
        state.hurry = false;
        Some(Work { reopen: std::mem::take(&mut state.reopen) })
    }

    fn written(&self, lost: u64) {
        let mut state = self.lock();
        state.writing = false;
        state.dropped += lost;
        drop(state);
        self.idle.notify_all();
    }
}

struct Work {
    reopen: bool,
}

enum Output {
    File(LogFile),
    Stream(Box<dyn Write + Send>),
}

/// Counts how many lines are lost in a row of failures, to tell it once.
fn write_lines(shared: &Shared, mut output: Output) {
    let mut lines = Vec::new();
    let mut failing = false;
    while let Some(work) = shared.next(&mut lines) {
        let result = match &mut output {
            Output::File(file) => file.write(&lines, work.reopen),
            Output::Stream(stream) => file::write_whole_lines(stream.as_mut(), &lines),
        };
        let lost = result.as_ref().map_or_else(|failed| failed.lines_lost, |()| 0);
        match (result, failing) {
            (Err(failed), false) => {
                tracing::error!(error = %failed.error, "access log cannot be written, lines are dropped and counted");
                failing = true;
            }
            (Ok(()), true) => {
                tracing::info!("access log can be written again");
                failing = false;
            }
            _ => {}
        }
        lines.clear();
        shared.written(lost);
    }
    shared.lock().ended = true;
    shared.idle.notify_all();
}

#[cfg(test)]
mod tests;
