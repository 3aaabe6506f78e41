//! `up`: the services of this project, behind one gateway, on this machine.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::mpsc;
use trunkline_api::Commands as _;
use trunkline_config::{Options, Profile};
use trunkline_local::event::{Event, What};
use trunkline_model::ServiceName;
use trunkline_rt::{Clock, Policy, Scope};

use super::Context;
use crate::exit::{Failure, Verdict};
use crate::loader::Loader;
use crate::node::{Ending, Node, Start};
use crate::print::{Printer, Role, Spinner};
use crate::screen::up as screen;
use crate::switchboard::Switchboard;
use crate::{logging, privilege, runtime, up};

/// Arguments of `up`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  trunkline up -C examples/shop")]
pub(crate) struct Args {
    /// Configuration to use instead of the nearest trunkline.yaml; can be repeated
    #[arg(short, long = "config", value_name = "FILE")]
    config: Vec<PathBuf>,
}

/// Runs until Ctrl-C or `down`.
pub(crate) fn run(args: &Args, context: &Context) -> Verdict {
    logging::start(logging::Reader::Developer, &context.globals, &context.printer);
    let options = Options {
        env: context.globals.env.clone(),
        profile: Profile::Laptop,
        low_ports: privilege::may_bind_low_ports(),
    };
    let loader = Loader::new(&context.globals.dir, &args.config, options)?;
    runtime::serving(serve(loader, context))
}

async fn serve(loader: Loader, context: &Context) -> Verdict {
    let (printer, clock) = (&context.printer, Clock::system());
    let begin = clock.now();
    let main_file = loader.main_file()?;
    let directory = main_file.parent().map(PathBuf::from).unwrap_or_default();
    let shown = loader.files().first().map(|file| file.display().to_string()).unwrap_or_default();
    let ports = up::Ports::new(directory.clone());
    let shaper = ports.clone();
    let loader = loader.shaped(move |model| shaper.shape(model));
    let mut node = Start { verb: "up", role: "all", loader, takeover: None }.start(context).await?;
    tell_leftovers(up::reap_leftovers().await, printer);
    let board = Arc::clone(&node.parts().switchboard);
    let model = board.model().ok_or_else(|| Failure::new("no configuration is in force"))?;
    let started = match up::start(node.parts(), &model, &directory, ports) {
        Ok(started) => started,
        Err(failure) => {
            node.end(Ending::Asked).await?;
            return Err(failure);
        }
    };
    printer.note(screen::head(&model, &started.plan, &shown, printer.progress));
    tell_root(&node, printer);
    board.set_services(started.local.services.clone());
    node.set_local(started.local);
    let screen = Screen {
        waiting: started.plan.services.keys().cloned().collect(),
        failed: BTreeSet::new(),
        told: false,
        printer: Arc::clone(printer),
        spinner: printer.spinner(),
        board,
        clock,
        begin,
    };
    let scope = node.parts().scope.clone();
    node.parts().scope.spawn("screen", Policy::Best, screen.show(scope, started.events));
    let ending = node.run().await;
    if ending == Ending::Interrupted {
        printer.note("\n  ending; Ctrl-C again ends at once");
    }
    let verdict = node.end(ending).await;
    drop(started.traces);
    verdict
}

/// Says that a run which was killed left processes behind, and that they are gone.
fn tell_leftovers(ended: usize, printer: &Printer) {
    if ended > 0 {
        let what = format!("{ended} processes of an earlier run were ended");
        let mark = screen::mark(Role::Warning, "leftovers", &what, None, printer.progress);
        printer.note(mark);
    }
}

/// Says where the root certificate is, for those who want to trust it.
fn tell_root(node: &Node, printer: &Printer) {
    let Some(authority) = node.parts().issuer.authority() else {
        return;
    };
    let what = if authority.is_new() { "root certificate made" } else { "root certificate" };
    let what = format!("{what} {}", authority.root_file().display());
    printer.note(screen::mark(Role::Good, "certificates", &what, None, printer.progress));
}

/// Prints what happens, until the end of the run.
struct Screen {
    waiting: BTreeSet<ServiceName>,
    failed: BTreeSet<ServiceName>,
    /// Whether the URLs were printed.
    told: bool,
    printer: Arc<Printer>,
    spinner: Spinner,
    board: Arc<Switchboard>,
    clock: Clock,
    begin: Instant,
}

impl Screen {
    async fn show(mut self, scope: Scope, mut events: mpsc::Receiver<Event>) {
        self.progress();
        loop {
            tokio::select! {
                event = events.recv() => match event {
                    Some(event) => self.event(&event),
                    None => return,
                },
                () = scope.stopping() => break,
            }
        }
        while let Ok(event) = events.try_recv() {
            self.event(&event);
        }
    }

    fn event(&mut self, event: &Event) {
        let printer = Arc::clone(&self.printer);
        match &event.what {
            What::Log(line) => {
                let text = screen::log_line(event.service.as_str(), line, printer.data);
                self.spinner.around(|| printer.data(text));
            }
            _ => {
                if let Some(text) = screen::event(event, printer.progress) {
                    self.spinner.around(|| printer.note(text));
                }
            }
        }
        match &event.what {
            What::Ready { .. } => {
                self.waiting.remove(&event.service);
                self.failed.remove(&event.service);
            }
            What::Failed { .. } => {
                self.waiting.remove(&event.service);
                self.failed.insert(event.service.clone());
            }
            _ => return,
        }
        self.progress();
    }

    fn progress(&mut self) {
        if self.told {
            return;
        }
        if !self.waiting.is_empty() {
            let names: Vec<_> = self.waiting.iter().map(ToString::to_string).collect();
            self.spinner.say(&format!("waiting for {}", names.join(", ")));
            return;
        }
        self.spinner.clear();
        if self.failed.is_empty() {
            self.told = true;
            let after = self.clock.now().saturating_duration_since(self.begin);
            self.printer.raw(&screen::ready(&self.board.urls(), after, self.printer.data));
        }
    }
}
