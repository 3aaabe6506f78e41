use rustls_pki_types::PrivatePkcs8KeyDer;

use super::*;

/// A certificate for `names`, signed by itself, valid for ages.
pub(in crate::tls) fn self_signed(names: &[&str]) -> Certificate {
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    Certificate::from_der(vec![made.cert.der().clone()], key.into()).unwrap()
}
