//! The agent beside a service: one line that says how it is (HAProxy's agent check).
//!
//! The agent may drain an endpoint, take it out, say that it is down, set a percentage of its weight,
//! and how many requests it takes at one time. What it said stays until it says something else; an agent that cannot be reached says
//! nothing, because whether the service is there is for the health check to find out.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use trunkline_model::endpoint::EndpointState;
use trunkline_model::service::AgentCheck;

use crate::balance::AgentWord;

/// The longest line that is read, in bytes.
const LINE_BYTES_MAX: usize = 512;

/// The greatest percentage that an agent may ask for.
const PERCENT_MAX: u32 = 10_000;

/// Asks once. An error is for people.
pub(super) async fn ask(agent: &AgentCheck, endpoint: SocketAddr) -> Result<String, String> {
    let address = SocketAddr::new(endpoint.ip(), agent.port);
    let limit: Duration = agent.timeout;
    let asked = timeout(limit, line(address, &agent.send)).await;
    match asked {
        Ok(Ok(line)) => Ok(line),
        Ok(Err(error)) => Err(format!("{address}: {error}")),
        Err(_) => Err(format!("{address}: the agent said nothing within {limit:?}")),
    }
}

async fn line(address: SocketAddr, send: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(send.as_bytes()).await?;
    let mut read = Vec::with_capacity(LINE_BYTES_MAX);
    let mut bounded = stream.take(LINE_BYTES_MAX as u64);
    // The first line counts; an agent that ends without one has said all the same.
    while !read.iter().any(|byte| matches!(byte, b'\n' | b'\r'))
        && bounded.read_buf(&mut read).await? > 0
    {}
    let text = String::from_utf8_lossy(&read);
    let first = text.lines().next().unwrap_or_default();
    Ok(first.chars().filter(|c| !c.is_control()).collect::<String>().trim().to_owned())
}

/// What a line means, after what was said before; `None` if it has no word that is known.
pub(super) fn understand(line: &str, former: &AgentWord) -> Option<AgentWord> {
    let mut next = AgentWord { line: line.into(), ..former.clone() };
    let mut known = false;
    // What follows `#` is for people.
    let words = line.split('#').next().unwrap_or_default();
    for word in words.split([' ', '\t', ',']).filter(|word| !word.is_empty()) {
        match word.to_ascii_lowercase().as_str() {
            "ready" => next.state = None,
            "drain" => next.state = Some(EndpointState::Draining),
            "maint" => next.state = Some(EndpointState::Maint),
            "up" => next.down = false,
            "down" | "failed" | "fail" | "stopped" => next.down = true,
            other => {
                if let Some(limit) = other.strip_prefix("maxconn:") {
                    let Ok(limit) = limit.parse() else { continue };
                    next.limit = Some(limit);
                    known = true;
                    continue;
                }
                let percent = other.strip_suffix('%').and_then(|number| number.parse().ok());
                let Some(percent) = percent else { continue };
                next.percent = Some(PERCENT_MAX.min(percent));
            }
        }
        known = true;
    }
    known.then_some(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_add_to_what_was_said_before() {
        let said = |line, former: &AgentWord| understand(line, former).unwrap();
        let first = said("drain, 50%  # busy", &AgentWord::default());
        assert_eq!((first.state, first.percent), (Some(EndpointState::Draining), Some(50)));
        let second = said("down", &first);
        assert_eq!((second.state, second.down), (Some(EndpointState::Draining), true));
        let third = said("up ready\t100%", &second);
        assert_eq!((third.state, third.down, third.percent), (None, false, Some(100)));
        assert_eq!(said("MAINT", &third).state, Some(EndpointState::Maint));
        assert_eq!(said("maxconn:30 up", &third).limit, Some(30));
        for nothing in ["", "# ready", "hello", "x%", "-1%", "maxconn:", "maxconn:x"] {
            assert_eq!(understand(nothing, &first), None, "{nothing}");
        }
    }
}
