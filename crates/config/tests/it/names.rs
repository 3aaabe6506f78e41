//! Host names: of the gateway, of services, and of copies of a project.

use trunkline_config::{Options, PORT_STEP};
use trunkline_model::Model;
use trunkline_model::route::{Action, HostPattern, Route};
use trunkline_model::tls::Certificates;

use crate::rig::{laptop, load_files, screen, shown};

fn load(text: &str, options: &Options) -> Model {
    let loaded = load_files(&[("trunkline.yaml", text)], options);
    assert!(loaded.diagnostics.is_empty(), "{}", shown(&loaded));
    Model::clone(loaded.model.as_ref().unwrap())
}

fn hosts(route: &Route) -> Vec<String> {
    let text = |host: &HostPattern| match host {
        HostPattern::Exact(host) => host.clone(),
        HostPattern::Wildcard(suffix) => format!("*.{suffix}"),
    };
    route.matching.hosts.iter().map(text).collect()
}

/// The hosts of the route that a service's name implies: the last one that leads to it.
fn implied(model: &Model, service: &str) -> Vec<String> {
    let leads = |route: &&Route| match &route.action {
        Action::Forward(targets) => targets.iter().any(|to| to.service.as_str() == service),
        _ => false,
    };
    model.routes.iter().rev().find(leads).map(hosts).unwrap_or_default()
}

fn services(names: &[&str]) -> String {
    let lines = names.iter().map(|name| format!("  {name}: {{ external: \"127.0.0.1:1\" }}\n"));
    format!("services:\n{}", lines.collect::<String>())
}

#[test]
fn every_name_of_the_gateway_serves_and_is_in_the_certificate() {
    let text = format!(
        "version: 1\nname: shop\ngateway: {{ domain: [shop.localhost, shop.local], https: 8443 }}\n{}",
        services(&["web-service"])
    );
    let model = load(&text, &laptop());
    assert_eq!(model.domains, ["shop.localhost", "shop.local"]);
    assert_eq!(
        implied(&model, "web-service"),
        [
            "web-service.shop.localhost",
            "web.shop.localhost",
            "web-service.shop.local",
            "web.shop.local"
        ]
    );
    let tls = model.listeners[0].tls.as_ref();
    let Some(Certificates::Own { names }) = tls.map(|tls| &tls.certificates) else {
        panic!("no certificate")
    };
    assert_eq!(*names, ["shop.localhost", "shop.local", "*.shop.localhost", "*.shop.local"]);
}

#[test]
fn an_at_sign_stands_for_each_name_of_the_gateway() {
    let check = |host: &str, expected: &[&str]| {
        let text = format!(
            "version: 1\nname: shop\ngateway: {{ domain: shop.local }}\n\
             routes: [ {{ host: {host}, prefix: /a, to: api }} ]\n{}",
            services(&["api"])
        );
        assert_eq!(hosts(&load(&text, &laptop()).routes[0]), expected, "{host}");
    };
    check("\"@\"", &["shop.localhost", "shop.local"]);
    check("\"api.@\"", &["api.shop.localhost", "api.shop.local"]);
    check("[\"*.@\", x.test]", &["*.shop.localhost", "*.shop.local", "x.test"]);
    let short =
        "version: 1\nname: shop\nroutes: [ { match: \"GET admin.@/x/**\", respond: {} } ]\n";
    assert_eq!(hosts(&load(short, &laptop()).routes[0]), ["admin.shop.localhost"]);
}

#[test]
fn an_at_sign_that_stands_for_nothing_is_an_error_with_its_place() {
    let wrong = |host: &str, domain: &str| {
        screen(&format!(
            "version: 1\ngateway: {{ domain: {domain} }}\nroutes: [ {{ host: \"{host}\", respond: {{}} }} ]\n"
        ))
    };
    assert!(wrong("api@", "a.test").contains("`api@` is not a host"));
    assert!(wrong("api.@", "\"*.a.test\"").contains("`api.@` stands for no host"));
    assert_eq!(wrong("@", "\"*.a.test\""), "");
}

#[test]
fn a_short_name_is_taken_from_nobody() {
    let check = |names: &[&str], routes: &str, service: &str, expected: &[&str]| {
        let text = format!("version: 1\nname: shop\n{routes}{}", services(names));
        assert_eq!(implied(&load(&text, &laptop()), service), expected, "{names:?} {routes}");
    };
    let both = ["web-app.shop.localhost", "web.shop.localhost"];
    check(&["web-app"], "", "web-app", &both);
    check(&["web-app", "web"], "", "web-app", &both[..1]);
    check(&["web-app", "web-svc"], "", "web-app", &both[..1]);
    let route = "routes: [ { match: \"web.@/x\", respond: {} } ]\n";
    check(&["web-app"], route, "web-app", &both[..1]);
    check(&["web-server"], "", "web-server", &["web-server.shop.localhost"]);
}

#[test]
fn pages_on_the_host_of_a_service_reach_the_api() {
    let text = format!(
        "version: 1\nname: shop\nroutes:\n  - {{ match: \"/**\", to: web-service }}\n  \
         - {{ match: \"/api/auth/**\", to: auth-service }}\n{}",
        services(&["web-service", "auth-service", "admin-service"])
    );
    let model = load(&text, &laptop());
    let order = |service: &str, host: &str| {
        let fits = |route: &&Route| {
            matches!(&route.action, Action::Forward(to) if to[0].service.as_str() == service)
                && (hosts(route).iter().any(|h| h == host) || host.is_empty())
        };
        model.routes.iter().find(fits).unwrap().order
    };
    let admin = order("admin-service", "admin.shop.localhost");
    assert!(order("auth-service", "") > admin, "/api/auth is the API's on every host");
    assert!(admin > order("web-service", ""), "the rest is the service's own");
}

#[test]
fn the_api_has_a_name_unless_a_service_is_called_so() {
    let check = |service: &str, expected: &[&str]| {
        let text = format!(
            "version: 1\nname: shop\nroutes: [ {{ match: \"@/x/**\", to: {service} }} ]\n{}",
            services(&[service])
        );
        assert_eq!(hosts(&load(&text, &laptop()).routes[0]), expected, "{service}");
    };
    check("orders", &["shop.localhost", "api.shop.localhost"]);
    check("api", &["shop.localhost"]);
    check("api-service", &["shop.localhost"]);
}

#[test]
fn another_checkout_has_its_own_name_and_ports_but_keeps_what_was_written() {
    let text = "version: 1\nname: shop\ngateway: { domain: [shop.localhost, shop.local] }\n\
                ports: { console: 21001 }\n";
    let usual = load(text, &laptop());
    let options = Options { port_set: 2, checkout: Some("fix-cart".to_owned()), ..laptop() };
    let copy = load(text, &options);
    assert_eq!(copy.domains, ["fix-cart.shop.localhost", "shop.local"]);
    let port = |model: &Model| model.listeners.iter().map(|l| l.address.port()).collect::<Vec<_>>();
    let moved: Vec<u16> = port(&usual).iter().map(|port| port + 2 * PORT_STEP).collect();
    assert_eq!(port(&copy), moved);
    assert_eq!(copy.management.control.unwrap().port(), 21001);
    assert_eq!(copy.management.metrics.unwrap().port(), 9090 + 2 * PORT_STEP);
    let plain = load("version: 1\n", &Options { port_set: 1, ..laptop() });
    assert_eq!(plain.management.jaeger.unwrap().port(), 16686 + PORT_STEP);
}
