//! The law of routing, written as plainly as possible: what [`super::RouteTable`] must agree with.
//!
//! Every route is asked, nothing is indexed, and globs and values are matched by another way than
//! the table's. Property tests and the fuzz target compare the two; nothing else calls this. It
//! shares the normal form of paths and the compiling of regular expressions, and takes hosts that
//! are in normal form.

use trunkline_model::route::path::{self, BadPath};
use trunkline_model::route::{HostPattern, Match, PathPattern, Route, ValuePattern};

use super::Asked;
use super::conditions::{Fields, parameter};
use super::pattern::anchored;

/// The matching route with the greatest key.
pub fn pick<'a>(routes: &'a [Route], asked: &Asked<'_>) -> Result<Option<&'a Route>, BadPath> {
    let path = path::normal(asked.path)?;
    let fitting = routes.iter().filter(|r| fits(&r.matching, asked, &path));
    Ok(fitting.max_by_key(|route| route.order))
}

fn fits(matching: &Match, asked: &Asked<'_>, path: &str) -> bool {
    let any_host = matching.hosts.is_empty();
    let any_method = matching.methods.is_empty();
    let headers = matching.headers.iter();
    let query = matching.query.iter();
    (any_host || matching.hosts.iter().any(|host| host_fits(host, asked.host)))
        && path_fits(&matching.path, path)
        && (any_method || matching.methods.iter().any(|m| m == asked.method))
        && headers
            .map(|(name, pattern)| (pattern, field(asked.fields, name.as_str())))
            .chain(query.map(|(name, pattern)| {
                let value = parameter(asked.query, name);
                (pattern, value.map(std::borrow::Cow::into_owned).into_iter().collect())
            }))
            .all(|(pattern, values)| value_fits(pattern, &values))
}

fn field(fields: Fields<'_>, name: &str) -> Vec<Vec<u8>> {
    match fields {
        Fields::Head(head) => head.get_all(name).map(<[u8]>::to_vec).collect(),
        Fields::Pairs(pairs) => pairs
            .iter()
            .filter(|(given, _)| given.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.clone().into_bytes())
            .collect(),
    }
}

fn host_fits(pattern: &HostPattern, host: &str) -> bool {
    match pattern {
        HostPattern::Exact(exact) => host == exact,
        HostPattern::Wildcard(suffix) => {
            !host.starts_with('[') && host.len() > suffix.len() + 1 && {
                host.ends_with(&format!(".{suffix}"))
            }
        }
    }
}

fn path_fits(pattern: &PathPattern, path: &str) -> bool {
    let normal = |text: &str| path::normal(text).unwrap_or_default().into_owned();
    match pattern {
        PathPattern::Exact(exact) => path == normal(exact),
        PathPattern::Prefix(prefix) => {
            let prefix = normal(prefix);
            let prefix = prefix.trim_end_matches('/');
            path == prefix || path.starts_with(&format!("{prefix}/"))
        }
        PathPattern::Glob(glob) => {
            let (glob, path) = (normal(glob), path.to_owned());
            let steps: Vec<&str> = glob.split('/').skip(1).collect();
            let segments: Vec<&str> = path.split('/').skip(1).collect();
            glob_fits(&steps, &segments)
        }
        PathPattern::Regex(regex) => whole(regex, path.as_bytes()),
    }
}

fn glob_fits(steps: &[&str], segments: &[&str]) -> bool {
    match (steps, segments) {
        ([], []) => true,
        (["**", behind @ ..], _) => {
            (0..=segments.len()).any(|n| glob_fits(behind, segments.get(n..).unwrap_or_default()))
        }
        ([step, behind @ ..], [segment, more @ ..]) => {
            step_fits(step, segment) && glob_fits(behind, more)
        }
        _ => false,
    }
}

fn step_fits(step: &str, segment: &str) -> bool {
    let parts: Vec<_> = step.split('*').map(regex::escape).collect();
    let empty = step == "*" && segment.is_empty();
    !empty && whole(&format!("(?s-u:{})", parts.join(".*")), segment.as_bytes())
}

fn value_fits(pattern: &ValuePattern, values: &[Vec<u8>]) -> bool {
    match pattern {
        ValuePattern::Exact(exact) => values.iter().any(|value| value == exact.as_bytes()),
        ValuePattern::Prefix(start) => values.iter().any(|v| v.starts_with(start.as_bytes())),
        ValuePattern::Regex(regex) => values.iter().any(|value| whole(regex, value)),
        ValuePattern::Present => !values.is_empty(),
        ValuePattern::Absent => values.is_empty(),
    }
}

/// Whether a pattern takes a whole text. A pattern that is none takes nothing.
fn whole(pattern: &str, text: &[u8]) -> bool {
    anchored(pattern).is_ok_and(|regex| regex.is_match(text))
}
