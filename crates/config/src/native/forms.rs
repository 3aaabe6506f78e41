//! Values that have a short and a long form: `health: /healthz` or `health: { path: /healthz }`.
//!
//! These decoders are written by hand, because the choice between the forms is by kind of value.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use trunkline_model::filter::{Coding, Filter};
use trunkline_model::log::{Field, Template};

use super::raw::{
    LogWord, Overlays, ProbeWord, RawCertificate, RawHealth, RawLog, RawPassive, RawRedirect,
    RawRewrite, RawTarget, RawTimeouts, RawTls, RawUpstreamTls, RawValue,
};
use crate::decode::{Context, Decode, Entries, Period, Shape, Shapes, Spanned, wrong_type};
use crate::diagnostic::{Diagnostic, codes};
use crate::node::{Node, Value};

fn text(what: &'static str, example: &'static str) -> Shape {
    Shape::Text { what, example }
}

fn words(words: &[(&'static str, &'static str)]) -> Shape {
    Shape::Choice(words.to_vec())
}

/// Where a listener listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Address {
    /// It does not.
    Off,
    /// On this port of the usual address.
    Port(u16),
    /// Exactly there.
    Full(SocketAddr),
}

impl Address {
    /// The socket address, with `ip` where only a port was given.
    pub fn at(self, ip: IpAddr) -> Option<SocketAddr> {
        match self {
            Self::Off => None,
            Self::Port(port) => Some(SocketAddr::new(ip, port)),
            Self::Full(address) => Some(address),
        }
    }
}

impl Decode for Address {
    fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self> {
        let parsed = match &node.value {
            Value::Int(port) => u16::try_from(*port).ok().filter(|port| *port > 0).map(Self::Port),
            Value::Bool(false) => Some(Self::Off),
            Value::String(text) => parse_address(text),
            _ => None,
        };
        if parsed.is_none() {
            context.diagnostics.push(
                Diagnostic::new(
                    codes::BAD_VALUE,
                    format!(
                        "expected a port, an address with a port, or `off`, found {}",
                        node.value
                    ),
                )
                .at(node.span, "not an address to listen on")
                .hint("write a port such as `8443`, or `\"127.0.0.1:8443\"`"),
            );
        }
        parsed
    }

    fn shape(_: &mut Shapes) -> Shape {
        Shape::OneOf(vec![Shape::Int { min: 1, max: 65_535 }, text("address", "127.0.0.1:8443")])
    }
}

fn parse_address(text: &str) -> Option<Address> {
    if text == "off" {
        return Some(Address::Off);
    }
    let address = match text.strip_prefix(':') {
        Some(port) => return port.parse().ok().filter(|p| *p > 0).map(Address::Port),
        None => text.strip_prefix("localhost:").map(|port| format!("127.0.0.1:{port}")),
    };
    address.as_deref().unwrap_or(text).parse::<SocketAddr>().ok().map(Address::Full)
}

/// Worker threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkersForm {
    /// One per CPU.
    Auto,
    /// So many.
    Count(u16),
}

impl Decode for WorkersForm {
    fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self> {
        if node.as_str() == Some("auto") {
            return Some(Self::Auto);
        }
        if !matches!(node.value, Value::Int(_)) {
            context.diagnostics.push(wrong_type(node, "a number, or `auto`"));
            return None;
        }
        let count = u16::decode(node, context)?;
        if !(1..=1024).contains(&count) {
            context.diagnostics.push(
                Diagnostic::new(codes::BAD_VALUE, "`workers` is between 1 and 1024, or `auto`")
                    .at(node.span, "out of range"),
            );
            return None;
        }
        Some(Self::Count(count))
    }

    fn shape(_: &mut Shapes) -> Shape {
        Shape::OneOf(vec![words(&[("auto", "one per CPU")]), Shape::Int { min: 1, max: 1024 }])
    }
}

/// Whether and how responses are compressed; no coding at all for no.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CompressForm(Vec<Coding>);

/// All codings, the best one first.
const CODINGS: [Coding; 3] = [Coding::Zstd, Coding::Brotli, Coding::Gzip];

impl CompressForm {
    /// The filter that does it.
    pub(super) fn filter(&self) -> Option<Filter> {
        (!self.0.is_empty()).then(|| Filter::Compress(self.0.clone()))
    }
}

