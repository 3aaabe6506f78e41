//! `explain`: what a code means, or which way a request would take.

use serde_json::{Value, json};
use trunkline_config::diagnostic::codes;

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
    /// A code such as TL0103, or a request such as "GET https://shop.localhost/api/orders"
    #[allow(rustdoc::bare_urls, reason = "the words are printed as help")]
    #[arg(value_name = "CODE|REQUEST")]
    subject: String,
    /// A header of the request; can be repeated
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    headers: Vec<String>,
}

/// Explains a code by itself, a request by asking the running process.
pub(crate) fn run(args: &Args, context: &Context) -> Verdict {
    let subject = args.subject.trim();
    if let Some(code) = codes::find(subject) {
        explain_code(code, context);
        return Ok(Exit::Done);
    }
    let (method, url) = subject.split_once(' ').unwrap_or(("GET", subject));
    if !url.contains("://") {
        return Err(Failure::usage(format_args!(
            "`{}` is neither a code nor a request",
            crate::print::clean(subject)
        ))
        .hint("a request has a whole URL: \"GET https://shop.localhost/api/orders\""));
    }
    runtime::small(async {
        let control = Control::connect(context).await?;
        let mut path = format!("/v1/explain?method={}&url={}", encode(method), encode(url.trim()));
        for header in &args.headers {
            path.push_str("&header=");
            path.push_str(&encode(header));
        }
        let document: Value = control.get(&path).await?;
        if context.printer.is_json() {
            context.printer.json(&document);
            return Ok(Exit::Done);
        }
        let found =
            serde_json::from_value(document).map_err(|error| Failure::from_error(&error))?;
        context.printer.raw(&render(&found, context.printer.data));
        Ok(Exit::Done)
    })
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
