//! `services`: where they are, and how Trunkline treats them.

use trunkline_model::ServiceName;
use trunkline_model::endpoint::EndpointPlace;
use trunkline_model::relay::ProxyVersion;
use trunkline_model::service::{
    Compared, Outlier, Process, Protocol, Service, ServiceTimeouts, Source, UpstreamTls,
};
use trunkline_model::tls::ClientCertificate;

use super::Lowering;
use super::forms::{PassiveForm, UpstreamTlsForm};
use super::policies::forms::Factor;
use super::policies::{self, Written};
use super::raw::{ProtocolWord, RawPassive, RawService};
use super::relays::raw::ProxyWord;
use super::{building, calls, health, spreading, watching};
use crate::builder::{AddressDraft, ModelBuilder, ServiceDraft};
use crate::decode::Spanned;
use crate::defaults;
use crate::diagnostic::{Diagnostic, Diagnostics, codes};

/// Lowers the services of one file.
pub(super) fn lower(
    raw: &Lowering<'_>,
    into: &mut ModelBuilder<'_>,
    diagnostics: &mut Diagnostics,
) {
    into.broken_services.extend(raw.raw.services.failed.iter().cloned());
    let zone = into.zone.get().map(|zone| zone.value.clone()).unwrap_or_default();
    for (name, service) in &raw.raw.services.all {
        let parsed = match name.value.parse::<ServiceName>() {
            Ok(parsed) => parsed,
            Err(error) => {
                diagnostics.push(
                    Diagnostic::new(codes::BAD_VALUE, error.to_string())
                        .at(name.span, "not a name for a service")
                        .hint("it becomes part of host names: `orders`, `orders-v2`"),
                );
                into.broken_services.push(name.value.clone());
                continue;
            }
        };
        let (source, addresses) = source(raw, name, service, diagnostics);
        let is_process = matches!(source, Source::Process(_));
        let draft = ServiceDraft {
            service: Service {
                name: parsed,
                source,
                calls: Vec::new(),
                protocol: match service.protocol {
                    ProtocolWord::Http1 => Protocol::Http1,
                    ProtocolWord::Http2 => Protocol::Http2,
                    ProtocolWord::Auto => Protocol::Auto,
                },
                tls: tls(raw, service, into, diagnostics),
                balance: spreading::balance(service),
                spread: spreading::lower(service, &zone, diagnostics),
                proxy_protocol: service.proxy_protocol.map(|word| match word {
                    ProxyWord::V1 => ProxyVersion::V1,
                    ProxyWord::V2 => ProxyVersion::V2,
                }),
                health: health::lower(service, diagnostics),
                outlier: outlier(service, diagnostics),
                policies: policies::lower(&written(service), diagnostics),
                call_policies: calls::policies(&service.calls, diagnostics),
                timeouts: timeouts(service),
                origin: into.sources.origin(name.span),
            },
            name_span: name.span,
            calls: calls::names(&service.calls),
            addresses,
            port: service.port.filter(|_| is_process || service.external.is_none()),
        };
        into.services.push(draft);
    }
}

fn written(service: &RawService) -> Written<'_> {
    Written {
        breaker: service.breaker.as_ref(),
        retry: service.retry.as_ref(),
        hedge: service.hedge.as_ref(),
        rate_limiter: service.rate_limiter.as_ref(),
        bulkhead: service.bulkhead.as_ref(),
        adaptive: service.adaptive.as_ref(),
        shed: service.shed.as_ref(),
        fallback: service.fallback.as_ref(),
    }
}

/// Written addresses, or a process. A `port` alone is a service that someone else runs here.
fn source(
    raw: &Lowering<'_>,
    name: &Spanned<String>,
    service: &RawService,
    diagnostics: &mut Diagnostics,
) -> (Source, Vec<AddressDraft>) {
    let weight = defaults::WEIGHT;
    let plain = |text| AddressDraft { text, weight, place: EndpointPlace::default(), limit: None };
    let mut addresses: Vec<_> = service.external.iter().cloned().map(plain).collect();
    for endpoint in &service.endpoints {
        let (place, limit) = spreading::endpoint(&endpoint.0, diagnostics);
        let (text, weight) = (endpoint.0.address.clone(), endpoint.0.weight);
        addresses.push(AddressDraft { text, weight, place, limit });
    }
    check_sources(service, &addresses, diagnostics);
    if let Some(command) = &service.command {
        return (Source::Process(process(raw, service, &command.value)), Vec::new());
    }
    if let (true, Some(port)) = (addresses.is_empty(), service.port) {
        let text = Spanned { value: format!("127.0.0.1:{}", port.value), span: port.span };
        addresses.push(plain(text));
    }
    if addresses.is_empty() {
        diagnostics.push(
            Diagnostic::new(
                codes::NO_ADDRESS,
                format!("nothing says where `{}` is", name.value),
            )
            .at(name.span, "no address and no command")
            .hint("add `command:` to run it, or `external: \"host:port\"`; `trunkline init --print` shows what is found"),
        );
    }
    (Source::Static(Vec::new()), addresses)
}

