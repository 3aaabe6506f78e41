//! `telemetry`: what is kept, where it comes in, where it is sent on.

mod rules;

use std::collections::BTreeMap;
use std::net::SocketAddr;

use trunkline_config_derive::Decode;
use trunkline_model::ports::Surface;
use trunkline_model::telemetry::{Durability, Forward, Keep, Retention, TailSampling};
use trunkline_model::units::{ByteSize, Rate};
use trunkline_model::{ServiceName, Telemetry};

use super::Lowering;
use super::forms::Address;
use super::globals::{no_token, port};
use crate::builder::ModelBuilder;
use crate::decode::{Context, Decode, Entries, Period, Shape, Shapes, Spanned};
use crate::defaults;
use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::node::{Node, Value};
use crate::source::Span;

/// Traces: what is kept of them, where services send them, where they are sent on.
#[derive(Debug, Clone, Default, Decode)]
#[config(what = "`telemetry`")]
pub struct RawTelemetry {
    /// What is kept on disk: `off` to remember the last traces in memory only, a folder, or a map.
    pub store: Option<StoreForm>,
    /// Where services send their spans: a list of `otlp`, `zipkin` and `jaeger`, or a map with the
    /// address of each surface.
    pub receive: Option<Spanned<ReceiveForm>>,
    /// Where everything is sent on to by OTLP: a URL, or a map.
    pub forward: Option<Spanned<ForwardForm>>,
    /// What is taken out of spans before they are kept, in this order.
    pub rules: Vec<Spanned<rules::RawRule>>,
    /// Jaeger's file of sampling strategies, for services that ask: it is read at every reload. Without
    /// it they are told the share or rate of `trace.sample`.
    pub strategies: Option<Spanned<String>>,
}

/// What is kept on disk.
#[derive(Debug, Clone, Decode)]
#[config(what = "`store`")]
pub struct RawStore {
    /// The folder; without it, the one that `--data` or the service manager gives.
    pub path: Option<Spanned<String>>,
    /// When a batch counts as taken: `fsync` when it is on the disk, `os` when the operating system
    /// has it, `none` when it came.
    #[config(default = DurabilityWord::Fsync)]
    pub durability: DurabilityWord,
    /// When it goes again.
    pub retention: Option<RawRetention>,
    /// Memory of spans that are not in a file yet.
    #[config(default = defaults::STORE_MEMORY)]
    pub memory: ByteSize,
    /// Which traces stay when more come than are wanted; without it all of them do.
    pub sampling: Option<RawTailSampling>,
}

/// Which traces stay: those with an error, slow ones and rare ones, and of the others a budget.
#[derive(Debug, Clone, Decode)]
#[config(what = "`sampling` of the store")]
pub struct RawTailSampling {
    /// Spans that are kept of each service, about, such as `100/s`; traces are kept as a whole.
    pub budget: Rate,
    /// Traces with a span that took longer stay.
    pub slow: Option<Period>,
    /// Traces with an operation of which there are fewer spans than this stay.
    #[config(default = defaults::SAMPLING_RARE)]
    pub rare: u32,
    /// Until traces are so old all of them are there.
    #[config(default = defaults::SAMPLING_AFTER)]
    pub after: Period,
}

/// When a batch counts as taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Decode)]
pub enum DurabilityWord {
    /// It is on the disk.
    Fsync,
    /// The operating system has it.
    Os,
    /// The process has it.
    None,
}

/// When what is kept goes: whichever comes first.
#[derive(Debug, Clone, Decode)]
#[config(what = "`retention`")]
pub struct RawRetention {
    /// Older than this.
    #[config(default = defaults::RETENTION_AGE)]
    pub age: Period,
    /// The oldest, when all of it is larger than this.
    #[config(default = defaults::RETENTION_SIZE)]
    pub size: ByteSize,
    /// The oldest, when the disk has less room than this.
    #[config(default = defaults::RETENTION_FREE)]
    pub free: ByteSize,
    /// Another age for spans of a service, by its name.
    pub services: Entries<Period>,
}

/// `off`, a folder, or a map.
#[derive(Debug, Clone)]
pub enum StoreForm {
    /// In memory only.
    Off,
    /// As it says.
    On(RawStore),
}

impl Decode for StoreForm {
    fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self> {
        match &node.value {
            Value::Bool(false) => Some(Self::Off),
            Value::String(text) if text == "off" => Some(Self::Off),
            Value::String(_) => {
                let path = Some(Spanned::<String>::decode(node, context)?);
                Some(Self::On(RawStore { path, ..RawStore::usual() }))
            }
            _ => RawStore::decode(node, context).map(Self::On),
        }
    }

