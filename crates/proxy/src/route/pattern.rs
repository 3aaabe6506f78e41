//! Path patterns, compiled: does this path, in its normal form, fit?
//!
//! The trie of a bucket decides most of it while walking; what it cannot decide (the rest behind a
//! `**` in the middle, a regular expression) is asked here, on the whole path. Regular expressions
//! are compiled without Unicode (`\d` is ten digits, `.` a byte), unless a pattern is none then, such
//! as `\pL`: paths are ASCII but for raw bytes, and the programs are much smaller.

use regex::bytes::{Regex, RegexBuilder};
use trunkline_model::route::path::{self, BadPath};
use trunkline_model::route::{PathPattern, ValuePattern};

/// Most segments of a pattern: the trie is as deep, and is walked by recursion.
pub const SEGMENTS_MAX: usize = 128;
/// Largest compiled program of one pattern, in bytes.
const REGEX_BYTES_MAX: usize = 1 << 20;

/// Why a pattern cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum InvalidPattern {
    /// The path of a pattern could never be that of a request.
    #[error("no request can have the path `{0}`")]
    Path(String, #[source] BadPath),
    /// More than [`SEGMENTS_MAX`] segments.
    #[error("a path pattern has at most {SEGMENTS_MAX} segments")]
    Long,
    /// `**` beside other characters of a segment.
    #[error("`**` in `{0}` must be a whole segment: write `/a/**/b`")]
    Glob(String),
    /// A pattern that the `regex` crate refuses, or whose program would be too large.
    #[error("`{0}` is not a regular expression that can be used")]
    Regex(String, #[source] regex::Error),
}

/// A path pattern that is ready to be asked.
#[derive(Debug, Clone)]
pub enum Path {
    /// Exactly this normal path.
    Exact(Box<str>),
    /// This path, without trailing slash, and everything below it.
    Prefix(Box<str>),
    /// A sequence of segments.
    Glob(Box<[Step]>),
    /// A regular expression.
    Regex {
        /// Anchored at both ends.
        regex: Regex,
        /// What every path that fits starts with.
        prefix: Box<str>,
    },
}

/// One segment of a glob.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Step {
    /// Exactly this segment.
    Literal(Box<str>),
    /// A segment of at least one byte.
    One,
    /// A segment made of these parts, with any number of bytes between two of them.
    Parts(Box<[Box<str>]>),
    /// Any number of segments.
    Any,
}

impl Path {
    /// Checks and compiles a pattern.
    pub fn compile(pattern: &PathPattern) -> Result<Self, InvalidPattern> {
        match pattern {
            PathPattern::Exact(text) => Ok(Self::Exact(normal(text)?)),
            PathPattern::Prefix(text) => {
                Ok(Self::Prefix(normal(text)?.trim_end_matches('/').into()))
            }
            PathPattern::Glob(text) => glob(text).map(Self::Glob),
            PathPattern::Regex(text) => {
                Ok(Self::Regex { regex: anchored(text)?, prefix: required_prefix(text).into() })
            }
        }
    }

    /// Whether a normal path fits.
    pub fn fits(&self, path: &str) -> bool {
        match self {
            Self::Exact(exact) => **exact == *path,
            Self::Prefix(prefix) => path
                .strip_prefix(&**prefix)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/')),
            Self::Glob(steps) => glob_fits(steps, path),
            Self::Regex { regex, .. } => regex.is_match(path.as_bytes()),
        }
    }
}

fn normal(text: &str) -> Result<Box<str>, InvalidPattern> {
    match path::normal(text) {
        Ok(normal) if normal.matches('/').count() > SEGMENTS_MAX => Err(InvalidPattern::Long),
        Ok(normal) => Ok(normal.into()),
        Err(bad) => Err(InvalidPattern::Path(text.to_owned(), bad)),
    }
}

/// A regular expression for a whole value. A pattern that needs Unicode gets it.
pub fn anchored(pattern: &str) -> Result<Regex, InvalidPattern> {
    let build = |unicode| {
        RegexBuilder::new(&format!("^(?:{pattern})$"))
            .unicode(unicode)
            .size_limit(REGEX_BYTES_MAX)
            .build()
    };
    build(false)
        .or_else(|_| build(true))
        .map_err(|error| InvalidPattern::Regex(pattern.to_owned(), error))
}

