//! Spring's relaxed binding: `failureRateThreshold`, `failure-rate-threshold` and
//! `failure_rate_threshold` are one key.

use trunkline_config::decode::Spanned;
use trunkline_config::node::{Entry, Node};

/// The entries of a map, looked up by any spelling of their keys.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fields<'a>(&'a [Entry]);

impl<'a> Fields<'a> {
    /// Those of a node; none if it is no map.
    pub(crate) fn of(node: Option<&'a Node>) -> Self {
        Self(node.and_then(Node::as_map).unwrap_or_default())
    }

    /// The value of a key, given in camel case.
    pub(crate) fn get(self, key: &str) -> Option<&'a Node> {
        self.0.iter().find(|entry| is(&entry.key, key)).map(|entry| &entry.node)
    }

    /// Every entry, with its key and its place.
    pub(crate) fn all(self) -> impl Iterator<Item = (Spanned<String>, &'a Node)> {
        self.0
            .iter()
            .map(|entry| (Spanned { value: entry.key.clone(), span: entry.key_span }, &entry.node))
    }
}

/// Whether a written key is the one in camel case.
pub(crate) fn is(written: &str, key: &str) -> bool {
    let letters = |text: &str| -> String {
        text.chars().filter(|c| !matches!(c, '-' | '_')).map(|c| c.to_ascii_lowercase()).collect()
    };
    letters(written) == letters(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_spellings_are_one_key() {
        for written in ["failureRateThreshold", "failure-rate-threshold", "FAILURE_RATE_THRESHOLD"]
        {
            assert!(is(written, "failureRateThreshold"), "{written}");
        }
        assert!(!is("failureRate", "failureRateThreshold"));
    }
}
