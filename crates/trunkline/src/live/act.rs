//! What keys do.

use trunkline_api::Commands as _;
use trunkline_model::ServiceName;
use trunkline_rt::Policy;

use super::{Cue, Live};
use crate::lines::Level;
use crate::print::{Role, clean_lines};
use crate::screen::up::{self as screen, Choice};
use crate::{cli, open};

/// Traces that `t` shows.
const TRACES: usize = 10;

/// What the run itself is asked.
enum Question {
    Status,
    Traces,
}

impl Live {
    /// Does what a key asks for.
    pub(super) fn key(&mut self, key: char) {
        if let Some(names) = self.asking.take() {
            self.chosen(key, &names);
            return;
        }
        let data = self.show.printer.data;
        match key {
            'l' => self.toggle_logs(),
            'e' => self.toggle_errors(),
            'r' => self.ask_restart(),
            'o' => self.open(),
            's' => self.ask(Question::Status),
            't' => self.ask(Question::Traces),
            'u' => self.data(&screen::all_urls(&self.show.board.urls(), data)),
            'd' => {
                let command = data.apply(Role::Hint, "trunkline up --detach");
                self.data(&format!("\n  {command} runs without a terminal; stop this run first\n"));
            }
            '?' | 'h' => self.data(&screen::help(data)),
            // The same way as ctrl-c, so that a second one is a second one.
            'q' => {
                let _ = rustix::process::kill_process(
                    rustix::process::getpid(),
                    rustix::process::Signal::INT,
                );
            }
            '\n' | '\r' | ' ' => self.data(""),
            _ => {}
        }
    }

    fn toggle_logs(&mut self) {
        self.shows_logs = !self.shows_logs;
        self.say(if self.shows_logs {
            "what services write is shown again"
        } else {
            "what services write is hidden; l shows it again"
        });
    }

    fn toggle_errors(&mut self) {
        let only = self.sieve.least.is_none();
        self.sieve.least = only.then_some(Level::Warn);
        self.shows_logs |= only;
        self.say(if only {
            "only warnings and errors are shown; e shows everything again"
        } else {
            "everything is shown again"
        });
    }

    fn ask_restart(&mut self) {
        let names = self.cast.names();
        if let [one] = names.as_slice() {
            self.restart(one.clone());
            return;
        }
        let printer = &self.show.printer;
        let shown: Vec<_> = names.iter().map(ToString::to_string).collect();
        self.data(&screen::restart_which(&shown, printer.data_columns(), printer.data));
        self.asking = Some(names);
    }

    fn chosen(&mut self, key: char, names: &[ServiceName]) {
        match screen::choice(key, names.len()) {
            Choice::Nothing => self.say("nothing is restarted"),
            Choice::All => names.iter().cloned().for_each(|name| self.restart(name)),
            Choice::One(at) => {
                names.get(at).cloned().into_iter().for_each(|name| self.restart(name))
            }
        }
    }

    fn restart(&self, name: ServiceName) {
        let look = screen::Look { paint: self.show.printer.data, ..self.look() };
        self.data(&screen::mark(Role::Faint, name.as_str(), "restarts", None, &look));
        let services = self.show.services.clone();
        self.show.scope.spawn("restart", Policy::Best, async move {
            // How it goes is told by its events.
            let _ = services.restart(&name, false).await;
        });
    }

    fn open(&self) {
        let urls = self.show.board.urls();
        let Some(url) = screen::front(&urls) else {
            self.say("there is nothing to open: the gateway has no listener");
            return;
        };
        let paint = self.show.printer.data;
        let shown = paint.link(url, url);
        if open::in_browser(url) {
            self.say(&format!("opens {shown}"));
        } else {
            self.say(&format!("no browser can be started here: {shown}"));
        }
    }

    /// Asks the run what the other verbs ask, and says the answer when it comes.
    fn ask(&self, question: Question) {
        let Some(control) = self.show.control.clone() else {
            return;
        };
        let (paint, cues) = (self.show.printer.data, self.show.cues.clone());
        self.show.scope.spawn("question", Policy::Best, async move {
            let answer = match question {
                Question::Status => cli::status::text(&control, paint).await,
                Question::Traces => cli::traces::list(&control, TRACES, paint).await,
            };
            let text = match answer {
                Ok(text) => format!("\n{text}"),
                Err(failure) => format!("  {}", clean_lines(&failure.message)),
            };
            let _ = cues.send(Cue::Say(text)).await;
        });
    }

    fn say(&self, text: &str) {
        let paint = self.show.printer.data;
        self.data(&format!("  {} {text}", paint.apply(Role::Faint, "·")));
    }
}
