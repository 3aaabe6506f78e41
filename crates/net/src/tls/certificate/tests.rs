use proptest::prelude::*;
use rustls_pki_types::PrivatePkcs8KeyDer;
use tempfile::TempDir;

use super::*;

/// A certificate for `names`, signed by itself, valid for ages.
pub(in crate::tls) fn self_signed(names: &[&str]) -> Certificate {
    let (certificate, key) = made(names);
    let key = PrivatePkcs8KeyDer::from(key.serialize_der());
    Certificate::from_der(vec![certificate.der().clone()], key.into()).unwrap()
}

fn made(names: &[&str]) -> (rcgen::Certificate, rcgen::KeyPair) {
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    (made.cert, made.signing_key)
}

/// Writes `certificate` and `key` as files and loads them.
fn load(certificate: &[u8], key: &[u8]) -> Result<Certificate, String> {
    let folder = tempfile::tempdir().unwrap();
    let paths = (folder.path().join("leaf.pem"), folder.path().join("leaf.key"));
    std::fs::write(&paths.0, certificate).unwrap();
    std::fs::write(&paths.1, key).unwrap();
    Certificate::from_files(&paths.0, &paths.1, SystemTime::now())
        .map_err(|error| shown(&folder, &error))
}

fn load_one(both: &[u8]) -> Result<Certificate, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("leaf.pem");
    std::fs::write(&path, both).unwrap();
    let loaded = Certificate::from_files(&path, &path, SystemTime::now());
    loaded.map_err(|error| shown(&folder, &error))
}

fn shown(folder: &TempDir, error: &LoadError) -> String {
    error.to_string().replace(&format!("{}/", folder.path().display()), "")
}

#[test]
fn files_of_one_pair_are_loaded_with_their_names() {
    let (certificate, key) = made(&["shop.localhost", "*.Shop.localhost", "127.0.0.1"]);
    let loaded = load(certificate.pem().as_bytes(), key.serialize_pem().as_bytes()).unwrap();
    let names: Vec<&str> = loaded.names().iter().map(HostPattern::as_str).collect();
    assert_eq!(names, ["shop.localhost", "*.shop.localhost"]);
    let both = format!("{}{}", key.serialize_pem(), certificate.pem());
    assert!(load(both.as_bytes(), both.as_bytes()).is_ok(), "one file may have both");
}

#[test]
fn what_is_wrong_is_said_with_the_file() {
    let (certificate, key) = made(&["shop.localhost"]);
    let (certificate, key) = (certificate.pem(), key.serialize_pem());
    let other = made(&["shop.localhost"]).1.serialize_pem();
    let check = |certificate: &str, key: &str, expect: &str| {
        assert_eq!(load(certificate.as_bytes(), key.as_bytes()).unwrap_err(), expect);
    };
    check("hello", &key, "leaf.pem: is not PEM: no section begins in it");
    check("", &key, "leaf.pem: is not PEM: no section begins in it");
    check(&key, &key, "leaf.pem: contains no certificate");
    check(&certificate, &certificate, "leaf.key: contains no private key");
    check(&certificate, "hello", "leaf.key: is not PEM: no section begins in it");
    let own = "leaf.key: the key does not belong to the certificate in leaf.pem";
    let error = load(certificate.as_bytes(), other.as_bytes()).unwrap_err();
    assert_eq!(error, own);
    let both = format!("{certificate}{other}");
    let one_file = load_one(both.as_bytes()).unwrap_err();
    assert_eq!(one_file, "leaf.pem: the key does not belong to the certificate");
    let backwards = format!("{}{certificate}", made(&["ca.test"]).0.pem());
    check(&backwards, &key, "leaf.pem: the certificate of the key has to be the first one in it");
    let cut = certificate.replace("-----END CERTIFICATE-----", "");
    check(&cut, &key, "leaf.pem: is not PEM: a section has no end");
    let encrypted =
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    check(
        &certificate,
        encrypted,
        "leaf.key: contains a private key that cannot be used: it is encrypted",
    );
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let error = load(broken.as_bytes(), key.as_bytes()).unwrap_err();
    assert!(error.starts_with("leaf.pem: contains a broken certificate"), "{error}");
}

#[test]
fn a_missing_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("leaf.pem");
    let error = Certificate::from_files(&path, &path, SystemTime::now()).unwrap_err();
    assert_eq!(shown(&folder, &error), "leaf.pem: cannot be read: no such file");
    let error = Certificate::from_files(folder.path(), &path, SystemTime::now()).unwrap_err();
    assert!(error.to_string().contains("cannot be read"), "{error}");
}

#[test]
fn a_certificate_is_refused_outside_its_time() {
    let mut parameters = rcgen::CertificateParams::new(vec!["shop.localhost".to_owned()]).unwrap();
    parameters.not_before = rcgen::date_time_ymd(2020, 1, 1);
    parameters.not_after = rcgen::date_time_ymd(2020, 12, 31);
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = parameters.self_signed(&key).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let paths = (folder.path().join("leaf.pem"), folder.path().join("leaf.key"));
    std::fs::write(&paths.0, certificate.pem()).unwrap();
    std::fs::write(&paths.1, key.serialize_pem()).unwrap();
    let check = |day: u64, expect: Option<&str>| {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(day * 86_400);
        let error = Certificate::from_files(&paths.0, &paths.1, now).err();
        assert_eq!(error.map(|error| shown(&folder, &error)).as_deref(), expect);
    };
    // 2020-01-01 is day 18 262 since 1970.
    check(18_300, None);
    check(18_252, Some("leaf.pem: the certificate is not valid before 10 days from now"));
    check(18_647, Some("leaf.pem: the certificate expired 20 days ago"));
}

proptest! {
    #[test]
    fn no_text_panics(text in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = parse_chain(&text);
        let _ = parse_key(&text);
    }

    #[test]
    fn no_section_panics(label in "(CERTIFICATE|PRIVATE KEY|EC PRIVATE KEY|X)", body in "[A-Za-z0-9+/=\n]{0,200}") {
        let text = format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n");
        let key = parse_key(text.as_bytes());
        if let (Ok(chain), Ok(key)) = (parse_chain(text.as_bytes()), key) {
            let _ = Certificate::from_der(chain, key);
        }
    }
}
