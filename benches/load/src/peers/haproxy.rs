//! HAProxy: one thread, its own defaults; HTTP logs go to its standard output, which is a file.

use std::fs;
use std::process::Command;

use super::{Contender, Site};
use crate::Failure;
use crate::process::find;

pub(super) fn command(
    contender: &Contender,
    site: &Site,
    port: u16,
) -> Result<Result<Command, &'static str>, Failure> {
    let Some(binary) = find("haproxy") else {
        return Ok(Err("haproxy"));
    };
    let setup = &contender.setup;
    let (backend, folder) = (site.backend, site.folder.display());
    // What it writes to standard output is not buffered, as what it sends to a log daemon would not be.
    let (target, format) = if setup.telemetry {
        ("  log stdout format raw local0 info\n", "  log global\n  option httplog\n")
    } else {
        ("", "")
    };
    let tls = if setup.tls {
        format!(" ssl crt {folder}/both.pem ssl-min-ver TLSv1.3")
    } else {
        String::new()
    };
    let (bind, server) = if setup.http2 { (" proto h2", " proto h2") } else { ("", "") };
    let config = format!(
        "global
  nbthread 1
  maxconn 4096
{target}defaults
  mode http
{format}  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend bench
  bind 127.0.0.1:{port}{bind}{tls}
  default_backend bench
backend bench
  server one 127.0.0.1:{backend}{server}
"
    );
    let file = contender.file(site, "cfg");
    fs::write(&file, config)?;
    let mut command = Command::new(binary);
    command.args(["-db", "-f"]).arg(file);
    Ok(Ok(command))
}
