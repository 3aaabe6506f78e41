//! House rules that a scan of the source can check, so that nobody has to in review.
//!
//! The rules and their reasons are in STYLE.md and ARCHITECTURE.md; here each is a few lines over the source as text
//! (`rules`) or over the graph of crates (`direction`). It is a test of this crate too, so `cargo test` is enough to
//! know. It is not a linter of Rust: what clippy can say, clippy says.

mod direction;
mod rules;
mod source;

use crate::steps::{Outcome, root};
use source::Source;

/// Prints every violation of every rule.
pub(crate) fn check() -> Outcome {
    let violations = violations()?;
    for violation in &violations {
        eprintln!("{violation}");
    }
    match violations.len() {
        0 => Ok(()),
        count => Err(format!("{count} violations of the house rules")),
    }
}

fn violations() -> Result<Vec<String>, String> {
    let root = root();
    let sources = Source::read_all(&root).map_err(|e| format!("reading the source: {e}"))?;
    let mut found: Vec<String> = sources.iter().flat_map(rules::check).collect();
    found.extend(rules::check_texts(&root));
    found.extend(direction::check(&root)?);
    Ok(found)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_tree_keeps_the_house_rules() {
        let found = super::violations().unwrap();
        assert!(found.is_empty(), "\n{}", found.join("\n"));
    }
}