/// The literal text that a regular expression starts with, as far as it is easy to see: up to the
/// first special character, without a character that a quantifier follows. Nothing where an
/// alternative could start otherwise.
fn required_prefix(pattern: &str) -> String {
    let pattern = pattern.strip_prefix('^').unwrap_or(pattern);
    let mut prefix = String::new();
    if has_open_alternative(pattern) {
        return prefix;
    }
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        let literal = match c {
            '\\' => chars.next().filter(char::is_ascii_punctuation),
            '.' | '^' | '$' | '*' | '+' | '?' | '{' | '}' | '[' | ']' | '|' | '(' | ')' => None,
            _ => Some(c),
        };
        let quantified = matches!(chars.peek(), Some('*' | '+' | '?' | '{'));
        let Some(literal) = literal.filter(|_| !quantified) else {
            break;
        };
        prefix.push(literal);
    }
    prefix.truncate(segments_end(&prefix));
    prefix
}

/// End of the last segment that counts: literal text of absurd depth is cut.
fn segments_end(prefix: &str) -> usize {
    let mut slashes = prefix.match_indices('/');
    slashes.nth(SEGMENTS_MAX).map_or(prefix.len(), |(at, _)| at)
}

/// Whether a `|` may stand outside every group. With a character class in the pattern, brackets
/// cannot be counted this simply, and every `|` is taken for one.
fn has_open_alternative(pattern: &str) -> bool {
    let class = pattern.contains('[');
    let mut depth = 0_usize;
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => _ = chars.next(),
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            '|' if depth == 0 || class => return true,
            _ => {}
        }
    }
    false
}

/// The complete segments at the start of a literal prefix: `/users` of `/users/x`.
pub(super) fn literal_segments(prefix: &str) -> impl Iterator<Item = &str> {
    let complete = prefix.rsplit_once('/').map_or("", |(before, _)| before);
    complete.split('/').skip(1)
}

fn glob(text: &str) -> Result<Box<[Step]>, InvalidPattern> {
    let normal = normal(text)?;
    let segments = normal.split('/').skip(1);
    let step = |segment: &str| match segment {
        "*" => Ok(Step::One),
        "**" => Ok(Step::Any),
        _ if segment.contains("**") => Err(InvalidPattern::Glob(text.to_owned())),
        _ if segment.contains('*') => Ok(Step::Parts(segment.split('*').map(Box::from).collect())),
        _ => Ok(Step::Literal(segment.into())),
    };
    segments.map(step).collect()
}

/// Whether all steps fit a path that starts with `/`.
///
/// `**` is tried greedily from the shortest match, and only the last one is ever taken back: what
/// an earlier one could win by taking more, the later one can take instead. So the time is at most
/// segments times steps.
fn glob_fits(steps: &[Step], path: &str) -> bool {
    let mut steps = steps;
    // What is left of the path: `None` after its last segment.
    let mut rest = path.strip_prefix('/');
    let mut retry: Option<(&[Step], Option<&str>)> = None;
    loop {
        let fitted = match (steps.split_first(), rest) {
            (None, None) => return true,
            (Some((Step::Any, behind)), _) => {
                retry = Some((behind, rest));
                steps = behind;
                continue;
            }
            (Some((step, behind)), Some(text)) => {
                let (segment, more) = first_segment(text);
                step.fits(segment).then_some((behind, more))
            }
            _ => None,
        };
        match (fitted, retry) {
            (Some((behind, more)), _) => (steps, rest) = (behind, more),
            (None, Some((behind, Some(text)))) => {
                let (_, more) = first_segment(text);
                retry = Some((behind, more));
                (steps, rest) = (behind, more);
            }
            (None, _) => return false,
        }
    }
}

/// The first segment of a text, and what is behind its slash.
pub fn first_segment(text: &str) -> (&str, Option<&str>) {
    match text.split_once('/') {
        Some((segment, rest)) => (segment, Some(rest)),
        None => (text, None),
    }
}

impl Step {
    /// Whether a segment fits. [`Step::Any`] is not asked about single segments: it fits each.
    pub fn fits(&self, segment: &str) -> bool {
        match self {
            Self::Literal(literal) => **literal == *segment,
            Self::One => !segment.is_empty(),
            Self::Parts(parts) => parts_fit(parts, segment),
            Self::Any => true,
        }
    }
}

/// Whether a segment starts with the first part, ends with the last, and has the others in order
/// between them. Taking each as early as possible leaves the most room for the rest.
fn parts_fit(parts: &[Box<str>], segment: &str) -> bool {
    let [first, middle @ .., last] = parts else {
        return false;
    };
    let Some(mut rest) = segment.strip_prefix(&**first).and_then(|rest| rest.strip_suffix(&**last))
    else {
        return false;
    };
    for part in middle {
        let Some((_, behind)) = rest.split_once(&**part) else {
            return false;
        };
        rest = behind;
    }
    true
}