    fn shape(shapes: &mut Shapes) -> Shape {
        Shape::OneOf(vec![
            Shape::Choice(vec![("off", "the last traces are remembered in memory only")]),
            Shape::Text { what: "a folder", example: "/var/lib/trunkline/store" },
            RawStore::shape(shapes),
        ])
    }
}

impl RawStore {
    const fn usual() -> Self {
        Self {
            path: None,
            durability: DurabilityWord::Fsync,
            retention: None,
            memory: defaults::STORE_MEMORY,
            sampling: None,
        }
    }
}

/// Where services send their spans.
#[derive(Debug, Clone, Default, Decode)]
#[config(what = "`receive`")]
pub struct RawReceive {
    /// OTLP over gRPC: a port, `addr:port`, or `off`.
    pub otlp_grpc: Option<Spanned<Address>>,
    /// OTLP over HTTP, `/v1/traces`: a port, `addr:port`, or `off`.
    pub otlp_http: Option<Spanned<Address>>,
    /// Zipkin's `/api/v2/spans`: a port, `addr:port`, or `off`.
    pub zipkin: Option<Spanned<Address>>,
    /// Jaeger's gRPC, which its agents speak: a port, `addr:port`, or `off`.
    pub jaeger_grpc: Option<Spanned<Address>>,
    /// Jaeger's Thrift over HTTP, `/api/traces`: a port, `addr:port`, or `off`.
    pub jaeger_thrift: Option<Spanned<Address>>,
    /// Jaeger's compact Thrift over UDP: a port, `addr:port`, or `off`.
    pub jaeger_compact: Option<Spanned<Address>>,
    /// Jaeger's binary Thrift over UDP: a port, `addr:port`, or `off`.
    pub jaeger_binary: Option<Spanned<Address>>,
    /// What Jaeger's clients ask how to sample, HTTP: a port, `addr:port`, or `off`.
    pub sampling_http: Option<Spanned<Address>>,
    /// The same over gRPC: a port, `addr:port`, or `off`.
    pub sampling_grpc: Option<Spanned<Address>>,
}

/// What services speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Decode)]
pub enum Protocol {
    /// OpenTelemetry's, gRPC and HTTP.
    Otlp,
    /// Zipkin's.
    Zipkin,
    /// Jaeger's: gRPC, Thrift over HTTP and UDP, and what its clients ask how to sample.
    Jaeger,
}

impl Protocol {
    const fn surfaces(self) -> &'static [Surface] {
        use Surface::{
            JaegerBinary, JaegerCompact, JaegerGrpc, JaegerThrift, OtlpGrpc, OtlpHttp,
            SamplingGrpc, SamplingHttp, Zipkin,
        };
        match self {
            Self::Otlp => &[OtlpGrpc, OtlpHttp],
            Self::Zipkin => &[Zipkin],
            Self::Jaeger => {
                &[JaegerGrpc, JaegerThrift, JaegerCompact, JaegerBinary, SamplingHttp, SamplingGrpc]
            }
        }
    }
}

/// A list of protocols, or a map.
#[derive(Debug, Clone)]
pub enum ReceiveForm {
    /// Each at its usual ports.
    Protocols(Vec<Protocol>),
    /// As it says.
    Map(Box<RawReceive>),
}

impl Decode for ReceiveForm {
    fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self> {
        match &node.value {
            Value::Map(_) => RawReceive::decode(node, context).map(|map| Self::Map(Box::new(map))),
            Value::Bool(false) => Some(Self::Protocols(Vec::new())),
            Value::String(text) if text == "off" => Some(Self::Protocols(Vec::new())),
            _ => Vec::decode(node, context).map(Self::Protocols),
        }
    }

    fn shape(shapes: &mut Shapes) -> Shape {
        Shape::OneOf(vec![
            Shape::Choice(vec![("off", "nothing comes in")]),
            Vec::<Protocol>::shape(shapes),
            RawReceive::shape(shapes),
        ])
    }
}

/// Where everything is sent on to.
#[derive(Debug, Clone, Decode)]
#[config(what = "`forward`")]
pub struct RawForward {
    /// `http://host:4317` for gRPC, `http://host:4318/v1/traces` for HTTP; `https` for TLS.
    pub url: Spanned<String>,
    /// Fields of every request; the values are `env:NAME` or `file:path`.
    pub headers: Entries<Spanned<String>>,
    /// Disk that may be taken by what waits while the collector is away; beyond it the oldest go.
    #[config(default = defaults::FORWARD_BUFFER)]
    pub buffer: ByteSize,
}

