//! What holds for the whole project: name, workers, traces, management.

use std::net::{IpAddr, SocketAddr};

use trunkline_model::ports::Surface;
use trunkline_model::{AccessLog, LogFormat, LogLines, Management, ProjectName, Reasons, Workers};

use super::forms::{Address, FormatForm, LogForm, WorkersForm};
use super::raw::{LogWord, RawManagement, RawPorts, ReasonsWord};
use super::{Lowering, cluster, limits, telemetry};
use crate::builder::ModelBuilder;
use crate::decode::Spanned;
use crate::defaults;
use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::load::{Options, Profile, normal};
use crate::source::Span;

/// Lowers what is at the top of one file.
pub(super) fn lower(
    raw: &Lowering<'_>,
    into: &mut ModelBuilder<'_>,
    diagnostics: &mut Diagnostics,
) {
    let file = &raw.raw;
    if let Some(name) = &file.name {
        match name.value.parse::<ProjectName>() {
            Ok(value) => into.name.set("`name`", value, name.span, diagnostics),
            Err(error) => diagnostics.push(
                Diagnostic::new(codes::BAD_VALUE, error.to_string())
                    .at(name.span, "not a name for a project"),
            ),
        }
    }
    if let Some(workers) = &file.workers {
        let value = match workers.value {
            WorkersForm::Auto => Workers::PerCpu,
            WorkersForm::Count(count) => Workers::Count(count),
        };
        into.workers.set("`workers`", value, workers.span, diagnostics);
    }
    if let Some(zone) = &file.zone {
        let value = own_zone(&zone.value);
        into.zone.set("`zone`", value, zone.span, diagnostics);
    }
    if let Some(trace) = &file.trace {
        let value = super::tracing::lower(&trace.value);
        into.tracing.set("`trace`", value, trace.span, diagnostics);
    }
    if let Some(written) = &file.telemetry {
        telemetry::lower(raw, Some(written), into, diagnostics);
    }
    if let Some(cluster) = &file.cluster {
        cluster::lower(raw, cluster, into, diagnostics);
    }
    if let Some(gateway) = &file.gateway {
        let reasons = match gateway.value.reasons {
            ReasonsWord::Full => Reasons::Full,
            ReasonsWord::Id => Reasons::Id,
        };
        into.reasons.set("`gateway.reasons`", reasons, gateway.span, diagnostics);
        if !gateway.value.trusted_proxies.is_empty() {
            let value = gateway.value.trusted_proxies.clone();
            into.trusted_proxies.set("`gateway.trusted_proxies`", value, gateway.span, diagnostics);
        }
        if let Some(guard) = limits::lower(&gateway.value, diagnostics) {
            into.guard.set("`gateway.limits`", guard, gateway.span, diagnostics);
        }
        if let Some(log) = &gateway.value.access_log {
            let value = access_log(raw, log);
            into.access_log.set("`gateway.access_log`", value, gateway.span, diagnostics);
        }
    }
    if file.management.is_some() {
        management(raw, into, diagnostics);
    }
    chain(raw, into, diagnostics);
}

/// The zone as written, or the value of the variable that it names; none if that is not set.
#[expect(
    clippy::disallowed_methods,
    reason = "where a machine stands is told by its environment, and one file serves them all"
)]
fn own_zone(text: &str) -> String {
    match text.strip_prefix("env:") {
        Some(name) => std::env::var(name).unwrap_or_default(),
        None => text.to_owned(),
    }
}

