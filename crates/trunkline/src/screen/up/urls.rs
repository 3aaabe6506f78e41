//! Where everything is, once it is ready; and what is not.

use std::fmt::Write as _;
use std::time::Duration;

use trunkline_api::commands::{Url, UrlTarget};
use trunkline_model::ports::Surface;

use super::span;
use crate::print::{Paint, Role, clean};

/// Width of the names before URLs.
const LABEL_CELLS: usize = 10;

/// Everything is ready.
pub(crate) fn ready(urls: &[Url], after: Duration, paint: Paint) -> String {
    format!("\n  {} in {}\n\n{}", paint.apply(Role::Good, "Ready"), span(after), block(urls, paint))
}

/// Some services failed for good, or wait for one that did; the others serve.
pub(crate) fn not_ready(
    urls: &[Url],
    failed: &[String],
    waiting: &[String],
    paint: Paint,
) -> String {
    let verb = if failed.len() == 1 { "has" } else { "have" };
    let mut text = format!(
        "\n  {}: {} {verb} failed",
        paint.apply(Role::Error, "Not ready"),
        clean(&failed.join(", "))
    );
    if !waiting.is_empty() {
        let verb = if waiting.len() == 1 { "waits" } else { "wait" };
        let _ = write!(text, "; {} {verb} for that", clean(&waiting.join(", ")));
    }
    let _ = write!(
        text,
        "\n    {}: mend it, then `trunkline restart {}`\n\n{}",
        paint.apply(Role::Hint, "hint"),
        failed.first().map(|name| clean(name)).unwrap_or_default(),
        block(urls, paint)
    );
    text
}

/// The application, the console, the services' own URLs.
fn block(urls: &[Url], paint: Paint) -> String {
    let mut text = String::new();
    for (at, url) in app(urls).into_iter().enumerate() {
        line(&mut text, if at == 0 { "App" } else { "" }, &link(url, paint));
    }
    for url in urls.iter().filter(|url| is_surface(url, Surface::Console)) {
        line(&mut text, "Console", &link(url, paint));
    }
    let services: Vec<(&str, &Url)> = urls
        .iter()
        .filter_map(|url| match &url.target {
            UrlTarget::Service(name) => Some((name.as_str(), url)),
            _ => None,
        })
        .collect();
    if paint.is_on() {
        // The first in full shows what they look like; a name alone is enough for the others.
        let shown: Vec<String> = services
            .iter()
            .enumerate()
            .map(
                |(at, (name, url))| {
                    if at == 0 { link(url, paint) } else { paint.link(&url.url, &clean(name)) }
                },
            )
            .collect();
        if !shown.is_empty() {
            line(&mut text, "APIs", &shown.join("  "));
        }
    } else {
        for (at, (_, url)) in services.iter().enumerate() {
            line(&mut text, if at == 0 { "APIs" } else { "" }, &link(url, paint));
        }
    }
    text
}

/// Every URL with what it leads to.
pub(crate) fn all_urls(urls: &[Url], paint: Paint) -> String {
    let mut text = "\n".to_owned();
    for url in urls {
        let label = match &url.target {
            UrlTarget::Listener(_) => "App",
            UrlTarget::Service(name) => name.as_str(),
            UrlTarget::Surface(surface) => surface.entry().name,
        };
        line(&mut text, label, &link(url, paint));
    }
    text
}

/// It runs on without this terminal.
pub(crate) fn background(pid: u32, paint: Paint) -> String {
    let command = |text: &str| paint.apply(Role::Hint, text);
    format!(
        "\n  runs in the background, process {pid}\n  {} follows it, {} ends it\n",
        command("trunkline logs -f"),
        command("trunkline down")
    )
}

/// The ways in, the secure one first.
fn app(urls: &[Url]) -> Vec<&Url> {
    let gateways = urls.iter().filter(|url| matches!(url.target, UrlTarget::Listener(_)));
    let (secure, plain): (Vec<_>, Vec<_>) = gateways.partition(|url| url.url.starts_with("https:"));
    secure.into_iter().chain(plain).collect()
}

fn is_surface(url: &Url, wanted: Surface) -> bool {
    matches!(&url.target, UrlTarget::Surface(surface) if *surface == wanted)
}

fn line(text: &mut String, label: &str, shown: &str) {
    let _ = writeln!(text, "{label:>LABEL_CELLS$}   {shown}");
}

fn link(url: &Url, paint: Paint) -> String {
    paint.link(&url.url, &clean(&url.url))
}

/// Where a trace is shown, without its id at the end; `None` if nothing shows traces.
pub(crate) fn traces_at(urls: &[Url]) -> Option<String> {
    let jaeger = urls.iter().find(|url| is_surface(url, Surface::JaegerQuery))?;
    Some(format!("{}/api/traces/", jaeger.url.trim_end_matches('/')))
}

/// What `open` opens.
pub(crate) fn front(urls: &[Url]) -> Option<&str> {
    app(urls).first().map(|url| url.url.as_str())
}
