//! What `up` shows from its start to its end: one task that everything goes through.
//!
//! Events of the services, keys and answers come in; lines go out, in the order of what happened.
//! While services start, a terminal shows one moving line for each of them and holds their output
//! back (`trunkline logs` has it); where there is no terminal every line is printed as it comes.
//! What lines look like is `screen`'s to say.

mod act;
mod cast;
pub(crate) mod keys;
pub(crate) mod terminal;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use trunkline_api::Commands as _;
use trunkline_local::event::{Event, What};
use trunkline_local::logs::Line;
use trunkline_model::ServiceName;
use trunkline_rt::{Clock, Scope};

use crate::background::Background;
use crate::client::Control;
use crate::lines::{Level, Record, Sieve};
use crate::print::{Printer, Progress, Role};
use crate::screen::{logs, up as screen};
use crate::services::Services;
use crate::switchboard::Switchboard;
use cast::Cast;

/// Between two looks of moving lines.
const TICK: Duration = Duration::from_millis(100);
/// Keys and answers that may wait.
pub(crate) const CUES_MAX: usize = 64;

/// What comes in beside events.
#[derive(Debug)]
pub(crate) enum Cue {
    /// A key was pressed.
    Key(char),
    /// Something is to be said.
    Say(String),
    /// The run ends.
    Ending,
}

/// What a show is made of.
pub(crate) struct Show {
    /// Who prints.
    pub printer: Arc<Printer>,
    /// What is in force, and where it can be reached.
    pub board: Arc<Switchboard>,
    /// The services.
    pub services: Services,
    /// The run, as the other verbs ask it; keys ask the same.
    pub control: Option<Arc<Control>>,
    /// What time it is.
    pub clock: Clock,
    /// When everything began.
    pub begin: Instant,
    /// When to give up, if ever.
    pub deadline: Option<Instant>,
    /// Whether a failure ends everything.
    pub all_or_nothing: bool,
    /// Width of the services' names.
    pub names: usize,
    /// Whether keys are read.
    pub has_keys: bool,
    /// The terminal of another process, until everything is ready.
    pub background: Option<Background>,
    /// Owner of what keys start.
    pub scope: Scope,
    /// Where answers go.
    pub cues: mpsc::Sender<Cue>,
    /// Set when the run ends because it did not become ready.
    pub failed: Arc<AtomicBool>,
}

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Not everything is ready, and it may become so.
    Starting,
    /// The start is over, and something has failed for good.
    Lame,
    /// The start is over, and that was told.
    Over,
    /// The run ends.
    Ending,
}

/// See the module's documentation.
pub(crate) struct Live {
    show: Show,
    cast: Cast,
    progress: Progress,
    sieve: Sieve,
    /// Whether what services write is shown.
    shows_logs: bool,
    /// Whether the next key chooses what to restart.
    asking: Option<Vec<ServiceName>>,
    phase: Phase,
    /// How each service failed last, so that the same is not told twice.
    failures: BTreeMap<ServiceName, String>,
    /// Where each was found to listen instead of where it should.
    elsewhere: BTreeMap<ServiceName, u16>,
}

impl Live {
    /// A show of these services.
    pub(crate) fn new(show: Show, services: impl IntoIterator<Item = ServiceName>) -> Self {
        let progress = show.printer.progress_lines();
        Self {
            cast: Cast::new(services, show.begin),
            show,
            progress,
            sieve: Sieve::default(),
            shows_logs: true,
            asking: None,
            phase: Phase::Starting,
            failures: BTreeMap::new(),
            elsewhere: BTreeMap::new(),
        }
    }

    /// Shows everything until the run is over.
    pub(crate) async fn run(
        mut self,
        scope: Scope,
        mut events: mpsc::Receiver<Event>,
        mut cues: mpsc::Receiver<Cue>,
    ) {
        let mut tick = tokio::time::interval(TICK);
        self.settle();
        loop {
            tokio::select! {
                event = events.recv() => match event {
                    Some(event) => self.event(&event),
                    None => break,
                },
                Some(cue) = cues.recv() => self.cue(cue),
                _ = tick.tick() => self.tick(),
                () = scope.stopping() => break,
            }
        }
        while let Ok(event) = events.try_recv() {
            self.event(&event);
        }
        self.progress.clear();
    }

    fn event(&mut self, event: &Event) {
        let now = self.show.clock.now();
        self.cast.take(event, now);
        if let What::Log(line) = &event.what {
            self.line(event.service.as_str(), line);
            return;
        }
        // The lines that move must not tell what is over.
        self.tick();
        let shown = self.briefly(event);
        let text = shown.and_then(|event| screen::event(&event, &self.look()));
        if let Some(text) = text {
            self.note(&text);
        }
        self.settle();
    }

    /// The event without what was told already of the same failure; `None` if nothing is left.
    fn briefly(&mut self, event: &Event) -> Option<Event> {
        let said = match &event.what {
            What::Ready { .. } => {
                self.failures.remove(&event.service);
                return Some(event.clone());
            }
            // The last try has said so.
            What::Failed { .. } if self.failures.contains_key(&event.service) => return None,
            What::Elsewhere { found, .. } => {
                let before = self.elsewhere.insert(event.service.clone(), *found);
                return (before != Some(*found)).then(|| event.clone());
            }
            _ => screen::sameness(event),
        };
        let Some(now) = said else {
            return Some(event.clone());
        };
        let before = self.failures.insert(event.service.clone(), now.clone());
        Some(if before == Some(now) { screen::again(event) } else { event.clone() })
    }

