//! Certificate files exist and hold what they should. Whether key and certificate belong together,
//! and whether they are in date, is for `proxy` to say: it has the TLS library and the clock.

use std::path::Path;

use rustls_pki_types::pem::{self, PemObject};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::{Holds, ModelBuilder};
use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::source::Span;

/// Says what is wrong with the bytes of a file.
type Check = fn(&[u8]) -> Result<(), pem::Error>;

impl ModelBuilder<'_> {
    /// Reads every certificate and key file, and remembers that they are to be watched.
    pub(super) fn check_certificates(&mut self, diagnostics: &mut Diagnostics) {
        let claims = std::mem::take(&mut self.listeners);
        for file in claims.iter().flat_map(|claim| &claim.files) {
            let (holds, what): (Check, _) = match file.holds {
                Holds::Certificate => (has_certificate, "certificate"),
                Holds::Key => (has_key, "private key"),
                Holds::Bytes => (|_| Ok(()), "file"),
            };
            self.check(&file.path, file.span, holds, what, diagnostics);
            self.watched.push(file.path.clone());
        }
        self.listeners = claims;
    }

    fn check(
        &self,
        path: &Path,
        span: Span,
        holds: Check,
        what: &str,
        diagnostics: &mut Diagnostics,
    ) {
        let shown = path.display();
        let diagnostic = |message: String| Diagnostic::new(codes::BAD_CERTIFICATE, message);
        let found = match self.files.read(path).map(|bytes| holds(&bytes)) {
            Ok(Ok(())) => return,
            Ok(Err(pem::Error::NoItemsFound)) => {
                diagnostic(format!("`{shown}` holds no {what} in PEM form"))
                    .at(span, format!("no {what} in here"))
                    .hint("a PEM file has lines that start with `-----BEGIN`")
            }
            Ok(Err(error)) => diagnostic(format!("`{shown}` is not valid PEM: {error}"))
                .at(span, format!("no {what} could be read")),
            Err(error) => diagnostic(format!("the {what} `{shown}`: {error}"))
                .at(span, "this file cannot be used")
                .hint("paths are relative to the file that names them"),
        };
        diagnostics.push(found);
    }
}

fn has_certificate(bytes: &[u8]) -> Result<(), pem::Error> {
    let mut found = false;
    for certificate in CertificateDer::pem_slice_iter(bytes) {
        certificate?;
        found = true;
    }
    if found { Ok(()) } else { Err(pem::Error::NoItemsFound) }
}

fn has_key(bytes: &[u8]) -> Result<(), pem::Error> {
    PrivateKeyDer::from_pem_slice(bytes).map(drop)
}
