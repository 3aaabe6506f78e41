//! What a right file means.

use std::net::SocketAddr;
use std::time::Duration;

use trunkline_model::filter::{Filter, HeaderEdit, Rewrite};
use trunkline_model::route::{Action, Authority, HostPattern, PathPattern, Route, ValuePattern};
use trunkline_model::service::{Balance, HttpProbe, Probe, Protocol, Source, When};
use trunkline_model::tls::Certificates;
use trunkline_model::{AccessLog, LogFormat, Model, Reasons, Workers};

use crate::rig::{laptop, load_files, model, shown};

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// The only route of a file with this one.
fn route(line: &str) -> Route {
    let text = format!(
        "version: 1\nroutes:\n  - {line}\nservices:\n  a: {{ external: \"a:1\" }}\n  b: {{ external: \"b:1\" }}\n"
    );
    model(&text).routes.remove(0)
}

#[test]
fn a_short_match_has_methods_host_and_path() {
    let check = |short: &str, methods: &[&str], host: Option<HostPattern>, path: PathPattern| {
        let route = route(&format!("{{ match: \"{short}\", to: a }}"));
        assert_eq!(route.matching.methods, methods, "{short}");
        assert_eq!(route.matching.hosts, Vec::from_iter(host), "{short}");
        assert_eq!(route.matching.path, path, "{short}");
    };
    let exact = |text: &str| PathPattern::Exact(text.into());
    let prefix = |text: &str| PathPattern::Prefix(text.into());
    let glob = |text: &str| PathPattern::Glob(text.into());
    let host = |text: &str| Some(HostPattern::Exact(text.into()));
    check("/**", &[], None, prefix("/"));
    check("POST,GET /api/orders/**", &["GET", "POST"], None, prefix("/api/orders"));
    check("/version", &[], None, exact("/version"));
    check("GET /files/*/raw", &["GET"], None, glob("/files/*/raw"));
    check("/a/**/z", &[], None, glob("/a/**/z"));
    check("Shop.example.com/", &[], host("shop.example.com"), exact("/"));
    check("shop.example.com", &[], host("shop.example.com"), prefix("/"));
    let wildcard = Some(HostPattern::Wildcard("example.com".into()));
    check("*.example.com/**", &[], wildcard, prefix("/"));
}

