//! The front page: verbs in groups, and the exit codes. The text of each verb comes from its entry
//! in the table of verbs.

use std::fmt::Write as _;

use clap::{Command, CommandFactory};

use super::Cli;
use crate::exit::Exit;

/// Verbs by what a person wants to do. A test checks that every verb is in one group.
pub(crate) const GROUPS: &[(&str, &[&str])] = &[
    ("Run", &["up", "down", "restart", "run", "exec", "init", "add", "serve"]),
    ("See", &["status", "urls", "logs", "traces", "sessions", "resilience"]),
    ("Trust", &["trust"]),
    ("Verify", &["check", "explain", "doctor", "fault"]),
    ("Ship", &["reload", "endpoint", "cache", "store", "upgrade"]),
    ("Tools", &["schema", "completions", "version"]),
];

const TEMPLATE: &str = "\
{about-with-newline}
{usage-heading} {usage}
{before-help}

Everywhere:
{options}{after-help}";

/// The whole command line, with its front page.
pub(crate) fn command() -> Command {
    let command = Cli::command();
    let groups = groups(&command);
    let exits =
        Exit::TABLE.iter().fold("Exit codes:".to_owned(), |mut text, (_, code, meaning)| {
            let _ = write!(text, "\n  {code:<4} {meaning}");
            text
        });
    command
        .help_template(TEMPLATE)
        .override_usage("trunkline <command> [options]")
        .before_help(groups)
        .after_help(format!("{exits}\n\nExample:\n  trunkline up"))
}

fn groups(command: &Command) -> String {
    let mut text = String::new();
    for (group, verbs) in GROUPS {
        let _ = write!(text, "\n{group}:");
        for name in *verbs {
            let about = command.find_subcommand(name).and_then(Command::get_about);
            let _ = write!(
                text,
                "\n  {name:<13}{}",
                about.map(ToString::to_string).unwrap_or_default()
            );
        }
        text.push('\n');
    }
    text
}
