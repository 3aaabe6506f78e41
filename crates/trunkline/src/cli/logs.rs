//! `logs`: what the services wrote, and with `-f` what they write.

use std::fmt::Write as _;

use serde_json::Value;

use super::Context;
use crate::client::{Control, encode};
use crate::exit::{Exit, Failure, Verdict};
use crate::runtime;
use crate::screen::logs::{Line, render};

/// Arguments of `logs`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  trunkline logs orders -f --since 5m --grep error")]
pub(crate) struct Args {
    /// Only these services
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
    /// Go on as new lines come, until Ctrl-C
    #[arg(short, long)]
    follow: bool,
    /// Only lines from this time on: 5m, or 2026-01-31T12:00:00Z
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Only lines that this regular expression finds
    #[arg(long, value_name = "REGEX")]
    grep: Option<String>,
    /// At most so many of the lines that exist already
    #[arg(long, value_name = "LINES")]
    tail: Option<usize>,
}

/// Prints the lines.
pub(crate) fn run(args: &Args, context: &Context) -> Verdict {
    runtime::small(async {
        let control = Control::connect(context).await?;
        let path = path(args);
        let mut wrong = None;
        let reading = control.lines(&path, |line| match print(line, context) {
            Ok(()) => !context.printer.is_reader_gone(),
            Err(failure) => {
                wrong = Some(failure);
                false
            }
        });
        tokio::select! {
            read = reading => read?,
            _ = tokio::signal::ctrl_c() => return Ok(Exit::Interrupted),
        }
        wrong.map_or(Ok(Exit::Done), Err)
    })
}

fn print(line: &[u8], context: &Context) -> Result<(), Failure> {
    let unreadable = |error| Failure::new(format_args!("a log line cannot be read: {error}"));
    if context.printer.is_json() {
        let document: Value = serde_json::from_slice(line).map_err(unreadable)?;
        context.printer.json_line(&document);
    } else {
        let line: Line = serde_json::from_slice(line).map_err(unreadable)?;
        context.printer.data(render(&line, context.printer.data));
    }
    Ok(())
}

fn path(args: &Args) -> String {
    let mut path = format!("/v1/logs?follow={}", args.follow);
    for service in &args.services {
        let _ = write!(path, "&service={}", encode(service));
    }
    let given = [
        ("since", args.since.clone()),
        ("grep", args.grep.clone()),
        ("tail", args.tail.map(|n| n.to_string())),
    ];
    for (name, value) in given {
        if let Some(value) = value {
            let _ = write!(path, "&{name}={}", encode(&value));
        }
    }
    path
}
