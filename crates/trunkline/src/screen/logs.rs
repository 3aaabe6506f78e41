//! `logs`: one line of a service, with its name before it.

use serde::Deserialize;

use super::time_of_day;
use crate::print::{Paint, Role, clean};

/// Width of the names before lines; longer ones are not cut.
const NAME_CELLS: usize = 13;

/// One line of `/v1/logs`.
#[derive(Debug, Deserialize)]
pub(crate) struct Line {
    time: String,
    service: String,
    stream: String,
    text: String,
}

/// The line as shown: `       orders │ 12:03:41.220 created order 8812`.
pub(crate) fn render(line: &Line, paint: Paint) -> String {
    let time = time_of_day(&clean(&line.time));
    let time = paint.apply(Role::Faint, time);
    let text = clean(&line.text);
    match line.stream.as_str() {
        "stderr" => {
            format!("{} {time} {}", prefix(&line.service, paint), paint.apply(Role::Warning, text))
        }
        _ => format!("{} {time} {text}", prefix(&line.service, paint)),
    }
}

/// A service's name, right-aligned, in its colour, and the bar after it.
pub(crate) fn prefix(service: &str, paint: Paint) -> String {
    let label = format!("{:>NAME_CELLS$}", clean(service));
    format!("{} {}", paint.service(service, label), paint.apply(Role::Faint, "│"))
}