/// Fills in what no file said.
pub(super) fn settle(
    raws: &[Lowering<'_>],
    into: &mut ModelBuilder<'_>,
    diagnostics: &mut Diagnostics,
) {
    // `ports` moves the surfaces of a file that has no `management`, and so does being a copy.
    let is_copy = into.options.port_set > 0;
    let moved = raws.iter().find(|raw| raw.raw.ports.is_some());
    if let Some(first) = moved.or_else(|| raws.first().filter(|_| is_copy))
        && into.management.get().is_none()
    {
        management(first, into, diagnostics);
    }
    if let Some(first) = moved.or_else(|| raws.first().filter(|_| is_copy))
        && into.telemetry.get().is_none()
    {
        telemetry::lower(first, None, into, diagnostics);
    }
    domains(raws, into, diagnostics);
}

fn access_log(raw: &Lowering<'_>, log: &LogForm) -> AccessLog {
    let log = &log.0;
    let format = match &log.format {
        FormatForm::Word(LogWord::Off) => return AccessLog::Off,
        FormatForm::Word(LogWord::Json) => LogFormat::Json,
        FormatForm::Word(LogWord::Clf) => LogFormat::Clf,
        FormatForm::Word(LogWord::Combined) => LogFormat::Combined,
        FormatForm::Word(LogWord::Httplog) => LogFormat::Httplog,
        FormatForm::Template(template) => LogFormat::Template(template.clone()),
    };
    let always = log.always.clone().or_else(|| defaults::LOG_ALWAYS.parse().ok());
    let lines = LogLines { format, sample: log.sample, always: always.unwrap_or_default() };
    match &log.path {
        Some(path) => AccessLog::File(lines, raw.path(&path.value)),
        None => AccessLog::Stdout(lines),
    }
}

/// `edge` and `chain` say the same of their first file: it owns listeners that several claim.
fn chain(raw: &Lowering<'_>, into: &mut ModelBuilder<'_>, diagnostics: &mut Diagnostics) {
    let (key, files) = match (&raw.raw.edge, raw.raw.chain.as_slice()) {
        (Some(edge), []) => ("edge", std::slice::from_ref(edge)),
        (None, files) => ("chain", files),
        (Some(edge), [first, ..]) => {
            diagnostics.push(
                Diagnostic::new(codes::CONFLICT, "`edge` and `chain` both name the owner")
                    .at(first.span, "given as well")
                    .also(edge.span, "given here")
                    .hint("keep `chain`: its first file is the edge"),
            );
            return;
        }
    };
    for written in files {
        let wanted = normal(&raw.path(&written.value));
        match into.sources.iter().find(|file| file.path == wanted) {
            Some(file) if !into.chain.contains(&file.id) => into.chain.push(file.id),
            Some(_) => {}
            None => diagnostics.push(
                Diagnostic::new(
                    codes::BAD_VALUE,
                    format!("`{key}` names `{}`, which is not among the files read", written.value),
                )
                .at(written.span, "no such file was read")
                .hint("name this file, or one that `include` leads to"),
            ),
        }
    }
}

/// How far the usual ports of two copies are apart. Ten keeps every surface's own last digit, so
/// that no two of them ever meet.
pub const PORT_STEP: u16 = 10;

/// The port of a surface: the table, moved and shifted by `ports`, else by the copy that this is.
/// `may_be_low` where the gateway's ports below 1024 are meant.
pub(super) fn port(
    surface: Surface,
    raw: Option<&RawPorts>,
    options: &Options,
    may_be_low: bool,
) -> u16 {
    let moved = raw.and_then(|ports| match surface {
        Surface::GatewayHttp => ports.http,
        Surface::GatewayHttps => ports.https,
        Surface::JaegerQuery => ports.jaeger,
        Surface::Metrics => ports.metrics,
        Surface::Console => ports.console,
        _ => None,
    });
    if let Some(moved) = moved {
        return moved.value;
    }
    let entry = surface.entry();
    match raw.and_then(|ports| ports.shift) {
        // The sum may leave the range; then the highest port says so by being taken or odd.
        Some(shift) => entry.port.saturating_add(shift.value),
        None if options.port_set > 0 => {
            entry.port.saturating_add(options.port_set.saturating_mul(PORT_STEP))
        }
        None => entry.privileged.filter(|_| may_be_low && options.low_ports).unwrap_or(entry.port),
    }
}

fn management(raw: &Lowering<'_>, into: &mut ModelBuilder<'_>, diagnostics: &mut Diagnostics) {
    let ports = raw.raw.ports.as_ref().map(|ports| &ports.value);
    let span = raw.raw.management.as_ref().map_or(raw.file.first_line(), |m| m.span);
    let written = raw.raw.management.as_ref().map(|m| &m.value);
    let options = into.options;
    let at = |surface, address: Option<&Spanned<Address>>| match address {
        Some(address) => address.value.at(defaults::MANAGEMENT_IP),
        None => {
            Some(SocketAddr::new(defaults::MANAGEMENT_IP, port(surface, ports, options, false)))
        }
    };
    let value = Management {
        control: at(Surface::Console, written.and_then(|m| m.control.as_ref())),
        metrics: at(Surface::Metrics, written.and_then(|m| m.metrics.as_ref())),
        jaeger: at(Surface::JaegerQuery, written.and_then(|m| m.jaeger.as_ref())),
        jaeger_grpc: at(Surface::JaegerQueryGrpc, written.and_then(|m| m.jaeger_grpc.as_ref())),
        origins: written.map(|m| origins(m, diagnostics)).unwrap_or_default(),
        token: written.and_then(|m| token(m, diagnostics)),
        idle: written.map_or(defaults::MANAGEMENT_IDLE, |m| m.idle.0),
    };
    if let Some(written) = written.filter(|m| m.token.is_none()) {
        let all = [&written.control, &written.metrics, &written.jaeger, &written.jaeger_grpc];
        for address in all.into_iter().flatten() {
            let bound = address.value.at(defaults::MANAGEMENT_IP);
            if bound.is_some_and(|address| !is_loopback(address.ip())) {
                diagnostics.push(no_token(address.span));
            }
        }
    }
    into.management.set("`management`", value, span, diagnostics);
}

fn is_loopback(ip: IpAddr) -> bool {
    ip.to_canonical().is_loopback()
}

pub(super) fn no_token(span: Span) -> Diagnostic {
    Diagnostic::new(codes::NO_TOKEN, "a management surface beyond loopback needs a token")
        .at(span, "others can reach this address")
        .hint("add `token: env:TRUNKLINE_TOKEN` or `token: file:/path` to `management`")
}

fn token(raw: &RawManagement, diagnostics: &mut Diagnostics) -> Option<String> {
    let token = raw.token.as_ref()?;
    let is_reference = ["env:", "file:"]
        .iter()
        .any(|scheme| token.value.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty()));
    if !is_reference {
        // The text itself is not repeated: messages are logged.
        diagnostics.push(
            Diagnostic::new(codes::PLAIN_SECRET, "`token` is not a reference to a secret")
                .at(token.span, "secrets do not belong into this file")
                .hint("write `env:NAME` or `file:path`"),
        );
    }
    Some(token.value.clone())
}

