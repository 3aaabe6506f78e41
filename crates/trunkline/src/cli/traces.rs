//! `traces`: search stored traces, or draw one as a waterfall.

mod draw;

use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Context;
use crate::client::{Control, encode};
use crate::exit::{Exit, Failure, Verdict};
use crate::print::Paint;
use crate::runtime;
use crate::screen::traces::{List, render_list};

/// Arguments of `traces`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  trunkline traces --service orders --tag http.response.status_code>=500 --since 15m"
)]
pub(crate) struct Args {
    /// Draw this trace; the beginning of its id is enough, and `last` is the newest
    #[arg(value_name = "ID")]
    id: Option<String>,
    #[command(flatten)]
    search: Search,
    #[command(flatten)]
    look: draw::Look,
}

/// Which traces are listed: those with one single span that fits all of it.
#[derive(Debug, clap::Args)]
struct Search {
    /// Only traces with a span of this service; of one of them, if repeated
    #[arg(long, value_name = "NAME", conflicts_with = "id")]
    service: Vec<String>,
    /// Only traces with a span of this operation
    #[arg(long = "op", value_name = "NAME", alias = "operation", conflicts_with = "id")]
    operation: Vec<String>,
    /// Only traces with a span that has this: key=value, key!=value, key>5, key~regex, key, !key
    #[arg(long, value_name = "CONDITION", conflicts_with = "id")]
    tag: Vec<String>,
    /// Only traces with a span that ended so: error, ok, unset
    #[arg(long, value_name = "STATUS", conflicts_with = "id")]
    status: Option<String>,
    /// Only traces with a span that fits this filter in JSON
    #[arg(long, value_name = "JSON", conflicts_with = "id")]
    filter: Option<String>,
    /// Only traces with a span at least as long: 250ms
    #[arg(long, value_name = "DURATION", conflicts_with = "id")]
    min_duration: Option<String>,
    /// Only traces with a span at most as long
    #[arg(long, value_name = "DURATION", conflicts_with = "id")]
    max_duration: Option<String>,
    /// Only from this time on: 15m, or 2026-01-31T12:00:00Z
    #[arg(long, value_name = "TIME", conflicts_with = "id")]
    since: Option<String>,
    /// Only up to this time
    #[arg(long, value_name = "TIME", conflicts_with = "id")]
    until: Option<String>,
    /// List at most so many
    #[arg(long, value_name = "COUNT", default_value_t = 20, conflicts_with = "id")]
    limit: usize,
    /// Go on behind the list that was printed before
    #[arg(long, value_name = "CURSOR", conflicts_with = "id")]
    cursor: Option<String>,
}

impl Search {
    /// The path that answers it.
    fn path(&self) -> String {
        let mut path = format!("/v1/traces?limit={}", self.limit);
        let mut put = |name: &str, value: &str| {
            path.extend(["&", name, "=", &encode(value)]);
        };
        for service in &self.service {
            put("service", service);
        }
        for operation in &self.operation {
            put("operation", operation);
        }
        for tag in &self.tag {
            put("attribute", tag);
        }
        let once = [
            ("status", &self.status),
            ("filter", &self.filter),
            ("min_duration", &self.min_duration),
            ("max_duration", &self.max_duration),
            ("since", &self.since),
            ("until", &self.until),
            ("cursor", &self.cursor),
        ];
        for (name, value) in once {
            if let Some(value) = value {
                put(name, value);
            }
        }
        path
    }

    /// Whether something was asked for beside a number.
    fn is_filtered(&self) -> bool {
        self.path() != format!("/v1/traces?limit={}", self.limit)
    }
}

/// Prints the list or the trace.
pub(crate) fn run(args: &Args, context: &Context) -> Verdict {
    runtime::small(async {
        let control = Control::connect(context).await?;
        match &args.id {
            Some(id) => {
                let id = whole_id(id, &control).await?;
                draw::one(&id, &args.look, &control, context).await
            }
            None => find(&args.search, &control, context).await,
        }
    })
}

