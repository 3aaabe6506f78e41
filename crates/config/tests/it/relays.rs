//! `tcp`, `udp` and `proxy_protocol`.

use std::time::Duration;

use trunkline_model::listener::Listener;
use trunkline_model::relay::{Carrier, ProxyVersion};

use crate::rig::{model, screen};

const SERVICES: &str = "services:\n  db: { external: \"db:5432\", proxy_protocol: v2 }\n  web: { external: \"web:1\" }\n";

fn listeners(tcp: &str) -> Vec<Listener> {
    model(&format!("version: 1\ntcp:\n{tcp}{SERVICES}")).listeners
}

#[test]
fn a_tcp_listener_leads_to_a_service_or_by_name_to_several() {
    let all = listeners(
        "  - { listen: 5432, to: db, idle: 2h, proxy_protocol: { from: [10.0.0.0/8] } }
  - listen: 127.0.0.1:7443
    name: tls
    sni: { Shop.example.com: web, \"*.example.com\": [{ service: db, weight: 3 }, web] }
    greeting: 1s
",
    );
    let [.., db, tls] = all.as_slice() else { panic!("{all:?}") };
    assert_eq!((db.id.as_str(), db.address.port()), ("tcp-5432", 5432));
    assert_eq!(db.proxy_protocol, ["10.0.0.0/8".parse().unwrap()]);
    let relay = db.relay.as_ref().unwrap();
    assert_eq!((relay.targets.len(), relay.idle), (1, Duration::from_hours(2)));
    let relay = tls.relay.as_ref().unwrap();
    assert_eq!((tls.id.as_str(), relay.greeting), ("tls", Duration::from_secs(1)));
    assert!(relay.targets.is_empty());
    let names: Vec<_> = relay.names.iter().map(|one| (&*one.name, one.targets.len())).collect();
    assert_eq!(names, [("shop.example.com", 1), ("*.example.com", 2)]);
    // Routes are served where requests arrive, and nowhere else.
    let model = model(&format!("version: 1\ntcp: [{{ listen: 5432, to: db }}]\n{SERVICES}"));
    assert!(model.routes.iter().all(|route| route.listeners.is_empty()));
    let db = model.services.iter().find(|service| service.name.as_str() == "db").unwrap();
    assert_eq!(db.proxy_protocol, Some(ProxyVersion::V2));
}

#[test]
fn a_udp_listener_may_share_its_port_with_one_of_tcp() {
    let all =
        listeners("  - { listen: 53, to: web }\nudp:\n  - { listen: 53, to: web, responses: 1 }\n");
    let [.., tcp, udp] = all.as_slice() else { panic!("{all:?}") };
    assert_eq!((tcp.carrier(), udp.carrier()), (Carrier::Tcp, Carrier::Udp));
    assert_eq!((udp.id.as_str(), udp.address.port()), ("udp-53", 53));
    let relay = udp.relay.as_ref().unwrap();
    assert_eq!((relay.targets.len(), relay.idle), (1, Duration::from_secs(30)));
    assert_eq!(relay.datagrams.unwrap().responses, Some(1));
}

#[test]
fn a_udp_listener_that_cannot_be_is_told() {
    let told = screen(&format!(
        "version: 1
udp:
  - {{ listen: 53 }}
  - {{ listen: 54, to: webs }}
  - {{ listen: 55, to: web, responses: 0 }}
  - {{ listen: 55, to: web }}
  - {{ listen: 56, to: safe }}
{SERVICES}  safe: {{ external: \"https://safe.example.com\" }}
"
    ));
    for expect in [
        "`to`",
        "this listener leads to `webs`, which does not exist",
        "`responses` is at least 1",
        "two listeners want",
        "datagrams cannot be secured by TLS, which `safe` wants",
        "5 errors",
    ] {
        assert!(told.contains(expect), "{expect}\n{told}");
    }
}

#[test]
fn the_gateway_believes_load_balancers_in_front() {
    let text = "version: 1\ngateway: { http: 80, proxy_protocol: { from: [192.0.2.1] } }\n";
    let model = model(&format!("{text}{SERVICES}"));
    assert_eq!(model.listeners[0].proxy_protocol, ["192.0.2.1".parse().unwrap()]);
}

#[test]
fn a_listener_that_leads_nowhere_is_told() {
    let told = screen(&format!(
        "version: 1
gateway: {{ http: 80, proxy_protocol: {{}} }}
tcp:
  - {{ listen: 5432 }}
  - {{ listen: 5433, to: dbs }}
  - {{ listen: 5433, to: db }}
  - {{ listen: 5434, sni: {{ \"http://a\": web }} }}
{SERVICES}"
    ));
    for expect in [
        "`proxy_protocol` needs `from`",
        "an entry of `tcp` needs `to` or `sni`",
        "this listener leads to `dbs`, which does not exist",
        "did you mean `db`?",
        "two listeners want",
        "`http://a` is not a host",
        "5 errors",
    ] {
        assert!(told.contains(expect), "{expect}\n{told}");
    }
}
