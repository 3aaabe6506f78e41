//! Who gets a request.

use std::collections::BTreeMap;
use std::time::Duration;

use trunkline_model::endpoint::EndpointState;
use trunkline_model::ops::EndpointOrder::{State, Weight};
use trunkline_model::ops::{EndpointOrders, Ops, Question, SessionFilter};
use trunkline_model::route::{Action, Target};
use trunkline_model::service::{Balance, Outlier};
use trunkline_testkit::Upstream;
use trunkline_testkit::wait::until;

use crate::rig::{Rig, endpoints, model, service};

async fn spread(rig: &Rig, requests: usize) -> BTreeMap<String, usize> {
    let mut caller = rig.client().await;
    let mut counts = BTreeMap::new();
    for _ in 0..requests {
        *counts.entry(caller.get("a", "/").await.text().to_owned()).or_default() += 1;
    }
    counts
}

#[tokio::test]
async fn turns_follow_weights() {
    let (a, b) = (Upstream::answering(200, "a"), Upstream::answering(200, "b"));
    let rig = Rig::start(model(vec![service("web", &[a.address(), b.address()])])).await;
    let mut set = endpoints("web", &[a.address(), b.address()]);
    set.endpoints[0].weight = 3;
    rig.proxy.publish(set);
    let counts = spread(&rig, 40).await;
    assert_eq!((counts["a"], counts["b"]), (30, 10));
}

#[tokio::test]
async fn the_least_busy_endpoint_is_picked() {
    let (busy, free) = (Upstream::hanging(), Upstream::answering(200, "free"));
    let mut web = service("web", &[busy.address()]);
    web.balance = Balance::LeastRequest;
    let rig = Rig::start(model(vec![web])).await;
    let mut waiting = rig.client().await;
    waiting.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    until("one is busy", async || rig.service("web").await.in_flight == 1).await;
    rig.proxy.publish(endpoints("web", &[busy.address(), free.address()]));
    assert_eq!(spread(&rig, 10).await["free"], 10);
}

#[tokio::test]
async fn targets_of_a_route_share_by_weight() {
    let (a, b) = (Upstream::answering(200, "a"), Upstream::answering(200, "b"));
    let services = vec![service("one", &[a.address()]), service("two", &[b.address()])];
    let mut wanted = model(services);
    let target = |name: &str, weight| Target { service: name.parse().unwrap(), weight };
    for route in &mut wanted.routes {
        route.action = Action::Forward(vec![target("one", 1), target("two", 1)]);
    }
    let rig = Rig::start(wanted).await;
    let counts = spread(&rig, 100).await;
    assert!(counts["a"] > 20 && counts["b"] > 20, "{counts:?}");
}

#[tokio::test]
async fn a_person_may_take_an_endpoint_out_and_a_reload_keeps_that() {
    let (a, b) = (Upstream::answering(200, "a"), Upstream::answering(200, "b"));
    let wanted = model(vec![service("web", &[a.address(), b.address()])]);
    let rig = Rig::start(wanted.clone()).await;
    let id = rig.endpoints("web").await[0].id.clone();
    rig.proxy.order_endpoint(id.clone(), State(Some(EndpointState::Maint))).await.unwrap();
    assert_eq!(spread(&rig, 10).await.get("a"), None);
    rig.reload(wanted).await;
    assert_eq!(spread(&rig, 10).await.get("a"), None);
    let told = &rig.endpoints("web").await[0];
    assert_eq!((told.state, told.overridden), (EndpointState::Maint, true));
    let orders = EndpointOrders { state: Some(EndpointState::Maint), ..EndpointOrders::default() };
    assert_eq!(rig.proxy.export_state().orders, [(id.clone(), orders)]);
    rig.proxy.order_endpoint(id, State(None)).await.unwrap();
    assert_eq!(spread(&rig, 10).await["a"], 5);
    let unknown = trunkline_model::EndpointId::new("nobody");
    assert!(rig.proxy.order_endpoint(unknown, State(None)).await.is_err());
}

#[tokio::test]
async fn an_endpoint_that_fails_in_a_row_is_ejected() {
    let (bad, good) = (Upstream::answering(500, "bad"), Upstream::answering(200, "good"));
    let mut web = service("web", &[bad.address(), good.address()]);
    web.outlier = Some(Outlier {
        consecutive: 3,
        base: Duration::from_secs(60),
        max: Duration::from_secs(120),
        percent_max: 50,
        compared: None,
    });
    let rig = Rig::start(model(vec![web])).await;
    let counts = spread(&rig, 30).await;
    assert_eq!(counts["bad"], 3);
    assert!(rig.endpoints("web").await[0].ejected);
    let state = rig.proxy.export_state();
    assert_eq!(state.ejected.len(), 1);
    let heir = Rig::start(model(vec![service("web", &[bad.address(), good.address()])])).await;
    heir.proxy.import_state(&state);
    assert_eq!(spread(&heir, 10).await.get("bad"), None);
}

