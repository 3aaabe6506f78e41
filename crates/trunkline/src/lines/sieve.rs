//! Keeping lines of a level, together with the lines that belong to them: a stack trace below an
//! error has no level of its own.

use std::collections::BTreeMap;

use super::{Level, Record};

/// Services whose last line is remembered; more than any project has.
const SERVICES_MAX: usize = 1024;

/// Decides line by line.
#[derive(Debug, Default)]
pub(crate) struct Sieve {
    /// The mildest level that passes; without one everything does.
    pub least: Option<Level>,
    /// Whether the last line of a service passed.
    passed: BTreeMap<String, bool>,
}

impl Sieve {
    /// A sieve that lets `least` and worse pass.
    pub(crate) fn new(least: Option<Level>) -> Self {
        Self { least, passed: BTreeMap::new() }
    }

    /// Whether this line of `service` is wanted.
    pub(crate) fn takes(&mut self, service: &str, record: &Record) -> bool {
        let Some(least) = self.least else {
            return true;
        };
        let continues = record.level.is_none() && record.message.starts_with([' ', '\t']);
        let before = self.passed.get(service).copied().unwrap_or(false);
        let takes = if continues { before } else { record.level.is_some_and(|is| is >= least) };
        if self.passed.len() < SERVICES_MAX || self.passed.contains_key(service) {
            self.passed.insert(service.to_owned(), takes);
        }
        takes
    }
}