impl Decode for CompressForm {
    fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self> {
        let items = match &node.value {
            Value::Bool(yes) => {
                return Some(Self(if *yes { CODINGS.to_vec() } else { Vec::new() }));
            }
            Value::Seq(items) => items.as_slice(),
            _ => std::slice::from_ref(node),
        };
        let mut codings = Vec::new();
        for item in items {
            let coding = CODINGS.into_iter().find(|coding| item.as_str() == Some(coding.as_str()));
            match coding.filter(|coding| !codings.contains(coding)) {
                Some(coding) => codings.push(coding),
                None => context.diagnostics.push(
                    Diagnostic::new(
                        codes::BAD_VALUE,
                        format!(
                            "expected `true`, `false`, or a list of codings, found {}",
                            item.value
                        ),
                    )
                    .at(item.span, "no coding, or named twice")
                    .hint("the codings are `zstd`, `br` and `gzip`"),
                ),
            }
        }
        Some(Self(codings))
    }

    fn shape(_: &mut Shapes) -> Shape {
        let word = || words(&[("zstd", "RFC 8878"), ("br", "RFC 7932"), ("gzip", "RFC 1952")]);
        Shape::OneOf(vec![Shape::Bool, word(), Shape::List(Box::new(word()))])
    }
}

/// Certificates of the gateway.
#[derive(Debug, Clone)]
pub enum TlsForm {
    /// The project's own CA.
    Auto,
    /// A folder with certificates.
    Folder(Spanned<String>),
    /// Certificates in files.
    List(Vec<Spanned<RawCertificate>>),
    /// With all settings.
    Map(Box<RawTls>),
}

impl Decode for TlsForm {
    fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self> {
        if node.as_str() == Some("auto") {
            return Some(Self::Auto);
        }
        match &node.value {
            Value::Map(_) => RawTls::decode(node, context).map(Box::new).map(Self::Map),
            Value::Seq(_) => Vec::decode(node, context).map(Self::List),
            Value::String(_) => Spanned::decode(node, context).map(Self::Folder),
            _ => {
                let expected = "`auto`, `{ cert, key }`, a list of them, or a folder";
                context.diagnostics.push(wrong_type(node, expected));
                None
            }
        }
    }

    fn shape(shapes: &mut Shapes) -> Shape {
        let map = RawTls::shape(shapes);
        let list = Shape::List(Box::new(RawCertificate::shape(shapes)));
        let folder = text("a folder with certificates", "certs/");
        Shape::OneOf(vec![words(&[("auto", "the project's own CA")]), folder, list, map])
    }
}

/// The access log.
#[derive(Debug, Clone)]
pub struct LogForm(pub RawLog);

impl Decode for LogForm {
    fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self> {
        if node.as_map().is_some() {
            return RawLog::decode(node, context).map(Self);
        }
        if node.value == Value::Bool(false) {
            return Some(Self(RawLog::of(FormatForm::Word(LogWord::Off))));
        }
        FormatForm::decode(node, context).map(|format| Self(RawLog::of(format)))
    }

    fn shape(shapes: &mut Shapes) -> Shape {
        Shape::OneOf(vec![LogWord::shape(shapes), format_text(), RawLog::shape(shapes)])
    }
}

/// Format of a line of the access log.
#[derive(Debug, Clone)]
pub enum FormatForm {
    /// One that has a name.
    Word(LogWord),
    /// A text with fields.
    Template(Template),
}

impl From<LogWord> for FormatForm {
    fn from(word: LogWord) -> Self {
        Self::Word(word)
    }
}

impl fmt::Display for FormatForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Word(word) => word.fmt(f),
            Self::Template(_) => f.write_str("text"),
        }
    }
}

impl Decode for FormatForm {
    fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self> {
        let is_template = |text: &&str| text.contains(['{', '%']);
        let Some(text) = node.as_str().filter(is_template) else {
            return LogWord::decode(node, context).map(Self::Word);
        };
        match text.parse::<Template>() {
            Ok(template) => Some(Self::Template(template)),
            Err(error) => {
                let fields = Field::NAMES.join("`, `");
                let place = error.offset + 1;
                context.diagnostics.push(
                    Diagnostic::new(codes::BAD_VALUE, error.what)
                        .at(node.span, format!("at character {place} of this format"))
                        .hint(format!("fields are `{fields}`, or HAProxy's such as `%ci`")),
                );
                None
            }
        }
    }

    fn shape(shapes: &mut Shapes) -> Shape {
        Shape::OneOf(vec![LogWord::shape(shapes), format_text()])
    }
}

fn format_text() -> Shape {
    text("format", "{peer} {request} {status}")
}

impl RawLog {
    fn of(format: FormatForm) -> Self {
        Self { format, path: None, sample: crate::defaults::LOG_SAMPLE, always: None }
    }
}

/// Targets of a route.
#[derive(Debug, Clone)]
pub struct Targets(pub Vec<RawTarget>);

