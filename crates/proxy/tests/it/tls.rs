//! TLS with callers and services: which certificate, who may come in, what is resumed, what is ordered.

use std::sync::Arc;
use std::time::SystemTime;

use hyper::Response;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use trunkline_mesh::acme::Storage;
use trunkline_model::Model;
use trunkline_model::service::UpstreamTls;
use trunkline_model::tls::{
    Acme, Certificates, Challenge, ClientCertificate, Clients, Tls, TlsVersion,
};
use trunkline_net::tls::{Certificate, ClientSettings, Facts, HTTP_1_1, client_config};
use trunkline_proxy::{IssueError, Issuer};
use trunkline_testkit::model::{files, tls as tls_of};
use trunkline_testkit::wait::{until, within};
use trunkline_testkit::{AcmeServer, Pki, RawClient, Upstream, body};

use crate::rig::{Rig, model, service, tcp, tls};

fn secured(upstream: &Upstream, settings: Tls) -> Model {
    let mut model = model(vec![service("web", &[upstream.address()])]);
    model.listeners[0].tls = Some(settings);
    model
}

fn of_files(pki: &Pki, names: &[&str]) -> Tls {
    let all = names.iter().map(|name| files(pki.issue_files(&[name]))).collect();
    tls_of(Certificates::Files(all))
}

async fn facts(rig: &Rig, config: &Arc<rustls::ClientConfig>, name: &str) -> Option<Facts> {
    let socket = tcp(rig.address).await;
    let name = rustls::pki_types::ServerName::try_from(name.to_owned()).unwrap();
    let connector = tokio_rustls::TlsConnector::from(Arc::clone(config));
    let secured = connector.connect(name, socket).await.ok()?;
    let mut stream = trunkline_net::stream::Stream::Tls(Box::new(secured.into()));
    let facts = stream.tls();
    // An answer shows that the handshake is over on both sides, and that tickets have arrived; a refusal of the
    // caller's certificate comes only here.
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.ok()?;
    stream.flush().await.ok()?;
    let mut begin = [0; 12];
    within("an answer", stream.read_exact(&mut begin)).await.ok()?;
    facts.filter(|_| begin == *b"HTTP/1.1 200")
}

#[tokio::test]
async fn the_certificate_is_picked_by_name_and_strangers_are_refused_if_so_wished() {
    let (pki, upstream) = (Pki::new(), Upstream::answering(200, "ok"));
    let mut settings = of_files(&pki, &["first.test", "*.shop.test", "web.shop.test"]);
    let rig = Rig::start(secured(&upstream, settings.clone())).await;
    let client = pki.client(&[HTTP_1_1]);
    for name in ["first.test", "a.shop.test", "web.shop.test"] {
        assert!(facts(&rig, &client, name).await.is_some(), "{name}");
    }
    assert!(facts(&rig, &client, "other.test").await.is_none(), "the default has another name");
    settings.strict_sni = true;
    rig.reload(secured(&upstream, settings)).await;
    assert!(facts(&rig, &client, "a.shop.test").await.is_some());
    assert!(facts(&rig, &client, "other.test").await.is_none());
    // A caller knows that it failed before we do.
    until("both failures are counted", async || {
        let failures = rig.stats().await.listeners.remove(0).handshake_failures;
        failures == [("refused", 1), ("unknown_name", 1)]
    })
    .await;
    let listener = rig.stats().await.listeners.remove(0);
    assert_eq!(listener.handshakes_full + listener.handshakes_resumed, 4);
    assert_eq!(listener.certificates.len(), 3);
    assert!(listener.certificates[0].not_after.unwrap() > SystemTime::now());
}

