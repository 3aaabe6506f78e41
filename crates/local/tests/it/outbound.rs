//! Calls between services are led through the proxy, where it understands them.

use std::collections::BTreeSet;
use std::path::Path;

use trunkline_local::outbound::{addresses, with_listeners};
use trunkline_local::plan::{Plan, PortBook, Surroundings};
use trunkline_local::run::RunId;
use trunkline_local::toolchains::Toolchains;
use trunkline_model::endpoint::EndpointPlace;
use trunkline_model::route::{
    Action, Authority, HostPattern, Match, OrderKey, PathPattern, Route, RouteTimeouts, Target,
};
use trunkline_model::service::{Source, StaticEndpoint};
use trunkline_model::{Model, Origin, RouteId};
use trunkline_testkit::model::listener;

use crate::support::{model_of, name, service, with_health};

fn route(id: &str, position: u64, host: Option<&str>, to: &str) -> Route {
    Route {
        id: RouteId::new(id),
        listeners: Vec::new(),
        matching: Match {
            hosts: host.iter().map(|host| HostPattern::Exact((*host).to_owned())).collect(),
            path: PathPattern::Prefix("/".to_owned()),
            methods: Vec::new(),
            headers: Vec::new(),
            query: Vec::new(),
        },
        order: OrderKey(1, position),
        action: Action::Forward(vec![Target { service: name(to), weight: 1 }]),
        filters: Vec::new(),
        timeouts: RouteTimeouts::default(),
        policies: trunkline_model::service::policies::Policies::default(),
        tracing: trunkline_model::trace::tracing::RouteTracing::default(),
        priority: 0,
        origin: Origin::built_in(),
    }
}

/// `web` calls a service with a health path, one with a route, one with its own name only, and one
/// that runs elsewhere.
fn shop() -> Model {
    let here = Path::new("/");
    let mut web = service("web", "true", here);
    let callees = ["orders", "routed", "redis", "postgres"];
    web.calls = callees.iter().map(|callee| name(callee)).collect();
    let mut postgres = service("postgres", "", here);
    let authority = Authority::Dns { host: "db.example".into(), port: 5432 };
    postgres.source = Source::Static(vec![StaticEndpoint {
        authority,
        weight: 1,
        place: EndpointPlace::default(),
        limit: None,
    }]);
    let orders = with_health(service("orders", "true", here), "/healthz");
    let others = ["routed", "redis"].map(|other| service(other, "true", here));
    let mut model = model_of([web, orders, postgres].into_iter().chain(others).collect::<Vec<_>>());
    model.listeners = vec![listener("http", "127.0.0.1:8000".parse().unwrap())];
    model.routes =
        vec![route("a", 1, None, "routed"), route("b", 2, Some("redis.shop.localhost"), "redis")];
    model
}

#[test]
fn callees_that_speak_http_are_called_through_the_proxy_and_others_directly() {
    let mut book = PortBook::new("test");
    let model = with_listeners(shop(), &mut book).unwrap();
    let led: Vec<_> = addresses(&model)
        .into_keys()
        .map(|(caller, callee)| format!("{caller} {callee}"))
        .collect();
    assert_eq!(led, ["web orders", "web routed"]);

    let around = Surroundings {
        run: RunId { pid: 7, started_ticks: 42, namespace: 1 },
        otlp: None,
        root: None,
        bundle: None,
        builds: None,
        toolchains: Toolchains::default(),
    };
    let plan = Plan::of(&model, &around, &mut book).unwrap();
    let web = &plan.services[&name("web")].environment;
    let url = |callee: &str| {
        let found = web.iter().find(|(key, _)| *key == format!("{callee}_URL"));
        found.unwrap_or_else(|| panic!("{callee}: {web:?}")).1.clone()
    };
    let ours = addresses(&model)[&(name("web"), name("orders"))];
    assert_eq!(url("ORDERS"), format!("http://{ours}"));
    assert_ne!(ours, plan.services[&name("orders")].address);
    assert_eq!(url("REDIS"), format!("http://{}", plan.services[&name("redis")].address));
    assert_eq!(url("POSTGRES"), "http://db.example:5432");
}

#[test]
fn routes_of_the_gateway_do_not_answer_calls_between_services() {
    let model = with_listeners(shop(), &mut PortBook::new("test")).unwrap();
    for route in &model.routes {
        let [only] = route.listeners.as_slice() else { panic!("{route:?}") };
        let inner = model.listeners.iter().any(|one| one.id == *only && one.caller.is_some());
        assert_eq!(inner, route.id.as_str().contains("->"), "{route:?}");
    }
    let keys: BTreeSet<_> = model.routes.iter().map(|route| route.order).collect();
    assert_eq!(keys.len(), model.routes.len(), "order keys are unique");
}

#[test]
fn a_second_look_finds_the_same_ports() {
    let mut book = PortBook::new("test");
    let first = with_listeners(shop(), &mut book).unwrap();
    assert_eq!(addresses(&with_listeners(shop(), &mut book).unwrap()), addresses(&first));
}