/// The names and weights of targets, to be linked.
pub(super) fn written(targets: &Targets) -> Vec<(Spanned<String>, u32)> {
    targets.0.iter().map(|target| (target.service.clone(), target.weight)).collect()
}

impl Decode for Targets {
    fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self> {
        let one = |node: &Node, context: &mut Context<'_>| match &node.value {
            Value::Map(_) => RawTarget::decode(node, context),
            _ => Spanned::<String>::decode(node, context)
                .map(|service| RawTarget { service, weight: crate::defaults::WEIGHT }),
        };
        match &node.value {
            Value::Seq(items) => {
                let targets: Vec<_> = items.iter().filter_map(|item| one(item, context)).collect();
                (!items.is_empty()).then_some(Self(targets)).or_else(|| {
                    context.diagnostics.push(
                        Diagnostic::new(codes::BAD_VALUE, "a route needs at least one target")
                            .at(node.span, "this list is empty"),
                    );
                    None
                })
            }
            _ => one(node, context).map(|target| Self(vec![target])),
        }
    }

    fn shape(shapes: &mut Shapes) -> Shape {
        let target = RawTarget::shape(shapes);
        let item = Shape::OneOf(vec![text("service", "orders"), target]);
        Shape::OneOf(vec![text("service", "orders"), Shape::List(Box::new(item))])
    }
}

/// A redirect.
#[derive(Debug, Clone)]
pub enum RedirectForm {
    /// A URL or a path.
    Short(Spanned<String>),
    /// In parts.
    Parts(RawRedirect),
}

impl Decode for RedirectForm {
    fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self> {
        match &node.value {
            Value::Map(_) => RawRedirect::decode(node, context).map(Self::Parts),
            _ => Spanned::decode(node, context).map(Self::Short),
        }
    }

    fn shape(shapes: &mut Shapes) -> Shape {
        Shape::OneOf(vec![
            text("URL or path", "https://example.com/new"),
            RawRedirect::shape(shapes),
        ])
    }
}

/// A rewrite.
#[derive(Debug, Clone)]
pub enum RewriteForm {
    /// The new path.
    Path(Spanned<String>),
    /// In parts.
    Parts(RawRewrite),
}

impl Decode for RewriteForm {
    fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self> {
        match &node.value {
            Value::Map(_) => RawRewrite::decode(node, context).map(Self::Parts),
            _ => Spanned::decode(node, context).map(Self::Path),
        }
    }

    fn shape(shapes: &mut Shapes) -> Shape {
        Shape::OneOf(vec![text("path", "/v2/orders"), RawRewrite::shape(shapes)])
    }
}

/// A condition on a header or parameter.
#[derive(Debug, Clone)]
pub enum ValueForm {
    /// Exactly this.
    Exact(String),
    /// Whether it is there.
    Present(bool),
    /// In parts.
    Parts(Spanned<RawValue>),
}

impl Decode for ValueForm {
    fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self> {
        match &node.value {
            Value::Bool(present) => Some(Self::Present(*present)),
            Value::Map(_) => Spanned::decode(node, context).map(Self::Parts),
            _ => String::decode(node, context).map(Self::Exact),
        }
    }

    fn shape(shapes: &mut Shapes) -> Shape {
        Shape::OneOf(vec![text("value", ""), Shape::Bool, RawValue::shape(shapes)])
    }
}

/// Time limits.
#[derive(Debug, Clone)]
pub enum TimeoutForm {
    /// Of the whole request.
    Request(Period),
    /// In parts.
    Parts(RawTimeouts),
}

impl Decode for TimeoutForm {
    fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self> {
        match &node.value {
            Value::Map(_) => RawTimeouts::decode(node, context).map(Self::Parts),
            _ => Period::decode(node, context).map(Self::Request),
        }
    }

    fn shape(shapes: &mut Shapes) -> Shape {
        Shape::OneOf(vec![text("duration", "2s"), RawTimeouts::shape(shapes)])
    }
}

impl TimeoutForm {
    /// In parts, whatever was written.
    pub fn parts(&self) -> RawTimeouts {
        match self {
            Self::Parts(parts) => parts.clone(),
            Self::Request(request) => RawTimeouts {
                connect: None,
                request: Some(*request),
                attempt: None,
                idle: None,
                keep_alive: None,
            },
        }
    }
}

/// Active health checks.
#[derive(Debug, Clone)]
pub enum HealthForm {
    /// None.
    Off,
    /// With these settings.
    On(Box<RawHealth>),
}

