//! `doctor`: sections of marked lines, each with what mends it, and a summary.

use std::fmt::Write as _;

use crate::doctor::{Check, Section, State};
use crate::print::{Paint, Role, clean};

/// How much is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Detail {
    /// Everything.
    Full,
    /// What is not as it should be, and the summary.
    Short,
}

/// The screen.
pub(crate) fn render(sections: &[Section], detail: Detail, paint: Paint) -> String {
    let mut text = String::new();
    for section in sections {
        let wanted = |check: &&Check| detail == Detail::Full || check.state != State::Good;
        let checks: Vec<_> = section.checks.iter().filter(wanted).collect();
        if checks.is_empty() {
            continue;
        }
        let _ = writeln!(text, "{}", paint.apply(Role::Strong, section.title));
        for check in checks {
            line(&mut text, check, paint);
        }
        text.push('\n');
    }
    text.push_str(&summary(sections));
    text
}

fn line(text: &mut String, check: &Check, paint: Paint) {
    let (role, sign) = match check.state {
        State::Good => (Role::Good, "√"),
        State::Warning => (Role::Warning, "‼"),
        State::Failed => (Role::Error, "×"),
    };
    let _ = writeln!(text, "  {} {}", paint.apply(role, sign), clean(&check.what));
    for (at, fix) in check.fix.iter().enumerate() {
        let label = if at == 0 { "fix: " } else { "     " };
        let _ = writeln!(text, "      {}{}", paint.apply(Role::Hint, label), clean(fix));
    }
}

fn summary(sections: &[Section]) -> String {
    let count = |state| {
        let checks = sections.iter().flat_map(|section| &section.checks);
        checks.filter(|check| check.state == state).count()
    };
    let warnings = match count(State::Warning) {
        1 => "1 warning".to_owned(),
        number => format!("{number} warnings"),
    };
    format!("Summary: {} passed, {warnings}, {} failed\n", count(State::Good), count(State::Failed))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(state: State, what: &str, fix: &[&str]) -> Check {
        let fix = fix.iter().map(|&line| line.to_owned()).collect();
        Check { state, what: what.to_owned(), fix }
    }

    #[test]
    fn short_shows_what_is_not_as_it_should_be() {
        let sections = [
            Section { title: "Ports", checks: vec![check(State::Good, "80 is free", &[])] },
            Section {
                title: "Names",
                checks: vec![
                    check(State::Good, "one leads here", &[]),
                    check(State::Warning, "one does not", &["do", "this"]),
                    check(State::Failed, "esc\x1b[2J", &[]),
                ],
            },
        ];
        let expected = "Names\n  ‼ one does not\n      fix: do\n           this\n  \
                        × esc\\u{1b}[2J\n\nSummary: 2 passed, 1 warning, 1 failed\n";
        assert_eq!(render(&sections, Detail::Short, Paint::new(false)), expected);
        let full = render(&sections, Detail::Full, Paint::new(false));
        assert!(full.starts_with("Ports\n  √ 80 is free\n\nNames\n  √ one leads here\n"));
    }
}
