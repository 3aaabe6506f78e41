//! `routes`: matches, actions and filters.

use trunkline_model::RouteId;
use trunkline_model::filter::{Filter, HeaderEdit, HeaderName, HeaderText, Rewrite};
use trunkline_model::route::{Action, OrderKey, Redirect, Route, RouteTimeouts, specificity};

use super::Lowering;
use super::forms::{self, CompressForm, RedirectForm, RewriteForm, TimeoutForm};
use super::matching;
use super::policies::forms::RetryForm;
use super::policies::{self, Written};
use super::raw::{RawHeaderChanges, RawRedirect, RawRespond, RawRoute};
use crate::builder::{ModelBuilder, RouteDraft};
use crate::decode::{Entries, Spanned};
use crate::defaults;
use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::source::{FileId, Span};

/// Lowers the routes of one file.
pub(super) fn lower(
    raw: &Lowering<'_>,
    into: &mut ModelBuilder<'_>,
    diagnostics: &mut Diagnostics,
) {
    for route in &raw.raw.routes {
        let matching = matching::lower(route, &into.domains, diagnostics);
        let action = action(route, diagnostics);
        let filters = filters(&route.value, diagnostics);
        if let (Some(matching), Some((action, targets))) = (matching, action) {
            let span = route.value.matching.as_ref().map_or(route.span, |short| short.span);
            let draft = RouteDraft {
                file: raw.file.id,
                span,
                canonical: matching::canonical(&matching),
                inferred: false,
                targets,
                route: Route {
                    id: RouteId::new(""),
                    listeners: Vec::new(),
                    order: in_chain(
                        specificity(&matching, into.routes.len() as u64),
                        raw.file.id,
                        into,
                    ),
                    matching,
                    action,
                    filters,
                    timeouts: timeouts(
                        route.value.timeout.as_ref(),
                        route.value.retry.as_ref(),
                        diagnostics,
                    ),
                    policies: policies::lower(&written(&route.value), diagnostics),
                    tracing: super::tracing::lower_route(route.value.trace.as_ref()),
                    priority: priority(route, diagnostics),
                    origin: into.sources.origin(route.span),
                },
            };
            into.routes.push(draft);
        }
    }
}

fn written(route: &RawRoute) -> Written<'_> {
    Written {
        breaker: route.breaker.as_ref(),
        retry: route.retry.as_ref(),
        hedge: route.hedge.as_ref(),
        rate_limiter: route.rate_limiter.as_ref(),
        bulkhead: route.bulkhead.as_ref(),
        adaptive: route.adaptive.as_ref(),
        shed: route.shed.as_ref(),
        fallback: route.fallback.as_ref(),
    }
}

/// Routes of an earlier file of a chain win; within a file and without a chain, the most specific.
pub(super) fn in_chain(key: OrderKey, file: FileId, into: &ModelBuilder<'_>) -> OrderKey {
    let OrderKey(specific, position) = key;
    let behind = into.chain.iter().position(|member| *member == file);
    let ahead = behind.map_or(0, |at| into.chain.len() - at) as u64;
    // Specificity leaves the upper bits free; a chain is shorter than the number of files.
    OrderKey(specific | (ahead << CHAIN_SHIFT), position)
}

/// Where the place in a chain stands in the first number of an order key: above all bits of
/// specificity, and wide enough for every file of a load.
const CHAIN_SHIFT: u32 = 48;

type Targets = Vec<(Spanned<String>, u32)>;

/// A kind of header change.
type Make = fn(HeaderName, HeaderText) -> HeaderEdit;

/// Exactly one of `to`, `redirect`, `respond`.
fn action(route: &Spanned<RawRoute>, diagnostics: &mut Diagnostics) -> Option<(Action, Targets)> {
    let RawRoute { to, redirect, respond, .. } = &route.value;
    let mut spans = [
        to.as_ref().map(|to| to.span),
        redirect.as_ref().map(|redirect| redirect.span),
        respond.as_ref().map(|respond| respond.span),
    ]
    .into_iter()
    .flatten();
    if let (Some(first), Some(second)) = (spans.next(), spans.next()) {
        diagnostics.push(
            Diagnostic::new(codes::CONFLICT, "a route does one of `to`, `redirect` and `respond`")
                .at(second, "this excludes the other")
                .also(first, "as this is given")
                .hint("keep one of them"),
        );
        return None;
    }
    if let Some(to) = to {
        return Some((Action::Forward(Vec::new()), forms::written(&to.value)));
    }
    if let Some(redirect) = redirect {
        let redirect = lower_redirect(redirect, diagnostics)?;
        return Some((Action::Redirect(redirect), Vec::new()));
    }
    if let Some(respond) = respond {
        return Some((lower_respond(respond, diagnostics)?, Vec::new()));
    }
    diagnostics.push(
        Diagnostic::new(codes::MISSING_KEY, "a route needs `to`, `redirect` or `respond`")
            .at(route.span, "nothing says where these requests go")
            .hint("add `to:` with the name of a service"),
    );
    None
}

