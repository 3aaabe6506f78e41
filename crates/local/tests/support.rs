//! Models for the tests of this crate.

#![allow(dead_code, reason = "each test binary uses its part of this file")]

use std::path::Path;
use std::time::Duration;

use trunkline_model::service::{
    Balance, HealthCheck, HttpProbe, Initial, Probe, Process, Protocol, Service, ServiceTimeouts,
    Source, Watch, When,
};
use trunkline_model::units::Share;
use trunkline_model::{
    AccessLog, Management, Model, Origin, ProjectName, Reasons, ServiceName, Tracing, Workers,
};

/// A name that is known to be one.
pub(crate) fn name(text: &str) -> ServiceName {
    text.parse().expect("tests use valid names")
}

/// A service that runs `command` in `directory`.
pub(crate) fn service(text: &str, command: &str, directory: &Path) -> Service {
    let second = Duration::from_secs(1);
    Service {
        name: name(text),
        source: Source::Process(Process {
            command: command.to_owned(),
            build: None,
            watch: Watch {
                when: When::Never,
                paths: vec![directory.to_owned()],
                ignore: Vec::new(),
                dependants: false,
            },
            directory: directory.to_owned(),
            port: None,
            env: Vec::new(),
            language: None,
            start_timeout: 20 * second,
            stop_timeout: 2 * second,
        }),
        calls: Vec::new(),
        protocol: Protocol::Http1,
        tls: None,
        balance: Balance::RoundRobin,
        spread: trunkline_model::service::Spread::default(),
        proxy_protocol: None,
        health: None,
        outlier: None,
        policies: trunkline_model::service::policies::Policies::default(),
        call_policies: Vec::new(),
        timeouts: ServiceTimeouts {
            connect: second,
            request: second,
            attempt: None,
            idle: second,
            keep_alive: second,
        },
        origin: Origin::built_in(),
    }
}

/// Makes a service wait for a health path.
pub(crate) fn with_health(mut service: Service, path: &str) -> Service {
    let second = Duration::from_secs(1);
    service.health = Some(HealthCheck {
        probe: Probe::Http(HttpProbe::get(path)),
        port: None,
        tls: None,
        interval: second,
        fast_interval: second,
        down_interval: second,
        jitter: 10,
        timeout: second,
        rise: 1,
        fall: 1,
        initial: Initial::Healthy,
        agent: None,
    });
    service
}

/// A Model of these services and nothing else.
pub(crate) fn model_of(services: Vec<Service>) -> Model {
    let project: ProjectName = "shop".parse().expect("a valid name");
    Model {
        name: project,
        workers: Workers::Count(1),
        domains: Vec::new(),
        listeners: Vec::new(),
        routes: Vec::new(),
        services,
        tracing: Tracing::share(Share::ALL),
        telemetry: trunkline_model::Telemetry::none(),
        cluster: None,
        access_log: AccessLog::Off,
        trusted_proxies: Vec::new(),
        guard: trunkline_model::guard::Guard::default(),
        reasons: Reasons::Full,
        management: Management {
            control: None,
            metrics: None,
            jaeger: None,
            jaeger_grpc: None,
            origins: Vec::new(),
            token: None,
            idle: Duration::from_secs(1),
        },
    }
}

/// A Model of services by name and command, all in one folder.
pub(crate) fn model(services: &[(&str, &str)], directory: &Path) -> Model {
    model_of(services.iter().map(|(text, command)| service(text, command, directory)).collect())
}
