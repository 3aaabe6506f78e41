//! `up`: the services of this project, behind one gateway, on this machine.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::mpsc;
use trunkline_api::Commands as _;
use trunkline_config::Options;
use trunkline_local::discover::Choices;
use trunkline_local::plan::{Moved, Plan};
use trunkline_model::{Model, ServiceName};
use trunkline_rt::{Clock, Policy};

use super::Context;
use crate::background::{self, Background};
use crate::client::Control;
use crate::environment::short_path;
use crate::exit::{Exit, Failure, Verdict};
use crate::live::terminal::Terminal;
use crate::live::{CUES_MAX, Cue, Live, Show, keys};
use crate::loader::Loader;
use crate::node::{Ending, Node, Start};
use crate::place::{self, Place};
use crate::print::{Printer, Role};
use crate::screen::up as screen;
use crate::up::Started;
use crate::{found, loader, logging, runtime, up};

/// Arguments of `up`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  trunkline up -C examples/shop")]
pub(crate) struct Args {
    /// Start only these services and what they call
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
    /// Configuration to use instead of the nearest trunkline.yaml; can be repeated
    #[arg(short, long = "config", value_name = "FILE")]
    config: Vec<PathBuf>,
    /// Return when everything is ready, and run on without the terminal
    #[arg(short, long)]
    detach: bool,
    /// Columns of the terminal of the command that started this run
    #[arg(long, value_name = "COLUMNS", hide = true)]
    background: Option<usize>,
}

/// Runs until Ctrl-C or `down`; with `--detach`, until everything is ready.
pub(crate) fn run(args: &Args, context: &Context) -> Verdict {
    let Some(columns) = args.background else {
        let loader = loader(args, context)?;
        if args.detach {
            return runtime::small(detach(loader, context));
        }
        logging::start(logging::Reader::Developer, &context.globals, &context.printer);
        return runtime::serving(serve(loader, args, context));
    };
    background::leave_terminal()?;
    let context = Context {
        globals: context.globals.clone(),
        printer: Arc::new(background::printer(context, columns)),
        patience: context.patience,
    };
    logging::start(logging::Reader::Developer, &context.globals, &context.printer);
    let loader = loader(args, &context)?;
    runtime::serving(serve(loader, args, &context))
}

/// Reads the file of the project, or what is found where there is none.
fn loader(args: &Args, context: &Context) -> Result<Loader, Failure> {
    let options = place::options(&context.globals);
    let loader = match loader::find_nearest(&context.globals.dir)? {
        None if args.config.is_empty() => found(options, context)?,
        _ => Loader::new(&context.globals.dir, &args.config, options)?,
    };
    Ok(place::named(loader))
}

/// Without a file: what is found in the folder, with the file that would say the same.
fn found(options: Options, context: &Context) -> Result<Loader, Failure> {
    let (dir, printer) = (&context.globals.dir, &context.printer);
    let found = found::look(dir, &Choices::default())?;
    found::tell_left_out(&found, printer);
    if found.services.is_empty() {
        return Err(found::nothing(&found));
    }
    let text = found::checked_text(&found, dir, printer)?;
    printer.note(format_args!(
        "there is no trunkline.yaml; this is what was found, and `trunkline init` writes it\n\n{text}"
    ));
    Ok(Loader::of_text(dir, &text, options))
}

/// Starts a run in the background, unless there is one.
async fn detach(loader: Loader, context: &Context) -> Verdict {
    let config = loader.main_file()?;
    let Some(control) = Control::of_config(&config, context) else {
        return background::start(context).await;
    };
    let (card, paint) = (&control.run.card, context.printer.data);
    context.printer.data(format_args!(
        "`{}` runs already: process {} (trunkline {})",
        card.project, card.pid, card.verb
    ));
    let command = |text: &str| paint.apply(Role::Hint, text);
    context.printer.data(format_args!(
        "{} follows it, {} shows it, {} ends it",
        command("trunkline logs -f"),
        command("trunkline status"),
        command("trunkline down")
    ));
    Ok(Exit::Done)
}

