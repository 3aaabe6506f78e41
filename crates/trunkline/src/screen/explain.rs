//! `explain REQUEST`: which way a request would take.

use std::fmt::Write as _;

use serde::Deserialize;

use crate::print::{Paint, Role, clean};

/// The answer of `/v1/explain`.
#[derive(Debug, Deserialize)]
pub(crate) struct Explanation {
    listener: Option<String>,
    route: Option<Route>,
    filters: Vec<String>,
    targets: Vec<Target>,
    passed_over: Vec<PassedOver>,
}

#[derive(Debug, Deserialize)]
struct Route {
    id: String,
    origin: Place,
}

#[derive(Debug, Deserialize)]
struct Place {
    file: String,
    line: u32,
    column: u32,
}

#[derive(Debug, Deserialize)]
struct Target {
    service: String,
    percent: f64,
    endpoints: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct PassedOver {
    route: String,
    because: String,
}

/// The screen.
pub(crate) fn render(found: &Explanation, paint: Paint) -> String {
    let mut text = String::new();
    let mut line = |label: &str, value: String| {
        let _ = writeln!(text, "  {label:<10} {value}");
    };
    line(
        "listener",
        found.listener.as_deref().map_or_else(|| "none".into(), |id| clean(id).into_owned()),
    );
    match &found.route {
        Some(Route { id, origin }) => {
            let place = match origin.line {
                0 => clean(&origin.file).into_owned(),
                number => format!("{}:{number}:{}", clean(&origin.file), origin.column),
            };
            line(
                "route",
                format!(
                    "{}  {}",
                    paint.apply(Role::Strong, clean(id)),
                    paint.apply(Role::Hint, place)
                ),
            );
        }
        None => line("route", paint.apply(Role::Error, "none: the answer is 404 no_route")),
    }
    if !found.filters.is_empty() {
        line("filters", clean(&found.filters.join(", ")).into_owned());
    }
    for target in &found.targets {
        let endpoints = if target.endpoints.is_empty() {
            paint.apply(Role::Error, "no endpoint can take it")
        } else {
            clean(&target.endpoints.join(", ")).into_owned()
        };
        line(
            "goes to",
            format!(
                "{} {:.0}%  {endpoints}",
                paint.apply(Role::Strong, clean(&target.service)),
                target.percent
            ),
        );
    }
    for passed in &found.passed_over {
        line("not", format!("{}: {}", clean(&passed.route), clean(&passed.because)));
    }
    text
}