#[test]
fn a_long_match_has_conditions() {
    let route = route(
        "{ host: [a.example.com, b.example.com], prefix: /v1/, methods: PUT, to: a,
            headers: { X-Team: { regex: \"t-.*\" }, x-old: false }, query: { debug: true, page: 2 } }",
    );
    assert_eq!(route.matching.hosts.len(), 2);
    assert_eq!(route.matching.path, PathPattern::Prefix("/v1".into()));
    let headers: Vec<_> =
        route.matching.headers.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
    assert_eq!(
        headers,
        [("x-team", ValuePattern::Regex("t-.*".into())), ("x-old", ValuePattern::Absent),]
    );
    assert_eq!(
        route.matching.query,
        [("debug".into(), ValuePattern::Present), ("page".into(), ValuePattern::Exact("2".into())),]
    );
}

#[test]
fn actions_are_forward_redirect_or_respond() {
    let Action::Forward(targets) = route("{ match: /, to: [a, { service: b, weight: 9 }] }").action
    else {
        panic!("not a forward")
    };
    let targets: Vec<_> = targets.iter().map(|t| (t.service.as_str(), t.weight)).collect();
    assert_eq!(targets, [("a", 1), ("b", 9)]);

    let Action::Redirect(to) = route("{ match: /, redirect: \"https://x.example/new\" }").action
    else {
        panic!("not a redirect")
    };
    assert_eq!((to.status, to.scheme.as_deref()), (308, Some("https")));
    assert_eq!((to.authority.as_deref(), to.path.as_deref()), (Some("x.example"), Some("/new")));

    let answer = route("{ match: /, respond: { status: 503, body: later } }").action;
    assert!(matches!(answer, Action::Respond { status: 503, body, .. } if body == "later"));
}

#[test]
fn filters_stand_in_native_order() {
    let route = route(
        "{ match: /old/**, to: a, response: { remove: server }, rewrite: { prefix: /old, to: /new },
            request: { set: { x-a: 1 }, add: { x-b: two }, remove: [x-c] }, timeout: { attempt: 1s, request: 3s } }",
    );
    let [Filter::RequestHeaders(edits), Filter::RewritePath(rewrite), Filter::ResponseHeaders(_)] =
        route.filters.as_slice()
    else {
        panic!("{:?}", route.filters)
    };
    let kinds: Vec<_> = edits
        .iter()
        .map(|edit| match edit {
            HeaderEdit::Remove(name) => format!("-{name}"),
            HeaderEdit::Set(name, value) => format!("{name}={value}"),
            HeaderEdit::Append(name, value) => format!("{name}+={value}"),
        })
        .collect();
    assert_eq!(kinds, ["-x-c", "x-a=1", "x-b+=two"]);
    assert_eq!(*rewrite, Rewrite::Prefix { from: "/old".into(), to: "/new".into() });
    assert_eq!(route.timeouts.attempt, Some(Duration::from_secs(1)));
    assert_eq!(route.timeouts.idle, None);
}

#[test]
fn what_is_absent_has_its_default() {
    let model = model("version: 1\nservices: { a: { external: \"10.0.0.1:80\" } }\n");
    assert_eq!(model.name.as_str(), "app");
    assert_eq!(model.workers, Workers::PerCpu);
    assert_eq!(model.domains, ["app.localhost"]);
    let listeners: Vec<_> =
        model.listeners.iter().map(|l| (l.id.as_str(), l.address.to_string())).collect();
    assert_eq!(listeners, [("http", "0.0.0.0:8000".into()), ("https", "0.0.0.0:8443".into())]);
    let service = &model.services[0];
    assert_eq!((service.protocol, service.balance), (Protocol::Auto, Balance::RoundRobin));
    assert_eq!(service.timeouts.request, Duration::from_secs(30));
    assert!(service.health.is_none() && service.outlier.is_some() && service.tls.is_none());
    assert_eq!(model.management.metrics, Some(address("127.0.0.1:9090")));
    assert_eq!(model.access_log, AccessLog::Stdout(LogFormat::Json.into()));
}

#[test]
fn one_named_listener_is_the_only_one() {
    let only = |gateway: &str| -> Vec<String> {
        let model = model(&format!("version: 1\ngateway: {gateway}\n"));
        model.listeners.iter().map(|l| format!("{} {}", l.id, l.address)).collect()
    };
    assert_eq!(only("{ http: \"127.0.0.1:1\" }"), ["http 127.0.0.1:1"]);
    assert_eq!(only("{ https: 2 }"), ["https 0.0.0.0:2"]);
    assert_eq!(only("{ http: 1, tls: auto }"), ["http 0.0.0.0:1", "https 0.0.0.0:8443"]);
    assert_eq!(only("{ http: off }"), ["https 0.0.0.0:8443"]);
    assert_eq!(only("{ http: \"[::1]:1\", https: off }"), ["http [::1]:1"]);
}

#[test]
fn the_gateway_says_how_it_speaks() {
    let model = model(
        "
version: 1
name: shop
workers: 3
gateway:
  domain: shop.example.com
  http: 80
  https: 443
  headers: secure
  redirect_https: true
  reasons: id
  access_log: { format: clf, path: logs/access.log }
  drain: { min: 5s }
  timeouts: { idle: 5s }
ports: { shift: 100 }
trace: { sample: 12.5% }
",
    );
    assert_eq!(model.workers, Workers::Count(3));
    assert_eq!(model.domains, ["shop.example.com"]);
    assert_eq!(model.reasons, Reasons::Id);
    assert_eq!(model.tracing.sample.to_string(), "12.5%");
    assert_eq!(model.management.control, Some(address("127.0.0.1:20101")));
    let [http, https] = model.listeners.as_slice() else { panic!("{:?}", model.listeners) };
    assert!(matches!(
        http.filters[..],
        [Filter::RedirectToHttps { port: 443 }, Filter::SecureHeaders { .. }]
    ));
    assert!(matches!(https.filters[..], [Filter::SecureHeaders { .. }]));
    let Some(Certificates::Own { names }) = https.tls.as_ref().map(|tls| &tls.certificates) else {
        panic!("{:?}", https.tls)
    };
    assert_eq!(names, &["shop.example.com", "*.shop.example.com"]);
    assert_eq!(https.drain.min, Duration::from_secs(5));
    assert_eq!(https.timeouts.idle, Duration::from_secs(5));
}

#[test]
fn a_host_and_port_is_a_service_first_then_an_address_then_dns() {
    let model = model(
        "
version: 1
services:
  orders: { command: run orders }
  front: { external: \"orders:80\" }
  local: { endpoints: [ localhost:81, { address: \"10.0.0.1:82\", weight: 3 } ] }
  far: { external: \"https://api.example.com\" }
  lone: { port: 83 }
",
    );
    let authorities = |name: &str| -> Vec<Authority> {
        let service = model.services.iter().find(|s| s.name.as_str() == name).unwrap();
        let Source::Static(endpoints) = &service.source else { panic!("{:?}", service.source) };
        endpoints.iter().map(|endpoint| endpoint.authority.clone()).collect()
    };
    assert_eq!(authorities("front"), [Authority::Service("orders".parse().unwrap())]);
    let local = [address("127.0.0.1:81"), address("10.0.0.1:82")].map(Authority::Address);
    assert_eq!(authorities("local"), local);
    assert_eq!(authorities("far"), [Authority::Dns { host: "api.example.com".into(), port: 443 }]);
    assert!(model.services.iter().any(|s| s.name.as_str() == "far" && s.tls.is_some()));
    assert_eq!(authorities("lone"), [Authority::Address(address("127.0.0.1:83"))]);
}

#[test]
fn a_process_knows_where_and_how_it_runs() {
    let model = model(
        "
version: 1
services:
  orders:
    command: go run .
    path: services/orders
    env: { LEVEL: 1.10, DEBUG: true, NAME: x }
    health: { path: /healthz, interval: 5s }
    calls: [db]
    stop_timeout: 3s
  db: { external: \"127.0.0.1:5432\", health: tcp }
",
    );
    let orders = &model.services[0];
    let Source::Process(process) = &orders.source else { panic!("{:?}", orders.source) };
    assert_eq!(process.directory.to_str(), Some("services/orders"));
    let env: Vec<_> = process.env.iter().map(|(k, v)| format!("{k}={v}")).collect();
    assert_eq!(env, ["LEVEL=1.10", "DEBUG=true", "NAME=x"]);
    assert_eq!(process.stop_timeout, Duration::from_secs(3));
    let health = orders.health.as_ref().unwrap();
    assert_eq!(health.probe, Probe::Http(HttpProbe::get("/healthz")));
    assert_eq!(health.interval, Duration::from_secs(5));
    assert_eq!(orders.calls[0].as_str(), "db");
    assert_eq!(model.services[1].health.as_ref().unwrap().probe, Probe::Tcp);
}

#[test]
fn sources_are_watched_where_a_service_has_a_folder_or_says_so() {
    let model = model(
        "
version: 1
services:
  plain: { command: go run . }
  folder: { command: go run ., path: a }
  off: { command: x, path: a, watch: off, build: make }
  list: { command: x, path: a, watch: [src, ../shared] }
  map: { command: x, path: a, watch: { paths: src, ignore: \"*.md\", dependants: true } }
",
    );
    let process = |name: &str| {
        let service = model.service(&name.parse().unwrap()).unwrap();
        let Source::Process(process) = &service.source else { panic!("{name}") };
        process.clone()
    };
    let paths = |name: &str| -> Vec<_> {
        process(name).watch.paths.iter().map(|path| path.display().to_string()).collect()
    };
    assert_eq!(process("plain").watch.when, When::Never, "its folder is everybody's");
    assert_eq!(process("folder").watch.when, When::Useful);
    assert_eq!(process("folder").build.as_deref(), Some("go build -o /dev/null ."));
    assert_eq!(process("off").watch.when, When::Never);
    assert_eq!(process("off").build.as_deref(), Some("make"));
    assert_eq!(paths("folder"), ["a"]);
    assert_eq!(paths("list"), ["a/src", "a/../shared"]);
    assert_eq!(process("list").watch.when, When::Always);
    let map = process("map").watch;
    assert!(map.dependants && map.ignore == ["*.md"] && paths("map") == ["a/src"]);
}

#[test]
fn on_a_laptop_every_service_has_a_name_on_loopback() {
    let text = "version: 1\nname: shop\nroutes: [{ match: \"/**\", to: a }]\nservices: { a: { external: \"a:1\" } }\n";
    let loaded = load_files(&[("trunkline.yaml", text)], &laptop());
    let model = loaded.model.as_ref().unwrap_or_else(|| panic!("{}", shown(&loaded)));
    assert_eq!(model.domains, ["shop.localhost"]);
    assert!(model.listeners.iter().all(|l| l.address.ip().is_loopback()));
    let hosts = &model.routes[1].matching.hosts;
    assert_eq!(*hosts, [HostPattern::Exact("a.shop.localhost".into())]);
    assert!(model.routes[1].order > model.routes[0].order);
}

#[test]
fn ids_survive_moving_and_reformatting_a_route() {
    let ids = |routes: &str| -> Vec<String> {
        let text =
            format!("version: 1\nroutes:\n{routes}\nservices: {{ a: {{ external: \"a:1\" }} }}\n");
        let mut ids: Vec<_> = model(&text).routes.iter().map(|r| r.id.to_string()).collect();
        ids.sort();
        ids
    };
    let one = "  - { match: \"GET,POST /x/**\", to: a }\n  - { match: /y, to: a, timeout: 1s }";
    let two = "\n\n  - { path: /y, to: a }\n  - to: a\n    prefix: /x\n    methods: [POST, GET]";
    assert_eq!(ids(one), ids(two));
}

#[test]
fn every_object_knows_its_origin() {
    let Model { routes, services, .. } = model(
        "version: 1\nroutes:\n  - { match: /, to: a }\nservices:\n  a: { external: \"a:1\" }\n",
    );
    assert_eq!(routes[0].origin.to_string(), "trunkline.yaml:3:5");
    assert_eq!(services[0].origin.to_string(), "trunkline.yaml:5:3");
}