fn check_sources(service: &RawService, addresses: &[AddressDraft], diagnostics: &mut Diagnostics) {
    if let (Some(external), Some(endpoint)) = (&service.external, service.endpoints.first()) {
        diagnostics.push(
            Diagnostic::new(codes::CONFLICT, "a service has either `external` or `endpoints`")
                .at(endpoint.0.address.span, "given as well")
                .also(external.span, "given here")
                .hint("list all addresses in `endpoints`"),
        );
    }
    if let (Some(command), Some(address)) = (&service.command, addresses.first()) {
        diagnostics.push(
            Diagnostic::new(
                codes::CONFLICT,
                "a service is either run by `command` or found at an address",
            )
            .at(address.text.span, "this address is never used")
            .also(command.span, "as Trunkline runs it")
            .hint("keep one of the two"),
        );
    }
    let needless = [
        service.build.as_ref().map(|build| ("build", build.span)),
        service.watch.as_ref().map(|watch| ("watch", watch.span)),
    ];
    for (key, span) in needless.into_iter().flatten().filter(|_| service.command.is_none()) {
        diagnostics.push(
            Diagnostic::new(codes::CONFLICT, format!("`{key}` is for a service with a `command`"))
                .at(span, "nothing of this service is run here")
                .hint("add `command:`, or remove it"),
        );
    }
    if !addresses.is_empty()
        && addresses.iter().all(|address| address.weight == 0)
        && let Some(first) = addresses.first()
    {
        diagnostics.push(
            Diagnostic::new(codes::BAD_VALUE, "no endpoint has a weight above zero")
                .at(first.text.span, "it gets no traffic"),
        );
    }
}

fn process(raw: &Lowering<'_>, service: &RawService, command: &str) -> Process {
    let directory =
        service.path.as_ref().map_or_else(|| raw.path(""), |path| raw.path(&path.value));
    Process {
        command: command.to_owned(),
        build: service.build.as_ref().map_or_else(
            || building::derive(command),
            |build| Some(build.value.clone()).filter(|line| !line.trim().is_empty()),
        ),
        watch: watching::lower(service, &directory),
        directory,
        port: service.port.map(|port| port.value),
        env: service.env.all.iter().map(|(k, v)| (k.value.clone(), v.value.clone())).collect(),
        language: service.language.clone(),
        start_timeout: service.start_timeout.0,
        stop_timeout: service.stop_timeout.0,
    }
}

fn tls(
    raw: &Lowering<'_>,
    service: &RawService,
    into: &mut ModelBuilder<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<UpstreamTls> {
    let UpstreamTlsForm::On(tls) = &service.tls.as_ref()?.value else {
        return None;
    };
    let mut named = |written: &Spanned<String>| {
        let path = raw.path(&written.value);
        into.watched.push(path.clone());
        path
    };
    let (chain, key) = (tls.client_cert.as_ref(), tls.client_key.as_ref());
    let certificate = chain.map(|chain| ClientCertificate {
        certificate: named(chain),
        // One file may hold both.
        key: named(key.unwrap_or(chain)),
    });
    if let (None, Some(key)) = (chain, key) {
        diagnostics.push(
            Diagnostic::new(codes::CONFLICT, "`client_key` without `client_cert`")
                .at(key.span, "the key of which certificate?")
                .hint("add `client_cert`, a PEM file with the certificate chain"),
        );
    }
    Some(UpstreamTls {
        server_name: tls.server_name.as_ref().map(|name| name.value.clone()),
        ca: tls.ca.as_ref().map(named),
        verify: tls.verify,
        certificate,
    })
}

/// On unless switched off: a failing endpoint among good ones is left out.
fn outlier(service: &RawService, diagnostics: &mut Diagnostics) -> Option<Outlier> {
    let raw = match service.passive.as_ref() {
        None => RawPassive::usual(),
        Some(Spanned { value: PassiveForm::Off, .. }) => return None,
        Some(Spanned { value: PassiveForm::On(raw), span }) => {
            if raw.consecutive == 0 || raw.percent_max > 100 {
                diagnostics.push(
                    Diagnostic::new(
                        codes::BAD_VALUE,
                        "`consecutive` is above zero and `percent_max` at most 100",
                    )
                    .at(*span, "out of range"),
                );
            }
            raw.clone()
        }
    };
    Some(Outlier {
        consecutive: raw.consecutive,
        base: raw.base.0,
        max: raw.max.0.max(raw.base.0),
        percent_max: raw.percent_max,
        compared: compared(&raw),
    })
}

fn compared(raw: &RawPassive) -> Option<Compared> {
    let thousandths = |factor: Option<Factor>| factor.map_or(0, |factor| factor.0);
    (raw.success_rate.is_some() || raw.latency.is_some()).then(|| Compared {
        interval: raw.interval.0.max(defaults::COMPARE_INTERVAL_MIN),
        success_deviations_thousandths: thousandths(raw.success_rate),
        latency_factor_thousandths: thousandths(raw.latency),
        hosts_min: raw.hosts_min,
        requests_min: raw.requests_min,
    })
}

fn timeouts(service: &RawService) -> ServiceTimeouts {
    let parts = service.timeout.as_ref().map(super::forms::TimeoutForm::parts);
    let parts = parts.as_ref();
    let try_timeout = service.retry.as_ref().and_then(|retry| retry.value.0.try_timeout);
    ServiceTimeouts {
        connect: parts
            .and_then(|p| p.connect.as_ref())
            .map_or(defaults::CONNECT_TIMEOUT, |period| period.value.0),
        request: parts.and_then(|p| p.request).map_or(defaults::REQUEST_TIMEOUT, |p| p.0),
        attempt: parts.and_then(|p| p.attempt).or(try_timeout).map(|period| period.0),
        idle: parts.and_then(|p| p.idle).map_or(defaults::STREAM_IDLE_TIMEOUT, |p| p.0),
        keep_alive: parts
            .and_then(|p| p.keep_alive.as_ref())
            .map_or(defaults::KEEP_ALIVE, |period| period.value.0),
    }
}
