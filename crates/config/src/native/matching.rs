//! The match of a route: its short form, its long form, and one canonical text.

use trunkline_model::filter::HeaderName;
use trunkline_model::route::path::normal;
use trunkline_model::route::{HostPattern, Match, PathPattern, ValuePattern};

use super::forms::ValueForm;
use super::names;
use super::raw::{RawRoute, RawValue};
use crate::builder::address::is_host;
use crate::decode::{Entries, Spanned};
use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::source::Span;

/// Longest path pattern or regular expression, in bytes.
const PATTERN_BYTES_MAX: usize = 4_096;

pub(super) fn bad(span: Span, message: impl Into<String>) -> Diagnostic {
    Diagnostic::new(codes::BAD_MATCH, message).at(span, "this cannot be matched")
}

/// The match of a route; `None` when it was reported why not.
/// `domains` are the gateway's names, for which `@` stands.
pub(super) fn lower(
    route: &Spanned<RawRoute>,
    domains: &[String],
    diagnostics: &mut Diagnostics,
) -> Option<Match> {
    let raw = &route.value;
    let before = diagnostics.errors();
    let short = raw.matching.as_ref().map(|short| parse_short(short, diagnostics));
    let (short_methods, short_host, short_path) = short.unwrap_or_default();

    let hosts = raw.host.iter().chain(&short_host);
    let hosts = hosts.filter_map(|text| {
        names::stand_for(text, domains)
            .and_then(|texts| texts.iter().map(host).collect::<Result<Vec<_>, _>>())
            .map_err(|diagnostic| diagnostics.push(diagnostic))
            .ok()
    });
    let hosts: Vec<HostPattern> = hosts.flatten().collect();
    let methods = raw.methods.iter().flat_map(words).chain(short_methods);
    let mut methods: Vec<String> =
        methods.filter_map(|text| method(&text).map_err(|d| diagnostics.push(d)).ok()).collect();
    methods.sort();
    methods.dedup();

    let path = path(raw, short_path.as_ref(), diagnostics);
    let headers = headers(&raw.headers, diagnostics);
    let query = raw.query.all.iter().filter_map(|(name, form)| {
        Some((name.value.clone(), value(form, name.span, diagnostics)?))
    });
    let query = query.collect();
    let says_nothing = raw.matching.is_none()
        && path.is_none()
        && hosts.is_empty()
        && methods.is_empty()
        && raw.headers.all.is_empty()
        && raw.query.all.is_empty();
    if says_nothing && diagnostics.errors() == before {
        diagnostics.push(
            Diagnostic::new(codes::MISSING_KEY, "a route needs a match")
                .at(route.span, "this route does not say which requests it takes")
                .hint("add `match: \"/**\"` to take all of them"),
        );
    }
    let path = path.unwrap_or_else(|| PathPattern::Prefix("/".to_owned()));
    (diagnostics.errors() == before).then_some(Match { hosts, path, methods, headers, query })
}

type Short = (Vec<Spanned<String>>, Option<Spanned<String>>, Option<Spanned<String>>);

/// `[METHOD[,METHOD]] [host]/path`
fn parse_short(text: &Spanned<String>, diagnostics: &mut Diagnostics) -> Short {
    // A quoted text starts one byte after its span.
    let quote = usize::from((text.span.end - text.span.start) as usize > text.value.len());
    let part = |part: &str| {
        let from = part.as_ptr() as usize - text.value.as_ptr() as usize + quote;
        Spanned { value: part.to_owned(), span: text.span.part(from, from + part.len()) }
    };
    let mut parts = text.value.split_whitespace();
    let (methods, target) = match (parts.next(), parts.next(), parts.next()) {
        (Some(target), None, _) => (None, target),
        (Some(methods), Some(target), None) => (Some(methods), target),
        _ => {
            diagnostics.push(
                bad(text.span, format!("`{}` is not a match", text.value))
                    .hint("write it like `GET,POST /api/orders/**` or `shop.example.com/**`"),
            );
            return Short::default();
        }
    };
    let methods = methods.map(|methods| words(&part(methods))).unwrap_or_default();
    let (host, path) = target.split_at(target.find('/').unwrap_or(target.len()));
    let host = (!host.is_empty() && host != "*").then(|| part(host));
    let path = (!path.is_empty()).then(|| part(path));
    (methods, host, path)
}

