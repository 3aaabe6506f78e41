//! Active checks.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hyper::Response;
use trunkline_model::endpoint::EndpointPlace;
use trunkline_model::route::Authority;
use trunkline_model::service::{HealthCheck, Probe, Source, StaticEndpoint};
use trunkline_testkit::upstream::unused_address;
use trunkline_testkit::wait::until;
use trunkline_testkit::{Upstream, body};

use crate::rig::{Rig, model, service};

fn quick(probe: Probe) -> HealthCheck {
    HealthCheck {
        probe,
        interval: Duration::from_millis(20),
        timeout: Duration::from_secs(2),
        rise: 2,
        fall: 2,
    }
}

#[tokio::test]
async fn an_unhealthy_endpoint_gets_nothing_until_it_rises() {
    let well = Arc::new(AtomicBool::new(true));
    let state = Arc::clone(&well);
    let sick = Upstream::http(move |_| {
        let status = if state.load(Ordering::Relaxed) { 200 } else { 503 };
        async move { Response::builder().status(status).body(body::full("sick")).unwrap() }
    });
    let good = Upstream::answering(200, "good");
    let mut web = service("web", &[sick.address(), good.address()]);
    web.health = Some(quick(Probe::Http { path: "/healthz".into() }));
    let rig = Rig::start(model(vec![web])).await;
    well.store(false, Ordering::Relaxed);
    until("it falls", async || !rig.endpoints("web").await[0].healthy).await;
    let error = rig.endpoints("web").await[0].health_error.clone().unwrap();
    assert!(error.contains("GET /healthz answered 503"), "{error}");
    let mut caller = rig.client().await;
    for _ in 0..6 {
        assert_eq!(caller.get("a", "/").await.text(), "good");
    }
    well.store(true, Ordering::Relaxed);
    until("it rises", async || rig.endpoints("web").await[0].healthy).await;
}

#[tokio::test]
async fn when_all_are_unhealthy_the_reason_tells_how_many_and_why() {
    let mut web = service("web", &[unused_address(), unused_address()]);
    web.health = Some(quick(Probe::Tcp));
    let rig = Rig::start(model(vec![web])).await;
    until("all fall", async || rig.endpoints("web").await.iter().all(|e| !e.healthy)).await;
    let response = rig.client().await.get("a", "/").await;
    assert_eq!(response.status, 503);
    let reason = response.header("x-trunkline-reason").unwrap();
    let expect =
        "no_endpoint;service=\"web\";endpoints=2;unhealthy=2;ejected=0;health=\"127.0.0.1:";
    assert!(reason.starts_with(expect), "{reason}");
}

#[tokio::test]
async fn names_are_resolved_and_services_may_stand_for_others() {
    let upstream = Upstream::answering(200, "ok");
    let port = upstream.address().port();
    let written = |authority| {
        Source::Static(vec![StaticEndpoint {
            authority,
            weight: 1,
            place: EndpointPlace::default(),
            limit: None,
        }])
    };
    let mut named = service("named", &[]);
    named.source = written(Authority::Dns { host: "localhost".into(), port });
    let mut alias = service("alias", &[]);
    alias.source = written(Authority::Service("web".parse().unwrap()));
    let web = service("web", &[upstream.address()]);
    let rig = Rig::start(model(vec![named, alias, web])).await;
    let mut caller = rig.client().await;
    for path in ["/named", "/alias", "/web"] {
        assert_eq!(caller.get("a", path).await.status, 200, "{path}");
    }
    rig.proxy.publish(crate::rig::endpoints("web", &[]));
    until("the one that stands for it follows", async || rig.endpoints("alias").await.is_empty())
        .await;
}