fn lower_respond(raw: &Spanned<RawRespond>, diagnostics: &mut Diagnostics) -> Option<Action> {
    let RawRespond { status, body, content_type } = &raw.value;
    if !(200..=599).contains(status) {
        diagnostics.push(
            Diagnostic::new(codes::BAD_VALUE, format!("`{status}` is not a status of an answer"))
                .at(raw.span, "a status is between 200 and 599"),
        );
        return None;
    }
    if content_type.parse::<HeaderText>().is_err() {
        diagnostics.push(
            Diagnostic::new(codes::BAD_VALUE, "`type` is not a media type")
                .at(raw.span, "it cannot be a header value"),
        );
        return None;
    }
    let content_type = if body.is_empty() { String::new() } else { content_type.clone() };
    Some(Action::Respond { status: *status, content_type, body: body.clone() })
}

fn lower_redirect(
    redirect: &Spanned<RedirectForm>,
    diagnostics: &mut Diagnostics,
) -> Option<Redirect> {
    let (scheme, authority, path, status) = match &redirect.value {
        RedirectForm::Short(text) => {
            let (scheme, authority, path) = split_url(&text.value);
            (scheme, authority, path, defaults::REDIRECT_STATUS)
        }
        RedirectForm::Parts(RawRedirect { scheme, host, path, status }) => {
            let value = |text: &Option<Spanned<String>>| text.as_ref().map(|t| t.value.clone());
            (value(scheme), value(host), value(path), *status)
        }
    };
    let wrong = if !matches!(status, 301 | 302 | 303 | 307 | 308) {
        Some(format!("`{status}` is not a status of a redirect"))
    } else if scheme.as_ref().is_some_and(|scheme| scheme != "http" && scheme != "https") {
        Some("a redirect goes to `http` or `https`".to_owned())
    } else if path.as_ref().is_some_and(|path| !path.starts_with('/')) {
        Some("the path of a redirect starts with `/`".to_owned())
    } else if [&authority, &path].into_iter().flatten().any(|text| !is_header_text(text)) {
        Some("a redirect cannot have spaces or control characters".to_owned())
    } else if scheme.is_none() && authority.is_none() && path.is_none() {
        Some("a redirect changes nothing".to_owned())
    } else {
        None
    };
    if let Some(message) = wrong {
        diagnostics.push(
            Diagnostic::new(codes::BAD_VALUE, message)
                .at(redirect.span, "callers cannot be sent there")
                .hint(
                    "write it like `https://example.com/new`, or `{ scheme, host, path, status }`",
                ),
        );
        return None;
    }
    Some(Redirect { status, scheme, authority, path })
}

fn is_header_text(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte > 0x20 && byte != 0x7f)
}

/// Scheme, authority and path of a URL or a path.
fn split_url(text: &str) -> (Option<String>, Option<String>, Option<String>) {
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme, rest)) => (Some(scheme.to_owned()), rest),
        None => return (None, None, Some(text.to_owned())),
    };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    (scheme, Some(authority.to_owned()), (!path.is_empty()).then(|| path.to_owned()))
}

fn priority(route: &Spanned<RawRoute>, diagnostics: &mut Diagnostics) -> i8 {
    let priority = route.value.priority;
    if !(-10..=10).contains(&priority) {
        diagnostics.push(
            Diagnostic::new(codes::BAD_VALUE, "`priority` is between -10 and 10")
                .at(route.span, "the priority of this route is out of range"),
        );
    }
    priority
}

/// The time limits that a route or a call has of its own.
pub(super) fn timeouts(
    timeout: Option<&TimeoutForm>,
    retry: Option<&Spanned<RetryForm>>,
    diagnostics: &mut Diagnostics,
) -> RouteTimeouts {
    let try_timeout = retry.and_then(|retry| retry.value.0.try_timeout);
    let Some(parts) = timeout.map(TimeoutForm::parts) else {
        return RouteTimeouts { attempt: try_timeout.map(|time| time.0), ..Default::default() };
    };
    for (key, period) in [("connect", &parts.connect), ("keep_alive", &parts.keep_alive)] {
        if let Some(period) = period {
            diagnostics.push(
                Diagnostic::new(codes::CONFLICT, format!("`{key}` is a time limit of a service"))
                    .at(period.span, "not of a route")
                    .hint("move it to the `timeout` of the service"),
            );
        }
    }
    RouteTimeouts {
        request: parts.request.map(|period| period.0),
        attempt: parts.attempt.or(try_timeout).map(|period| period.0),
        idle: parts.idle.map(|period| period.0),
    }
}

