//! What of a request is hashed.

use std::net::IpAddr;

use trunkline_model::service::HashKey;
use trunkline_net::http::{Exchange, Head};
use trunkline_resilience::balance::stable_hash;

/// The hash of what `key` names; `None` if the request does not have it.
pub(crate) fn hash_of(key: &HashKey, exchange: &Exchange) -> Option<u64> {
    let request = &exchange.request;
    match key {
        HashKey::Source => Some(match exchange.peer.address.ip().to_canonical() {
            IpAddr::V4(address) => stable_hash(&address.octets()),
            IpAddr::V6(address) => stable_hash(&address.octets()),
        }),
        HashKey::Header(name) => request.get(name.as_str()).map(stable_hash),
        HashKey::Cookie(name) => cookie(request, name).map(stable_hash),
        HashKey::Path => Some(stable_hash(request.path().as_bytes())),
        HashKey::Query(name) => {
            let mut pairs = request.query()?.split('&').filter_map(|pair| pair.split_once('='));
            let (_, value) = pairs.find(|(known, _)| known == name)?;
            Some(stable_hash(value.as_bytes()))
        }
    }
}

/// The value of a cookie that the request brings (RFC 6265 §4.2.1), the first of this name.
pub(super) fn cookie<'a>(request: &'a Head, name: &str) -> Option<&'a [u8]> {
    let pairs = request.get_all("cookie").flat_map(|field| field.split(|byte| *byte == b';'));
    pairs.map(<[u8]>::trim_ascii).find_map(|pair| {
        let (known, value) = pair.split_at_checked(name.len())?;
        (known == name.as_bytes()).then_some(value)?.strip_prefix(b"=")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use trunkline_net::http::Version;

    #[test]
    fn a_cookie_is_found_among_others() {
        let mut head = Head::request("GET", "/", Version::Http11);
        head.append("cookie", b"ab=1; a=2;  b=3=4");
        head.append("cookie", b"c=5");
        let value =
            |name: &str| cookie(&head, name).map(|value| std::str::from_utf8(value).unwrap());
        assert_eq!((value("a"), value("b"), value("c")), (Some("2"), Some("3=4"), Some("5")));
        assert_eq!((value("d"), value("")), (None, None));
    }
}
