//! Certificates from an authority that speaks ACME (RFC 8555): one order from its account to the chain on disk.
//!
//! The protocol is `instant-acme`'s; here is what is ours: where things are kept, how a name is shown to be ours, and
//! errors that say what the authority said. When an order is due, and how often one is tried, is not decided here.

mod http;
mod order;
mod storage;

use std::time::{Duration, SystemTime};

use trunkline_net::tls::Certificate;

pub use order::{ORDER_TIME_MAX, order};
pub use storage::Storage;

/// Why no certificate was had.
#[derive(Debug, thiserror::Error)]
pub enum AcmeError {
    /// The authority refused, or cannot be reached.
    #[error("the authority: {}", whole(.0))]
    Protocol(#[from] instant_acme::Error),
    /// The authority offers no way to show that a name is ours that we were told to use.
    #[error("the authority does not offer the challenge {0}")]
    NoChallenge(&'static str),
    /// The authority could not see that a name is ours.
    #[error("the authority did not find `{name}` to be ours: {why}")]
    NotOurs {
        /// The name.
        name: String,
        /// What the authority said.
        why: String,
    },
    /// Too many challenges are open.
    #[error("too many challenges are open")]
    Full,
    /// A request or certificate could not be made.
    #[error("a certificate request cannot be made: {0}")]
    Make(#[from] rcgen::Error),
    /// What the authority issued cannot be used.
    #[error("what the authority issued cannot be used: {0}")]
    Unusable(#[from] trunkline_net::tls::WhatIsWrong),
    /// The directory's certificate cannot be checked.
    #[error("the authority cannot be spoken to by TLS")]
    Tls(#[from] trunkline_net::tls::ClientTlsError),
    /// What is kept on disk cannot be read or written.
    #[error("{}: {source}", path.display())]
    Disk {
        /// The file.
        path: std::path::PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// An error with what caused it, as one sentence.
fn whole(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let more = inner.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = inner.source();
    }
    text
}

/// Organization of certificates that stand in for ordered ones.
const STAND_IN: &str = "Trunkline stand-in";

/// A certificate that nobody trusts, for as long as the authority has issued none: a listener that could not
/// handshake at all could not show that its name is ours either.
pub fn stand_in(name: &str) -> Result<Certificate, AcmeError> {
    let mut parameters = rcgen::CertificateParams::new(vec![name.to_owned()])?;
    parameters.distinguished_name.push(rcgen::DnType::OrganizationName, STAND_IN);
    let key = rcgen::KeyPair::generate()?;
    let made = parameters.self_signed(&key)?;
    let key = rustls_pki_types::PrivatePkcs8KeyDer::from(key.serialize_der());
    Ok(Certificate::from_der(vec![made.der().clone()], key.into())?)
}

/// Whether a certificate is a stand-in.
pub fn is_stand_in(certificate: &Certificate) -> bool {
    let leaf = certificate.chain().first();
    leaf.is_some_and(|leaf| leaf.windows(STAND_IN.len()).any(|part| part == STAND_IN.as_bytes()))
}

/// When a certificate should be ordered anew: after two thirds of its life, less a part that `spread` (0 to 255)
/// picks, so that what was ordered together is not renewed together.
pub fn renew_at(certificate: &Certificate, spread: u8) -> SystemTime {
    let (begin, end) = (certificate.not_before(), certificate.not_after());
    let life = end.duration_since(begin).unwrap_or_default();
    let jitter: Duration = life / 20 * u32::from(spread) / 255;
    begin + (life * 2 / 3).saturating_sub(jitter)
}