async fn find(search: &Search, control: &Control, context: &Context) -> Verdict {
    let document: Value = control.get(&search.path()).await?;
    let printer = &context.printer;
    if printer.is_json() {
        printer.json(&document);
        return Ok(Exit::Done);
    }
    let list: List = read(document)?;
    printer.raw(&render_list(&list, search.is_filtered(), printer.data));
    if list.partial {
        printer
            .note("  the time for one question ended: there may be more, narrow it with --since");
    }
    if let Some(next) = list.next.filter(|_| printer.data_columns().is_some()) {
        printer.note(format_args!("  there are older ones: --cursor {next}"));
    }
    Ok(Exit::Done)
}

/// Stands for the id of the newest trace.
const LAST: &str = "last";

/// By then the spans of a request that was answered just now are there.
const RECORDED: Duration = Duration::from_millis(200);

async fn newest(control: &Control) -> Result<String, Failure> {
    tokio::time::sleep(RECORDED).await;
    let document: Value = control.get("/v1/traces?limit=1").await?;
    let id = document.pointer("/traces/0/id").and_then(Value::as_str);
    let hint = "send a request through the gateway first; `trunkline urls` says where it is";
    id.map(str::to_owned).ok_or_else(|| Failure::new("there is no trace yet").hint(hint))
}

/// Characters of a whole id (W3C Trace Context §3.2.2.3).
const ID_CHARS: usize = 32;
/// Traces among which the beginning of an id is looked for: as many as the API lists at once.
const LOOKED_AT_MAX: usize = 1_000;

/// The whole id of the one trace that begins so. One that is not found is left to the run to refuse.
async fn whole_id(begin: &str, control: &Control) -> Result<String, Failure> {
    if begin == LAST {
        return newest(control).await;
    }
    // Copied from a list that was cut.
    let begin = begin.trim_end_matches('…');
    if begin.len() >= ID_CHARS {
        return Ok(begin.to_lowercase());
    }
    let list: Value = control.get(&format!("/v1/traces?limit={LOOKED_AT_MAX}")).await?;
    let traces = list.get("traces").and_then(Value::as_array).into_iter().flatten();
    let ids = traces.filter_map(|trace| trace.get("id")?.as_str());
    let mut found = ids.filter(|id| id.starts_with(begin));
    match (found.next(), found.next()) {
        (Some(id), None) => Ok(id.to_owned()),
        (Some(_), Some(_)) => {
            Err(Failure::usage(format_args!("several traces begin with `{begin}`")))
        }
        // Ids of 64 bits are written without the zeros before them.
        (None, _) => Ok(format!("{begin:0>ID_CHARS$}")),
    }
}

/// The last requests as people read them.
pub(crate) async fn list(control: &Control, limit: usize, paint: Paint) -> Result<String, Failure> {
    let document = control.get(&format!("/v1/traces?limit={limit}")).await?;
    Ok(render_list(&read(document)?, false, paint))
}

fn read<T: DeserializeOwned>(document: Value) -> Result<T, Failure> {
    serde_json::from_value(document)
        .map_err(|error| Failure::new(format_args!("the answer cannot be read: {error}")))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    fn path(line: &str) -> String {
        Line::try_parse_from(std::iter::once("traces").chain(line.split(' ')))
            .unwrap()
            .args
            .search
            .path()
    }

    #[test]
    fn what_is_asked_for_is_sent_as_the_api_reads_it() {
        assert_eq!(
            path(
                "--service a --service b&c --op GET --tag x=1 --tag !y --min-duration 250ms --limit 5"
            ),
            "/v1/traces?limit=5&service=a&service=b%26c&operation=GET&attribute=x%3D1&attribute=%21y&min_duration=250ms"
        );
        assert_eq!(
            path("--status error --max-duration 2s --since 15m --until 5m --cursor 1-a"),
            "/v1/traces?limit=20&status=error&max_duration=2s&since=15m&until=5m&cursor=1-a"
        );
    }

    #[test]
    fn one_trace_is_not_searched_for() {
        let parse = |line: &str| Line::try_parse_from(line.split(' '));
        assert!(parse("traces last --service web").is_err());
        assert!(parse("traces --all").is_err());
        assert!(parse("traces last --all --critical").is_ok());
    }
}