    fn cue(&mut self, cue: Cue) {
        match cue {
            Cue::Key(key) => self.key(key),
            Cue::Say(text) => self.data(&text),
            Cue::Ending => {
                self.phase = Phase::Ending;
                if self.show.failed.load(Ordering::Relaxed) {
                    return;
                }
                let again = if self.show.has_keys { "; ctrl-c again ends at once" } else { "" };
                let waits = self.cast.running();
                let what = match waits.as_slice() {
                    [] => format!("\n  Ending{again}"),
                    names => format!("\n  Ending, waits for {}{again}", names.join(", ")),
                };
                self.note(&what);
            }
        }
    }

    fn tick(&mut self) {
        let now = self.show.clock.now();
        if self.phase == Phase::Starting
            && self.show.deadline.is_some_and(|deadline| now >= deadline)
        {
            let names = self.cast.unready().join(", ");
            self.give_up(&format!("not ready in time: {names}"));
        }
        let Some(columns) = self.show.printer.progress_columns().filter(|_| self.progress.is_on())
        else {
            return;
        };
        let waited =
            self.cast.pending(now, self.phase == Phase::Ending, self.phase != Phase::Starting);
        let look = self.look();
        let lines: Vec<String> =
            waited.iter().map(|of| screen::pending(&of.shown(), columns, &look)).collect();
        self.progress.show(&lines);
    }

    /// A line of a service.
    fn line(&mut self, service: &str, line: &Line) {
        if self.show.background.is_some() {
            return;
        }
        let record = Record::of(&line.text);
        if !self.sieve.takes(service, &record) || !self.shows_logs || self.holds_back(&record) {
            return;
        }
        let printer = &self.show.printer;
        // The text of a line begins with its time.
        let written = line.to_string();
        let shown = logs::Line {
            time: written.split(' ').next().unwrap_or_default().to_owned(),
            service: service.to_owned(),
            text: line.text.clone(),
        };
        let look = logs::Look {
            paint: printer.data,
            columns: printer.data_columns(),
            traces: screen::traces_at(&self.show.board.urls()),
            names: self.show.names.max(logs::NAME_CELLS),
        };
        let text = logs::render(&shown, &record, &look);
        self.progress.around(|| printer.data(text));
    }

    /// While services start on a terminal, only what is wrong is worth a line.
    fn holds_back(&self, record: &Record) -> bool {
        let starts = self.phase == Phase::Starting && self.progress.is_on();
        let is_wrong = record.structured && record.level >= Some(Level::Warn);
        starts && self.show.printer.data_columns().is_some() && !is_wrong
    }

    /// Tells once that the start is over, and once more when what had failed is ready after all.
    fn settle(&mut self) {
        if matches!(self.phase, Phase::Over | Phase::Ending) {
            return;
        }
        let unready = self.cast.unready();
        let failed = self.cast.failed();
        let printer = Arc::clone(&self.show.printer);
        if unready.is_empty() {
            let after = self.show.clock.now().saturating_duration_since(self.show.begin);
            self.phase = Phase::Over;
            self.data(&screen::ready(&self.show.board.urls(), after, printer.data));
            self.tell_keys();
            self.let_go();
        } else if self.phase == Phase::Starting && self.cast.is_settled() {
            if self.show.all_or_nothing {
                self.give_up(&format!("{} failed", failed.join(", ")));
                return;
            }
            self.phase = Phase::Lame;
            let waiting: Vec<_> =
                unready.into_iter().filter(|name| !failed.contains(name)).collect();
            let urls = self.show.board.urls();
            self.data(&screen::not_ready(&urls, &failed, &waiting, printer.data));
            self.tell_keys();
        }
    }

    fn tell_keys(&mut self) {
        if self.show.has_keys {
            let keys = screen::keys(self.show.printer.data);
            self.data(&format!("\n{keys}"));
        } else if self.show.background.is_none() {
            self.data("");
        }
    }

    /// From here on nobody looks: what is said goes to the run's log.
    fn let_go(&mut self) {
        let Some(background) = self.show.background.as_mut() else {
            return;
        };
        let text = screen::background(std::process::id(), self.show.printer.data);
        self.show.printer.raw(&text);
        self.progress.clear();
        background.let_go();
        let settings = self.show.printer.settings();
        self.show.printer = Arc::new(Printer::remote(settings, None));
        self.progress = Progress::off();
    }

    /// Ends the run, which did not become what was asked for.
    fn give_up(&mut self, why: &str) {
        self.phase = Phase::Over;
        self.show.failed.store(true, Ordering::Relaxed);
        let paint = self.show.printer.progress;
        self.note(&format!(
            "\n  {}: {why}; everything is stopped",
            paint.apply(Role::Error, "Not ready")
        ));
        let board = Arc::clone(&self.show.board);
        self.show.scope.spawn("give up", trunkline_rt::Policy::Best, async move {
            // A run that ends already is what is wanted.
            let _ = board.shutdown().await;
        });
    }

    /// How lines with a mark look now: a terminal may have become wider.
    fn look(&self) -> screen::Look {
        let printer = &self.show.printer;
        screen::Look {
            paint: printer.progress,
            columns: printer.progress_columns(),
            names: self.show.names,
        }
    }

    fn note(&self, text: &str) {
        self.progress.around(|| self.show.printer.note(text));
    }

    fn data(&self, text: &str) {
        let end = if text.ends_with('\n') { "" } else { "\n" };
        self.progress.around(|| self.show.printer.raw(&format!("{text}{end}")));
    }
}
