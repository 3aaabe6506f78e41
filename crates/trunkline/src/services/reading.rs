//! Reading the services' log files for one caller: what is there, in order of time, then what
//! comes.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::mpsc;
use trunkline_api::commands::{LogLine, LogQuery, Stream};
use trunkline_local::logs::{self, Follow, Line};
use trunkline_rt::{Policy, Scope};

use super::Services;
use crate::lines::{Level, Record, Sieve};

/// Lines that wait for a slow caller; the files wait for it after that.
const LINES_MAX: usize = 256;
/// Between two looks at a file that is followed.
const POLL: Duration = Duration::from_millis(100);

/// Starts to read the logs of these services; the task ends when the caller goes.
pub(super) fn start(
    services: &Services,
    known: Vec<String>,
    query: LogQuery,
) -> mpsc::Receiver<LogLine> {
    let (lines, receiver) = mpsc::channel(LINES_MAX);
    let reader = Reader {
        folder: services.logs.clone(),
        scope: services.scope.clone(),
        known,
        query,
        lines,
    };
    services.scope.spawn("log reader", Policy::Best, reader.run());
    receiver
}

struct Reader {
    folder: PathBuf,
    scope: Scope,
    known: Vec<String>,
    query: LogQuery,
    lines: mpsc::Sender<LogLine>,
}

impl Reader {
    async fn run(self) {
        let wanted = self
            .known
            .iter()
            .filter(|name| self.query.services.is_empty() || self.query.services.contains(name));
        // Following begins before reading ends, so that no line falls between; a line that comes
        // in that moment may be told twice, which is better than not at all.
        let mut followed: Vec<(Arc<str>, Follow)> = wanted
            .clone()
            .filter_map(|name| {
                Some((Arc::from(name.as_str()), Follow::new(&self.folder, name).ok()?))
            })
            .collect();
        let mut sieve = Sieve::new(self.query.level.as_deref().and_then(Level::parse));
        let mut takes = |line: &LogLine| {
            sieve.least.is_none() || sieve.takes(&line.service, &Record::of(&line.text))
        };
        let mut past: Vec<LogLine> = wanted.flat_map(|name| self.past(name)).collect();
        past.retain(&mut takes);
        past.sort_by_key(|line| line.unix_nanos);
        let skip = self.query.tail.map_or(0, |tail| past.len().saturating_sub(tail));
        for line in past.into_iter().skip(skip) {
            if self.lines.send(line).await.is_err() {
                return;
            }
        }
        if !self.query.follow {
            return;
        }
        loop {
            tokio::select! {
                () = self.scope.stopping() => return,
                () = self.lines.closed() => return,
                () = tokio::time::sleep(POLL) => {}
            }
            for (name, file) in &mut followed {
                for line in file.poll().unwrap_or_default() {
                    let line = document(name, line);
                    if self.query.takes(&line)
                        && takes(&line)
                        && self.lines.send(line).await.is_err()
                    {
                        return;
                    }
                }
            }
        }
    }

    fn past(&self, name: &str) -> Vec<LogLine> {
        let service: Arc<str> = Arc::from(name);
        let since = self
            .query
            .since_unix_nanos
            .map(|nanos| SystemTime::UNIX_EPOCH + Duration::from_nanos(nanos));
        let lines = logs::read(&self.folder, name, since).unwrap_or_default();
        lines
            .into_iter()
            .map(|line| document(&service, line))
            .filter(|line| self.query.takes(line))
            .collect()
    }
}

fn document(service: &Arc<str>, line: Line) -> LogLine {
    let since = line.at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    LogLine {
        unix_nanos: u64::try_from(since.as_nanos()).unwrap_or(u64::MAX),
        service: Arc::clone(service),
        stream: match line.stream {
            logs::Stream::Out => Stream::Stdout,
            logs::Stream::Err => Stream::Stderr,
        },
        text: line.text,
    }
}
