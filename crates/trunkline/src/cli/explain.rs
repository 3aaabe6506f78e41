//! `explain`: what a code means, which way a request would take, what a setting is and why.
//!
//! The running process is asked where there is one; else the file is read and asked the same.

mod offline;
mod setting;
mod subject;

use serde_json::{Value, json};
use trunkline_config::diagnostic::codes;

use self::subject::{Request, Subject};
use super::Context;
use crate::client::{Control, encode};
use crate::exit::{Exit, Failure, Verdict};
use crate::runtime;
use crate::screen::explain::render;

/// Arguments of `explain`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  trunkline explain \"GET https://shop.localhost/api/orders\"")]
pub(crate) struct Args {
    #[expect(clippy::doc_markdown, reason = "clap prints this comment as it is")]
    /// A request such as "GET https://shop.localhost/api/orders", a call such as "web -> orders
    /// POST /orders", a setting such as orders.timeout, or a code such as TL0103
    #[allow(rustdoc::bare_urls, reason = "the words are printed as help")]
    #[arg(value_name = "REQUEST|SETTING|CODE", allow_hyphen_values = false)]
    subject: String,
    /// A header of the request; can be repeated
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    headers: Vec<String>,
}

/// Explains a code by itself, everything else by asking the running process or the file.
pub(crate) fn run(args: &Args, context: &Context) -> Verdict {
    match subject::read(&args.subject, &args.headers)? {
        Subject::Code(code) => {
            explain_code(code, context);
            Ok(Exit::Done)
        }
        Subject::Setting { object, key } => runtime::small(setting::run(object, key, context)),
        Subject::Request(request) => runtime::small(explain_request(request, context)),
    }
}

async fn explain_request(mut request: Request, context: &Context) -> Verdict {
    let document: Value = match Control::connect(context).await {
        Ok(control) => {
            if request.url.starts_with('/') {
                let urls: Value = control.get("/v1/urls").await?;
                request.url =
                    gateway(&urls).unwrap_or("http://localhost").to_owned() + &request.url;
            }
            control.get(&path(&request)).await?
        }
        Err(failure) if failure.exit == Exit::NotRunning => {
            offline::explain(request, failure, context)?
        }
        Err(failure) => return Err(failure),
    };
    if context.printer.is_json() {
        context.printer.json(&document);
        return Ok(Exit::Done);
    }
    let found = serde_json::from_value(document).map_err(|error| Failure::from_error(&error))?;
    context.printer.raw(&render(&found, context.printer.data));
    Ok(Exit::Done)
}

/// Where the gateway is, by TLS if it can be.
fn gateway(urls: &Value) -> Option<&str> {
    let all = urls.get("urls")?.as_array()?;
    let gateways = all.iter().filter(|one| one.get("kind").is_some_and(|kind| kind == "gateway"));
    let urls: Vec<&str> = gateways.filter_map(|one| one.get("url")?.as_str()).collect();
    let secure = urls.iter().find(|url| url.starts_with("https://"));
    secure.or(urls.first()).map(|url| url.trim_end_matches('/'))
}

fn path(request: &Request) -> String {
    let mut path =
        format!("/v1/explain?method={}&url={}", encode(&request.method), encode(&request.url));
    if let Some(from) = &request.from {
        path = path + "&from=" + &encode(from);
    }
    for header in &request.headers {
        path = path + "&header=" + &encode(header);
    }
    path
}

fn explain_code(code: &codes::Code, context: &Context) {
    let printer = &context.printer;
    if printer.is_json() {
        printer.json(&json!({ "schema": 1, "code": code.code, "level": code.level.to_string(), "name": code.name, "page": code.page }));
    } else {
        printer
            .data(format_args!("{} · {} · {}\n\n{}", code.code, code.level, code.name, code.page));
    }
}