#[tokio::test]
async fn callers_are_asked_who_they_are_and_services_are_told() {
    let (pki, stranger, upstream) = (Pki::new(), Pki::new(), Upstream::echo());
    let mut settings = of_files(&pki, &["shop.test"]);
    let clients = Clients { ca: pki.root_file(), crl: None, required: true };
    settings.clients = Some(clients.clone());
    let rig = Rig::start(secured(&upstream, settings.clone())).await;
    let showing = |certificate: Option<Certificate>| {
        let roots = pki.roots();
        let alpn = vec![HTTP_1_1.to_vec()];
        let settings = ClientSettings { roots, alpn, certificate, ..ClientSettings::default() };
        client_config(&settings).unwrap()
    };
    let orders = pki.issue_identity("spiffe://shop/orders");
    let stream = tls(rig.address, showing(Some(orders.clone())), "shop.test").await;
    let mut caller = RawClient::over(stream);
    caller
        .send(
            "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-Client-Cert: URI=spiffe://shop/admin\r\n\r\n",
        )
        .await;
    let told = caller.response().await.text().to_owned();
    assert!(told.contains("URI=spiffe://shop/orders") && !told.contains("admin"), "{told}");
    assert!(facts(&rig, &showing(None), "shop.test").await.is_none());
    let bad = stranger.issue_identity("spiffe://shop/orders");
    assert!(facts(&rig, &showing(Some(bad)), "shop.test").await.is_none());
    // A revocation counts from the next handshake on, also for a session that could be resumed.
    let resuming = showing(Some(orders.clone()));
    assert!(facts(&rig, &resuming, "shop.test").await.is_some());
    settings.clients = Some(Clients { crl: Some(pki.revoke(&[&orders])), ..clients.clone() });
    rig.reload(secured(&upstream, settings.clone())).await;
    assert!(facts(&rig, &resuming, "shop.test").await.is_none());
    let others = showing(Some(pki.issue_identity("spiffe://shop/web")));
    assert!(facts(&rig, &others, "shop.test").await.is_some());
    settings.clients = Some(Clients { required: false, ..clients });
    rig.reload(secured(&upstream, settings)).await;
    let mut caller = RawClient::over(tls(rig.address, showing(None), "shop.test").await);
    caller.send("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-Client-Cert: URI=x\r\n\r\n").await;
    let told = caller.response().await.text().to_owned();
    assert!(!told.contains("client-cert"), "a caller without one cannot claim one: {told}");
}

#[tokio::test]
async fn a_session_without_a_certificate_is_worth_nothing_where_one_is_asked_for() {
    let (pki, upstream) = (Pki::new(), Upstream::answering(200, "ok"));
    let mut settings = of_files(&pki, &["shop.test"]);
    let rig = Rig::start(secured(&upstream, settings.clone())).await;
    let client = pki.client(&[HTTP_1_1]);
    assert!(!facts(&rig, &client, "shop.test").await.unwrap().resumed);
    assert!(facts(&rig, &client, "shop.test").await.unwrap().resumed);
    settings.clients = Some(Clients { ca: pki.root_file(), crl: None, required: true });
    rig.reload(secured(&upstream, settings)).await;
    assert!(facts(&rig, &client, "shop.test").await.is_none());
}

#[tokio::test]
async fn sessions_are_resumed_by_the_process_that_takes_over() {
    let (pki, upstream) = (Pki::new(), Upstream::answering(200, "ok"));
    let settings = of_files(&pki, &["shop.test"]);
    let old = Rig::start(secured(&upstream, settings.clone())).await;
    let stranger = Rig::start(secured(&upstream, settings.clone())).await;
    let new = Rig::start(secured(&upstream, settings)).await;
    new.proxy.import_state(&old.proxy.export_state());
    let client = pki.client(&[HTTP_1_1]);
    assert!(!facts(&old, &client, "shop.test").await.unwrap().resumed);
    assert!(facts(&new, &client, "shop.test").await.unwrap().resumed);
    assert!(!facts(&stranger, &client, "shop.test").await.unwrap().resumed);
    let listener = new.stats().await.listeners.remove(0);
    assert_eq!((listener.handshakes_full, listener.handshakes_resumed), (0, 1));
}

#[tokio::test]
async fn the_lowest_version_is_kept_and_a_quantum_safe_exchange_preferred() {
    let (pki, upstream) = (Pki::new(), Upstream::answering(200, "ok"));
    let mut settings = of_files(&pki, &["shop.test"]);
    settings.min_version = TlsVersion::V13;
    let rig = Rig::start(secured(&upstream, settings)).await;
    let old = rustls::ClientConfig::builder_with_provider(trunkline_net::tls::provider())
        .with_protocol_versions(&[&rustls::version::TLS12])
        .unwrap()
        .with_root_certificates(pki.roots().load().unwrap())
        .with_no_client_auth();
    assert!(facts(&rig, &Arc::new(old), "shop.test").await.is_none());
    let name = rustls::pki_types::ServerName::try_from("shop.test").unwrap();
    let connector = tokio_rustls::TlsConnector::from(pki.client(&[]));
    let secured = connector.connect(name, tcp(rig.address).await).await.unwrap();
    let group = secured.get_ref().1.negotiated_key_exchange_group().unwrap();
    assert_eq!(group.name(), rustls::NamedGroup::X25519MLKEM768);
    until("the failure is counted", async || {
        let failures = rig.stats().await.listeners.remove(0).handshake_failures;
        failures == [("incompatible", 1)]
    })
    .await;
}