/// A pattern for a header's or parameter's value, ready to be asked.
#[derive(Debug, Clone)]
pub enum Value {
    /// Exactly this.
    Exact(Box<str>),
    /// Starts so.
    Prefix(Box<str>),
    /// A regular expression for the whole value.
    Regex(Regex),
    /// It is there.
    Present,
    /// It is not there.
    Absent,
}

impl Value {
    /// Checks and compiles a pattern.
    pub fn compile(pattern: &ValuePattern) -> Result<Self, InvalidPattern> {
        Ok(match pattern {
            ValuePattern::Exact(text) => Self::Exact(text.as_str().into()),
            ValuePattern::Prefix(text) => Self::Prefix(text.as_str().into()),
            ValuePattern::Regex(text) => Self::Regex(anchored(text)?),
            ValuePattern::Present => Self::Present,
            ValuePattern::Absent => Self::Absent,
        })
    }

    /// Whether any of these values fits. [`Value::Absent`] fits if there is none.
    pub fn fits<V: AsRef<[u8]>>(&self, mut values: impl Iterator<Item = V>) -> bool {
        match self {
            Self::Exact(exact) => values.any(|value| value.as_ref() == exact.as_bytes()),
            Self::Prefix(prefix) => values.any(|v| v.as_ref().starts_with(prefix.as_bytes())),
            Self::Regex(regex) => values.any(|value| regex.is_match(value.as_ref())),
            Self::Present => values.next().is_some(),
            Self::Absent => values.next().is_none(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &PathPattern, fits: &[&str], others: &[&str]) {
        let path = Path::compile(pattern).unwrap();
        for text in fits {
            assert!(path.fits(text), "{pattern:?} takes {text}");
        }
        for text in others {
            assert!(!path.fits(text), "{pattern:?} does not take {text}");
        }
    }

    #[test]
    fn prefixes_end_at_segment_borders() {
        let prefix = |text: &str| PathPattern::Prefix(text.into());
        let (fits, others) = (["/api", "/api/", "/api/x"], ["/apix", "/ap", "/"]);
        check(&prefix("/api"), &fits, &others);
        check(&prefix("/api/"), &fits, &others);
        check(&prefix("/"), &["/", "/x", "//"], &[]);
    }

    #[test]
    fn globs_take_segments_and_parts_of_them() {
        let glob = |text: &str| PathPattern::Glob(text.into());
        check(&glob("/a/*"), &["/a/b"], &["/a", "/a/", "/a/b/c", "/a/b/"]);
        check(&glob("/a/**"), &["/a", "/a/", "/a/b/c"], &["/ab", "/"]);
        check(&glob("/**"), &["/", "/a", "/a/b", "//"], &[]);
        check(&glob("/**/x"), &["/x", "/a/x", "/x/a/x"], &["/", "/a", "/x/a", "/ax"]);
        check(&glob("/a/**/b/*/c"), &["/a/b/1/c", "/a/b/b/1/c", "/a/b/1/b/2/c"], &["/a/b/c"]);
        check(&glob("/v*.png"), &["/v.png", "/v1.png"], &["/v.pn", "/vpng", "/v/.png"]);
        check(&glob("/a*b*a"), &["/aba", "/a1b2a"], &["/aa", "/ab"]);
        check(&glob("/%61/*"), &["/a/x"], &["/%61/x"]);
        assert!(Path::compile(&glob("/a**")).is_err());
        assert!(Path::compile(&glob("/../a")).is_err());
    }

    #[test]
    fn regular_expressions_take_the_whole_path() {
        let regex = |text: &str| PathPattern::Regex(text.into());
        check(&regex("/u/[0-9]+|/me"), &["/u/1", "/me"], &["/u/1/x", "/x/me", "/u/"]);
        check(&regex("/\\d+"), &["/7"], &["/٧"]);
        check(&regex("/\\pL+"), &["/é"], &["/7"]);
        assert!(Path::compile(&regex("/u/(")).is_err());
        assert!(Path::compile(&regex("(a{999}){999}")).is_err());
    }

    #[test]
    fn the_literal_start_of_a_regular_expression_is_found() {
        for (pattern, prefix) in [
            ("/users/[0-9]+", "/users/"),
            ("^/v1\\.0/.*", "/v1.0/"),
            ("/users?/x", "/user"),
            ("/a/{2}b", "/a"),
            ("/a\\d", "/a"),
            ("/a/(b|c)", "/a/"),
            ("/a|/b", ""),
            ("/a[(]|/b", ""),
            ("(?i)/a", ""),
            ("/a\\|b", "/a|b"),
        ] {
            assert_eq!(required_prefix(pattern), prefix, "{pattern}");
        }
        assert_eq!(literal_segments("/a/b/c").collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(literal_segments("/a").count(), 0);
        assert_eq!(literal_segments("").count(), 0);
    }
}
