//! Redis over TLS, with a password and a database of its own.

use std::fs;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};
use trunkline_resilience::breaker::{Config, Outcome};
use trunkline_share::{Away, Link, Policies, Settings};

use crate::rig::{Redis, call, unused_port};

fn trusting(roots: &[CertificateDer<'static>]) -> Arc<ClientConfig> {
    let mut store = RootCertStore::empty();
    for root in roots {
        store.add(root.clone()).unwrap();
    }
    Arc::new(ClientConfig::builder().with_root_certificates(store).with_no_client_auth())
}

#[tokio::test]
async fn who_is_trusted_is_the_callers_word() {
    let port = unused_port();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let started = Redis::new(None, |folder| {
        let file = |name: &str, text: String| {
            let path = folder.join(name);
            fs::write(&path, text).unwrap();
            path.display().to_string()
        };
        let (certificate, key) =
            (file("certificate", made.cert.pem()), file("key", made.signing_key.serialize_pem()));
        let options = [
            ("--tls-port", port.to_string()),
            ("--tls-cert-file", certificate.clone()),
            ("--tls-key-file", key),
            ("--tls-ca-cert-file", certificate),
            ("--tls-auth-clients", "no".to_owned()),
            ("--requirepass", "word".to_owned()),
        ];
        options.into_iter().flat_map(|(option, value)| [option.to_owned(), value]).collect()
    });
    let Some(redis) = started else { return };
    let link = |password: &str, roots: &[CertificateDer<'static>]| {
        let url = format!("rediss://:{password}@localhost:{port}/3");
        let tls = Some(trusting(roots));
        Link::new(&Settings { url, tls, ..redis.settings() }).unwrap()
    };
    let policies = Policies::new(Some(Config::default()), None, None).unwrap();
    let right = link("word", &[made.cert.der().clone()]);
    for _ in 0..3 {
        call(&right, &policies, Outcome::Success).await;
    }
    let stranger = link("word", &[]).admit("web", &policies).await;
    assert_eq!(stranger, Err(Away::Gone));
    let wrong = link("wrong", &[made.cert.der().clone()]).admit("web", &policies).await;
    assert!(matches!(wrong, Err(Away::Refused(_))), "{wrong:?}");
}
