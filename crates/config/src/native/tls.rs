//! `gateway.tls`: which certificates are shown, whom callers must be, and what is offered to them.

use std::path::{Path, PathBuf};

use trunkline_model::tls::{
    Acme, Alpn, CertificateFiles, Certificates, Challenge, Clients, Tls, TlsVersion,
};

use super::Lowering;
use super::forms::TlsForm;
use super::raw::{
    AlpnWord, ChallengeWord, ClientCertificateWord, RawAcme, RawCertificate, RawGateway, RawTls,
    TlsVersionWord,
};
use crate::builder::{Holds, ModelBuilder, NamedFile};
use crate::decode::Spanned;
use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::source::Span;

/// Most certificates that one folder may hold.
const FOLDER_MAX: usize = 10_000;

/// The TLS of a listener, and the files that it names.
pub(super) fn lower(
    raw: &Lowering<'_>,
    gateway: Option<&RawGateway>,
    into: &mut ModelBuilder<'_>,
    diagnostics: &mut Diagnostics,
) -> (Tls, Vec<NamedFile>) {
    let written = gateway.and_then(|gateway| gateway.tls.as_ref());
    let span = written.map_or(raw.file.first_line(), |written| written.span);
    let (mut all, plain) = (Files { raw, into, named: Vec::new() }, RawTls::default());
    let map = match written.map(|written| &written.value) {
        Some(TlsForm::Map(map)) => map,
        _ => &plain,
    };
    let certificates = match written.map(|written| &written.value) {
        Some(TlsForm::Folder(folder)) => Some(Certificates::Files(all.folder(folder, diagnostics))),
        Some(TlsForm::List(list)) => Some(Certificates::Files(all.list(list, diagnostics))),
        Some(TlsForm::Map(map)) => all.map(map, span, diagnostics),
        Some(TlsForm::Auto) | None => None,
    };
    let clients = all.clients(map, diagnostics);
    let (named, into) = (all.named, all.into);
    let certificates = certificates.unwrap_or_else(|| Certificates::Own { names: names(into) });
    let tls = Tls {
        certificates,
        clients,
        min_version: match map.min_version {
            TlsVersionWord::V12 => TlsVersion::V12,
            TlsVersionWord::V13 => TlsVersion::V13,
        },
        alpn: alpn(&map.alpn),
        strict_sni: map.strict_sni,
        origin: into.sources.origin(span),
    };
    (tls, named)
}

/// The names of the gateway and everything one label below them.
fn names(into: &ModelBuilder<'_>) -> Vec<String> {
    let mut names = into.domains.clone();
    let below = into.domains.iter().filter(|domain| !domain.starts_with("*."));
    names.extend(below.map(|domain| format!("*.{domain}")));
    names.dedup();
    names
}

fn alpn(written: &[AlpnWord]) -> Vec<Alpn> {
    if written.is_empty() {
        return vec![Alpn::H2, Alpn::Http11];
    }
    let one = |word: &AlpnWord| match word {
        AlpnWord::H2 => Alpn::H2,
        AlpnWord::Http11 => Alpn::Http11,
    };
    written.iter().map(one).collect()
}

/// The files of one listener on their way.
struct Files<'a, 'b> {
    raw: &'a Lowering<'a>,
    into: &'a mut ModelBuilder<'b>,
    named: Vec<NamedFile>,
}

impl Files<'_, '_> {
    /// `None` for the project's own CA.
    fn map(
        &mut self,
        map: &RawTls,
        span: Span,
        diagnostics: &mut Diagnostics,
    ) -> Option<Certificates> {
        let mut files = Vec::new();
        if let Some(cert) = &map.cert {
            files.push(self.pair(cert, map.key.as_ref(), map.ocsp.as_ref()));
        } else if let Some(stray) = map.key.as_ref().or(map.ocsp.as_ref()) {
            diagnostics.push(
                Diagnostic::new(codes::CONFLICT, "this belongs to a `cert`, and there is none")
                    .at(stray.span, "of which certificate?")
                    .hint("add `cert`, the PEM file with the certificate chain"),
            );
        }
        files.extend(self.list(&map.certificates, diagnostics));
        if let Some(folder) = &map.folder {
            files.extend(self.folder(folder, diagnostics));
        }
        match &map.acme {
            Some(acme) if files.is_empty() => {
                Some(Certificates::Acme(self.acme(&acme.value, acme.span, diagnostics)))
            }
            Some(acme) => {
                diagnostics.push(
                    Diagnostic::new(codes::CONFLICT, "`acme` beside certificates of files")
                        .at(acme.span, "certificates would come from two places")
                        .also(span, "and files are named here")
                        .hint("take one of the two out"),
                );
                None
            }
            None if files.is_empty() => None,
            None => Some(Certificates::Files(files)),
        }
    }

    fn list(
        &mut self,
        list: &[Spanned<RawCertificate>],
        _: &mut Diagnostics,
    ) -> Vec<CertificateFiles> {
        let pair = |one: &Spanned<RawCertificate>| {
            let RawCertificate { cert, key, ocsp } = &one.value;
            self.pair(cert, key.as_ref(), ocsp.as_ref())
        };
        list.iter().map(pair).collect()
    }

