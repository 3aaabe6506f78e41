//! What is spoken on both sides.

use http_body_util::BodyExt;
use hyper::{Request, Response};
use trunkline_model::Model;
use trunkline_model::service::{Protocol, UpstreamTls};
use trunkline_model::tls::Certificates;
use trunkline_net::tls::{H2, HTTP_1_1};
use trunkline_testkit::{Pki, RawClient, Upstream, body};

use crate::rig::{Rig, get, http2, model, service, tcp, tls};

fn secured(mut model: Model, pki: &Pki) -> Model {
    let (certificate, key) = pki.issue_files(&["shop.localhost"]);
    model.listeners[0].tls = Some(trunkline_testkit::model::tls(Certificates::Files(vec![
        trunkline_testkit::model::files((certificate, key)),
    ])));
    model
}

async fn text(response: Response<hyper::body::Incoming>) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

#[tokio::test]
async fn alpn_decides_what_a_secure_listener_speaks() {
    let (pki, upstream) = (Pki::new(), Upstream::echo());
    let rig = Rig::start(secured(model(vec![service("web", &[upstream.address()])]), &pki)).await;
    let stream = tls(rig.address, pki.client(&[H2, HTTP_1_1]), "shop.localhost").await;
    assert_eq!(stream.alpn(), Some(H2));
    let mut caller = http2(stream).await;
    let response = caller.send_request(get("https://shop.localhost/x")).await.unwrap();
    let text = text(response).await;
    assert!(text.contains(r#"["x-forwarded-proto","https"]"#), "{text}");
    let stream = tls(rig.address, pki.client(&[HTTP_1_1]), "shop.localhost").await;
    let mut caller = RawClient::over(stream);
    assert_eq!(caller.get("shop.localhost", "/").await.status, 200);
    let stream = tls(rig.address, pki.client(&[]), "shop.localhost").await;
    assert_eq!(RawClient::over(stream).get("shop.localhost", "/").await.status, 200);
    // Two workers record: their order says nothing.
    let records = rig.records.wait(3).await;
    let mut spoken: Vec<_> = records.iter().map(|r| (r.protocol, r.scheme)).collect();
    spoken.sort_unstable();
    let [http1, http2] = ["HTTP/1.1", "HTTP/2"].map(|protocol| (protocol, "https"));
    assert_eq!(spoken, [http1, http1, http2]);
}

#[tokio::test]
async fn http2_with_prior_knowledge_is_told_by_its_preface() {
    let upstream = Upstream::echo();
    let rig = Rig::before(&upstream).await;
    let caller = http2(tcp(rig.address).await).await;
    let requests = (0..20).map(|number| {
        let mut caller = caller.clone();
        async move {
            let url = format!("http://shop.localhost/{number}");
            let response = caller.send_request(get(&url)).await.unwrap();
            assert_eq!(response.status(), 200);
            text(response).await
        }
    });
    let texts = futures_util::future::join_all(requests).await;
    assert!(texts.iter().enumerate().all(|(number, text)| text.contains(&format!("/{number}"))));
    assert!(texts[0].contains(r#"["host","shop.localhost"]"#), "{}", texts[0]);
}

#[tokio::test]
async fn upstream_http2_multiplexes_on_one_connection() {
    let upstream = Upstream::echo();
    let mut web = service("web", &[upstream.address()]);
    web.protocol = Protocol::Http2;
    let rig = Rig::start_with(model(vec![web]), |deps| deps.workers = 1).await;
    let caller = http2(tcp(rig.address).await).await;
    let requests = (0..50).map(|_| {
        let mut caller = caller.clone();
        async move {
            let response = caller.send_request(get("http://a.test/")).await.unwrap();
            text(response).await
        }
    });
    let texts = futures_util::future::join_all(requests).await;
    assert!(texts.iter().all(|text| text.contains("HTTP/2.0")), "{}", texts[0]);
    assert_eq!(upstream.connections(), 1);
}

#[tokio::test]
async fn another_http2_connection_is_opened_when_streams_run_out() {
    let upstream = Upstream::streaming(20, "x", std::time::Duration::from_millis(20));
    let mut web = service("web", &[upstream.address()]);
    web.protocol = Protocol::Http2;
    let rig = Rig::start_with(model(vec![web]), |deps| deps.workers = 1).await;
    let caller = http2(tcp(rig.address).await).await;
    let requests = (0..150).map(|_| {
        let mut caller = caller.clone();
        async move {
            let response = caller.send_request(get("http://a.test/")).await.unwrap();
            assert_eq!(text(response).await.len(), 20);
        }
    });
    futures_util::future::join_all(requests).await;
    assert_eq!(upstream.connections(), 2);
}

#[tokio::test]
async fn upstream_tls_verifies_and_says_why_it_failed() {
    let (pki, stranger) = (Pki::new(), Pki::new());
    let answer = |_| async { Response::new(body::full("secret")) };
    let good = Upstream::https(&pki.issue(&["127.0.0.1"]), answer);
    let bad = Upstream::https(&stranger.issue(&["127.0.0.1"]), answer);
    let secure = |name: &str, upstream: &Upstream| {
        let mut service = service(name, &[upstream.address()]);
        let ca = Some(pki.root_file());
        service.tls = Some(UpstreamTls { server_name: None, ca, verify: true, certificate: None });
        service
    };
    let rig = Rig::start(model(vec![secure("good", &good), secure("bad", &bad)])).await;
    let mut caller = rig.client().await;
    for _ in 0..2 {
        assert_eq!(caller.get("a", "/good").await.text(), "secret");
    }
    assert_eq!(good.connections(), 1, "ALPN found HTTP/2, and its connection is kept");
    let refused = caller.get("a", "/bad").await;
    assert_eq!(refused.status, 502);
    let reason = refused.header("x-trunkline-reason").unwrap();
    assert!(reason.starts_with("upstream_tls;service=\"bad\""), "{reason}");
}

#[tokio::test]
async fn a_grpc_call_keeps_its_trailers_and_streams_both_ways() {
    let upstream = Upstream::grpc();
    let rig = Rig::before(&upstream).await;
    let mut caller = http2(tcp(rig.address).await).await;
    let (sender, body) = body::channel();
    let request = Request::post("http://shop.localhost/shop.Orders/Watch")
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(body)
        .unwrap();
    let mut response = caller.send_request(request).await.unwrap();
    for message in ["one", "two", "three"] {
        sender.data(message).await;
        let frame = response.body_mut().frame().await.unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap(), message, "each message comes back before the next");
    }
    drop(sender);
    let trailers = response.into_body().collect().await.unwrap();
    assert_eq!(trailers.trailers().unwrap()["grpc-status"], "0");
    let records = rig.records.wait(1).await;
    assert_eq!((records[0].bytes_received, records[0].bytes_sent), (11, 11));
}

#[tokio::test]
async fn a_failed_grpc_call_gets_a_grpc_status() {
    let nobody = trunkline_testkit::upstream::unused_address();
    let rig = Rig::start(model(vec![service("web", &[nobody])])).await;
    let mut caller = http2(tcp(rig.address).await).await;
    let request = Request::post("http://shop.localhost/shop.Orders/Watch")
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(body::empty())
        .unwrap();
    let response = caller.send_request(request).await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(response.headers().contains_key("grpc-status"), "{:?}", response.headers());
}

#[tokio::test]
async fn a_changed_certificate_is_shown_to_new_connections() {
    let (pki, upstream) = (Pki::new(), Upstream::echo());
    let wanted = secured(model(vec![service("web", &[upstream.address()])]), &pki);
    let rig = Rig::start(wanted.clone()).await;
    let stream = tls(rig.address, pki.client(&[HTTP_1_1]), "shop.localhost").await;
    let first = stream.tls().unwrap().peer_certificates;
    let mut open = RawClient::over(stream);
    pki.issue_files(&["shop.localhost"]);
    rig.reload(wanted).await;
    let stream = tls(rig.address, pki.client(&[HTTP_1_1]), "shop.localhost").await;
    assert_ne!(stream.tls().unwrap().peer_certificates, first);
    assert_eq!(open.get("shop.localhost", "/").await.status, 200, "the open one goes on");
}

#[tokio::test]
async fn head_and_empty_answers_end_at_once() {
    let upstream = Upstream::http(|request: Request<hyper::body::Incoming>| async move {
        if request.uri().path() == "/empty" {
            return Response::builder().status(204).body(body::empty()).unwrap();
        }
        Response::builder().header("content-length", "5").body(body::full("hello")).unwrap()
    });
    let rig = Rig::before(&upstream).await;
    let mut caller = rig.client().await;
    caller.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let head = caller.response_to("HEAD").await;
    assert_eq!((head.status, head.header("content-length")), (200, Some("5")));
    assert_eq!(caller.get("a", "/empty").await.status, 204);
    assert_eq!(caller.get("a", "/").await.text(), "hello");
    let records = rig.records.wait(3).await;
    assert!(records.iter().all(|record| record.end == trunkline_model::record::End::Complete));
}

#[tokio::test]
async fn requests_that_cannot_be_routed_are_refused_with_a_reason() {
    let upstream = Upstream::answering(200, "ok");
    let rig = Rig::before(&upstream).await;
    for (request, status) in [
        ("GET / HTTP/1.1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        ("GET /a/../b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", 400),
        ("GET / HTTP/1.0\r\n\r\n", 200),
    ] {
        let mut caller = rig.client().await;
        caller.send(request).await;
        let response = caller.response().await;
        assert_eq!(response.status, status, "{request}{}", response.head);
    }
    let stats = rig.stats().await;
    let none = stats.routes.iter().find(|route| route.id.as_str() == "none").unwrap();
    assert_eq!(none.requests, [(400, 4)]);
}

#[tokio::test]
async fn the_projects_own_authority_secures_a_listener() {
    use trunkline_mesh::{Authority, Permitted};
    let folder = tempfile::tempdir().unwrap();
    let domain = "shop.localhost".parse().unwrap();
    let permitted = Permitted::new(["shop.localhost"], &domain).unwrap();
    let authority =
        Authority::open(folder.path(), permitted, std::time::SystemTime::now()).unwrap();
    let roots = trunkline_net::tls::ClientSettings {
        roots: authority.roots(),
        alpn: vec![H2.to_vec()],
        ..trunkline_net::tls::ClientSettings::default()
    };
    let upstream = Upstream::echo();
    let mut wanted = model(vec![service("web", &[upstream.address()])]);
    wanted.listeners[0].tls = Some(trunkline_testkit::model::tls(Certificates::Own {
        names: vec!["shop.localhost".into()],
    }));
    let rig = Rig::start_with(wanted.clone(), |deps| {
        deps.issuer = Some(std::sync::Arc::new(authority));
    })
    .await;
    rig.reload(wanted).await;
    let client = trunkline_net::tls::client_config(&roots).unwrap();
    let mut caller = http2(tls(rig.address, client, "shop.localhost").await).await;
    let response = caller.send_request(get("https://shop.localhost/")).await.unwrap();
    assert_eq!(response.status(), 200);
}
