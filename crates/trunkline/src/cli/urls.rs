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
#[command(after_help = "Example:\n  curl -k $(trunkline urls app)")]
pub(crate) struct Args {
    /// Print only the first URL of this: `app` for the gateway, a service, or a surface such as `console`
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
}

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
pub(crate) fn run(args: &Args, context: &Context) -> Verdict {
    runtime::small(async {
        let document: Value = Control::connect(context).await?.get("/v1/urls").await?;
        if context.printer.is_json() && args.name.is_none() {
            context.printer.json(&document);
            return Ok(Exit::Done);
        }
        let found: Urls =
            serde_json::from_value(document).map_err(|error| Failure::from_error(&error))?;
        if let Some(name) = &args.name {
            return one(name, &found.urls, context);
        }
        context.printer.raw(&table(&found.urls).render(context.printer.data));
        Ok(Exit::Done)
    })
}

/// The first URL of one thing, bare, for other programs.
fn one(name: &str, urls: &[Url], context: &Context) -> Verdict {
    // The secure way into the gateway, if there is one: `http` is listed before `https`.
    let mut found = urls.iter().filter(|url| match name {
        "app" => url.kind == "gateway",
        _ => url.name == name,
    });
    let Some(url) = (if name == "app" { found.next_back() } else { found.next() }) else {
        let names: Vec<_> = urls.iter().map(|url| clean(&url.name)).collect();
        return Err(Failure::new(format!("nothing here is called `{}`", clean(name)))
            .hint(format!("there are app, {}", names.join(", "))));
    };
    if context.printer.is_json() {
        context.printer.json(&serde_json::json!({ "schema": 1, "url": url.url }));
    } else {
        context.printer.raw(&format!("{}\n", clean(&url.url)));
    }
    Ok(Exit::Done)
}

fn table(urls: &[Url]) -> Table {
    let mut table =
        Table::new(&[("kind", Align::Left), ("name", Align::Left), ("url", Align::Left)]);
    for url in urls {
        table.row(vec![
            (clean(&url.kind).into_owned(), Some(Role::Faint)),
            (clean(&url.name).into_owned(), Some(Role::Strong)),
            (clean(&url.url).into_owned(), Some(Role::Hint)),
        ]);
        for also in &url.also {
            let nothing = || (String::new(), None);
            table.row(vec![nothing(), nothing(), (clean(also).into_owned(), Some(Role::Hint))]);
        }
    }
    table
}