async fn serve(loader: Loader, args: &Args, context: &Context) -> Verdict {
    let (printer, clock) = (&context.printer, Clock::system());
    let begin = clock.now();
    let (loader, mut place) = place::settle(loader);
    let main_file = loader.main_file()?;
    let directory = main_file.parent().map(PathBuf::from).unwrap_or_default();
    let shown = loader.files().first().map(|file| file.display().to_string()).unwrap_or_default();
    let ports = up::Ports::new(directory.clone());
    let shaper = ports.clone();
    let loader = loader.shaped(move |model| shaper.shape(model));
    let mut node = Start { verb: "up", role: "all", loader, takeover: None }.start(context).await?;
    let leftovers = up::reap_leftovers().await;
    if let Err(error) = place.remember() {
        tracing::warn!(%error, "the ports of this copy are not remembered");
    }
    let board = Arc::clone(&node.parts().switchboard);
    let model = board.model().ok_or_else(|| Failure::new("no configuration is in force"))?;
    let started = match up::start(node.parts(), &model, &directory, ports, &args.services) {
        Ok(started) => started,
        Err(failure) => {
            node.end(Ending::Asked).await?;
            return Err(failure);
        }
    };
    let look = look(&started.plan, printer);
    tell_leftovers(leftovers, &look, printer);
    tell_head(&model, &started, &directory, &shown, printer);
    tell_skipped(&started.plan, &look, printer);
    tell_root(&node, &look, printer);
    tell_place(&place, &started.local.planner.moved(), &look, printer);
    board.set_services(started.local.services.clone());
    let terminal = Terminal::of_this_process().filter(|_| args.background.is_none());
    // Given back when this function ends, in whatever way.
    let taken = terminal.as_ref().map(Terminal::take);
    let Started { local, plan, events, traces } = started;
    let (cues, cued) = mpsc::channel(CUES_MAX);
    let failed = Arc::new(AtomicBool::new(false));
    let scope = node.parts().scope.clone();
    let waits = context.globals.wait || args.background.is_some();
    let show = Show {
        printer: Arc::clone(printer),
        services: local.services.clone(),
        control: Control::own(&node, context).map(Arc::new),
        board,
        clock,
        begin,
        deadline: context.patience.filter(|_| waits).map(|patience| begin + patience),
        all_or_nothing: waits,
        names: look.names,
        has_keys: terminal.is_some(),
        background: args.background.map(|_| Background::of_run(traces.folder())),
        scope: scope.clone(),
        cues: cues.clone(),
        failed: Arc::clone(&failed),
    };
    node.set_local(local);
    let live = Live::new(show, plan.services.into_keys()).run(scope.clone(), events, cued);
    scope.spawn("screen", Policy::Best, live);
    if let Some(terminal) = terminal {
        node.end_on_hangup();
        scope.spawn("keys", Policy::Best, keys::read(terminal, scope.clone(), cues.clone()));
    }
    let ending = node.run().await;
    let _ = cues.try_send(Cue::Ending);
    let verdict = node.end(ending).await;
    drop((traces, taken));
    if failed.load(Ordering::Relaxed) { Err(Failure::told(Exit::Failed)) } else { verdict }
}

/// How lines with a mark look: as wide as the services' names need.
fn look(plan: &Plan, printer: &Printer) -> screen::Look {
    let names = plan.services.keys().chain(plan.skipped.keys()).map(ServiceName::as_str);
    screen::Look::of(names, printer.progress_columns(), printer.progress)
}

fn tell_head(
    model: &Model,
    started: &Started,
    directory: &std::path::Path,
    file: &str,
    printer: &Printer,
) {
    let project = screen::Project {
        model,
        directory,
        file,
        started: &started.plan.services.keys().cloned().collect(),
    };
    printer.note(screen::head(&project, printer.progress_columns(), printer.progress));
}

/// Says that a run which was killed left processes behind, and that they are gone.
fn tell_leftovers(ended: usize, look: &screen::Look, printer: &Printer) {
    if ended > 0 {
        let what = match ended {
            1 => "1 process of an earlier run was ended".to_owned(),
            ended => format!("{ended} processes of an earlier run were ended"),
        };
        printer.note(screen::mark(Role::Warning, "leftovers", &what, None, look));
    }
}

/// Says where this copy is, where that is not the usual place.
fn tell_place(
    place: &Place,
    moved: &BTreeMap<String, Moved>,
    look: &screen::Look,
    printer: &Printer,
) {
    let say = |name: &str, what: &str| {
        printer.note(screen::mark(Role::Warning, name, what, None, look));
    };
    if let Some(told) = &place.told {
        say("ports", told);
    }
    for (service, Moved { from, to, .. }) in moved {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, *from));
        let who = place::holder(address);
        say(service, &format!("port {from} is held by {who}: PORT={to}"));
    }
}

/// Says which services cannot run here, and what would change that.
fn tell_skipped(plan: &Plan, look: &screen::Look, printer: &Printer) {
    for (name, skipped) in &plan.skipped {
        let tool = skipped.missing.0;
        let what = format!("skipped: {} is not installed", tool.program);
        printer.note(screen::mark(Role::Warning, name.as_str(), &what, None, look));
        let hint = printer.progress.apply(Role::Hint, "hint");
        printer.note(format_args!("    {hint}: {}", tool.install));
    }
}

/// Says where the root certificate is, for those who want to trust it.
fn tell_root(node: &Node, look: &screen::Look, printer: &Printer) {
    let Some(authority) = node.parts().issuer.authority() else {
        return;
    };
    let what = if authority.is_new() { "new root certificate" } else { "root certificate" };
    let what = format!("{what} {}", short_path(&authority.root_file()));
    printer.note(screen::mark(Role::Good, "identities", &what, None, look));
}
