//! From a Model to a plan.

use std::path::Path;

use trunkline_local::plan::{Plan, PlanError, PortBook, Surroundings};
use trunkline_local::run::RunId;
use trunkline_local::toolchains::Toolchains;
use trunkline_model::endpoint::EndpointPlace;
use trunkline_model::route::Authority;
use trunkline_model::service::{Source, StaticEndpoint};
use trunkline_model::{Model, ServiceName};

use crate::support::{model_of, name, service};

fn around() -> Surroundings {
    Surroundings {
        run: RunId { pid: 7, started_ticks: 42, namespace: 1 },
        otlp: Some("http://127.0.0.1:4318".into()),
        root: Some("/ca/root.pem".into()),
        bundle: Some("/state/certificates.pem".into()),
        builds: Some("/state/build".into()),
        toolchains: Toolchains::default(),
    }
}

fn shop(calls: &[(&str, &[&str])]) -> Model {
    let with_calls = calls.iter().map(|(text, callees)| {
        let mut service = service(text, "true", Path::new("/"));
        service.calls = callees.iter().map(|callee| name(callee)).collect();
        service
    });
    model_of(with_calls.collect())
}

fn plan(model: &Model) -> Result<Plan, PlanError> {
    Plan::of(model, &around(), &mut PortBook::new("test"))
}

#[test]
fn callees_come_first_and_independent_services_together() {
    let model = shop(&[
        ("web", &["orders"]),
        ("orders", &["payments", "stock"]),
        ("payments", &[]),
        ("stock", &[]),
    ]);
    let waves = plan(&model).unwrap().waves().unwrap();
    let waves: Vec<Vec<&str>> =
        waves.iter().map(|wave| wave.iter().map(ServiceName::as_str).collect()).collect();
    assert_eq!(waves, [vec!["payments", "stock"], vec!["orders"], vec!["web"]]);
}

#[test]
fn a_circle_is_named() {
    let error = plan(&shop(&[("a", &["b"]), ("b", &["c"]), ("c", &["b"])])).unwrap_err();
    assert_eq!(error.to_string(), "services wait for each other: b → c → b");
}

#[test]
fn callees_are_named_as_kubernetes_names_them() {
    let mut model = shop(&[("web", &["order-book", "postgres"]), ("order-book", &[])]);
    let mut postgres = service("postgres", "", Path::new("/"));
    let authority = Authority::Dns { host: "db.example".into(), port: 5432 };
    postgres.source = Source::Static(vec![StaticEndpoint {
        authority,
        weight: 1,
        place: EndpointPlace::default(),
        limit: None,
    }]);
    model.services.push(postgres);
    let plan = plan(&model).unwrap();
    let variable = |wanted: &str| {
        let found = plan.services[&name("web")].environment.iter().rev().find(|v| v.0 == wanted);
        found.map(|variable| variable.1.clone())
    };
    let port = plan.services[&name("order-book")].address.port().to_string();
    assert_eq!(variable("ORDER_BOOK_URL"), Some(format!("http://127.0.0.1:{port}")));
    assert_eq!(variable("ORDER_BOOK_SERVICE_HOST").as_deref(), Some("127.0.0.1"));
    assert_eq!(variable("ORDER_BOOK_SERVICE_PORT"), Some(port));
    assert_eq!(variable("POSTGRES_URL").as_deref(), Some("http://db.example:5432"));
    assert_eq!(variable("OTEL_SERVICE_NAME").as_deref(), Some("web"));
    assert_eq!(variable("OTEL_EXPORTER_OTLP_ENDPOINT").as_deref(), Some("http://127.0.0.1:4318"));
    assert_eq!(variable("NODE_EXTRA_CA_CERTS").as_deref(), Some("/ca/root.pem"));
    assert_eq!(variable("SSL_CERT_FILE").as_deref(), Some("/state/certificates.pem"));
    assert_eq!(variable("TRUNKLINE_RUN").as_deref(), Some("7.42.1"));
}

#[test]
fn the_file_wins_over_what_is_injected_but_not_over_the_marks() {
    let mut model = shop(&[("web", &[])]);
    if let Source::Process(process) = &mut model.services[0].source {
        process.env = vec![
            ("OTEL_SERVICE_NAME".into(), "shop-web".into()),
            ("TRUNKLINE_RUN".into(), "stolen".into()),
        ];
    }
    let plan = plan(&model).unwrap();
    let last = |wanted: &str| {
        let web = &plan.services[&name("web")];
        web.environment.iter().rev().find(|v| v.0 == wanted).unwrap().1.clone()
    };
    assert_eq!(last("OTEL_SERVICE_NAME"), "shop-web");
    assert_eq!(last("TRUNKLINE_RUN"), "7.42.1");
}

#[test]
fn ports_stay_the_same_from_plan_to_plan() {
    let model = shop(&[("a", &[]), ("b", &[])]);
    let mut book = PortBook::new("stable");
    let first = Plan::of(&model, &around(), &mut book).unwrap();
    assert_eq!(Plan::of(&model, &around(), &mut book).unwrap(), first);
    assert_ne!(first.services[&name("a")].address, first.services[&name("b")].address);
}