#[tokio::test]
async fn the_last_endpoint_that_serves_is_not_ejected() {
    let (bad, out) = (Upstream::answering(500, "bad"), Upstream::answering(200, "out"));
    let mut web = service("web", &[bad.address(), out.address()]);
    web.outlier = Some(Outlier {
        consecutive: 1,
        base: Duration::from_secs(60),
        max: Duration::from_secs(60),
        percent_max: 100,
        compared: None,
    });
    let rig = Rig::start(model(vec![web])).await;
    let id = rig.endpoints("web").await[1].id.clone();
    let maint = Some(trunkline_model::endpoint::EndpointState::Maint);
    rig.proxy.order_endpoint(id, State(maint)).await.unwrap();
    assert_eq!(spread(&rig, 5).await["bad"], 5);
    assert!(!rig.endpoints("web").await[0].ejected);
}

#[tokio::test]
async fn explain_tells_route_and_endpoints() {
    let upstream = Upstream::answering(200, "ok");
    let rig = Rig::before(&upstream).await;
    let question = Question {
        method: "GET".into(),
        scheme: "http".into(),
        host: "Shop.Localhost:80".into(),
        port: None,
        caller: None,
        target: "/web/a".into(),
        headers: Vec::new(),
    };
    let explanation = rig.proxy.explain(question).await;
    assert_eq!(explanation.route.unwrap().0.as_str(), "web-1");
    assert_eq!(explanation.targets[0].2.len(), 1);
    assert_eq!((explanation.forwarded.as_deref(), explanation.answer), (Some("/web/a"), None));
    let mut caller = rig.client().await;
    caller.get("a", "/").await;
    let sessions = rig.proxy.sessions(SessionFilter::default(), 10).await;
    assert_eq!((sessions.len(), sessions[0].requests), (1, 1));
}

#[tokio::test]
async fn a_person_may_change_a_weight_and_a_reload_keeps_that() {
    let (a, b) = (Upstream::answering(200, "a"), Upstream::answering(200, "b"));
    let wanted = model(vec![service("web", &[a.address(), b.address()])]);
    let rig = Rig::start(wanted.clone()).await;
    let id = rig.endpoints("web").await[0].id.clone();
    rig.proxy.order_endpoint(id.clone(), Weight(Some(4))).await.unwrap();
    rig.reload(wanted.clone()).await;
    assert_eq!(spread(&rig, 10).await["a"], 8);
    let state = rig.proxy.export_state();
    let heir = Rig::start(wanted).await;
    heir.proxy.import_state(&state);
    assert_eq!(heir.endpoints("web").await[0].weight_ordered, Some(4));
    assert_eq!(spread(&heir, 10).await["a"], 8);
    rig.proxy.order_endpoint(id.clone(), Weight(Some(0))).await.unwrap();
    assert_eq!(spread(&rig, 10).await.get("a"), None);
    rig.proxy.order_endpoint(id, Weight(None)).await.unwrap();
    assert_eq!(spread(&rig, 10).await["a"], 5);
}

#[tokio::test]
async fn sessions_tell_what_is_asked_for_and_can_be_cut() {
    let (hanging, quick) = (Upstream::hanging(), Upstream::answering(200, "ok"));
    let services = vec![service("web", &[quick.address()]), service("slow", &[hanging.address()])];
    let rig = Rig::start(model(services)).await;
    let mut idle = rig.client().await;
    idle.get("a", "/").await;
    let mut busy = rig.client().await;
    busy.send("GET /slow/x?sig=secret&y HTTP/1.1\r\nHost: shop\r\n\r\n").await;
    let slow = SessionFilter { service: Some("slow".parse().unwrap()), ..Default::default() };
    let open = async || {
        let sessions = rig.proxy.sessions(slow.clone(), 10).await;
        sessions.into_iter().find(|one| one.open.iter().any(|open| open.endpoint.is_some()))
    };
    until("the request is on its way", async || open().await.is_some()).await;
    let session = open().await.unwrap();
    let request = &session.open[0];
    assert_eq!((&*request.method, &*request.host), ("GET", "shop"));
    assert_eq!(request.target, "/slow/x?sig=REDACTED&y");
    assert_eq!(request.service.as_ref().unwrap().as_str(), "slow");
    assert!(request.endpoint.as_ref().unwrap().as_str().starts_with("slow@127.0.0.1:"));
    assert_eq!(rig.proxy.sessions(SessionFilter::default(), 10).await.len(), 2);
    let one = SessionFilter { id: Some(session.id), ..Default::default() };
    assert_eq!(rig.proxy.cut_sessions(one).await, 1);
    assert_eq!(busy.rest().await, b"");
    until("nothing is in flight", async || rig.service("slow").await.in_flight == 0).await;
    assert_eq!(idle.get("a", "/").await.status, 200);
    let elsewhere = SessionFilter { peer: Some([10, 0, 0, 7].into()), ..Default::default() };
    assert_eq!(rig.proxy.cut_sessions(elsewhere).await, 0);
}
