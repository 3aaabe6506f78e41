//! Native precedence: which of several matching routes of `trunkline.yaml` wins.
//!
//! The most specific route wins, compared in this order:
//!
//! 1. host: exact, then wildcard (the longer suffix first), then any host;
//! 2. path: exact, then prefix or glob (more literal bytes first), then regular expression, then a
//!    pattern that takes every path (`/`, `/**`): a catch-all never hides a regular expression;
//! 3. a route that names methods;
//! 4. the number of header and query conditions;
//! 5. the earlier one in the file.
//!
//! A route with several hosts is as specific as its widest one; write it as several routes to rank
//! them apart. What nobody wrote (the host of a service) has a key of its own: see [`implied`]. Pure arithmetic: other dialects make their own keys and never call this.

use crate::route::{HostPattern, Match, OrderKey, PathPattern};

/// Bits of each rank in the first number of the key, from the most significant one down.
const HOST_LENGTH_BITS: u32 = 8;
const PATH_KIND_BITS: u32 = 2;
const PATH_LENGTH_BITS: u32 = 16;
const METHOD_BITS: u32 = 1;
const CONDITION_BITS: u32 = 8;

/// The native order key of a route at `position` (from 0) in its file.
///
/// Lengths and counts saturate at the width of their field: 255 bytes of host suffix, 65 535
/// literal bytes of path, 255 conditions. Keys of one file are unique, because positions are.
pub fn specificity(matching: &Match, position: u64) -> OrderKey {
    let (host, host_length) = matching.hosts.iter().map(host_rank).min().unwrap_or((0, 0));
    let (path, path_length) = path_rank(&matching.path);
    let conditions = matching.headers.len() + matching.query.len();

    let mut key = host;
    key = shift_in(key, host_length, HOST_LENGTH_BITS);
    key = shift_in(key, path, PATH_KIND_BITS);
    key = shift_in(key, path_length, PATH_LENGTH_BITS);
    key = shift_in(key, usize::from(!matching.methods.is_empty()), METHOD_BITS);
    key = shift_in(key, conditions, CONDITION_BITS);
    OrderKey(key, u64::MAX - position)
}

/// The native order key of a route that nobody wrote: a service's own host.
///
/// It is below everything that was written, but for routes without a host that take every path:
/// the page at `admin.shop.localhost` reaches `/api/**`, and what is left is the service's.
pub fn implied(position: u64) -> OrderKey {
    let above_catch_alls = 1 << (METHOD_BITS + CONDITION_BITS);
    OrderKey(above_catch_alls, u64::MAX - position)
}

/// Appends a field of `bits` bits, saturating.
fn shift_in(key: u64, value: usize, bits: u32) -> u64 {
    let largest = (1_u64 << bits) - 1;
    (key << bits) | u64::try_from(value).map_or(largest, |value| value.min(largest))
}

/// Kind and length; greater is more specific. All exact hosts are equal: two different ones never
/// match the same request.
fn host_rank(host: &HostPattern) -> (u64, usize) {
    match host {
        HostPattern::Exact(_) => (2, 0),
        HostPattern::Wildcard(suffix) => (1, suffix.len()),
    }
}

/// Kind and literal length; greater is more specific.
fn path_rank(path: &PathPattern) -> (usize, usize) {
    match path {
        PathPattern::Exact(_) => (3, 0),
        PathPattern::Regex(_) => (1, 0),
        PathPattern::Prefix(text) | PathPattern::Glob(text) => match literal_length(text) {
            0 => (0, 0),
            length => (2, length),
        },
    }
}

/// Bytes that a request's path must have, whatever the wildcards stand for. What takes the same
/// paths counts the same: `/api`, `/api/` and `/api/**`.
fn literal_length(pattern: &str) -> usize {
    let fixed = pattern.strip_suffix("/**").unwrap_or(pattern);
    let fixed = fixed.strip_suffix('/').unwrap_or(fixed);
    fixed.bytes().filter(|byte| *byte != b'*').count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::ValuePattern;

    fn matching(host: &str, path: PathPattern) -> Match {
        let hosts = match host.split_once("*.") {
            _ if host.is_empty() => vec![],
            Some((_, suffix)) => vec![HostPattern::Wildcard(suffix.into())],
            None => vec![HostPattern::Exact(host.into())],
        };
        Match { hosts, path, methods: vec![], headers: vec![], query: vec![] }
    }

    fn glob(text: &str) -> PathPattern {
        PathPattern::Glob(text.into())
    }

    /// Every key is greater than the next one, although the later route stands first in the file.
    fn check_descending(matches: &[Match]) {
        let keys: Vec<_> =
            (0..).zip(matches).map(|(place, m)| specificity(m, 100 - place)).collect();
        assert!(keys.is_sorted_by(|a, b| a > b), "{keys:?}");
    }

    #[test]
    fn the_more_specific_host_wins_over_any_path() {
        check_descending(&[
            matching("a.example", glob("/**")),
            matching("*.b.example", glob("/**")),
            matching("*.example", PathPattern::Exact("/x".into())),
            matching("", PathPattern::Exact("/x".into())),
        ]);
    }

    #[test]
    fn the_more_specific_path_wins() {
        check_descending(&[
            matching("", PathPattern::Exact("/".into())),
            matching("", glob("/api/orders/*")),
            matching("", PathPattern::Prefix("/api/orders".into())),
            matching("", glob("/api/**")),
            matching("", PathPattern::Regex("/users/[0-9]+".into())),
            matching("", glob("/**")),
        ]);
    }

    #[test]
    fn what_nobody_wrote_is_above_catch_alls_without_a_host_alone() {
        let mut conditional = matching("", glob("/**"));
        conditional.methods = vec!["GET".into()];
        conditional.query = vec![("a".into(), ValuePattern::Present); 300];
        assert!(implied(9) > specificity(&conditional, 0));
        for written in [
            matching("", PathPattern::Prefix("/a".into())),
            matching("", PathPattern::Regex(".*".into())),
            matching("", PathPattern::Exact("/".into())),
            matching("*.example", glob("/**")),
            matching("a.example", glob("/**")),
        ] {
            assert!(specificity(&written, 9) > implied(0), "{written:?}");
        }
    }

    #[test]
    fn a_prefix_and_its_glob_rank_the_same() {
        let prefix = specificity(&matching("", PathPattern::Prefix("/api/".into())), 0);
        assert_eq!(prefix, specificity(&matching("", glob("/api/**")), 0));
    }

    #[test]
    fn methods_then_conditions_then_place_decide_between_equal_paths() {
        let plain = matching("", glob("/api/**"));
        let mut conditional = plain.clone();
        conditional.query = vec![("a".into(), ValuePattern::Present)];
        let mut method = plain.clone();
        method.methods = vec!["GET".into()];
        check_descending(&[method, conditional, plain.clone()]);
        assert!(specificity(&plain, 0) > specificity(&plain, 1));
    }

    #[test]
    fn several_hosts_rank_as_the_widest() {
        let mut both = matching("*.example", glob("/**"));
        both.hosts.push(HostPattern::Exact("a.example".into()));
        let wildcard = matching("*.example", glob("/**"));
        assert_eq!(specificity(&both, 0), specificity(&wildcard, 0));
    }

    #[test]
    fn lengths_saturate_instead_of_spilling_into_the_next_rank() {
        let long = matching("", PathPattern::Prefix(format!("/{}", "a".repeat(100_000))));
        let exact = matching("", PathPattern::Exact("/a".into()));
        assert!(specificity(&exact, 0) > specificity(&long, 0));
    }
}
