//! Who is measured: how each is configured, with one thread and keep-alive on both sides.
//!
//! Configurations are written when the rig runs, into its own folder. A peer that is not installed is skipped, and
//! the report says what it needs. With telemetry every peer writes its access log to a file, in the way that costs it
//! least: Envoy and nginx buffer it, HAProxy has no better than its standard output, which is the file. Metrics are
//! counted by all, and asked by nobody while a measurement runs. Trunkline besides records 1 % of the traces.

mod envoy;
mod haproxy;
mod nginx;
mod trunkline;

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Failure;
use crate::arguments::Arguments;

pub(crate) use trunkline::{binary as trunkline_binary, config as trunkline_config};

/// All of them, in the order of a report.
pub(crate) const ALL: [&str; 5] = ["trunkline", "relay", "haproxy", "nginx", "envoy"];

/// Trunkline as it was before a change: the binary that `--former` names.
pub(crate) const FORMER: &str = "former";

/// Where things are for this run.
#[derive(Clone, Copy)]
pub(crate) struct Site<'a> {
    pub(crate) folder: &'a Path,
    pub(crate) backend: u16,
    pub(crate) arguments: &'a Arguments,
}

/// What a proxy is to do. `Default` is the least: one plain listener, no telemetry, one route.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Setup {
    /// Access log to a file, metrics, 1 % traces.
    pub(crate) telemetry: bool,
    /// TLS 1.3 with the certificate in the folder.
    pub(crate) tls: bool,
    /// HTTP/2 without TLS, on both sides.
    pub(crate) http2: bool,
    /// Ports of Jaeger's API and of OTLP over HTTP, of Trunkline alone; 0 for none.
    pub(crate) jaeger: u16,
    pub(crate) otlp: u16,
    /// Routes besides the one for everything; only Trunkline is measured with them.
    pub(crate) routes: u32,
}

/// One proxy in a comparison; the label names its files as well.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Contender {
    pub(crate) label: &'static str,
    pub(crate) peer: &'static str,
    pub(crate) setup: Setup,
}

impl Contender {
    pub(crate) fn new(peer: &'static str, setup: Setup) -> Self {
        Self { label: peer, peer, setup }
    }

    /// How to start it on this port, or what is missing.
    pub(crate) fn command(
        &self,
        site: &Site,
        port: u16,
    ) -> Result<Result<Command, &'static str>, Failure> {
        match self.peer {
            "trunkline" | FORMER => trunkline::command(self, site, port),
            "relay" => relay(site, port),
            "haproxy" => haproxy::command(self, site, port),
            "nginx" => nginx::command(self, site, port),
            "envoy" => envoy::command(self, site, port),
            other => Err(format!("there is no peer `{other}`").into()),
        }
    }

    /// What the process says on its standard output and error.
    pub(crate) fn log(&self, site: &Site) -> PathBuf {
        self.file(site, "log")
    }

    /// Where it writes its access log.
    pub(crate) fn access_log(&self, site: &Site) -> PathBuf {
        self.file(site, if self.peer == "haproxy" { "log" } else { "access" })
    }

    fn file(&self, site: &Site, kind: &str) -> PathBuf {
        site.folder.join(format!("{}.{kind}", self.label))
    }
}

fn relay(site: &Site, port: u16) -> Result<Result<Command, &'static str>, Failure> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["relay", "--port", &port.to_string(), "--to", &site.backend.to_string()]);
    Ok(Ok(command))
}
