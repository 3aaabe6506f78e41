//! The command line: one table of verbs and flags, from which help, completions and
//! `docs/reference/cli.md` are made.
//!
//! Each verb is one file below. A verb reads its arguments, asks the libraries or the running
//! process, and prints; flags that mean the same everywhere are in [`Globals`].

mod help;

pub(crate) mod add;
pub(crate) mod cache;
pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod docs;
pub(crate) mod doctor;
pub(crate) mod down;
pub(crate) mod endpoint;
pub(crate) mod exec;
pub(crate) mod explain;
pub(crate) mod fault;
pub(crate) mod init;
pub(crate) mod logs;
pub(crate) mod reload;
pub(crate) mod resilience;
pub(crate) mod restart;
pub(crate) mod run;
pub(crate) mod schema;
pub(crate) mod serve;
pub(crate) mod sessions;
pub(crate) mod status;
pub(crate) mod store;
pub(crate) mod traces;
pub(crate) mod trust;
pub(crate) mod up;
pub(crate) mod upgrade;
pub(crate) mod urls;
pub(crate) mod version;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{FromArgMatches, Parser, Subcommand};
use trunkline_model::units::parse_duration;

use crate::exit::{Exit, Verdict};
use crate::print::{Format, Printer, Settings};

pub(crate) use help::{GROUPS, command};

/// The gateway, mesh and eyes of a system of services, in one binary.
#[derive(Debug, Parser)]
#[command(name = "trunkline", disable_help_subcommand = true, disable_version_flag = true)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub verb: Option<Verb>,
    /// Flags that every verb has.
    #[command(flatten)]
    pub globals: Globals,
}

/// Flags that mean the same everywhere.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Everywhere")]
pub(crate) struct Globals {
    /// Work as if started in this folder
    #[arg(
        short = 'C',
        long = "dir",
        value_name = "DIR",
        global = true,
        default_value = ".",
        hide_default_value = true
    )]
    pub dir: PathBuf,
    /// Lay this `env` section of the configuration over the rest
    #[arg(long, value_name = "NAME", global = true)]
    pub env: Option<String>,
    /// Print data as text or as JSON
    #[arg(
        long,
        value_enum,
        value_name = "text|json",
        global = true,
        default_value = "text",
        hide_default_value = true,
        hide_possible_values = true
    )]
    pub format: Format,
    #[expect(clippy::doc_markdown, reason = "clap prints this comment as it is")]
    /// No colour; the same as NO_COLOR=1
    #[arg(long, global = true)]
    pub no_color: bool,
    /// Say only what goes wrong
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Say more; twice for all
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Wait until it is running and ready
    #[arg(long, global = true)]
    pub wait: bool,
    /// Give up waiting after this long, such as 30s
    #[arg(long, value_name = "TIME", global = true, value_parser = duration, default_value = "30s", hide_default_value = true)]
    pub timeout: Duration,
}

/// Every verb.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Start the services of this project behind one gateway
    Up(up::Args),
    /// Stop what `up` or `serve` runs, gracefully
    Down(down::Args),
    /// Start services anew while their requests are held
    Restart(restart::Args),
    /// Run one service alone, here, with what `up` would give it
    Run(run::Args),
    /// Run a command in a service's folder, with its environment
    Exec(exec::Args),
    /// Write a trunkline.yaml of what is found in a folder
    Init(init::Args),
    /// Add a service that is found in a folder to the trunkline.yaml
    Add(add::Args),
    /// Serve the given configuration files as a production gateway
    Serve(serve::Args),
    /// Show what runs, its health, rates and latencies
    Status(status::Args),
    /// Print the URLs of the project
    Urls(urls::Args),
    /// Print what the services wrote
    Logs(logs::Args),
    /// List open connections and what they ask for, or cut some of them
    Sessions(sessions::Args),
    /// Take stored responses out of the cache
    Cache(cache::Args),
    /// List recent requests, or draw one of them through all services
    Traces(traces::Args),
    /// List, check, export, back up and restore what is kept of spans
    Store(store::Args),
    /// Let this machine trust the project's root certificate, store by store
    Trust(trust::Args),
    /// Check configuration files without running anything
    Check(check::Args),
    /// Look for what keeps this machine from running the project well
    Doctor(doctor::Args),
    /// Explain which way a request would take, what a setting is, or a code such as TL0103
    Explain(explain::Args),
    /// Read the configuration again, without losing a request
    Reload(reload::Args),
    /// Show breakers, retries and bulkheads, and open or close breakers
    Resilience(resilience::Args),
    /// Inject latency or errors into a service, to see what protects it
    Fault(fault::Args),
    /// Drain an endpoint, take it out, bring it back, or change its weight or limit
    Endpoint(endpoint::Args),
    /// Hand everything over to a new binary, without losing a request
    Upgrade(upgrade::Args),
    /// Print the JSON Schema of trunkline.yaml
    Schema(schema::Args),
    /// Print completions for a shell
    Completions(completions::Args),
    /// Print the version
    Version(version::Args),
    /// Print reference documentation generated from the code
    #[command(name = "__docs", hide = true)]
    Docs(docs::Args),
}

