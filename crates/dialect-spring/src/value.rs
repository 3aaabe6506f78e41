//! Values as Spring Boot reads them, and what is wrong with those that it would refuse.

use std::time::Duration;

use trunkline_config::diagnostic::{Diagnostic, Diagnostics, codes};
use trunkline_config::node::{Node, Value};
use trunkline_config::source::SourceFile;
use trunkline_model::units::{Share, parse_duration};

/// Reads values of one file; what is wrong is reported, and nothing is returned for it.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    pub(crate) file: &'a SourceFile,
    pub(crate) diagnostics: &'a mut Diagnostics,
}

impl Reader<'_> {
    fn text<'n>(&'n self, node: &'n Node) -> &'n str {
        node.as_str().unwrap_or_else(|| self.file.slice(node.span)).trim()
    }

    fn wrong(&mut self, node: &Node, message: &str, hint: &'static str) {
        let diagnostic = Diagnostic::new(codes::BAD_VALUE, message).at(node.span, "not that");
        self.diagnostics.push(diagnostic.hint(hint));
    }

    /// A duration: `10s`, `PT10S`, or milliseconds.
    pub(crate) fn duration(&mut self, node: Option<&Node>) -> Option<Duration> {
        let node = node?;
        let text = self.text(node);
        let millis = text.parse().ok().map(Duration::from_millis);
        let found = millis.or_else(|| iso(text)).or_else(|| parse_duration(text).ok());
        if found.is_none() {
            self.wrong(node, "expected a duration", "write `10s`, `PT10S`, or milliseconds");
        }
        found
    }

    /// A whole number that is not below zero.
    pub(crate) fn number(&mut self, node: Option<&Node>) -> Option<u32> {
        let node = node?;
        let found = self.text(node).parse().ok();
        if found.is_none() {
            self.wrong(node, "expected a whole number", "write it without unit");
        }
        found
    }

    /// A multiplier, in thousandths.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 1 and 100 thousands"
    )]
    pub(crate) fn factor(&mut self, node: Option<&Node>) -> Option<u32> {
        let node = node?;
        let number = self.text(node).parse::<f64>().ok().filter(|n| (1.0..=100.0).contains(n));
        if number.is_none() {
            self.wrong(node, "expected a multiplier from 1 to 100", "write it like `1.5`");
        }
        number.map(|number| (number * 1_000.0).round() as u32)
    }

    /// A percentage above 0 and up to 100, without a sign.
    pub(crate) fn percent(&mut self, node: Option<&Node>) -> Option<Share> {
        let node = node?;
        let found = format!("{}%", self.text(node)).parse::<Share>().ok();
        let found = found.filter(|share| *share > Share::NONE);
        if found.is_none() {
            self.wrong(node, "expected a percentage above 0 and at most 100", "write it like `50`");
        }
        found
    }

    /// A share from 0 to 1.
    pub(crate) fn share(&mut self, node: Option<&Node>) -> Option<Share> {
        let node = node?;
        let number = self.text(node).parse::<f64>().ok().filter(|n| (0.0..=1.0).contains(n));
        if number.is_none() {
            self.wrong(node, "expected a number from 0 to 1", "write it like `0.5`");
        }
        number.and_then(|number| format!("{:.2}%", number * 100.0).parse().ok())
    }

    /// Yes or no.
    pub(crate) fn truth(&mut self, node: Option<&Node>) -> Option<bool> {
        let node = node?;
        match (&node.value, self.text(node)) {
            (Value::Bool(truth), _) => Some(*truth),
            (_, "true" | "on" | "yes") => Some(true),
            (_, "false" | "off" | "no") => Some(false),
            _ => {
                self.wrong(node, "expected `true` or `false`", "write one of them");
                None
            }
        }
    }

    /// A word, in upper case.
    pub(crate) fn word(&self, node: Option<&Node>) -> Option<String> {
        node.map(|node| self.text(node).to_ascii_uppercase())
    }
}

/// A duration of ISO 8601, as far as days: `PT1M30.5S`.
fn iso(text: &str) -> Option<Duration> {
    let rest = text.strip_prefix('P').or_else(|| text.strip_prefix('p'))?;
    let (days, time) = rest.split_once(['T', 't']).unwrap_or((rest, ""));
    let mut seconds = 0.0;
    let mut add = |part: &str, units: &[(char, f64)]| {
        let mut number = String::new();
        for c in part.chars() {
            let unit = units.iter().find(|(unit, _)| unit.eq_ignore_ascii_case(&c));
            if let Some((_, factor)) = unit {
                seconds += number.parse::<f64>().ok()? * factor;
                number.clear();
            } else {
                number.push(c);
            }
        }
        number.is_empty().then_some(())
    };
    add(days, &[('D', 86_400.0)])?;
    add(time, &[('H', 3_600.0), ('M', 60.0), ('S', 1.0)])?;
    let found = rest.len() > 1;
    Duration::try_from_secs_f64(seconds).ok().filter(|_| found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_of_iso_8601_are_read() {
        let check = |text, expect: Option<u64>| {
            assert_eq!(iso(text), expect.map(Duration::from_millis), "{text}");
        };
        check("PT10S", Some(10_000));
        check("pt1m30.5s", Some(90_500));
        check("P1DT1H", Some(90_000_000));
        for wrong in ["", "P", "PT", "PT10", "10S", "PTxS", "PT-1S"] {
            check(wrong, None);
        }
    }
}
