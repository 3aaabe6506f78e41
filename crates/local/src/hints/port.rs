//! Ports: taken by another process, not allowed, or not the one that was asked for.

use super::Trouble;

/// How a program of a language takes its port from outside.
const TAKE_PORT: &[(&str, &str)] = &[
    ("node", "listen on `process.env.PORT`"),
    ("go", "listen on `\":\" + os.Getenv(\"PORT\")`"),
    ("rust", "listen on the port in `std::env::var(\"PORT\")`"),
    ("python", "pass `--port $PORT`, or listen on `os.environ[\"PORT\"]`"),
    ("java", "use `server.port=${PORT}`"),
    ("ruby", "pass `-p $PORT`"),
    ("dotnet", "set `ASPNETCORE_URLS` to `http://127.0.0.1:$PORT` in its `env`"),
];

/// How a program of this language takes its port from outside.
fn take_port(language: &str) -> &'static str {
    let known = TAKE_PORT.iter().find(|(name, _)| *name == language);
    known.map_or("listen on the port in the variable `PORT`", |(_, how)| how)
}

/// Some process has the address already.
pub(super) fn taken(trouble: &Trouble<'_>) -> Option<String> {
    let says_so = |line: &String| {
        let line = line.to_ascii_lowercase();
        line.contains("address already in use")
            || line.contains("eaddrinuse")
            || (line.contains("port ") && line.contains("already in use"))
    };
    let at = trouble.lines.iter().position(says_so)?;
    let is_frame = |line: &&String| line.trim_start().starts_with("at ");
    let mut rest = trouble.lines.get(at..)?.iter().filter(|line| !is_frame(line));
    let nearby = rest.find_map(|line| port_in(line));
    let own = trouble.port;
    let Some(port) = nearby else {
        return Some(match (trouble.holder)(own) {
            Some(holder) => held(own, &holder),
            None => format!(
                "it listens on another port than its `PORT`, {own}, which is free: {}",
                take_port(trouble.language())
            ),
        });
    };
    let holder = (trouble.holder)(port);
    if port == own {
        return Some(holder.map_or_else(
            || format!("port {port} was taken and is free again"),
            |holder| held(port, &holder),
        ));
    }
    let by = holder.map(|holder| format!(", held by pid {} ({})", holder.pid, holder.name));
    Some(format!(
        "it listens on fixed port {port}{}; {} to use {own}, which is free",
        by.unwrap_or_default(),
        take_port(trouble.language())
    ))
}

fn held(port: u16, holder: &trunkline_net::socket::Holder) -> String {
    format!(
        "port {port} is held by pid {pid} ({name}); end it with `kill {pid}`",
        pid = holder.pid,
        name = holder.name
    )
}

/// Ports below 1024 are for those who may.
pub(super) fn refused(trouble: &Trouble<'_>) -> Option<String> {
    let line = trouble.lines.iter().find(|line| {
        let line = line.to_ascii_lowercase();
        (line.contains("eacces") || line.contains("permission denied"))
            && (line.contains("listen") || line.contains("bind"))
    })?;
    let port = port_in(line).filter(|port| *port < 1024)?;
    let how = take_port(trouble.language());
    Some(format!("ports below 1024 such as {port} need rights it does not have; {how}"))
}

/// It listens, but elsewhere: what to do. `found` is where.
pub fn elsewhere(language: &str, expected: u16, found: u16) -> String {
    let how = take_port(language);
    format!("it was told `PORT={expected}`: {how}, or write `port: {found}` in trunkline.yaml")
}

/// A port as messages write it: `127.0.0.1:8080`, `port: 8080`, `Port 8080`, `:::8080`.
fn port_in(line: &str) -> Option<u16> {
    let lower = line.to_ascii_lowercase();
    let named =
        lower.split("port").skip(1).find_map(|rest| number(rest.trim_start_matches([':', ' '])));
    named.or_else(|| lower.rsplit(':').find_map(number))
}

/// The number that a text begins with, if it can be a port and nothing is glued to it.
fn number(text: &str) -> Option<u16> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let glued = text.get(end..)?.starts_with(|c: char| c.is_alphanumeric() || c == '.');
    text.get(..end)?.parse().ok().filter(|port| *port > 0 && !glued)
}