fn words(text: &Spanned<String>) -> Vec<Spanned<String>> {
    let words = text.value.split(',').map(str::trim);
    words.map(|word| Spanned { value: word.to_owned(), span: text.span }).collect()
}

fn method(text: &Spanned<String>) -> Result<String, Diagnostic> {
    let is_token =
        !text.value.is_empty() && text.value.bytes().all(trunkline_model::filter::is_token_byte);
    if !is_token {
        return Err(bad(text.span, format!("`{}` is not a method", text.value)));
    }
    if text.value.bytes().any(|byte| byte.is_ascii_lowercase()) {
        return Err(bad(text.span, format!("the method `{}` is not in upper case", text.value))
            .hint(format!("write `{}`", text.value.to_uppercase())));
    }
    Ok(text.value.clone())
}

pub(super) fn host(text: &Spanned<String>) -> Result<HostPattern, Diagnostic> {
    let lower = text.value.to_lowercase();
    let (is_wildcard, name) = match lower.strip_prefix("*.") {
        Some(suffix) => (true, suffix),
        None => (false, lower.as_str()),
    };
    if !is_host(name) {
        return Err(bad(text.span, format!("`{}` is not a host", text.value))
            .hint("a host has no scheme, port or path; `*.` in front takes the names below it"));
    }
    let name = name.to_owned();
    Ok(if is_wildcard { HostPattern::Wildcard(name) } else { HostPattern::Exact(name) })
}

/// The one path of a route, however it is written.
fn path(
    raw: &RawRoute,
    short: Option<&Spanned<String>>,
    diagnostics: &mut Diagnostics,
) -> Option<PathPattern> {
    let written = [
        (short, Kind::Glob),
        (raw.path.as_ref(), Kind::Exact),
        (raw.prefix.as_ref(), Kind::Prefix),
        (raw.glob.as_ref(), Kind::Glob),
        (raw.regex.as_ref(), Kind::Regex),
    ];
    let mut written = written.into_iter().filter_map(|(text, kind)| Some((text?, kind)));
    let (text, kind) = written.next()?;
    if let Some((second, _)) = written.next() {
        diagnostics.push(
            Diagnostic::new(codes::CONFLICT, "a route has one path")
                .at(second.span, "a second path")
                .also(text.span, "the first")
                .hint("write two routes"),
        );
    }
    kind.pattern(text).map_err(|diagnostic| diagnostics.push(diagnostic)).ok()
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Exact,
    Prefix,
    Glob,
    Regex,
}

impl Kind {
    fn pattern(self, text: &Spanned<String>) -> Result<PathPattern, Diagnostic> {
        let value = text.value.as_str();
        if value.len() > PATTERN_BYTES_MAX {
            return Err(bad(text.span, format!("a path has at most {PATTERN_BYTES_MAX} bytes")));
        }
        if self == Kind::Regex {
            check_regex(text)?;
            return Ok(PathPattern::Regex(value.to_owned()));
        }
        if !value.starts_with('/') {
            return Err(bad(text.span, format!("the path `{value}` does not start with `/`")));
        }
        if let Some(odd) = value.chars().find(|c| c.is_control() || matches!(c, ' ' | '?' | '#')) {
            return Err(bad(text.span, format!("a path cannot have {odd:?}"))
                .hint("conditions on the query go under `query`; other characters as `%XX`"));
        }
        if let Err(refused) = normal(value) {
            return Err(bad(text.span, format!("{refused}: no route sees such a request"))
                .hint("they are answered with 400, so that there is no way around a route"));
        }
        let owned = |text: &str| text.to_owned();
        Ok(match self {
            Kind::Exact => PathPattern::Exact(owned(value)),
            Kind::Prefix => PathPattern::Prefix(owned(trim_slash(value))),
            _ => match value.strip_suffix("/**") {
                Some(start) if !start.contains('*') => {
                    PathPattern::Prefix(owned(if start.is_empty() { "/" } else { start }))
                }
                _ if !value.contains('*') => PathPattern::Exact(owned(value)),
                _ => {
                    let odd = value.split('/').find(|s| s.contains("**") && *s != "**");
                    if let Some(odd) = odd {
                        return Err(bad(text.span, format!("`**` stands alone, not in `{odd}`"))
                            .hint("`*` stands for a part of one segment, `/**/` for any number of segments"));
                    }
                    PathPattern::Glob(owned(value))
                }
            },
        })
    }
}

