//! Trunkline itself: one worker, everything as it comes but what the comparison turns on or off.

use std::fmt::Write;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::{Contender, FORMER, Setup, Site};
use crate::Failure;
use crate::arguments::Arguments;
use crate::process::free_port;

/// The binary of `--trunkline`, or the one that was built beside this rig.
pub(crate) fn binary(arguments: &Arguments) -> Option<PathBuf> {
    let named = arguments.text("trunkline").map(PathBuf::from);
    let beside = || Some(std::env::current_exe().ok()?.with_file_name("trunkline"));
    named.or_else(beside).filter(|file| file.is_file())
}

pub(super) fn command(
    contender: &Contender,
    site: &Site,
    port: u16,
) -> Result<Result<Command, &'static str>, Failure> {
    let former = || site.arguments.text(FORMER).map(PathBuf::from);
    let binary = if contender.peer == FORMER { former() } else { binary(site.arguments) };
    let Some(binary) = binary else {
        return Ok(Err("a release build of trunkline"));
    };
    // Each proxy writes the lines that are its own; `--log combined` are those of nginx.
    let format = site.arguments.text("log").unwrap_or("json");
    let access_log = contender.access_log(site);
    let access_log = format!("{{ format: {format}, path: \"{}\" }}", access_log.display());
    let file = contender.file(site, "yaml");
    let config = config(port, site.backend, contender.setup, &access_log)?;
    fs::write(&file, config)?;
    let mut command = Command::new(binary);
    command.args(["serve", "-c"]).arg(file);
    // Nothing of the person whose machine this is.
    for (name, folder) in [("XDG_DATA_HOME", "data"), ("XDG_STATE_HOME", "state")] {
        command.env(name, site.folder.join(folder));
    }
    Ok(Ok(command))
}

fn port_or_off(port: u16) -> String {
    if port == 0 { "off".to_owned() } else { port.to_string() }
}

/// One worker and one route to one service, with this access log if there is telemetry. Certificates are expected beside the file.
pub(crate) fn config(
    port: u16,
    backend: u16,
    setup: Setup,
    access_log: &str,
) -> Result<String, Failure> {
    let (open, closed) = if setup.tls { ("https", "http") } else { ("http", "https") };
    let tls = if setup.tls { "  tls: { cert: cert.pem, key: key.pem }\n" } else { "" };
    let (log, sample, metrics) = if setup.telemetry {
        (access_log, "1%", free_port()?.to_string())
    } else {
        ("off", "0%", "off".to_owned())
    };
    let protocol = if setup.http2 { "http2" } else { "http1" };
    let mut text = format!(
        "version: 1
name: bench
workers: 1
gateway:
  {open}: \"127.0.0.1:{port}\"
  {closed}: off
{tls}  access_log: {log}
trace: {{ sample: {sample} }}
management: {{ control: {control}, metrics: {metrics}, jaeger: {jaeger} }}
telemetry: {{ receive: {{ otlp_grpc: off, otlp_http: {otlp} }} }}
services:
  backend: {{ endpoints: [\"127.0.0.1:{backend}\"], protocol: {protocol} }}
routes:
  - {{ match: \"/**\", to: backend }}
",
        control = free_port()?,
        jaeger = port_or_off(setup.jaeger),
        otlp = port_or_off(setup.otlp),
    );
    for number in 0..setup.routes {
        let _ = writeln!(text, "  - {{ prefix: /api/resource-{number}, to: backend }}");
    }
    Ok(text)
}
