//! Another path for the service; the query stays.
//!
//! Works on the path's normal form, as routing does: `/%61pi/x` has the prefix `/api`. The result
//! starts with `/` and has no dot segment: a request for which it would is refused.

use std::borrow::Cow;

use regex::{Regex, RegexBuilder};
use trunkline_model::filter::Rewrite;
use trunkline_model::reason::{Fact, Kind, Reason};
use trunkline_model::route::path;
use trunkline_net::http::{Exchange, Note};

use crate::{Hooks, Invalid, Reply, Verdict};

/// Largest compiled program of one pattern, in bytes.
const REGEX_BYTES_MAX: usize = 1 << 20;

/// A rewrite that is ready to run.
#[derive(Debug, Clone)]
pub struct RewritePath(Rule);

#[derive(Debug, Clone)]
enum Rule {
    Path(String),
    Prefix { from: String, to: String },
    Regex { pattern: Regex, to: String },
}

impl RewritePath {
    /// Checks and compiles a rewrite.
    pub fn compile(rewrite: &Rewrite) -> Result<Self, Invalid> {
        Ok(Self(match rewrite {
            Rewrite::Path(to) => Rule::Path(rooted(check(to)?)),
            Rewrite::Prefix { from, to } => Rule::Prefix {
                from: from.trim_end_matches('/').to_owned(),
                to: check(to)?.trim_end_matches('/').to_owned(),
            },
            Rewrite::Regex { pattern, to } => Rule::Regex {
                pattern: RegexBuilder::new(pattern)
                    .size_limit(REGEX_BYTES_MAX)
                    .build()
                    .map_err(|source| Invalid::Regex { pattern: pattern.clone(), source })?,
                to: check(to)?.to_owned(),
            },
        }))
    }

    /// The path that this one, in normal form, becomes; `None` where the rule does not apply.
    pub fn rewritten(&self, path: &str) -> Option<String> {
        match &self.0 {
            Rule::Path(to) => Some(to.clone()),
            Rule::Prefix { from, to } => {
                let rest = path.strip_prefix(from.as_str())?;
                let border = rest.is_empty() || rest.starts_with('/');
                border.then(|| rooted(&format!("{to}{rest}")))
            }
            Rule::Regex { pattern, to } => match pattern.replace_all(path, to.as_str()) {
                Cow::Borrowed(_) => None,
                Cow::Owned(new) => Some(rooted(&new)),
            },
        }
    }
}

/// With a leading slash.
fn rooted(path: &str) -> String {
    if path.starts_with('/') { path.to_owned() } else { format!("/{path}") }
}

/// What is put into a path must be able to stand there.
fn check(text: &str) -> Result<&str, Invalid> {
    let fits = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'?' | b'#' | b'"' | b'\\');
    text.bytes().all(fits).then_some(text).ok_or_else(|| Invalid::Path(text.to_owned()))
}

impl Hooks for RewritePath {
    fn on_request<'a>(&'a self, exchange: &'a mut Exchange) -> Verdict<'a> {
        let original = exchange.request.path();
        let Ok(normal) = path::normal(original) else {
            return Verdict::Respond(refused());
        };
        let Some(new) = self.rewritten(&normal) else {
            return Verdict::Continue;
        };
        if path::has_dot_segment(&new) {
            return Verdict::Respond(refused());
        }
        let target = match exchange.request.query() {
            Some(query) => format!("{new}?{query}"),
            None => new,
        };
        let original = Box::from(original);
        let notes = &mut exchange.notes;
        if !notes.all().iter().any(|n| matches!(n, Note::OriginalTarget(_))) {
            notes.add(Note::OriginalTarget(original));
        }
        exchange.request.set_target(&target);
        Verdict::Continue
    }
}

/// The path cannot be rewritten to one that every service reads alike.
fn refused() -> Reply {
    let reason = Reason::new(Kind::BadRequest).fact("rewrite", Fact::Token("dot_segment"));
    Reply::because(reason)
}
