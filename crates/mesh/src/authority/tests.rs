use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use http_body_util::BodyExt;
use rcgen::{ExtendedKeyUsagePurpose, SanType};
use rustls::ClientConfig;
use tempfile::TempDir;
use tokio::net::TcpStream;
use trunkline_net::stream::Stream;
use trunkline_net::tls::{Certificate, ClientSettings, client_config, server_name};
use trunkline_testkit::{Upstream, body};

use super::*;

fn permitted(names: &[&str]) -> Permitted {
    Permitted::new(names.iter().copied(), &"shop.localhost".parse().unwrap()).unwrap()
}

fn now() -> SystemTime {
    SystemTime::now()
}

fn opened(data: &TempDir) -> Authority {
    Authority::open(data.path(), permitted(&[]), now()).unwrap()
}

fn client(roots: Roots) -> Arc<ClientConfig> {
    client_config(&ClientSettings { roots, ..ClientSettings::default() }).unwrap()
}

/// Connects to a server with this certificate, as a caller that asks for `host`.
async fn shake(certificate: &Certificate, roots: Roots, host: &str) -> Result<(), std::io::Error> {
    let upstream = Upstream::https(certificate, |request| async move {
        let _ = request.into_body().collect().await;
        http::Response::new(body::empty())
    });
    let socket = Stream::tcp(TcpStream::connect(upstream.address()).await.unwrap());
    let connector = tokio_rustls::TlsConnector::from(client(roots));
    connector.connect(server_name(host).unwrap(), socket).await.map(|_| ())
}

fn forged(authority: &Authority, name: &str) -> Certificate {
    let alternative = SanType::DnsName(name.try_into().unwrap());
    let purposes = [ExtendedKeyUsagePurpose::ServerAuth];
    authority.issue("forged", vec![alternative], &purposes, now()).unwrap().certificate
}

#[tokio::test]
async fn a_rustls_caller_accepts_every_name_of_the_leaf() {
    let data = tempfile::tempdir().unwrap();
    let authority = opened(&data);
    let names = ["localhost", "shop.localhost", "*.shop.localhost", "127.0.0.1", "::1"];
    let leaf = authority.issue_gateway(names, now()).unwrap();
    for host in ["localhost", "shop.localhost", "orders.shop.localhost", "127.0.0.1", "[::1]"] {
        shake(&leaf.certificate, authority.roots(), host)
            .await
            .unwrap_or_else(|error| panic!("{host}: {error}"));
    }
    assert!(shake(&leaf.certificate, authority.roots(), "other.localhost").await.is_err());
}

#[tokio::test]
async fn a_rustls_caller_refuses_a_name_beyond_the_constraints() {
    let data = tempfile::tempdir().unwrap();
    let authority = opened(&data);
    for name in ["bank.example", "*.bank.example", "xlocalhost"] {
        let host = name.replace('*', "www");
        let error = shake(&forged(&authority, name), authority.roots(), &host).await.unwrap_err();
        assert!(error.to_string().contains("NameConstraint"), "{name}: {error}");
    }
    let inside = forged(&authority, "any.localhost");
    shake(&inside, authority.roots(), "any.localhost").await.unwrap();
}

#[tokio::test]
async fn a_workload_is_accepted_and_says_who_it_is() {
    let data = tempfile::tempdir().unwrap();
    let authority = opened(&data);
    let identity: crate::Identity = "spiffe://shop.localhost/service/orders".parse().unwrap();
    let leaf = authority.issue_workload(&identity, now()).unwrap();
    shake(&leaf.certificate, authority.roots(), "orders.shop.localhost").await.unwrap();
    let said = crate::Identity::of_certificate(&leaf.certificate.chain()[0]).unwrap();
    assert_eq!(said, identity);
    assert!(crate::Identity::of_certificate(authority.certificate()).is_err());
}

#[test]
fn names_beyond_the_constraints_are_refused_before_they_are_signed() {
    let data = tempfile::tempdir().unwrap();
    let authority = opened(&data);
    for name in ["bank.example", "10.0.0.1", "*.example", ""] {
        let error = authority.issue_gateway([name], now()).unwrap_err();
        assert!(matches!(error, AuthorityError::NotPermitted { .. }), "{name}: {error}");
    }
    let error = authority.issue_gateway(["shop.localhost", "*.localhost"], now()).unwrap_err();
    assert!(matches!(error, AuthorityError::WildcardTooWide(_)));
    let foreign = "spiffe://bank.example/service/vault".parse().unwrap();
    assert!(authority.issue_workload(&foreign, now()).is_err());
    assert!(matches!(authority.issue_gateway([], now()), Err(AuthorityError::NameCount(0))));
}

