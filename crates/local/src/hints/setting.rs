//! What a service was not told, or told of what is not there.

use super::{Trouble, between};

/// What programs say of a variable that is missing.
const PHRASES: &[&str] = &[
    "is not set",
    "not set",
    "must be set",
    "is required",
    "is missing",
    "missing value",
    "environment variable not found",
    "missing environment variable",
    "missing required environment variable",
    "undefined environment variable",
    "KeyError: ",
    "Could not resolve placeholder",
];

/// Ports by which well known servers are found.
const SERVERS: &[(u16, &str)] = &[
    (5432, "PostgreSQL"),
    (3306, "MySQL"),
    (6379, "Redis"),
    (27017, "MongoDB"),
    (5672, "RabbitMQ"),
    (9092, "Kafka"),
    (9200, "Elasticsearch"),
    (4222, "NATS"),
];

/// A variable that it wants.
pub(super) fn unset(trouble: &Trouble<'_>) -> Option<String> {
    let lower = |text: &str| text.to_ascii_lowercase();
    let name = trouble.lines.iter().find_map(|line| {
        let says = PHRASES.iter().any(|phrase| lower(line).contains(&lower(phrase)));
        says.then(|| variable(line)).flatten()
    })?;
    let service = ["_URL", "_SERVICE_HOST", "_SERVICE_PORT"].iter().any(|end| name.ends_with(end));
    let also = if service { "; of another service: name it in `calls`" } else { "" };
    Some(format!("give it the variable: `env: {{ {name}: … }}` in trunkline.yaml{also}"))
}

/// A word in the form of a variable's name: capitals, digits, underscores.
fn variable(line: &str) -> Option<&str> {
    line.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).find(|word| {
        word.len() >= 4
            && word.starts_with(|c: char| c.is_ascii_uppercase())
            && word.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
            && !["ERROR", "FATAL", "WARN", "WARNING", "INFO", "DEBUG", "TRACE", "PANIC"]
                .contains(word)
    })
}

/// Something it needs does not run.
pub(super) fn unreachable(trouble: &Trouble<'_>) -> Option<String> {
    let port = trouble.lines.iter().find_map(|line| {
        let says = line.contains("ECONNREFUSED")
            || line.to_ascii_lowercase().contains("connection refused")
            || line.contains("Connection to ");
        says.then(|| SERVERS.iter().find(|(port, _)| names_port(line, *port))).flatten()
    });
    let (port, server) = port?;
    (trouble.holder)(*port).is_none().then(|| {
        format!("nothing listens on port {port}, where {server} usually is: start it first")
    })
}

fn names_port(line: &str, port: u16) -> bool {
    between(line, &format!(":{port}"), "").map_or_else(
        || line.ends_with(&format!(":{port}")) || line.contains(&format!("port {port}")),
        |rest| !rest.starts_with(|c: char| c.is_ascii_digit()),
    )
}
