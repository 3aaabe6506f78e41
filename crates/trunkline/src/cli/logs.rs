//! `logs`: what the services wrote, and with `-f` what they write.

use std::fmt::Write as _;

use serde_json::Value;

use super::Context;
use crate::client::{Control, encode};
use crate::exit::{Exit, Failure, Verdict};
use crate::lines::{Level, Record};
use crate::runtime;
use crate::screen::logs::{Line, Look, name_cells, render};

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
    /// Only lines of this level and worse, and what belongs to them: trace, debug, info, warn, error, fatal
    #[arg(long, value_name = "LEVEL", value_enum, hide_possible_values = true)]
    level: Option<Level>,
    /// At most so many of the lines that exist already
    #[arg(long, value_name = "LINES")]
    tail: Option<usize>,
}

/// Prints the lines.
pub(crate) fn run(args: &Args, context: &Context) -> Verdict {
    runtime::small(async {
        let control = Control::connect(context).await?;
        let path = path(args);
        let look = look(&control, context).await;
        let mut wrong = None;
        let reading = control.lines(&path, |line| match print(line, &look, context) {
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

/// How lines look here, with links to where the run shows its traces.
async fn look(control: &Control, context: &Context) -> Look {
    let urls: Value = control.get("/v1/urls").await.unwrap_or_default();
    let listed = || urls.get("urls").and_then(Value::as_array).into_iter().flatten();
    let services = listed().filter(|url| url.get("kind").is_some_and(|kind| kind == "service"));
    let services = services.filter_map(|url| url.get("name")?.as_str());
    let mut jaeger = listed().filter(|url| url.get("name").is_some_and(|name| name == "jaeger"));
    let base = jaeger.next().and_then(|url| url.get("url")?.as_str().map(str::to_owned));
    Look {
        paint: context.printer.data,
        columns: context.printer.data_columns(),
        traces: base.map(|base| format!("{}/api/traces/", base.trim_end_matches('/'))),
        names: name_cells(services),
    }
}

fn print(line: &[u8], look: &Look, context: &Context) -> Result<(), Failure> {
    let unreadable = |error| Failure::new(format_args!("a log line cannot be read: {error}"));
    if context.printer.is_json() {
        let document: Value = serde_json::from_slice(line).map_err(unreadable)?;
        context.printer.json_line(&document);
    } else {
        let line: Line = serde_json::from_slice(line).map_err(unreadable)?;
        context.printer.data(render(&line, &Record::of(&line.text), look));
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
        ("level", args.level.map(|level| level.as_str().to_owned())),
        ("tail", args.tail.map(|n| n.to_string())),
    ];
    for (name, value) in given {
        if let Some(value) = value {
            let _ = write!(path, "&{name}={}", encode(&value));
        }
    }
    path
}
