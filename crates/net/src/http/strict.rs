//! Requests that two readers could read differently are refused, not interpreted.
//!
//! Request smuggling and host confusion live off a front and a service that disagree about one message. Framing is the
//! codec's to check ([`crate::http1`]); here is what concerns the host, for both versions, and what hyper lets through
//! of HTTP/2. That there is one well-formed host is the router's to check.

use ::http::header::{HOST, HeaderMap, TRANSFER_ENCODING};
use ::http::request::Parts;
use ::http::uri::Authority;

use crate::http1::Refusal;

/// Refuses a request that is ambiguous although its codec accepted it.
pub fn check(parts: &Parts) -> Result<(), Refusal> {
    check_coding(&parts.headers)?;
    let Some(target) = parts.uri.authority() else {
        return Ok(());
    };
    if target.as_str().contains('@') {
        return Err(Refusal::Credentials);
    }
    // Forwarding keeps the target's host alone, so every other one has to be the same.
    let agrees = |host: &[u8]| {
        let host = Authority::try_from(host);
        let is_plain = |host: &Authority| !host.as_str().contains('@');
        host.is_ok_and(|host| is_plain(&host) && is_same(target, &host, parts.uri.scheme_str()))
    };
    let hosts = &mut parts.headers.get_all(HOST).iter();
    if hosts.all(|host| agrees(host.as_bytes())) { Ok(()) } else { Err(Refusal::HostMismatch) }
}

/// Refuses a message of either direction whose transfer coding is more than `chunked`: taken off
/// the head without being undone, it would turn the body into noise.
fn check_coding(headers: &HeaderMap) -> Result<(), Refusal> {
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    match (codings.next(), codings.next()) {
        (None, _) => Ok(()),
        (Some(coding), None) if coding.as_bytes().eq_ignore_ascii_case(b"chunked") => Ok(()),
        _ => Err(Refusal::Coding),
    }
}

/// Refuses a head whose `Host` fields do not say what its absolute target says.
///
/// # Errors
/// The one that differs.
pub(crate) fn check_hosts(head: &super::Head, target: &str, scheme: &str) -> Result<(), Refusal> {
    let mismatch = Refusal::HostMismatch;
    let target = Authority::try_from(target).map_err(|_| Refusal::Target)?;
    let scheme = scheme.eq_ignore_ascii_case("https").then_some("https");
    let agrees = |host: &[u8]| {
        let host = Authority::try_from(host);
        host.is_ok_and(|host| !host.as_str().contains('@') && is_same(&target, &host, scheme))
    };
    if head.get_all("host").all(agrees) { Ok(()) } else { Err(mismatch) }
}

fn is_same(one: &Authority, other: &Authority, scheme: Option<&str>) -> bool {
    let default = if scheme == Some("https") { 443 } else { 80 };
    let port = |authority: &Authority| authority.port_u16().unwrap_or(default);
    one.host().eq_ignore_ascii_case(other.host()) && port(one) == port(other)
}

#[cfg(test)]
mod tests {
    use ::http::{Request, Version};
    use proptest::prelude::*;

    use super::*;

    fn parts(version: Version, target: &str, fields: &[(&str, &str)]) -> Parts {
        let mut request = Request::builder().version(version).uri(target);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    fn check_both(target: &str, hosts: &[&str], expect: Result<(), Refusal>) {
        let fields: Vec<_> = hosts.iter().map(|host| ("host", *host)).collect();
        for version in [Version::HTTP_11, Version::HTTP_2] {
            assert_eq!(check(&parts(version, target, &fields)), expect, "{target} {hosts:?}");
        }
    }

    #[test]
    fn the_target_and_the_host_agree() {
        check_both("/a", &["shop.test"], Ok(()));
        check_both("http://shop.test/a", &[], Ok(()));
        check_both("http://shop.test/a", &["SHOP.test:80"], Ok(()));
        check_both("https://shop.test/a", &["shop.test:443"], Ok(()));
        check_both("https://[::1]:8443/a", &["[::1]:8443"], Ok(()));
        let mismatch = Err(Refusal::HostMismatch);
        check_both("http://shop.test/a", &["bank.test"], mismatch);
        check_both("http://shop.test/a", &["shop.test", "bank.test"], mismatch);
        check_both("http://shop.test:81/a", &["shop.test"], mismatch);
        check_both("http://shop.test/a", &[""], mismatch);
        check_both("http://shop.test/a", &["me@shop.test"], mismatch);
        check_both("http://me:pw@shop.test/", &["shop.test"], Err(Refusal::Credentials));
    }

    #[test]
    fn codings_beside_chunked_are_refused() {
        let check = |codings: &[&str]| {
            let fields: Vec<_> =
                codings.iter().map(|coding| ("transfer-encoding", *coding)).collect();
            super::check(&parts(Version::HTTP_11, "/", &fields))
        };
        assert_eq!((check(&[]), check(&["Chunked"])), (Ok(()), Ok(())));
        for codings in [["gzip, chunked"], ["chunked, chunked"], ["identity"], [""]] {
            assert_eq!(check(&codings), Err(Refusal::Coding), "{codings:?}");
        }
        assert_eq!(check(&["chunked", "chunked"]), Err(Refusal::Coding));
    }

    proptest! {
        #[test]
        fn an_accepted_host_is_the_targets(host in "[!-~]{0,20}|(me@)?shop\\.test(:80)?") {
            let fields = [("host", host.as_str())];
            if check(&parts(Version::HTTP_11, "http://shop.test/", &fields)).is_ok() {
                prop_assert!(["shop.test", "shop.test:80"].contains(&host.as_str()), "{}", host);
            }
        }
    }
}
