//! Whom a span calls, by what it says of its callee: for callees that record nothing.
//!
//! Attributes are those of OpenTelemetry's semantic conventions, in their present and their former
//! names.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::net::IpAddr;
use std::sync::Arc;

use trunkline_otlp::Kind;
use trunkline_otlp::view::{SpanView, ValueView};

use super::period::EdgeKind;

/// What a calling span says of its callee and its answer.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Said<'a> {
    service: &'a str,
    address: &'a str,
    port: Option<i64>,
    database: Option<&'a str>,
    database_name: &'a str,
    destination: &'a str,
    status: Option<i64>,
}

impl<'a> Said<'a> {
    /// Reads the attributes of a span. What cannot be read says nothing: batches are checked before
    /// they come here.
    pub(super) fn by(span: &SpanView<'a>) -> Self {
        let mut said = Self::default();
        for (key, value) in span.attributes().iter().map_while(Result::ok) {
            said.take(key, value);
        }
        said
    }

    fn take(&mut self, key: &str, value: ValueView<'a>) {
        // The first letter decides for most keys that say nothing here.
        match (key.as_bytes().first(), value) {
            (Some(b'p' | b's' | b'n' | b'd' | b'm'), ValueView::Text(text)) => self.text(key, text),
            (Some(b's' | b'n' | b'h'), ValueView::Int(number)) => self.number(key, number),
            // Some exporters know texts only.
            (Some(b'h'), ValueView::Text(text)) => {
                if let Ok(number) = text.parse() {
                    self.number(key, number);
                }
            }
            _ => {}
        }
    }

    fn text(&mut self, key: &str, text: &'a str) {
        let first = |place: &mut &'a str| {
            if place.is_empty() {
                *place = text;
            }
        };
        match key {
            "peer.service" => first(&mut self.service),
            // What the caller asked for says more than the address that it found.
            "server.address" | "net.peer.name" => self.address = text,
            "network.peer.address" | "net.sock.peer.addr" | "net.peer.ip" => {
                first(&mut self.address)
            }
            "server.port" | "net.peer.port" | "network.peer.port" => {
                self.port = self.port.or(text.parse().ok())
            }
            "db.system" | "db.system.name" => self.database = Some(text),
            "db.namespace" | "db.name" => first(&mut self.database_name),
            "messaging.destination.name" | "messaging.destination" => first(&mut self.destination),
            _ => {}
        }
    }

    fn number(&mut self, key: &str, number: i64) {
        match key {
            "server.port" | "net.peer.port" | "network.peer.port" => {
                self.port = self.port.or(Some(number))
            }
            "http.response.status_code" | "http.status_code" => self.status = Some(number),
            _ => {}
        }
    }

    /// Whether the callee answered that the caller is to blame: no failure of the call.
    pub(super) fn is_refused(&self) -> bool {
        self.status.is_some_and(|status| (400..500).contains(&status))
    }

    /// What an edge to the callee stands for, and the callee's name, which is written to `name`;
    /// `None` when nothing is said. `known` are services by `address:port`.
    pub(super) fn callee(
        &self,
        kind: Kind,
        known: &HashMap<String, Arc<str>>,
        name: &mut String,
    ) -> Option<EdgeKind> {
        name.clear();
        let edge = match (self.database, kind) {
            (Some(_), _) => EdgeKind::Database,
            (None, Kind::Producer) => EdgeKind::Message,
            (None, _) => EdgeKind::External,
        };
        if !self.service.is_empty() {
            name.push_str(self.service);
            return Some(edge);
        }
        if edge == EdgeKind::Message && !self.destination.is_empty() {
            name.push_str(self.destination);
            return Some(edge);
        }
        let address = self.address(name);
        if let Some(service) = known.get(name.as_str()) {
            name.clear();
            name.push_str(service);
            return Some(edge);
        }
        // All databases of a laptop are at the same address: what they hold says more.
        let database = [self.database_name, self.database.unwrap_or_default()];
        let database = database.into_iter().find(|text| !text.is_empty());
        match (address, database) {
            (Address::Loopback | Address::None, Some(database)) => {
                name.clear();
                name.push_str(database);
            }
            (Address::None, None) => return None,
            // The port of a name is the protocol's, as a rule, and says nothing.
            (Address::Name, _) => name.truncate(self.address.len()),
            (Address::Loopback | Address::Number, _) => {}
        }
        Some(edge)
    }

    /// Writes `address:port`, with one word for this machine.
    fn address(&self, into: &mut String) -> Address {
        let number = self.address.parse::<IpAddr>();
        let here = |number: IpAddr| number.is_loopback() || number.is_unspecified();
        let address = match number {
            _ if self.address.is_empty() => return Address::None,
            Ok(number) if here(number) => Address::Loopback,
            Ok(_) => Address::Number,
            Err(_) if self.address.eq_ignore_ascii_case("localhost") => Address::Loopback,
            Err(_) => Address::Name,
        };
        into.push_str(if address == Address::Loopback { "localhost" } else { self.address });
        if let Some(port) = self.port {
            // Writing to a `String` cannot fail.
            let _ = write!(into, ":{port}");
        }
        address
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Address {
    None,
    Loopback,
    Number,
    Name,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(said: Said<'_>, kind: Kind, expected: Option<(EdgeKind, &str)>) {
        let known = HashMap::from([("localhost:7341".to_owned(), Arc::from("orders"))]);
        let mut name = String::from("of before");
        let edge = said.callee(kind, &known, &mut name);
        assert_eq!(edge.map(|edge| (edge, name.as_str())), expected, "{said:?}");
    }

    #[test]
    fn a_callee_is_named_by_the_best_that_is_said() {
        let nothing = Said::default();
        check(nothing, Kind::Client, None);
        check(Said { port: Some(80), status: Some(200), ..nothing }, Kind::Client, None);
        let named = Said { service: "stripe", address: "api.stripe.com", ..nothing };
        check(named, Kind::Client, Some((EdgeKind::External, "stripe")));
        let address = Said { address: "api.stripe.com", port: Some(443), ..nothing };
        check(address, Kind::Client, Some((EdgeKind::External, "api.stripe.com")));
        let number = Said { address: "10.0.0.7", port: Some(8080), ..nothing };
        check(number, Kind::Client, Some((EdgeKind::External, "10.0.0.7:8080")));
        let topic = Said { destination: "orders.created", address: "kafka", ..nothing };
        check(topic, Kind::Producer, Some((EdgeKind::Message, "orders.created")));
    }

    #[test]
    fn databases_of_this_machine_are_told_apart_by_what_they_hold() {
        let database = Said { database: Some("postgresql"), ..Said::default() };
        check(database, Kind::Client, Some((EdgeKind::Database, "postgresql")));
        let local =
            Said { address: "127.0.0.1", port: Some(5432), database_name: "shop", ..database };
        check(local, Kind::Client, Some((EdgeKind::Database, "shop")));
        let remote = Said { address: "db.internal", port: Some(5432), ..local };
        check(remote, Kind::Client, Some((EdgeKind::Database, "db.internal")));
    }

    #[test]
    fn an_address_of_ours_is_the_service_behind_it() {
        for address in ["127.0.0.1", "localhost", "LOCALHOST", "::1", "0.0.0.0"] {
            let said = Said { address, port: Some(7341), ..Said::default() };
            check(said, Kind::Client, Some((EdgeKind::External, "orders")));
            let other = Said { address, port: Some(9), ..Said::default() };
            check(other, Kind::Client, Some((EdgeKind::External, "localhost:9")));
        }
    }
}
