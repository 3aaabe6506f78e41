//! `gateway.tls`: its forms, and what is wrong with them.

use trunkline_model::filter::Filter;
use trunkline_model::tls::{Alpn, Certificates, Challenge, TlsVersion};

use crate::rig::{load_files, production, shown};

const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
const KEY: &str = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";

fn files(text: &str) -> Vec<(&str, &str)> {
    vec![
        ("trunkline.yaml", text),
        ("certs/a.pem", CERTIFICATE),
        ("certs/a.key", KEY),
        ("certs/b.crt", CERTIFICATE),
        ("certs/b.key", KEY),
        ("certs/note.txt", "x"),
        ("ca.pem", CERTIFICATE),
        ("list.crl", "x"),
    ]
}

fn listeners(tls: &str) -> Vec<trunkline_model::listener::Listener> {
    let text = format!("version: 1\ngateway: {{ http: 80, https: 443, tls: {tls} }}\n");
    let loaded = load_files(&files(&text), &production());
    loaded.model.clone().unwrap_or_else(|| panic!("{}", shown(&loaded))).listeners.clone()
}

fn tls(written: &str) -> trunkline_model::tls::Tls {
    listeners(written).remove(1).tls.unwrap()
}

fn names(written: &str) -> Vec<String> {
    let Certificates::Files(files) = tls(written).certificates else { panic!("no files") };
    files.iter().map(|one| one.certificate.display().to_string()).collect()
}

#[test]
fn certificates_are_written_as_a_pair_a_list_or_a_folder() {
    assert_eq!(names("{ cert: certs/a.pem, key: certs/a.key }"), ["certs/a.pem"]);
    let list =
        "[ { cert: certs/b.crt, key: certs/b.key }, { cert: certs/a.pem, key: certs/a.key } ]";
    assert_eq!(names(list), ["certs/b.crt", "certs/a.pem"]);
    assert_eq!(names("certs"), ["certs/a.pem", "certs/b.crt"]);
    assert_eq!(names("{ folder: certs }"), ["certs/a.pem", "certs/b.crt"]);
    let text = "{ client_ca: ca.pem, client_crl: list.crl, min_version: \"1.3\", alpn: http/1.1, strict_sni: true }";
    let settings = tls(text);
    assert!(matches!(settings.certificates, Certificates::Own { .. }) && settings.strict_sni);
    assert_eq!((settings.min_version, settings.alpn), (TlsVersion::V13, vec![Alpn::Http11]));
    assert!(settings.clients.is_some_and(|clients| clients.required && clients.crl.is_some()));
}

#[test]
fn an_order_answers_on_the_plain_listener_before_it_redirects() {
    let mut all = listeners("{ acme: { domains: [Shop.example.com] } }, redirect_https: true");
    assert!(matches!(
        all[0].filters[..],
        [Filter::AcmeChallenge, Filter::RedirectToHttps { port: 443 }]
    ));
    let Certificates::Acme(acme) = all.remove(1).tls.unwrap().certificates else { panic!() };
    assert_eq!((acme.names, acme.challenge), (vec!["shop.example.com".into()], Challenge::Http01));
}

#[test]
fn what_cannot_be_served_is_an_error() {
    let check = |tls: &str, expect: &str| {
        let text = format!("version: 1\ngateway: {{ http: 80, https: 443, tls: {tls} }}\n");
        let loaded = load_files(&files(&text), &production());
        let said = shown(&loaded);
        assert!(loaded.model.is_none() && said.contains(expect), "{tls}: {said}");
    };
    check("nowhere", "`nowhere` holds no certificate");
    check("{ key: certs/a.key }", "this belongs to a `cert`");
    check("{ client_certificate: required }", "client certificates without `client_ca`");
    check("{ client_crl: list.crl }", "client certificates without `client_ca`");
    check("{ client_ca: list.crl }", "`list.crl` holds no certificate in PEM form");
    check("{ acme: { domains: [\"*.shop.com\"] } }", "a wildcard cannot be ordered");
    check("{ acme: {} }", "`acme` has no name to order a certificate for");
    check("{ acme: { domains: [a.com] }, folder: certs }", "`acme` beside certificates of files");
    check("{ ciphers: x }", "the cipher suites");
    check("3", "expected `auto`");
}