#[tokio::test]
async fn a_service_that_asks_is_shown_a_certificate() {
    let pki = Pki::new();
    let upstream = Upstream::https_asking(&pki.issue(&["127.0.0.1"]), pki.roots(), |_| async {
        Response::new(body::full("secret"))
    });
    let with = |certificate| {
        let mut web = service("web", &[upstream.address()]);
        let ca = Some(pki.root_file());
        web.tls = Some(UpstreamTls { server_name: None, ca, verify: true, certificate });
        model(vec![web])
    };
    let rig = Rig::start(with(None)).await;
    assert_eq!(rig.client().await.get("a", "/").await.status, 502);
    let (certificate, key) = pki.issue_files(&["gateway.test"]);
    rig.reload(with(Some(ClientCertificate { certificate, key }))).await;
    assert_eq!(rig.client().await.get("a", "/").await.text(), "secret");
}

/// Keeps what is ordered, and has no CA of its own.
struct Folder(Storage);

impl Issuer for Folder {
    fn issue(&self, _: &[String], _: SystemTime) -> Result<Certificate, IssueError> {
        Err(IssueError::NoAuthority)
    }

    fn storage(&self) -> Option<Storage> {
        Some(self.0.clone())
    }
}

fn ordering(
    server: &AcmeServer,
    upstream: &Upstream,
    challenge: Challenge,
    names: &[&str],
) -> Model {
    let acme = Acme {
        directory: server.directory(),
        ca: Some(server.root_file()),
        names: names.iter().map(|name| (*name).to_owned()).collect(),
        email: Some("people@shop.test".into()),
        challenge,
    };
    let mut model = secured(upstream, tls_of(Certificates::Acme(acme)));
    let mut plain = trunkline_testkit::model::listener("plain", "127.0.0.2:0".parse().unwrap());
    plain.filters = vec![trunkline_model::filter::Filter::AcmeChallenge];
    model.listeners.push(plain);
    model
}

async fn certificate_is_ordered(challenge: Challenge) {
    let (server, upstream) = (AcmeServer::new(), Upstream::answering(200, "ok"));
    let folder = tempfile::tempdir().unwrap();
    let storage = Storage::new(folder.path().join("acme"));
    let wanted = ordering(&server, &upstream, challenge, &["a.test", "b.test"]);
    let rig = Rig::start_with(wanted.clone(), |deps| {
        deps.issuer = Some(Arc::new(Folder(storage.clone())));
    })
    .await;
    let stats = rig.stats().await.listeners.remove(0);
    assert!(stats.certificates.iter().all(|one| one.not_after.is_none()), "only stand-ins");
    let addresses = rig.proxy.addresses();
    server.serve_names_at(Some(addresses[1].1), Some(addresses[0].1));
    let client = server.client(&[HTTP_1_1]);
    for name in ["a.test", "b.test"] {
        until("the certificate is issued and shown", async || {
            facts(&rig, &client, name).await.is_some()
        })
        .await;
    }
    let orders = server.orders();
    assert_eq!(orders.iter().filter(|(_, status)| status == "valid").count(), 2, "{orders:?}");
    // What was ordered is there after a restart, and nobody else can read it.
    let other = Rig::start_with(wanted, |deps| {
        deps.issuer = Some(Arc::new(Folder(storage)));
    })
    .await;
    assert!(facts(&other, &client, "a.test").await.is_some());
    assert_eq!(server.orders().len(), orders.len());
    let kept = std::fs::read_dir(folder.path().join("acme")).unwrap().next().unwrap().unwrap();
    for file in std::fs::read_dir(kept.path()).unwrap() {
        use std::os::unix::fs::PermissionsExt;
        let mode = file.unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_ordered_by_http() {
    certificate_is_ordered(Challenge::Http01).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_ordered_by_tls() {
    certificate_is_ordered(Challenge::TlsAlpn01).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_authority_refuses_is_told() {
    let (server, upstream) = (AcmeServer::new(), Upstream::answering(200, "ok"));
    let folder = tempfile::tempdir().unwrap();
    let names = ["forbidden.test"];
    let wanted = ordering(&server, &upstream, Challenge::Http01, &names);
    let rig = Rig::start_with(wanted, |deps| {
        deps.issuer = Some(Arc::new(Folder(Storage::new(folder.path().to_owned()))));
    })
    .await;
    until("the refusal is told", async || {
        let listener = rig.stats().await.listeners.remove(0);
        let problem = listener.certificates[0].problem.clone().unwrap_or_default();
        problem.contains("forbidden.test") && problem.contains("this name is not to be had")
    })
    .await;
}
