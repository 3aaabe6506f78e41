//! The patterns of one question: how many there may be.
//!
//! Compiling a pattern costs more than all else that is read of a question, and a long list of them
//! is short to write: whoever reads a question takes each one from here, before it is compiled.

use trunkline_store::source::Pattern;

/// Patterns of a question at most.
pub const PATTERNS_MAX: usize = 16;

/// The patterns that a question may still have.
#[derive(Debug)]
pub struct Patterns {
    left: usize,
}

/// Why there is no pattern.
#[derive(Debug, thiserror::Error)]
pub enum NoPattern {
    /// The question has too many.
    #[error("a question has at most {PATTERNS_MAX} patterns")]
    TooMany,
    /// It is no regular expression, or too large.
    #[error(transparent)]
    Wrong(#[from] regex::Error),
}

impl Default for Patterns {
    /// Those of a question that has none yet.
    fn default() -> Self {
        Self { left: PATTERNS_MAX }
    }
}

impl Patterns {
    /// A regular expression that somewhere fits.
    ///
    /// # Errors
    /// There were enough, or it is none.
    pub fn regex(&mut self, expression: &str) -> Result<Pattern, NoPattern> {
        self.left = self.left.checked_sub(1).ok_or(NoPattern::TooMany)?;
        Ok(Pattern::regex(expression)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_has_so_many_patterns_and_no_more() {
        let mut patterns = Patterns::default();
        assert!(matches!(patterns.regex("("), Err(NoPattern::Wrong(_))));
        for _ in 1..PATTERNS_MAX {
            assert!(patterns.regex("a").is_ok());
        }
        assert!(matches!(patterns.regex("a"), Err(NoPattern::TooMany)));
    }
}