fn trim_slash(path: &str) -> &str {
    path.strip_suffix('/').filter(|rest| !rest.is_empty()).unwrap_or(path)
}

/// Reports a regular expression that does not compile; `proxy` compiles it again to use it.
pub(super) fn check_regex(text: &Spanned<String>) -> Result<(), Diagnostic> {
    if text.value.len() > PATTERN_BYTES_MAX {
        let message = format!("a regular expression has at most {PATTERN_BYTES_MAX} bytes");
        return Err(bad(text.span, message));
    }
    let built = regex::RegexBuilder::new(&text.value).size_limit(1 << 20).build();
    built.map(drop).map_err(|error| {
        let message = if let regex::Error::CompiledTooBig(_) = &error {
            "the regular expression is too large".to_owned()
        } else {
            // The library draws a picture over several lines; its last line says what is wrong.
            let text = error.to_string();
            let last = text.lines().last().unwrap_or_default();
            format!("not a regular expression: {}", last.trim_start_matches("error: "))
        };
        bad(text.span, message)
    })
}

fn headers(
    raw: &Entries<ValueForm>,
    diagnostics: &mut Diagnostics,
) -> Vec<(HeaderName, ValuePattern)> {
    let mut headers = Vec::new();
    for (name, form) in &raw.all {
        match name.value.parse::<HeaderName>() {
            Ok(header) => {
                if let Some(pattern) = value(form, name.span, diagnostics) {
                    headers.push((header, pattern));
                }
            }
            Err(error) => diagnostics.push(bad(name.span, error.to_string())),
        }
    }
    headers
}

fn value(form: &ValueForm, span: Span, diagnostics: &mut Diagnostics) -> Option<ValuePattern> {
    let parts = match form {
        ValueForm::Exact(text) => return Some(ValuePattern::Exact(text.clone())),
        ValueForm::Present(true) => return Some(ValuePattern::Present),
        ValueForm::Present(false) => return Some(ValuePattern::Absent),
        ValueForm::Parts(parts) => parts,
    };
    let RawValue { exact, prefix, regex, present } = &parts.value;
    if let Some(Err(diagnostic)) = regex.as_ref().map(check_regex) {
        diagnostics.push(diagnostic);
        return None;
    }
    let mut patterns = [
        exact.clone().map(ValuePattern::Exact),
        prefix.clone().map(ValuePattern::Prefix),
        regex.as_ref().map(|regex| ValuePattern::Regex(regex.value.clone())),
        present.map(|is| if is { ValuePattern::Present } else { ValuePattern::Absent }),
    ]
    .into_iter()
    .flatten();
    if let (Some(pattern), None) = (patterns.next(), patterns.next()) {
        Some(pattern)
    } else {
        diagnostics.push(
            bad(parts.span, "a condition has exactly one of `exact`, `prefix`, `regex`, `present`")
                .also(span, "of this name"),
        );
        None
    }
}

/// The match as one text: equal for matches that take the same requests, whatever order their
/// parts were written in.
pub(super) fn canonical(matching: &Match) -> String {
    let mut hosts: Vec<String> = matching.hosts.iter().map(|host| format!("{host:?}")).collect();
    hosts.sort();
    let mut headers: Vec<String> = matching.headers.iter().map(|h| format!("{h:?}")).collect();
    headers.sort();
    let mut query: Vec<String> = matching.query.iter().map(|q| format!("{q:?}")).collect();
    query.sort();
    format!("{hosts:?} {:?} {:?} {headers:?} {query:?}", matching.path, matching.methods)
}