/// A URL, or a map.
#[derive(Debug, Clone)]
pub struct ForwardForm(pub RawForward);

impl Decode for ForwardForm {
    fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self> {
        if matches!(node.value, Value::Map(_)) {
            return RawForward::decode(node, context).map(Self);
        }
        let url = Spanned::<String>::decode(node, context)?;
        let (headers, buffer) = (Entries::default(), defaults::FORWARD_BUFFER);
        Some(Self(RawForward { url, headers, buffer }))
    }

    fn shape(shapes: &mut Shapes) -> Shape {
        Shape::OneOf(vec![
            Shape::Text { what: "URL of a collector", example: "http://otel-collector:4317" },
            RawForward::shape(shapes),
        ])
    }
}

/// Lowers the `telemetry` of one file; without one, its `ports` still move the surfaces.
pub(super) fn lower(
    lowering: &Lowering<'_>,
    written: Option<&Spanned<RawTelemetry>>,
    into: &mut ModelBuilder<'_>,
    diagnostics: &mut Diagnostics,
) {
    let raw = written.map(|written| written.value.clone()).unwrap_or_default();
    let span = written.map_or(lowering.file.first_line(), |written| written.span);
    let usual = RawStore::usual();
    let keep = match &raw.store {
        Some(StoreForm::Off) => None,
        Some(StoreForm::On(store)) => Some(keep(lowering, store, diagnostics)),
        None => Some(keep(lowering, &usual, diagnostics)),
    };
    let receive = receive(lowering, raw.receive.as_ref(), into, diagnostics);
    let forward = raw.forward.as_ref().map(|form| forward(&form.value.0, &receive, diagnostics));
    let rules = rules::lower(&raw.rules, diagnostics);
    let strategies = raw.strategies.as_ref().map(|path| lowering.path(&path.value));
    let value = Telemetry { keep, receive, forward, rules, strategies };
    into.telemetry.set("`telemetry`", value, span, diagnostics);
}

fn keep(lowering: &Lowering<'_>, raw: &RawStore, diagnostics: &mut Diagnostics) -> Keep {
    let mut retention = defaults::retention();
    if let Some(written) = &raw.retention {
        retention = Retention {
            age: written.age.0,
            size: written.size,
            free: written.free,
            services: services(&written.services, diagnostics),
        };
    }
    Keep {
        path: raw.path.as_ref().map(|path| lowering.path(&path.value)),
        durability: match raw.durability {
            DurabilityWord::Fsync => Durability::Fsync,
            DurabilityWord::Os => Durability::Os,
            DurabilityWord::None => Durability::None,
        },
        retention,
        memory: raw.memory,
        sampling: raw.sampling.as_ref().map(|sampling| TailSampling {
            budget: sampling.budget,
            slow: sampling.slow.map(|slow| slow.0),
            rare: sampling.rare,
            after: sampling.after.0,
        }),
    }
}

fn services(
    raw: &Entries<Period>,
    diagnostics: &mut Diagnostics,
) -> BTreeMap<ServiceName, std::time::Duration> {
    let mut kept = BTreeMap::new();
    for (name, age) in &raw.all {
        match name.value.parse() {
            Ok(service) => {
                kept.insert(service, age.0);
            }
            Err(error) => diagnostics.push(
                Diagnostic::new(codes::BAD_VALUE, format!("{error}"))
                    .at(name.span, "not a name for a service"),
            ),
        }
    }
    kept
}

