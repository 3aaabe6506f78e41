//! nginx: one process, connections to the backend kept, the access log buffered as its manual advises for busy sites.

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
    let Some(binary) = find("nginx") else {
        return Ok(Err("nginx-light"));
    };
    let (folder, backend) = (site.folder.display(), site.backend);
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("  {kind}_temp_path {folder}/nginx-{kind};\n"))
        .concat();
    let log = if contender.setup.telemetry {
        let file = contender.access_log(site);
        format!("access_log {} combined buffer=64k flush=1s;", file.display())
    } else {
        "access_log off;".to_owned()
    };
    let config = format!(
        "daemon off;
master_process off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr crit;
events {{ worker_connections 4096; }}
http {{
  {log}
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
    let file = contender.file(site, "conf");
    fs::write(&file, config)?;
    let mut command = Command::new(binary);
    command.args(["-e", "stderr", "-p"]).arg(site.folder).arg("-c").arg(file);
    Ok(Ok(command))
}
