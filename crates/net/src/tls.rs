//! TLS through rustls with one named provider (aws-lc-rs), never the process-wide default.
//!
//! Servers choose their certificate from a [`CertificateStore`] that can be swapped under running listeners; clients
//! trust the system's roots, roots of a file, or, when asked to, anybody. TLS 1.2 and 1.3 only. Which listener or
//! service uses which settings is not decided here, and mesh identities are verified in `mesh`.

mod certificate;
pub mod challenge;
mod client;
mod facts;
mod peer;
mod server;
mod store;
mod tickets;

use std::sync::{Arc, OnceLock};

use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::kx_group::{SECP256R1, SECP384R1, X25519, X25519MLKEM768};

pub use certificate::{Certificate, LoadError, PEM_BYTES_MAX, ReadError, WhatIsWrong, read};
pub use client::{
    ClientSettings, ClientTlsError, Roots, RootsError, SERVERS_REMEMBERED_MAX, SYSTEM_BUNDLES,
    client_config, server_name,
};
pub use facts::Facts;
pub use peer::{ELEMENT_BYTES_MAX, PeerIdentity, identity};
pub use server::{
    ClientCertificates, ServerSettings, ServerTlsError, Trusted, read_revoked, server_config,
};
pub use store::{CertificateStore, HostPattern};
pub use tickets::{ExportedKey, KEYS_MAX, ROTATE_EVERY, TICKET_LIFE, TicketKeys};

/// ALPN name of HTTP/2 (RFC 9113 §3.2).
pub const H2: &[u8] = b"h2";
/// ALPN name of HTTP/1.1 (RFC 7301 §6).
pub const HTTP_1_1: &[u8] = b"http/1.1";

/// The cryptography of every TLS connection of this process.
pub fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    Arc::clone(PROVIDER.get_or_init(|| {
        let mut provider = rustls::crypto::aws_lc_rs::default_provider();
        // What is recorded today must not be readable to a quantum computer of tomorrow.
        provider.kx_groups = vec![X25519MLKEM768, X25519, SECP256R1, SECP384R1];
        Arc::new(provider)
    }))
}

/// SHA-256, for fingerprints; from the same provider as everything else.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    *digest.as_ref().first_chunk().expect("SHA-256 has 32 bytes")
}