    fn pair(
        &mut self,
        cert: &Spanned<String>,
        key: Option<&Spanned<String>>,
        ocsp: Option<&Spanned<String>>,
    ) -> CertificateFiles {
        let certificate = self.name(cert, Holds::Certificate);
        let key = self.name(key.unwrap_or(cert), Holds::Key);
        let ocsp = ocsp.map(|ocsp| self.name(ocsp, Holds::Bytes));
        let origin = self.into.sources.origin(cert.span);
        CertificateFiles { certificate, key, ocsp, origin }
    }

    fn name(&mut self, written: &Spanned<String>, holds: Holds) -> PathBuf {
        let path = self.raw.path(&written.value);
        self.named.push(NamedFile { path: path.clone(), span: written.span, holds });
        path
    }

    /// Every pair of a folder, in the order of their names.
    fn folder(
        &mut self,
        folder: &Spanned<String>,
        diagnostics: &mut Diagnostics,
    ) -> Vec<CertificateFiles> {
        let path = self.raw.path(&folder.value);
        // What is added or taken away changes the folder itself; a path in it has it watched.
        self.into.watched.extend([path.clone(), path.join("any.pem")]);
        let mut entries = self.into.files.list(&path);
        entries.sort();
        let extension = |path: &Path, wanted: &str| path.extension().is_some_and(|e| e == wanted);
        let chains = entries.iter().filter(|(path, is_folder)| {
            !is_folder && (extension(path, "pem") || extension(path, "crt"))
        });
        let mut pairs = Vec::new();
        for (chain, _) in chains.take(FOLDER_MAX) {
            let key = chain.with_extension("key");
            let apart = entries.iter().any(|(path, _)| *path == key);
            let key = if apart { key } else { chain.clone() };
            let span = folder.span;
            self.named.push(NamedFile { path: chain.clone(), span, holds: Holds::Certificate });
            self.named.push(NamedFile { path: key.clone(), span, holds: Holds::Key });
            let origin = self.into.sources.origin(span);
            pairs.push(CertificateFiles { certificate: chain.clone(), key, ocsp: None, origin });
        }
        if pairs.is_empty() {
            diagnostics.push(
                Diagnostic::new(
                    codes::BAD_CERTIFICATE,
                    format!("`{}` holds no certificate", path.display()),
                )
                .at(folder.span, "no folder with `NAME.pem` and `NAME.key`")
                .hint(
                    "write `auto` for the project's own CA, or name a folder, or `{ cert, key }`",
                ),
            );
        }
        pairs
    }

    fn acme(&mut self, acme: &RawAcme, span: Span, diagnostics: &mut Diagnostics) -> Acme {
        let names: Vec<String> = if acme.domains.is_empty() {
            let public = |name: &&String| !name.ends_with(".localhost") && *name != "localhost";
            self.into.domains.iter().filter(public).cloned().collect()
        } else {
            acme.domains.iter().map(|domain| domain.value.to_ascii_lowercase()).collect()
        };
        if names.is_empty() {
            diagnostics.push(
                Diagnostic::new(codes::BAD_VALUE, "`acme` has no name to order a certificate for")
                    .at(span, "for which host names?")
                    .hint("name them: `acme: { domains: [shop.example.com] }`"),
            );
        }
        for wildcard in acme.domains.iter().filter(|domain| domain.value.contains('*')) {
            diagnostics.push(
                Diagnostic::new(codes::BAD_VALUE, "a wildcard cannot be ordered")
                    .at(wildcard.span, "this needs the challenge dns-01")
                    .hint("name each host; `http-01` and `tls-alpn-01` show single names only"),
            );
        }
        Acme {
            directory: acme.directory.clone(),
            ca: acme.ca.as_ref().map(|ca| self.name(ca, Holds::Certificate)),
            names,
            email: acme.email.as_ref().map(|email| email.value.clone()),
            challenge: match acme.challenge {
                ChallengeWord::Http01 => Challenge::Http01,
                ChallengeWord::TlsAlpn01 => Challenge::TlsAlpn01,
            },
        }
    }

    fn clients(&mut self, map: &RawTls, diagnostics: &mut Diagnostics) -> Option<Clients> {
        let word = map.client_certificate;
        let Some(ca) = &map.client_ca else {
            let stray = word.map(|word| word.span);
            if let Some(span) = stray.or(map.client_crl.as_ref().map(|crl| crl.span)) {
                diagnostics.push(
                    Diagnostic::new(codes::CONFLICT, "client certificates without `client_ca`")
                        .at(span, "nobody's certificate could be verified")
                        .hint("add `client_ca`, a PEM file with the roots that sign them"),
                );
            }
            return None;
        };
        Some(Clients {
            ca: self.name(ca, Holds::Certificate),
            crl: map.client_crl.as_ref().map(|crl| self.name(crl, Holds::Bytes)),
            required: word.is_none_or(|word| word.value == ClientCertificateWord::Required),
        })
    }
}
