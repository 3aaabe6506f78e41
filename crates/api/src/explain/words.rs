//! Matches and filters as a person reads them, in one line each.

use trunkline_model::filter::{Filter, HeaderEdit, Rewrite};
use trunkline_model::route::{HostPattern, Match, PathPattern, ValuePattern};
use trunkline_model::units::format_duration;

/// Hosts that are named; the rest is a number.
const HOSTS_MAX: usize = 2;

/// A match: `GET /api/** on shop.localhost if header x-canary is there`.
pub(super) fn matching(matching: &Match) -> String {
    let mut text = String::new();
    if !matching.methods.is_empty() {
        text = matching.methods.join(", ") + " ";
    }
    text += &path(&matching.path);
    let mut hosts: Vec<_> = matching.hosts.iter().take(HOSTS_MAX).map(host).collect();
    let more = matching.hosts.len() - hosts.len();
    if more > 0 {
        hosts.push(format!("{more} more"));
    }
    if !hosts.is_empty() {
        text = text + " on " + &hosts.join(", ");
    }
    let headers = matching.headers.iter();
    let headers = headers.map(|(name, value)| condition("header", name.as_str(), value));
    let query = matching.query.iter().map(|(name, value)| condition("query", name, value));
    let conditions: Vec<_> = headers.chain(query).collect();
    if !conditions.is_empty() {
        text = text + " if " + &conditions.join(" and ");
    }
    text
}

fn path(path: &PathPattern) -> String {
    match path {
        PathPattern::Exact(text) | PathPattern::Glob(text) => text.clone(),
        PathPattern::Prefix(text) => format!("{}/**", text.trim_end_matches('/')),
        PathPattern::Regex(text) => format!("regex {text}"),
    }
}

fn host(host: &HostPattern) -> String {
    match host {
        HostPattern::Exact(host) => host.clone(),
        HostPattern::Wildcard(suffix) => format!("*.{suffix}"),
    }
}

fn condition(what: &str, name: &str, pattern: &ValuePattern) -> String {
    match pattern {
        ValuePattern::Exact(value) => format!("{what} {name} is {value}"),
        ValuePattern::Prefix(value) => format!("{what} {name} starts with {value}"),
        ValuePattern::Regex(value) => format!("{what} {name} fits {value}"),
        ValuePattern::Present => format!("{what} {name} is there"),
        ValuePattern::Absent => format!("{what} {name} is not there"),
    }
}

/// A filter's name, and its settings in short. Of header fields the names alone: values can be
/// secrets.
pub(super) fn filter(filter: &Filter) -> (&'static str, String) {
    match filter {
        Filter::RequestHeaders(list) => ("request_headers", edits(list)),
        Filter::ResponseHeaders(list) => ("response_headers", edits(list)),
        Filter::SecureHeaders { hsts } if hsts.is_zero() => ("secure_headers", "no HSTS".into()),
        Filter::SecureHeaders { hsts } => {
            ("secure_headers", format!("HSTS {}", format_duration(*hsts)))
        }
        Filter::RewritePath(Rewrite::Path(to)) => ("rewrite_path", format!("→ {to}")),
        Filter::RewritePath(Rewrite::Prefix { from, to }) => {
            ("rewrite_path", format!("{from} → {to}"))
        }
        Filter::RewritePath(Rewrite::Regex { pattern, to }) => {
            ("rewrite_path", format!("regex {pattern} → {to}"))
        }
        Filter::AcmeChallenge => ("acme_challenge", "answers of open orders".to_owned()),
        Filter::RedirectToHttps { port } => ("redirect_to_https", format!("port {port}")),
        Filter::Cache => ("cache", "what may be stored".to_owned()),
        Filter::Compress(codings) => {
            let words: Vec<_> = codings.iter().map(|coding| coding.as_str()).collect();
            ("compress", words.join(", "))
        }
    }
}

fn edits(edits: &[HeaderEdit]) -> String {
    let edit = |edit: &HeaderEdit| match edit {
        HeaderEdit::Set(name, _) => format!("set {name}"),
        HeaderEdit::Append(name, _) => format!("add {name}"),
        HeaderEdit::Remove(name) => format!("remove {name}"),
    };
    edits.iter().map(edit).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_match_reads_as_a_sentence() {
        let whole = Match {
            hosts: vec![
                HostPattern::Exact("a.test".into()),
                HostPattern::Wildcard("b.test".into()),
                HostPattern::Exact("c.test".into()),
            ],
            path: PathPattern::Prefix("/api".into()),
            methods: vec!["GET".into(), "PUT".into()],
            headers: vec![("x-canary".parse().unwrap(), ValuePattern::Present)],
            query: vec![("v".into(), ValuePattern::Exact("2".into()))],
        };
        assert_eq!(
            matching(&whole),
            "GET, PUT /api/** on a.test, *.b.test, 1 more if header x-canary is there and query v is 2"
        );
    }

    #[test]
    fn filters_tell_names_of_headers_and_never_values() {
        let set = HeaderEdit::Set("authorization".parse().unwrap(), "Bearer x".parse().unwrap());
        let gone = HeaderEdit::Remove("cookie".parse().unwrap());
        let (name, told) = filter(&Filter::RequestHeaders(vec![set, gone]));
        assert_eq!((name, told.as_str()), ("request_headers", "set authorization, remove cookie"));
        let secure = Filter::SecureHeaders { hsts: Duration::from_secs(60) };
        assert_eq!(filter(&secure).1, "HSTS 1m");
    }
}
