//! The thread that writes the log files.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::thread;

use tokio::sync::{mpsc, oneshot};

use super::{Line, file_name, old_file_name};

/// A log file is put aside at this size; a service keeps at most two.
pub const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Lines that may wait for the thread.
const LINES_MAX: usize = 1024;

/// Hands lines to the thread; cheap to clone. The thread ends with the last of them, after it wrote
/// what it has.
#[derive(Clone, Debug)]
pub struct LogWriter {
    messages: mpsc::Sender<Message>,
}

enum Message {
    Line(String, Line),
    /// Answered when everything before it is written.
    Flush(oneshot::Sender<()>),
}

struct Open {
    file: BufWriter<File>,
    bytes: u64,
}

struct Files {
    folder: PathBuf,
    bytes_max: u64,
    open: BTreeMap<String, Open>,
}

impl LogWriter {
    /// Starts the thread, which writes into `folder`. The error is the operating system's.
    pub fn start(folder: &Path) -> io::Result<Self> {
        Self::with_limit(folder, FILE_BYTES_MAX)
    }

    fn with_limit(folder: &Path, bytes_max: u64) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        // Services log what they please, secrets included.
        fs::set_permissions(folder, Permissions::from_mode(0o700))?;
        let (messages, mut received) = mpsc::channel(LINES_MAX);
        let mut files = Files { folder: folder.to_owned(), bytes_max, open: BTreeMap::new() };
        let body = move || {
            while let Some(message) = received.blocking_recv() {
                files.take(message);
                while let Ok(message) = received.try_recv() {
                    files.take(message);
                }
                files.flush();
            }
        };
        thread::Builder::new().name("logs".into()).spawn(body)?;
        Ok(Self { messages })
    }

    /// Queues a line; waits while too many are queued.
    pub async fn write(&self, service: &str, line: Line) {
        // The thread ends only after its last sender.
        let _ = self.messages.send(Message::Line(service.to_owned(), line)).await;
    }

    /// Waits until all lines queued so far are in their files.
    pub async fn flush(&self) {
        let (done, written) = oneshot::channel();
        let _ = self.messages.send(Message::Flush(done)).await;
        let _ = written.await;
    }
}

impl Files {
    fn take(&mut self, message: Message) {
        match message {
            Message::Line(service, line) => self.write(&service, &line),
            Message::Flush(done) => {
                self.flush();
                // Who no longer waits need not know.
                let _ = done.send(());
            }
        }
    }

    /// A line that cannot be written is lost: a full disk must not stop a service.
    fn write(&mut self, service: &str, line: &Line) {
        let text = format!("{line}\n");
        let full = self.open.get(service).is_some_and(|open| open.bytes >= self.bytes_max);
        if full {
            self.put_aside(service);
        }
        if !self.open.contains_key(service)
            && let Ok(open) = self.open(service)
        {
            self.open.insert(service.to_owned(), open);
        }
        if let Some(open) = self.open.get_mut(service) {
            open.bytes += text.len() as u64;
            let _ = open.file.write_all(text.as_bytes());
        }
    }

    fn open(&self, service: &str) -> io::Result<Open> {
        let path = self.folder.join(file_name(service));
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        let bytes = file.metadata()?.len();
        Ok(Open { file: BufWriter::new(file), bytes })
    }

    fn put_aside(&mut self, service: &str) {
        if let Some(mut open) = self.open.remove(service) {
            let _ = open.file.flush();
        }
        let (now, old) = (file_name(service), old_file_name(service));
        let _ = fs::rename(self.folder.join(now), self.folder.join(old));
    }

    fn flush(&mut self) {
        for open in self.open.values_mut() {
            let _ = open.file.flush();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Stream, read};
    use super::*;
    use std::time::{Duration, SystemTime};

    #[tokio::test]
    async fn old_lines_go_first_and_the_newest_stay() {
        let folder = tempfile::tempdir().unwrap();
        let writer = LogWriter::with_limit(folder.path(), 1000).unwrap();
        for number in 0..200 {
            let at = SystemTime::UNIX_EPOCH + Duration::from_secs(number);
            writer
                .write("orders", Line { at, stream: Stream::Out, text: number.to_string() })
                .await;
        }
        writer.flush().await;
        let lines = read(folder.path(), "orders", None).unwrap();
        assert_eq!(lines.last().unwrap().text, "199");
        assert!(lines.len() > 30 && lines.len() < 80, "{}", lines.len());
        assert!(lines.is_sorted_by_key(|line| line.at));
    }
}
