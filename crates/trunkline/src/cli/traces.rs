//! `traces`: recent requests, or the waterfall of one.

use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Context;
use crate::client::{Control, encode};
use crate::exit::{Exit, Failure, Verdict};
use crate::print::Paint;
use crate::runtime;
use crate::screen::traces::{render_list, render_one};

/// Arguments of `traces`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  trunkline traces last")]
pub(crate) struct Args {
    /// Draw this trace; the beginning of its id is enough, and `last` is the newest
    #[arg(value_name = "ID")]
    id: Option<String>,
    /// List at most so many
    #[arg(long, value_name = "COUNT", default_value_t = 20, conflicts_with = "id")]
    limit: usize,
    /// Only traces with a span of this service
    #[arg(long, value_name = "NAME", conflicts_with = "id")]
    service: Option<String>,
}

/// Prints the list or the trace.
pub(crate) fn run(args: &Args, context: &Context) -> Verdict {
    runtime::small(async {
        let control = Control::connect(context).await?;
        let id = match &args.id {
            Some(id) if id == LAST => Some(newest(&control).await?),
            Some(id) if id.len() < ID_CHARS => Some(whole_id(id, &control).await?),
            id => id.clone(),
        };
        let path = match (&id, &args.service) {
            (Some(id), _) => format!("/v1/traces/{}", encode(id)),
            (None, Some(service)) => {
                format!("/v1/traces?limit={}&service={}", args.limit, encode(service))
            }
            (None, None) => format!("/v1/traces?limit={}", args.limit),
        };
        let document: Value = control.get(&path).await?;
        if context.printer.is_json() {
            context.printer.json(&document);
            return Ok(Exit::Done);
        }
        let paint = context.printer.data;
        let text = match args.id {
            Some(_) => render_one(&read(document)?, paint),
            None => render_list(&read(document)?, paint),
        };
        context.printer.raw(&text);
        Ok(Exit::Done)
    })
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
    // Copied from a list that was cut.
    let begin = begin.trim_end_matches('…');
    let list: Value = control.get(&format!("/v1/traces?limit={LOOKED_AT_MAX}")).await?;
    let traces = list.get("traces").and_then(Value::as_array).into_iter().flatten();
    let ids = traces.filter_map(|trace| trace.get("id")?.as_str());
    let mut found = ids.filter(|id| id.starts_with(begin));
    match (found.next(), found.next()) {
        (Some(id), None) => Ok(id.to_owned()),
        (Some(_), Some(_)) => {
            Err(Failure::usage(format_args!("several traces begin with `{begin}`")))
        }
        (None, _) => Ok(begin.to_owned()),
    }
}

/// The last requests as people read them.
pub(crate) async fn list(control: &Control, limit: usize, paint: Paint) -> Result<String, Failure> {
    Ok(render_list(&read(control.get(&format!("/v1/traces?limit={limit}")).await?)?, paint))
}

fn read<T: DeserializeOwned>(document: Value) -> Result<T, Failure> {
    serde_json::from_value(document)
        .map_err(|error| Failure::new(format_args!("the answer cannot be read: {error}")))
}