#[test]
fn openssl_agrees_about_both() {
    if Command::new("openssl").arg("version").output().is_err() {
        return;
    }
    let data = tempfile::tempdir().unwrap();
    let authority = opened(&data);
    let check = |certificate: &Certificate, expect: bool| {
        let file = data.path().join("leaf.der");
        fs::write(&file, &certificate.chain()[0]).unwrap();
        let mut verify = Command::new("openssl");
        verify.args(["verify", "-x509_strict", "-CAfile"]).arg(authority.root_file()).arg(&file);
        let output = verify.output().unwrap();
        assert_eq!(output.status.success(), expect, "{}", String::from_utf8_lossy(&output.stderr));
    };
    let names = ["shop.localhost", "*.shop.localhost", "127.0.0.1"];
    check(&authority.issue_gateway(names, now()).unwrap().certificate, true);
    let orders = "spiffe://shop.localhost/service/orders".parse().unwrap();
    check(&authority.issue_workload(&orders, now()).unwrap().certificate, true);
    check(&forged(&authority, "bank.example"), false);
}

#[test]
fn the_root_is_made_once_and_only_its_owner_reads_it() {
    let data = tempfile::tempdir().unwrap();
    let first = opened(&data);
    let second = opened(&data);
    assert!(first.is_new() && !second.is_new());
    assert_eq!(first.fingerprint(), second.fingerprint());
    assert_eq!(first.fingerprint().len(), 32 * 3 - 1);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&first.folder().join("root.key")), 0o600);
    assert_eq!(mode(first.folder()), 0o700);
    assert_eq!(mode(&data.path().join("ca")), 0o700);
    let left_over = fs::read_dir(data.path().join("ca")).unwrap().count();
    assert_eq!(left_over, 1, "temporary folders are gone");
}

#[test]
fn a_leaf_of_one_process_is_trusted_through_the_root_another_loaded() {
    let data = tempfile::tempdir().unwrap();
    let (first, second) = (opened(&data), opened(&data));
    let leaf = second.issue_gateway(["shop.localhost"], now()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(shake(&leaf.certificate, first.roots(), "shop.localhost")).unwrap();
}

#[test]
fn processes_that_race_get_the_same_root() {
    let data = tempfile::tempdir().unwrap();
    let fingerprints: Vec<String> = std::thread::scope(|scope| {
        let racing: Vec<_> = (0..8).map(|_| scope.spawn(|| opened(&data).fingerprint())).collect();
        racing.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(fingerprints.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn other_names_have_another_root() {
    let data = tempfile::tempdir().unwrap();
    let shared = opened(&data);
    let other = Authority::open(data.path(), permitted(&["shop.example"]), now()).unwrap();
    assert_ne!(shared.fingerprint(), other.fingerprint());
    assert!(other.issue_gateway(["api.shop.example"], now()).is_ok());
}

#[test]
fn a_leaf_is_renewed_before_it_ends() {
    let data = tempfile::tempdir().unwrap();
    let now = now();
    let leaf = opened(&data).issue_gateway(["shop.localhost"], now).unwrap();
    assert!(leaf.certificate.check_time(now).is_ok());
    assert_eq!(leaf.renew_at.duration_since(now).unwrap(), Duration::from_hours(16));
    assert!(leaf.certificate.check_time(leaf.renew_at).is_ok());
    assert!(leaf.certificate.check_time(now + Duration::from_hours(25)).is_err());
}

#[test]
fn a_damaged_exposed_or_expired_root_is_refused_with_what_to_do() {
    let check = |damage: &dyn Fn(&Path), later: Duration, expect: &str| {
        let data = tempfile::tempdir().unwrap();
        let folder = opened(&data).folder().to_owned();
        damage(&folder);
        let error =
            Authority::open(data.path(), permitted(&[]), now() + later).unwrap_err().to_string();
        assert!(error.contains(expect) && error.contains("root."), "{expect}: {error}");
        assert!(
            expect == "cannot be read" || error.contains(&format!("remove {}", folder.display())),
            "{error}"
        );
    };
    let zero = Duration::ZERO;
    let write = |name: &'static str, text: &'static [u8]| {
        move |folder: &Path| fs::write(folder.join(name), text).unwrap()
    };
    check(&write("root.key", b""), zero, "is not a private key");
    check(&write("root.pem", b"-----BEGIN"), zero, "is not a PEM certificate");
    check(&write("root.pem", &[0xff, 0xfe]), zero, "is not text");
    check(
        &|folder: &Path| fs::remove_file(folder.join("root.pem")).unwrap(),
        zero,
        "cannot be read",
    );
    check(
        &|folder: &Path| fs::remove_file(folder.join("root.key")).unwrap(),
        zero,
        "cannot be read",
    );
    let exposed = |folder: &Path| {
        fs::set_permissions(folder.join("root.key"), fs::Permissions::from_mode(0o644)).unwrap();
    };
    check(&exposed, zero, "chmod 600");
    check(&|_| (), ROOT_LIFE.checked_sub(Duration::from_hours(1)).unwrap(), "at its end");
    let swapped = |folder: &Path| {
        let other = tempfile::tempdir().unwrap();
        fs::copy(opened(&other).root_file(), folder.join("root.pem")).unwrap();
    };
    check(&swapped, zero, "does not belong to the key");
}
