//! `doctor`: looks for what keeps this machine from running the project well.

use serde_json::json;

use super::Context;
use crate::doctor::{self, Here, Section, State};
use crate::exit::{Exit, Failure, Verdict};
use crate::runtime;
use crate::screen::doctor::{Detail, render};

/// Arguments of `doctor`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  trunkline doctor -o short")]
pub(crate) struct Args {
    /// Print everything, or only what is not as it should be
    #[arg(
        short,
        long,
        value_enum,
        value_name = "full|short",
        default_value = "full",
        hide_default_value = true,
        hide_possible_values = true
    )]
    output: Detail,
    /// Print only the lines that /etc/hosts lacks for the project's names
    #[arg(long, conflicts_with = "fix")]
    hosts: bool,
    /// End processes and remove folders that dead runs left
    #[arg(long)]
    fix: bool,
}

/// Looks, and mends what dead runs left if that was asked for.
pub(crate) fn run(args: &Args, context: &Context) -> Verdict {
    let here = Here::look(context)?;
    if args.fix {
        for done in doctor::mend() {
            context.printer.note(done);
        }
    }
    runtime::small(async {
        if args.hosts {
            return hosts(&here, context).await;
        }
        let sections = doctor::examine(&here).await;
        let worst = sections.iter().flat_map(|section| &section.checks).map(|check| check.state);
        let exit = if worst.max() == Some(State::Failed) { Exit::Failed } else { Exit::Done };
        if context.printer.is_json() {
            context.printer.json(&document(&sections));
        } else {
            context.printer.raw(&render(&sections, args.output, context.printer.data));
        }
        Ok(exit)
    })
}

async fn hosts(here: &Here, context: &Context) -> Verdict {
    let project = here.project().ok_or_else(|| {
        Failure::usage("there is no project here whose names could be looked up")
            .hint("name its folder with `-C`; `trunkline check` says what is wrong with a file")
    })?;
    let lost = doctor::unresolved(&project.model).await;
    let lines = doctor::hosts_lines(&lost);
    if context.printer.is_json() {
        context.printer.json(&json!({ "schema": 1, "lines": lines }));
    } else if lines.is_empty() {
        context.printer.note("every name leads to this machine already");
    } else {
        for line in lines {
            context.printer.data(line);
        }
    }
    Ok(Exit::Done)
}

fn document(sections: &[Section]) -> serde_json::Value {
    let count = |state: State| {
        let checks = sections.iter().flat_map(|section| &section.checks);
        checks.filter(|check| check.state == state).count()
    };
    let sections: Vec<_> = sections
        .iter()
        .map(|section| {
            let checks: Vec<_> = section
                .checks
                .iter()
                .map(|check| {
                    json!({ "state": check.state.word(), "what": check.what, "fix": check.fix })
                })
                .collect();
            json!({ "title": section.title, "checks": checks })
        })
        .collect();
    json!({
        "schema": 1,
        "sections": sections,
        "passed": count(State::Good),
        "warnings": count(State::Warning),
        "failed": count(State::Failed),
    })
}