/// Native order of transforming filters: request headers, path, response headers.
fn filters(raw: &RawRoute, diagnostics: &mut Diagnostics) -> Vec<Filter> {
    let mut filters = Vec::new();
    if let Some(changes) = &raw.request {
        filters.push(Filter::RequestHeaders(edits(changes, diagnostics)));
    }
    if let Some(rewrite) = raw.rewrite.as_ref().and_then(|raw| lower_rewrite(raw, diagnostics)) {
        filters.push(Filter::RewritePath(rewrite));
    }
    if let Some(changes) = &raw.response {
        filters.push(Filter::ResponseHeaders(edits(changes, diagnostics)));
    }
    filters.extend(raw.cache.then_some(Filter::Cache));
    filters.extend(raw.compress.as_ref().and_then(CompressForm::filter));
    filters
}

fn edits(raw: &RawHeaderChanges, diagnostics: &mut Diagnostics) -> Vec<HeaderEdit> {
    let mut edits = Vec::new();
    for name in &raw.remove {
        edits.extend(header_name(&name.value, name.span, diagnostics).map(HeaderEdit::Remove));
    }
    let kinds: [(&Entries<Spanned<String>>, Make); 2] =
        [(&raw.set, HeaderEdit::Set), (&raw.add, HeaderEdit::Append)];
    for (entries, make) in kinds {
        for (name, text) in &entries.all {
            let name = header_name(&name.value, name.span, diagnostics);
            match text.value.parse::<HeaderText>() {
                Ok(value) => edits.extend(name.map(|name| make(name, value))),
                Err(error) => diagnostics.push(
                    Diagnostic::new(codes::BAD_VALUE, error.to_string())
                        .at(text.span, "not a header value"),
                ),
            }
        }
    }
    edits
}

fn header_name(text: &str, span: Span, diagnostics: &mut Diagnostics) -> Option<HeaderName> {
    let parsed = text.parse::<HeaderName>();
    let name = parsed.map_err(|error| {
        diagnostics.push(
            Diagnostic::new(codes::BAD_VALUE, error.to_string()).at(span, "not a header name"),
        );
    });
    // Framing and connection management belong to the proxy (RFC 9110 §7.6.1).
    let own = ["content-length", "transfer-encoding", "connection", "te", "upgrade", "host"];
    let name = name.ok()?;
    if own.contains(&name.as_str()) {
        diagnostics.push(
            Diagnostic::new(codes::BAD_VALUE, format!("`{name}` cannot be changed"))
                .at(span, "Trunkline itself sets this header"),
        );
        return None;
    }
    Some(name)
}

fn lower_rewrite(rewrite: &Spanned<RewriteForm>, diagnostics: &mut Diagnostics) -> Option<Rewrite> {
    let (to, lowered) = match &rewrite.value {
        RewriteForm::Path(path) => (path, Rewrite::Path(path.value.clone())),
        RewriteForm::Parts(parts) => {
            let to = parts.to.value.clone();
            let lowered = match (&parts.prefix, &parts.regex) {
                (Some(from), None) => Rewrite::Prefix { from: from.value.clone(), to },
                (None, Some(regex)) => {
                    if let Err(diagnostic) = matching::check_regex(regex) {
                        diagnostics.push(diagnostic);
                        return None;
                    }
                    Rewrite::Regex { pattern: regex.value.clone(), to }
                }
                _ => {
                    diagnostics.push(
                        Diagnostic::new(
                            codes::CONFLICT,
                            "a rewrite has exactly one of `prefix` and `regex`",
                        )
                        .at(rewrite.span, "this rewrite")
                        .hint("for a fixed path write `rewrite: /new`"),
                    );
                    return None;
                }
            };
            (&parts.to, lowered)
        }
    };
    let must_start = !matches!(lowered, Rewrite::Regex { .. });
    if (must_start && !to.value.starts_with('/'))
        || to.value.chars().any(|c| c.is_control() || c == ' ')
    {
        diagnostics.push(
            Diagnostic::new(codes::BAD_VALUE, format!("`{}` is not a path", to.value))
                .at(to.span, "a path starts with `/` and has no spaces"),
        );
        return None;
    }
    Some(lowered)
}
