use rustls::ClientConfig;
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};

use super::*;
use crate::stream::Stream;
use crate::tls::certificate::tests::self_signed;
use crate::tls::{Certificate, ClientSettings, Facts, client_config, server_name};

fn trusting(certificate: &Certificate) -> Roots {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate.chain()[0].clone()).unwrap();
    Roots::Given(Arc::new(roots))
}

/// Sessions are resumed.
fn resuming() -> ServerSettings {
    let now = trunkline_rt::Clock::system().wall();
    let tickets = Some(crate::tls::TicketKeys::new(now).bound_to([0; 32]));
    ServerSettings { tickets, ..ServerSettings::default() }
}

fn client(settings: &ClientSettings) -> Arc<ClientConfig> {
    client_config(settings).unwrap()
}

/// Shakes hands over a pipe in memory; what the server and the caller learned.
async fn shake(
    server: Arc<ServerConfig>,
    client: Arc<ClientConfig>,
    host: &str,
) -> Result<(Facts, Facts), String> {
    let (near, far) = Stream::pair(16 << 10);
    let accepting = TlsAcceptor::from(server).accept(far);
    let connecting = TlsConnector::from(client).connect(server_name(host).unwrap(), near);
    let (accepted, connected) = tokio::join!(accepting, async {
        use tokio::io::AsyncReadExt;
        let mut connected = connecting.await?;
        // Tickets, and a refusal of the client's certificate in TLS 1.3, come after the handshake.
        match tokio::time::timeout(std::time::Duration::from_millis(20), connected.read_u8()).await
        {
            Ok(Err(error)) if error.kind() != std::io::ErrorKind::UnexpectedEof => Err(error),
            _ => Ok(connected),
        }
    });
    let accepted = accepted.map_err(|error| error.to_string())?;
    let connected = connected.map_err(|error| error.to_string())?;
    Ok((Facts::of(&TlsStream::from(accepted)), Facts::of(&TlsStream::from(connected))))
}

#[tokio::test]
async fn both_ends_agree_on_the_protocol_and_the_name() {
    let certificate = self_signed(&["shop.test"]);
    let store = Arc::new(CertificateStore::new(std::slice::from_ref(&certificate)));
    let server = server_config(store, &ServerSettings::default()).unwrap();
    let mut settings =
        ClientSettings { roots: trusting(&certificate), ..ClientSettings::default() };
    for (alpn, expect) in
        [(&[H2, HTTP_1_1][..], Some(H2)), (&[HTTP_1_1], Some(HTTP_1_1)), (&[], None)]
    {
        settings.alpn = alpn.iter().map(|name| name.to_vec()).collect();
        let (at_server, at_client) =
            shake(Arc::clone(&server), client(&settings), "shop.test").await.unwrap();
        assert_eq!(at_client.alpn.as_deref(), expect);
        assert_eq!(at_server.alpn.as_deref(), expect);
        assert_eq!(
            (at_server.server_name.as_deref(), at_server.version),
            (Some("shop.test"), "TLSv1.3")
        );
        assert_eq!(at_client.peer_certificates, certificate.chain());
    }
}

#[tokio::test]
async fn certificates_are_swapped_under_a_running_listener() {
    let [old, new] = [&["shop.test"][..], &["shop.test"]].map(self_signed);
    let store = Arc::new(CertificateStore::new(std::slice::from_ref(&old)));
    let server = server_config(Arc::clone(&store), &ServerSettings::default()).unwrap();
    let trust = |certificate| {
        client(&ClientSettings { roots: trusting(certificate), ..ClientSettings::default() })
    };
    assert!(shake(Arc::clone(&server), trust(&old), "shop.test").await.is_ok());
    store.replace(std::slice::from_ref(&new));
    assert!(shake(Arc::clone(&server), trust(&new), "shop.test").await.is_ok());
    assert!(shake(server, trust(&old), "shop.test").await.is_err());
}

#[tokio::test]
async fn strangers_are_accepted_only_without_verification() {
    let certificate = self_signed(&["shop.test"]);
    let store = Arc::new(CertificateStore::new(std::slice::from_ref(&certificate)));
    let server = server_config(store, &ServerSettings::default()).unwrap();
    let strict = ClientSettings {
        roots: trusting(&self_signed(&["shop.test"])),
        ..ClientSettings::default()
    };
    assert!(shake(Arc::clone(&server), client(&strict), "shop.test").await.is_err());
    let named = ClientSettings { roots: trusting(&certificate), ..ClientSettings::default() };
    assert!(shake(Arc::clone(&server), client(&named), "other.test").await.is_err());
    let careless = ClientSettings { skip_verify: true, ..ClientSettings::default() };
    assert!(shake(server, client(&careless), "other.test").await.is_ok());
}

#[tokio::test]
async fn sessions_are_resumed() {
    let certificate = self_signed(&["shop.test"]);
    let store = Arc::new(CertificateStore::new(std::slice::from_ref(&certificate)));
    let server = server_config(store, &resuming()).unwrap();
    let client =
        client(&ClientSettings { roots: trusting(&certificate), ..ClientSettings::default() });
    let first = shake(Arc::clone(&server), Arc::clone(&client), "shop.test").await.unwrap();
    let second = shake(server, client, "shop.test").await.unwrap();
    assert_eq!((first.0.resumed, second.0.resumed), (false, true));
}

#[tokio::test]
async fn callers_without_a_certificate_are_let_in_only_where_it_is_optional() {
    let [certificate, caller] = [&["shop.test"][..], &["caller.test"]].map(self_signed);
    let store = Arc::new(CertificateStore::new(std::slice::from_ref(&certificate)));
    let server = |client_certificates| {
        let settings = ServerSettings { client_certificates, ..ServerSettings::default() };
        server_config(Arc::clone(&store), &settings).unwrap()
    };
    let trusted = || Trusted { roots: trusting(&caller), revoked: Vec::new() };
    let without = ClientSettings { roots: trusting(&certificate), ..ClientSettings::default() };
    let with = ClientSettings { certificate: Some(caller.clone()), ..without.clone() };
    let stranger =
        ClientSettings { certificate: Some(self_signed(&["x.test"])), ..without.clone() };
    let required = server(ClientCertificates::Required(trusted()));
    let optional = server(ClientCertificates::Optional(trusted()));
    let check =
        async |server: &Arc<ServerConfig>, settings: &ClientSettings, expect: Option<usize>| {
            let shaken = shake(Arc::clone(server), client(settings), "shop.test").await;
            assert_eq!(shaken.ok().map(|(facts, _)| facts.peer_certificates.len()), expect);
        };
    check(&required, &with, Some(1)).await;
    check(&required, &without, None).await;
    check(&required, &stranger, None).await;
    check(&optional, &with, Some(1)).await;
    check(&optional, &without, Some(0)).await;
    check(&optional, &stranger, None).await;
}

#[test]
fn roots_of_files_are_loaded_and_broken_ones_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ca.pem");
    std::fs::write(&path, "nothing").unwrap();
    let error = Roots::Files(vec![path.clone()]).load().unwrap_err();
    assert!(format!("{error:?}").contains("ca.pem"), "{error:?}");
    let made = rcgen::generate_simple_self_signed(vec!["ca.test".to_owned()]).unwrap();
    std::fs::write(&path, made.cert.pem()).unwrap();
    assert_eq!(Roots::Files(vec![path.clone()]).load().unwrap().len(), 1);
    assert!(!Roots::SystemAnd(vec![path]).load().unwrap().is_empty());
}
