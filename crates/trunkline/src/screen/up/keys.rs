//! Keys of `up`: the line below the URLs, the whole list, and questions.

use std::fmt::Write as _;

use crate::print::{Paint, Role, clean, cut};

/// Keys that are always shown.
const MAIN: &[(&str, &str)] = &[
    ("l", "logs"),
    ("r", "restart"),
    ("o", "open"),
    ("e", "errors only"),
    ("?", "more"),
    ("ctrl-c", "stop"),
];

/// All keys, as `?` explains them.
const ALL: &[(&str, &str)] = &[
    ("l", "show or hide what the services write"),
    ("e", "show only warnings and errors, or everything again"),
    ("r", "restart a service; its requests are held meanwhile"),
    ("o", "open the application in a browser"),
    ("s", "status: health, rates, latencies"),
    ("t", "the last requests"),
    ("u", "all URLs"),
    ("d", "how to run without this terminal"),
    ("q", "stop, as ctrl-c does; twice to stop at once"),
];

/// Keys that choose a service, in the order they are given out; `a` stands for all.
const CHOICES: &str = "123456789bcdefghijklmnoprstuvwxyz";

/// The line below the URLs; several on a narrow terminal.
pub(crate) fn keys(paint: Paint) -> String {
    let most = paint.columns().unwrap_or(usize::MAX);
    let mut text = String::new();
    let mut used = 0;
    for (key, what) in MAIN {
        let width = key.len() + 1 + what.len();
        let (gap, before) = match used {
            0 => ("  ", 0),
            used if used + 3 + width > most => ("\n  ", 0),
            used => ("   ", used),
        };
        let _ = write!(text, "{gap}{} {what}", paint.apply(Role::Strong, key));
        used = before + width + if before == 0 { 2 } else { 3 };
    }
    text + "\n"
}

/// What every key does.
pub(crate) fn help(paint: Paint) -> String {
    let mut text = "\n".to_owned();
    for (key, what) in ALL {
        let _ = writeln!(text, "  {}   {what}", paint.apply(Role::Strong, key));
    }
    text
}

/// Asks which service to restart.
pub(crate) fn restart_which(names: &[String], columns: Option<usize>, paint: Paint) -> String {
    let choices = names.iter().zip(CHOICES.chars());
    let mut items: Vec<(String, String)> =
        choices.map(|(name, key)| (key.to_string(), clean(name).into_owned())).collect();
    items.push(("a".to_owned(), "all".to_owned()));
    items.push(("esc".to_owned(), "none".to_owned()));
    let mut text = format!("  {}", paint.apply(Role::Hint, "restart"));
    let mut used = 9;
    let most = columns.unwrap_or(usize::MAX);
    for (key, name) in items {
        let name = cut(&name, 24).into_owned();
        let width = key.len() + name.chars().count() + 4;
        if used + width > most {
            text.push_str("\n         ");
            used = 9;
        }
        used += width;
        let _ = write!(text, "   {} {name}", paint.apply(Role::Strong, key));
    }
    text
}

/// What a person chose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Choice {
    /// The service at this place.
    One(usize),
    /// All of them.
    All,
    /// Nothing.
    Nothing,
}

/// What a key chooses of so many services.
pub(crate) fn choice(key: char, services: usize) -> Choice {
    match CHOICES.chars().position(|choice| choice == key) {
        _ if key == 'a' => Choice::All,
        Some(at) if at < services => Choice::One(at),
        _ => Choice::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_fit_the_terminal() {
        let line = keys(Paint::new(false));
        assert_eq!(line.lines().count(), 1, "{line}");
        let lines = keys(Paint::new(false).within(Some(40)));
        assert_eq!(
            lines,
            "  l logs   r restart   o open\n  e errors only   ? more   ctrl-c stop\n"
        );
    }

    #[test]
    fn keys_choose_services_and_a_is_all() {
        assert_eq!(choice('1', 2), Choice::One(0));
        assert_eq!(choice('3', 2), Choice::Nothing);
        assert_eq!(choice('a', 2), Choice::All);
        assert_eq!(choice('\u{1b}', 2), Choice::Nothing);
        let names = ["orders".to_owned(), "web".to_owned()];
        let asked = restart_which(&names, Some(80), Paint::new(false));
        assert_eq!(asked, "  restart   1 orders   2 web   a all   esc none");
    }
}
