//! What a finished handshake agreed on, as plain data for logs, filters and authorization.

use rustls::{CommonState, ProtocolVersion};
use rustls_pki_types::CertificateDer;
use tokio_rustls::TlsStream;

/// What both ends of a TLS connection agreed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// `TLSv1.2` or `TLSv1.3`.
    pub version: &'static str,
    /// The cipher suite's IANA name.
    pub cipher: &'static str,
    /// The protocol that ALPN chose.
    pub alpn: Option<Vec<u8>>,
    /// The name the caller asked for; only known to the server.
    pub server_name: Option<String>,
    /// Whether an earlier session was resumed, which skips the certificates.
    pub resumed: bool,
    /// The peer's verified chain, leaf first; empty when it showed none.
    pub peer_certificates: Vec<CertificateDer<'static>>,
}

impl Facts {
    pub(crate) fn of<T>(stream: &TlsStream<T>) -> Self {
        let (common, server_name): (&CommonState, _) = match stream {
            TlsStream::Server(server) => {
                let connection = server.get_ref().1;
                (connection, connection.server_name().map(str::to_owned))
            }
            TlsStream::Client(client) => (client.get_ref().1, None),
        };
        Self {
            version: match common.protocol_version() {
                Some(ProtocolVersion::TLSv1_2) => "TLSv1.2",
                Some(ProtocolVersion::TLSv1_3) => "TLSv1.3",
                _ => "unknown",
            },
            cipher: common
                .negotiated_cipher_suite()
                .and_then(|suite| suite.suite().as_str())
                .unwrap_or("unknown"),
            alpn: common.alpn_protocol().map(<[u8]>::to_vec),
            server_name,
            resumed: common.handshake_kind() == Some(rustls::HandshakeKind::Resumed),
            peer_certificates: common
                .peer_certificates()
                .map(|chain| chain.iter().map(|one| one.clone().into_owned()).collect())
                .unwrap_or_default(),
        }
    }
}
