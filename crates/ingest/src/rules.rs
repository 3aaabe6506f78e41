//! What is taken out of spans before they are kept: spans dropped, attributes deleted, hashed, masked.
//!
//! Rules run before the log, so that what they remove is nowhere on disk. Each counts what it took
//! out. Drop rules see spans as they came; the rules for attributes then see what is left, on
//! resources, libraries, spans, events, links, and within maps and arrays. A batch that no rule
//! touches keeps its bytes, and of a touched one every other field does.
//!
//! A rule for keys names them: `user.email`, or with wildcards `http.request.header.*`; within a map
//! the names of the keys on the way are joined by dots. The first rule that names a key decides. A
//! rule for values replaces what a regular expression finds in texts: values of attributes, names of
//! spans and events, messages of statuses.

mod apply;
mod compile;
mod value;

use std::sync::Arc;

use trunkline_rt::metrics::Counter;
use trunkline_store::source::Filter;

pub use apply::Applied;
pub use compile::InvalidRule;

use compile::Compiled;

/// What a rule does.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Spans that satisfy the filter are not kept.
    Drop(Filter),
    /// Attributes with these keys are deleted.
    Delete(Vec<String>),
    /// Values of these keys become a keyed hash, 32 hex digits: equal values stay equal.
    Hash(Vec<String>),
    /// Values of these keys become this text.
    Mask {
        /// The keys.
        keys: Vec<String>,
        /// What stands there instead.
        with: String,
    },
    /// What this regular expression finds in any text becomes this text, in which `$1` is the first
    /// group.
    Replace {
        /// The expression.
        pattern: String,
        /// What stands there instead.
        with: String,
    },
}

/// A rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// Its name, under which it counts.
    pub name: String,
    /// What it does.
    pub action: Action,
}

/// Rules in force, with their counters.
#[derive(Debug, Default)]
pub struct Rules {
    compiled: Vec<Compiled>,
    names: Vec<Arc<str>>,
    counters: Vec<Counts>,
    hash_key: [u8; 32],
    drops: bool,
    changes: bool,
}

/// What one rule took out so far.
#[derive(Debug, Default)]
struct Counts {
    spans: Counter,
    values: Counter,
}

/// What one rule took out so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleCount {
    /// The rule.
    pub rule: Arc<str>,
    /// Spans that it dropped.
    pub spans: u64,
    /// Values that it deleted or changed.
    pub values: u64,
}

/// What rules took out of one batch: spans and values, by rule.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Removed(Vec<(usize, usize)>);

impl Removed {
    /// Spans that were dropped.
    pub fn spans(&self) -> usize {
        self.0.iter().map(|(spans, _)| spans).sum()
    }

    /// Values that were deleted or changed.
    pub fn values(&self) -> usize {
        self.0.iter().map(|(_, values)| values).sum()
    }

    fn count_span(&mut self, rule: usize) {
        if let Some((spans, _)) = self.0.get_mut(rule) {
            *spans += 1;
        }
    }

    fn count_value(&mut self, rule: usize) {
        if let Some((_, values)) = self.0.get_mut(rule) {
            *values += 1;
        }
    }
}

impl Rules {
    /// Rules in the order in which they are asked. `hash_key` is a secret of this installation: with
    /// it, and only with it, a hash can be tried against guesses.
    pub fn new(rules: Vec<Rule>, hash_key: [u8; 32]) -> Result<Arc<Self>, InvalidRule> {
        let names = rules.iter().map(|rule| rule.name.as_str().into()).collect();
        let compiled: Result<Vec<_>, _> = rules.into_iter().map(Compiled::new).collect();
        let compiled = compiled?;
        let counters = compiled.iter().map(|_| Counts::default()).collect();
        let drops = compiled.iter().any(|rule| matches!(rule, Compiled::Drop(_)));
        let changes = compiled.iter().any(|rule| !matches!(rule, Compiled::Drop(_)));
        Ok(Arc::new(Self { compiled, names, counters, hash_key, drops, changes }))
    }

    /// Counts what was taken out of a batch that is kept.
    pub(crate) fn count(&self, removed: &Removed) {
        for (counts, (spans, values)) in self.counters.iter().zip(&removed.0) {
            counts.spans.add(*spans as u64);
            counts.values.add(*values as u64);
        }
    }

    /// What each rule took out so far, in their order.
    pub fn counts(&self) -> Vec<RuleCount> {
        let count = |(rule, counts): (&Arc<str>, &Counts)| RuleCount {
            rule: Arc::clone(rule),
            spans: counts.spans.get(),
            values: counts.values.get(),
        };
        self.names.iter().zip(&self.counters).map(count).collect()
    }
}