/// What every verb is given.
#[derive(Debug)]
pub(crate) struct Context {
    /// Flags that mean the same everywhere.
    pub globals: Globals,
    /// The one that prints.
    pub printer: std::sync::Arc<Printer>,
    /// `--timeout`, if it was given: `up` waits as long as its services may take otherwise.
    pub patience: Option<Duration>,
}

/// Reads the command line, runs the verb, tells a failure, returns how it ended.
pub(crate) fn main() -> Exit {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    if arguments.get(1).is_some_and(|verb| verb == trunkline_local::child::VERB) {
        return child(arguments.into_iter().skip(2));
    }
    let read = command()
        .try_get_matches_from(arguments)
        .and_then(|found| Ok((Cli::from_arg_matches(&found)?, is_timeout_given(&found))));
    let (cli, timeout_given) = match read {
        Ok(read) => read,
        Err(error) => return refuse(&error),
    };
    let settings = Settings {
        format: cli.globals.format,
        no_color: cli.globals.no_color,
        quiet: cli.globals.quiet,
    };
    let context = Context {
        patience: timeout_given.then_some(cli.globals.timeout),
        globals: cli.globals,
        printer: std::sync::Arc::new(Printer::new(settings)),
    };
    let Some(verb) = cli.verb else {
        context.printer.raw(&command().render_help().to_string());
        return Exit::Done;
    };
    match run(verb, &context) {
        Ok(exit) => exit,
        Err(failure) => {
            context.printer.failure(&failure);
            failure.exit
        }
    }
}

/// Whether a person wrote `--timeout`, in front of the verb or behind it.
fn is_timeout_given(found: &clap::ArgMatches) -> bool {
    let given = |found: &clap::ArgMatches| {
        found.value_source("timeout") == Some(clap::parser::ValueSource::CommandLine)
    };
    given(found) || found.subcommand().is_some_and(|(_, found)| given(found))
}

fn run(verb: Verb, context: &Context) -> Verdict {
    match verb {
        Verb::Up(args) => up::run(&args, context),
        Verb::Init(args) => init::run(&args, context),
        Verb::Add(args) => add::run(&args, context),
        Verb::Serve(args) => serve::run(args, context),
        Verb::Schema(args) => schema::run(&args, context),
        Verb::Down(args) => down::run(&args, context),
        Verb::Restart(args) => restart::run(&args, context),
        Verb::Run(args) => run::run(&args, context),
        Verb::Exec(args) => exec::run(&args, context),
        Verb::Status(args) => status::run(&args, context),
        Verb::Urls(args) => urls::run(&args, context),
        Verb::Logs(args) => logs::run(&args, context),
        Verb::Sessions(args) => sessions::run(&args, context),
        Verb::Cache(args) => cache::run(&args, context),
        Verb::Resilience(args) => resilience::run(&args, context),
        Verb::Fault(args) => fault::run(&args, context),
        Verb::Endpoint(args) => endpoint::run(&args, context),
        Verb::Traces(args) => traces::run(&args, context),
        Verb::Store(args) => store::run(&args, context),
        Verb::Trust(args) => trust::run(&args, context),
        Verb::Check(args) => check::run(&args, context),
        Verb::Doctor(args) => doctor::run(&args, context),
        Verb::Explain(args) => explain::run(&args, context),
        Verb::Reload(args) => reload::run(&args, context),
        Verb::Upgrade(args) => upgrade::run(&args, context),
        Verb::Completions(args) => completions::run(&args, context),
        Verb::Version(args) => version::run(&args, context),
        Verb::Docs(args) => docs::run(&args, context),
    }
}

/// Help that was asked for is data; a wrong command line is told on standard error.
fn refuse(error: &clap::Error) -> Exit {
    let asked_for_help = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    // A closed pipe is not an error: there is nobody to tell.
    let _ = error.print();
    if asked_for_help { Exit::Done } else { Exit::Usage }
}

/// Becomes a service of `up`; comes back only when that failed.
fn child(arguments: impl Iterator<Item = OsString>) -> Exit {
    let Err(error) = trunkline_local::child::become_child(arguments);
    Printer::new(Settings::default()).error(crate::exit::chain(&error));
    Exit::Failed
}

fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_table_of_verbs_is_consistent() {
        command().debug_assert();
    }

    #[test]
    fn every_visible_verb_is_in_one_group_and_ends_with_an_example() {
        let grouped: Vec<_> = GROUPS.iter().flat_map(|(_, verbs)| verbs.iter().copied()).collect();
        for verb in Cli::command().get_subcommands().filter(|verb| !verb.is_hide_set()) {
            assert_eq!(
                grouped.iter().filter(|name| **name == verb.get_name()).count(),
                1,
                "{}",
                verb.get_name()
            );
            let after = verb.get_after_help().map(ToString::to_string).unwrap_or_default();
            let call = format!("trunkline {}", verb.get_name());
            assert!(after.starts_with("Example:\n  ") && after.contains(&call), "{call}");
        }
    }
}