impl Decode for HealthForm {
    fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self> {
        let (kind, path) = match &node.value {
            Value::Map(_) => return RawHealth::decode(node, context).map(Box::new).map(Self::On),
            Value::Bool(false) => return Some(Self::Off),
            Value::String(text) if text == "off" => return Some(Self::Off),
            Value::String(text) => match probe_word(text) {
                Some(word) => (Some(Spanned { value: word, span: node.span }), None),
                None => (None, Some(Spanned { value: text.clone(), span: node.span })),
            },
            _ => {
                context.diagnostics.push(wrong_type(node, "a path, `tcp`, `grpc`, `off` or a map"));
                return None;
            }
        };
        Some(Self::On(Box::new(RawHealth { kind, path, ..RawHealth::usual() })))
    }

    fn shape(shapes: &mut Shapes) -> Shape {
        Shape::OneOf(vec![
            text("path, kind of check or `off`", "/healthz"),
            RawHealth::shape(shapes),
        ])
    }
}

/// Checks that a word names; anything else is a path.
fn probe_word(text: &str) -> Option<ProbeWord> {
    Some(match text {
        "tcp" => ProbeWord::Tcp,
        "tls" => ProbeWord::Tls,
        "grpc" => ProbeWord::Grpc,
        "redis" => ProbeWord::Redis,
        "postgres" => ProbeWord::Postgres,
        "smtp" => ProbeWord::Smtp,
        _ => return None,
    })
}

impl RawHealth {
    /// Everything as it is when nothing is written.
    fn usual() -> Self {
        use crate::defaults;
        Self {
            kind: None,
            path: None,
            method: defaults::HEALTH_METHOD.to_owned(),
            host: None,
            headers: Entries::default(),
            status: Vec::new(),
            contains: None,
            service: None,
            port: None,
            tls: None,
            interval: defaults::HEALTH_INTERVAL.into(),
            fast_interval: None,
            down_interval: None,
            jitter: defaults::HEALTH_JITTER,
            timeout: defaults::HEALTH_TIMEOUT.into(),
            rise: defaults::HEALTH_RISE,
            fall: defaults::HEALTH_FALL,
            initial: defaults::HEALTH_INITIAL,
            agent: None,
        }
    }
}

/// Passive health.
#[derive(Debug, Clone)]
pub enum PassiveForm {
    /// None.
    Off,
    /// With these settings.
    On(RawPassive),
}

impl Decode for PassiveForm {
    fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self> {
        match &node.value {
            Value::Bool(false) => Some(Self::Off),
            Value::Bool(true) => Some(Self::On(RawPassive::usual())),
            _ => RawPassive::decode(node, context).map(Self::On),
        }
    }

    fn shape(shapes: &mut Shapes) -> Shape {
        Shape::OneOf(vec![Shape::Bool, RawPassive::shape(shapes)])
    }
}

impl RawPassive {
    /// The settings when nothing is written.
    pub fn usual() -> Self {
        let period = |duration: Duration| Period(duration);
        Self {
            consecutive: crate::defaults::PASSIVE_CONSECUTIVE,
            base: period(crate::defaults::PASSIVE_BASE),
            max: period(crate::defaults::PASSIVE_MAX),
            percent_max: crate::defaults::PASSIVE_PERCENT_MAX,
            success_rate: None,
            latency: None,
            interval: period(crate::defaults::COMPARE_INTERVAL),
            hosts_min: crate::defaults::COMPARE_HOSTS,
            requests_min: crate::defaults::COMPARE_REQUESTS,
        }
    }
}

/// TLS towards a service.
#[derive(Debug, Clone)]
pub enum UpstreamTlsForm {
    /// None.
    Off,
    /// With these settings.
    On(RawUpstreamTls),
}

impl Decode for UpstreamTlsForm {
    fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self> {
        match &node.value {
            Value::Bool(false) => Some(Self::Off),
            Value::Bool(true) => Some(Self::On(RawUpstreamTls {
                server_name: None,
                ca: None,
                verify: crate::defaults::VERIFY,
                client_cert: None,
                client_key: None,
            })),
            _ => RawUpstreamTls::decode(node, context).map(Self::On),
        }
    }

    fn shape(shapes: &mut Shapes) -> Shape {
        Shape::OneOf(vec![Shape::Bool, RawUpstreamTls::shape(shapes)])
    }
}

impl Decode for Overlays {
    fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self> {
        let Some(entries) = node.as_map() else {
            context.diagnostics.push(wrong_type(node, "a map from environments to overlays"));
            return None;
        };
        for entry in entries {
            if entry.node.as_map().is_none() && !entry.node.is_null() {
                context.diagnostics.push(wrong_type(&entry.node, "an overlay: a map of keys"));
            }
        }
        Some(Self(entries.iter().map(|e| (e.key.clone(), e.node.clone())).collect()))
    }

    fn shape(_: &mut Shapes) -> Shape {
        Shape::Map(Box::new(Shape::Any))
    }
}
