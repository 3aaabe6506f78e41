//! `urls`: where everything can be reached.

use serde::Deserialize;
use serde_json::Value;

use super::Context;
use crate::client::Control;
use crate::exit::{Exit, Failure, Verdict};
use crate::print::{Align, Role, Table, clean};
use crate::runtime;

/// Arguments of `urls`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  trunkline urls --format json")]
pub(crate) struct Args {}

#[derive(Debug, Deserialize)]
struct Urls {
    urls: Vec<Url>,
}

#[derive(Debug, Deserialize)]
#[expect(clippy::struct_field_names, reason = "the API names it so")]
struct Url {
    kind: String,
    name: String,
    url: String,
    #[serde(default)]
    also: Vec<String>,
}

/// Prints the URLs.
pub(crate) fn run(_args: &Args, context: &Context) -> Verdict {
    runtime::small(async {
        let document: Value = Control::connect(context).await?.get("/v1/urls").await?;
        if context.printer.is_json() {
            context.printer.json(&document);
            return Ok(Exit::Done);
        }
        let found: Urls =
            serde_json::from_value(document).map_err(|error| Failure::from_error(&error))?;
        let mut table =
            Table::new(&[("kind", Align::Left), ("name", Align::Left), ("url", Align::Left)]);
        for url in found.urls {
            table.row(vec![
                (clean(&url.kind).into_owned(), Some(Role::Faint)),
                (clean(&url.name).into_owned(), Some(Role::Strong)),
                (clean(&url.url).into_owned(), Some(Role::Hint)),
            ]);
            for also in url.also {
                let nothing = || (String::new(), None);
                table.row(vec![
                    nothing(),
                    nothing(),
                    (clean(&also).into_owned(), Some(Role::Hint)),
                ]);
            }
        }
        context.printer.raw(&table.render(context.printer.data));
        Ok(Exit::Done)
    })
}
