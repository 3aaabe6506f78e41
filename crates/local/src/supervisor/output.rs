//! What a process writes: to the log file, to the events, and the last lines for a post-mortem.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::unix::pipe;
use tokio::sync::watch;
use tokio::time::timeout;
use trunkline_model::ServiceName;
use trunkline_rt::{Policy, Scope};

use super::Deps;
use crate::child::{Lines, Outputs};
use crate::event::{Event, What};
use crate::logs::{Line, Stream};

/// Lines kept of each process.
const LAST_LINES: usize = 40;
/// A kept line is cut to this many characters.
const LAST_LINE_CHARS: usize = 500;
/// After an exit, how long the rest of the output is waited for. A grandchild may hold it open.
const REST_MAX: Duration = Duration::from_millis(300);

/// Follows the outputs of one process.
pub(super) struct Output {
    last: Arc<Mutex<VecDeque<String>>>,
    /// Held by the readers: closed when both are at their end.
    open: watch::Sender<()>,
}

impl Output {
    /// Reads both outputs in tasks of `scope`, until they end.
    pub(super) fn follow(
        scope: &Scope,
        deps: &Deps,
        service: &ServiceName,
        outputs: Outputs,
    ) -> Self {
        let (open, held) = watch::channel(());
        let output = Self { last: Arc::default(), open };
        for (stream, pipe) in [(Stream::Out, outputs.stdout), (Stream::Err, outputs.stderr)] {
            let reader = Reader {
                service: service.clone(),
                stream,
                deps: deps.clone(),
                last: Arc::clone(&output.last),
                _held: held.clone(),
            };
            let name = if stream == Stream::Out { "stdout" } else { "stderr" };
            let scope_stops = scope.clone();
            scope.spawn(name, Policy::Best, async move {
                // A process that escaped its group could hold the output open for ever.
                tokio::select! {
                    () = reader.run(pipe) => {}
                    () = async { scope_stops.stopping().await; tokio::time::sleep(REST_MAX).await } => {}
                }
            });
        }
        output
    }

    /// The last lines, after the process has ended.
    pub(super) async fn last_lines(&self) -> Vec<String> {
        let _ = timeout(REST_MAX, self.open.closed()).await;
        self.last.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

struct Reader {
    service: ServiceName,
    stream: Stream,
    deps: Deps,
    last: Arc<Mutex<VecDeque<String>>>,
    _held: watch::Receiver<()>,
}

impl Reader {
    async fn run(self, pipe: pipe::Receiver) {
        let mut lines = Lines::new(pipe);
        let mut skipped = 0;
        while let Ok(Some(bytes)) = lines.next().await {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            self.keep(&text);
            let line = Line { at: self.deps.clock.wall(), stream: self.stream, text };
            self.deps.logs.write(self.service.as_str(), line.clone()).await;
            skipped = self.tell(&line, skipped);
        }
    }

    /// Hands a line to the events. Returns how many lines their reader has missed since it last was told so.
    fn tell(&self, line: &Line, skipped: u64) -> u64 {
        let event = |what| Event { service: self.service.clone(), at: line.at, what };
        if skipped > 0 && !self.deps.events.emit_line(event(What::LinesSkipped(skipped))) {
            return skipped + 1;
        }
        let told = self.deps.events.emit_line(event(What::Log(line.clone())));
        u64::from(!told)
    }

    fn keep(&self, text: &str) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.len() >= LAST_LINES {
            last.pop_front();
        }
        last.push_back(text.chars().take(LAST_LINE_CHARS).collect());
    }
}