/// Each surface with its address.
fn receive(
    lowering: &Lowering<'_>,
    written: Option<&Spanned<ReceiveForm>>,
    into: &ModelBuilder<'_>,
    diagnostics: &mut Diagnostics,
) -> Vec<(Surface, SocketAddr)> {
    let ports = lowering.raw.ports.as_ref().map(|ports| &ports.value);
    let usual = |surface: Surface| {
        SocketAddr::new(defaults::MANAGEMENT_IP, port(surface, ports, into.options, false))
    };
    let map = match written.map(|written| &written.value) {
        None => return Protocol::Otlp.surfaces().iter().map(|one| (*one, usual(*one))).collect(),
        Some(ReceiveForm::Protocols(protocols)) => {
            let mut surfaces: Vec<Surface> =
                protocols.iter().flat_map(|protocol| protocol.surfaces()).copied().collect();
            surfaces.sort_unstable();
            surfaces.dedup();
            return surfaces.into_iter().map(|surface| (surface, usual(surface))).collect();
        }
        Some(ReceiveForm::Map(map)) => map,
    };
    let has_token =
        lowering.raw.management.as_ref().is_some_and(|written| written.value.token.is_some());
    let mut kept = Vec::new();
    for (surface, address) in map.addresses() {
        let Some(address) = address else {
            if Protocol::Otlp.surfaces().contains(&surface) {
                kept.push((surface, usual(surface)));
            }
            continue;
        };
        let Some(bound) = address.value.at(defaults::MANAGEMENT_IP) else { continue };
        if !bound.ip().to_canonical().is_loopback() {
            match surface.is_udp() {
                true => diagnostics.push(no_datagrams(address.span)),
                false if !has_token => diagnostics.push(no_token(address.span)),
                false => {}
            }
        }
        kept.push((surface, bound));
    }
    kept
}

fn no_datagrams(span: Span) -> Diagnostic {
    Diagnostic::new(
        codes::NO_TOKEN,
        "datagrams can carry no token, so they are taken on loopback only",
    )
    .at(span, "others can reach this address")
    .hint("let services beyond this machine send by `jaeger_thrift` or `otlp_http`")
}

impl RawReceive {
    const fn addresses(&self) -> [(Surface, Option<&Spanned<Address>>); 9] {
        [
            (Surface::OtlpGrpc, self.otlp_grpc.as_ref()),
            (Surface::OtlpHttp, self.otlp_http.as_ref()),
            (Surface::Zipkin, self.zipkin.as_ref()),
            (Surface::JaegerGrpc, self.jaeger_grpc.as_ref()),
            (Surface::JaegerThrift, self.jaeger_thrift.as_ref()),
            (Surface::JaegerCompact, self.jaeger_compact.as_ref()),
            (Surface::JaegerBinary, self.jaeger_binary.as_ref()),
            (Surface::SamplingHttp, self.sampling_http.as_ref()),
            (Surface::SamplingGrpc, self.sampling_grpc.as_ref()),
        ]
    }
}

fn forward(
    raw: &RawForward,
    receive: &[(Surface, SocketAddr)],
    diagnostics: &mut Diagnostics,
) -> Forward {
    let known =
        ["http://", "https://"].iter().find_map(|scheme| raw.url.value.strip_prefix(scheme));
    if known.is_none_or(str::is_empty) {
        diagnostics.push(
            Diagnostic::new(codes::BAD_VALUE, format!("`{}` is not a URL", raw.url.value))
                .at(raw.url.span, "where a collector takes OTLP")
                .hint("write `http://host:4317` for gRPC, `http://host:4318/v1/traces` for HTTP"),
        );
    }
    if let Some((surface, _)) = receive.iter().find(|(_, own)| leads_to(&raw.url.value, *own)) {
        diagnostics.push(goes_round(raw.url.span, *surface));
    }
    let mut headers = BTreeMap::new();
    for (name, value) in &raw.headers.all {
        let reference = ["env:", "file:"].iter().any(|scheme| value.value.starts_with(scheme));
        if !reference {
            diagnostics.push(
                Diagnostic::new(codes::PLAIN_SECRET, "a header's value is not a reference")
                    .at(value.span, "keys do not belong into this file")
                    .hint("write `env:NAME` or `file:path`"),
            );
        }
        headers.insert(name.value.clone(), value.value.clone());
    }
    Forward { url: raw.url.value.clone(), headers, buffer: raw.buffer }
}

/// Whether a URL names this address of ours.
fn leads_to(url: &str, own: SocketAddr) -> bool {
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest).split('/').next();
    let Some((host, port)) = authority.and_then(|authority| authority.rsplit_once(':')) else {
        return false;
    };
    let ip = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
    let is_here = match ip {
        Ok(ip) => ip.is_loopback() || ip == own.ip(),
        Err(_) => host == "localhost",
    };
    is_here && port.parse() == Ok(own.port())
}

fn goes_round(span: Span, surface: Surface) -> Diagnostic {
    let name = surface.entry().name;
    Diagnostic::new(codes::BAD_VALUE, "what is sent on would come in again")
        .at(span, format!("`{name}` of this process listens there"))
        .hint("move the collector to another port, or `receive` to another one")
}
