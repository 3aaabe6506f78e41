//! From what a person wrote to what can be asked quickly.

use std::collections::HashSet;

use regex::{Regex, RegexBuilder};
use trunkline_store::source::Filter;

use super::{Action, Rule};

/// Compiled, an expression may take so many bytes.
const PATTERN_BYTES_MAX: usize = 1 << 20;

/// A rule cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("the rule `{rule}` has an expression that is none")]
pub struct InvalidRule {
    /// Its name.
    pub rule: String,
    /// What is wrong.
    #[source]
    pub source: regex::Error,
}

/// A rule that can be asked.
#[derive(Debug)]
pub(super) enum Compiled {
    Drop(Filter),
    Delete(Keys),
    Hash(Keys),
    Mask(Keys, Box<str>),
    Replace(Regex, Box<str>),
}

impl Compiled {
    pub(super) fn new(rule: Rule) -> Result<Self, InvalidRule> {
        let invalid = |source| InvalidRule { rule: rule.name, source };
        Ok(match rule.action {
            Action::Drop(filter) => Self::Drop(filter),
            Action::Delete(keys) => Self::Delete(Keys::new(keys).map_err(invalid)?),
            Action::Hash(keys) => Self::Hash(Keys::new(keys).map_err(invalid)?),
            Action::Mask { keys, with } => {
                Self::Mask(Keys::new(keys).map_err(invalid)?, with.into())
            }
            Action::Replace { pattern, with } => {
                Self::Replace(regex(&pattern).map_err(invalid)?, with.into())
            }
        })
    }

    /// The keys that it is about, if it is about keys.
    pub(super) const fn keys(&self) -> Option<&Keys> {
        match self {
            Self::Delete(keys) | Self::Hash(keys) | Self::Mask(keys, _) => Some(keys),
            Self::Drop(_) | Self::Replace(..) => None,
        }
    }
}

fn regex(pattern: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(pattern).size_limit(PATTERN_BYTES_MAX).build()
}

/// Keys by name and by wildcard.
#[derive(Debug)]
pub(super) struct Keys {
    names: HashSet<Box<str>>,
    wild: Option<Regex>,
}

impl Keys {
    fn new(keys: Vec<String>) -> Result<Self, regex::Error> {
        let (wild, names): (Vec<_>, Vec<_>) = keys.into_iter().partition(|key| key.contains('*'));
        let wild = if wild.is_empty() {
            None
        } else {
            let all: Vec<_> =
                wild.iter().map(|key| regex::escape(key).replace(r"\*", ".*")).collect();
            Some(regex(&format!("(?s)^(?:{})$", all.join("|")))?)
        };
        Ok(Self { names: names.into_iter().map(String::into).collect(), wild })
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.names.contains(key) || self.wild.as_ref().is_some_and(|wild| wild.is_match(key))
    }
}