fn origins(raw: &RawManagement, diagnostics: &mut Diagnostics) -> Vec<String> {
    let mut kept = Vec::new();
    for origin in &raw.origins {
        let rest = origin.value.strip_prefix("https://").or(origin.value.strip_prefix("http://"));
        // A `*` would let every page on the internet call the surfaces.
        if rest.is_some_and(|rest| !rest.is_empty() && !rest.contains(['/', '*', ' ', '?', '#'])) {
            kept.push(origin.value.to_lowercase());
        } else {
            diagnostics.push(
                Diagnostic::new(codes::BAD_VALUE, format!("`{}` is not an origin", origin.value))
                    .at(origin.span, "not a scheme and a host")
                    .hint("write it like `https://tools.example.com`, without a path"),
            );
        }
    }
    kept
}

/// The host names of the gateway: on a laptop `<name>.localhost` first, then those of the file. A
/// further checkout has a name below that instead: `<checkout>.<name>.localhost`.
fn domains(raws: &[Lowering<'_>], into: &mut ModelBuilder<'_>, diagnostics: &mut Diagnostics) {
    let name = into.name.get().map_or(defaults::NAME, |name| name.value.as_str()).to_owned();
    let local = format!("{name}.localhost");
    let mut domains = Vec::new();
    let is_laptop = into.options.profile == Profile::Laptop;
    let checkout = into.options.checkout.as_ref().filter(|_| is_laptop);
    if is_laptop {
        domains.push(checkout.map_or_else(|| local.clone(), |label| format!("{label}.{local}")));
    }
    let written = raws.iter().filter_map(|raw| raw.raw.gateway.as_ref());
    for domain in written.flat_map(|gateway| &gateway.value.domain) {
        let lower = domain.value.to_lowercase();
        if !crate::builder::address::is_host(lower.strip_prefix("*.").unwrap_or(&lower)) {
            diagnostics.push(
                Diagnostic::new(codes::BAD_VALUE, format!("`{}` is not a host name", domain.value))
                    .at(domain.span, "not a host name")
                    .hint("write it like `shop.example.com`, without scheme and port"),
            );
        } else if !(domains.contains(&lower) || checkout.is_some() && lower == local) {
            domains.push(lower);
        }
    }
    if domains.is_empty() {
        domains.push(local);
    }
    into.domains = domains;
}
