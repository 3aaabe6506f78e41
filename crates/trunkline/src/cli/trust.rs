//! `trust`: lets this machine's stores trust the project's root certificate, or forget it.

use std::path::PathBuf;

use serde_json::json;
use trunkline_local::trust::{self, Done, Machine, Outcome, Root, Store, Wish};

use super::Context;
use crate::exit::{Exit, Failure, Verdict};
use crate::issuer::OwnIssuer;
use crate::loader::Loader;
use crate::print::{Printer, Role, clean};
use crate::{environment, place, runtime};

/// Arguments of `trust`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  trunkline trust --store nss")]
pub(crate) struct Args {
    /// Only this store; can be repeated
    #[arg(long, value_name = "system|nss|java|node", value_parser = store)]
    store: Vec<Store>,
    /// Take the root out again
    #[arg(long)]
    uninstall: bool,
    /// Print the root certificates and change nothing
    #[arg(long, conflicts_with = "uninstall")]
    print: bool,
    /// A key store of Java to use instead of the JDK's own; can be repeated
    #[arg(long, value_name = "FILE")]
    truststore: Vec<PathBuf>,
    /// The system below this folder instead of the running one
    #[arg(long, value_name = "DIR", default_value = "/", hide_default_value = true)]
    root: PathBuf,
}

/// Goes through the stores; one that fails does not stop the others.
pub(crate) fn run(args: &Args, context: &Context) -> Verdict {
    let roots = roots(context)?;
    if args.print {
        for root in &roots {
            let text = std::fs::read_to_string(&root.file);
            context.printer.raw(&text.map_err(|error| Failure::from_error(&error))?);
        }
        return Ok(Exit::Done);
    }
    let mut machine = machine()?;
    machine.root.clone_from(&args.root);
    machine.truststores.clone_from(&args.truststore);
    let stores = if args.store.is_empty() { Store::ALL.to_vec() } else { args.store.clone() };
    let wish = if args.uninstall { Wish::Uninstall } else { Wish::Install };
    runtime::small(async {
        let mut failed = false;
        let mut documents = Vec::new();
        for root in &roots {
            let outcomes = trust::apply(&machine, root, &stores, wish).await;
            failed |= outcomes.iter().any(|outcome| outcome.result.is_err());
            if context.printer.is_json() {
                let stores: Vec<_> = outcomes.iter().map(document).collect();
                documents.push(json!({
                    "file": root.file, "sha256": root.fingerprint(), "stores": stores,
                }));
            } else {
                let heading = context.printer.data.apply(Role::Strong, root.file.display());
                context.printer.data(heading);
                for outcome in &outcomes {
                    tell(outcome, &context.printer);
                }
            }
        }
        if context.printer.is_json() {
            context.printer.json(&json!({ "schema": 1, "roots": documents }));
        }
        Ok(if failed { Exit::Failed } else { Exit::Done })
    })
}

/// This machine, as this user has it.
pub(crate) fn machine() -> Result<Machine, Failure> {
    let path = |name| environment::read(name).map(PathBuf::from);
    Ok(Machine {
        root: PathBuf::from("/"),
        home: path("HOME").ok_or_else(|| Failure::new("there is no home folder"))?,
        java_home: path("JAVA_HOME"),
        truststores: Vec::new(),
        path: environment::read("PATH").unwrap_or_default(),
    })
}

/// The root of the project here, made if need be. Without a project: all roots of this user.
pub(crate) fn roots(context: &Context) -> Result<Vec<Root>, Failure> {
    let files = match place::laptop(&context.globals) {
        Ok(loader) => project_root(&loader)?.into_iter().collect(),
        Err(_) => all_root_files(),
    };
    if files.is_empty() {
        return Err(Failure::new("there is no root certificate yet")
            .hint("`trunkline up` makes it, or name a project with `-C`"));
    }
    let read = |file: &PathBuf| {
        Root::read(file).map_err(|error| Failure::new(format_args!("{}: {error}", file.display())))
    };
    files.iter().map(read).collect()
}

/// Every root of this user.
pub(crate) fn all_root_files() -> Vec<PathBuf> {
    environment::data_folder().map(|data| trunkline_mesh::root_files(&data)).unwrap_or_default()
}

/// The root of a project, made if need be; `None` if its gateway has a certificate of its own.
fn project_root(loader: &Loader) -> Result<Option<PathBuf>, Failure> {
    let loaded = loader.load();
    let Some(model) = loaded.model else {
        return Err(Failure::usage("the configuration is wrong").hint(
            "`trunkline check` says what; `trunkline trust -C /` takes every root there is",
        ));
    };
    let now = trunkline_rt::Clock::system().wall();
    let issuer = OwnIssuer::new(environment::data_folder());
    let authority = issuer.cover(&model, now).map_err(Failure::new)?;
    Ok(authority.map(|authority| authority.root_file()))
}

fn store(text: &str) -> Result<Store, String> {
    let found = Store::ALL.into_iter().find(|store| store.name() == text);
    // People think of browsers, not of the library they share.
    let found = found.or(matches!(text, "firefox" | "chromium" | "chrome").then_some(Store::Nss));
    found.ok_or_else(|| "it is one of system, nss, java, node".to_owned())
}

/// What a result is in a word, and in words for people.
pub(crate) fn words(done: &Done) -> (&'static str, String) {
    match done {
        Done::Installed => ("installed", "trusts the root from now on".to_owned()),
        Done::There => ("there", "trusts the root".to_owned()),
        Done::Removed => ("removed", "forgot the root".to_owned()),
        Done::NotThere => ("not_there", "does not know the root".to_owned()),
        Done::NoStore(why) => ("no_store", (*why).to_owned()),
        Done::Note(note) => ("note", note.clone()),
    }
}

fn tell(outcome: &Outcome, printer: &Printer) {
    let place = clean(&outcome.place);
    let paint = printer.data;
    match &outcome.result {
        Ok(done) => {
            let mark = match done {
                Done::NoStore(_) | Done::Note(_) => paint.apply(Role::Faint, "·"),
                _ => paint.apply(Role::Good, "√"),
            };
            printer.data(format_args!("  {mark} {place}  {}", clean(&words(done).1)));
        }
        Err(problem) => {
            let mark = paint.apply(Role::Error, "×");
            printer.data(format_args!("  {mark} {place}  {}", clean(&problem.reason)));
            let fix = paint.apply(Role::Hint, "fix");
            printer.data(format_args!("      {fix}: {}", clean(&problem.fix)));
        }
    }
}

fn document(outcome: &Outcome) -> serde_json::Value {
    let store = outcome.store.name();
    match &outcome.result {
        Ok(done) => {
            let (state, detail) = words(done);
            json!({ "store": store, "place": outcome.place, "state": state, "detail": detail })
        }
        Err(problem) => json!({
            "store": store, "place": outcome.place, "state": "failed",
            "detail": problem.reason, "fix": problem.fix,
        }),
    }
}
