//! The host of a request, in the form in which routes compare it.

use std::sync::Arc;

use trunkline_net::http::{Head, Version};

/// Longest host name, in bytes (RFC 1035 §2.3.4: 255 with lengths, 253 as text).
pub const HOST_BYTES_MAX: usize = 253;

/// Why the host of a request cannot be used. Each is a 400 (RFC 9112 §3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadHost {
    /// HTTP/1.1 and later must name one.
    #[error("the request names no host")]
    Missing,
    /// More than one `Host` field: servers read different ones.
    #[error("the request names more than one host")]
    Several,
    /// Not a name, an IPv4 address or an IPv6 address in brackets, with or without port.
    #[error("the host is not a name or address")]
    Malformed,
}

/// The host that a connection named last, which is nearly always the one that it names next.
#[derive(Debug, Default)]
pub(crate) struct LastHost {
    field: Vec<u8>,
    host: Arc<str>,
}

impl LastHost {
    /// See [`of`].
    pub(crate) fn of(&mut self, head: &Head) -> Result<Arc<str>, BadHost> {
        let mut fields = head.get_all("host");
        let field = fields.next().unwrap_or_default();
        let same = !field.is_empty() && field == self.field && fields.next().is_none();
        if !same {
            self.host = of(head)?.into();
            self.field.clear();
            self.field.extend_from_slice(field);
        }
        Ok(Arc::clone(&self.host))
    }
}

/// The host that routing uses: lower case, without port and trailing dot; empty only for an
/// HTTP/1.0 request without one. IPv6 addresses keep their brackets.
pub fn of(head: &Head) -> Result<Box<str>, BadHost> {
    let mut fields = head.get_all("host");
    let Some(first) = fields.next() else {
        return if head.version() == Version::Http10 {
            Ok(Box::from(""))
        } else {
            Err(BadHost::Missing)
        };
    };
    if fields.next().is_some() {
        return Err(BadHost::Several);
    }
    let text = std::str::from_utf8(first).map_err(|_| BadHost::Malformed)?;
    normal(text)
}

/// The normal form of an authority: `Shop.Localhost.:8443` becomes `shop.localhost`.
pub fn normal(authority: &str) -> Result<Box<str>, BadHost> {
    let (host, port) = if authority.starts_with('[') {
        let end = authority.find(']').ok_or(BadHost::Malformed)? + 1;
        authority.split_at_checked(end).ok_or(BadHost::Malformed)?
    } else {
        let end = authority.find(':').unwrap_or(authority.len());
        let (host, port) = authority.split_at_checked(end).ok_or(BadHost::Malformed)?;
        (host.strip_suffix('.').unwrap_or(host), port)
    };
    if !port_fits(port) || !host_fits(host) {
        return Err(BadHost::Malformed);
    }
    let mut normal = Box::<str>::from(host);
    normal.make_ascii_lowercase();
    Ok(normal)
}

/// Nothing, or a colon and at most five digits (RFC 3986 §3.2.3 allows none).
fn port_fits(port: &str) -> bool {
    match port.strip_prefix(':') {
        Some(digits) => digits.len() <= 5 && digits.bytes().all(|byte| byte.is_ascii_digit()),
        None => port.is_empty(),
    }
}

fn host_fits(host: &str) -> bool {
    if let Some(address) = host.strip_prefix('[') {
        let inner = address.strip_suffix(']');
        return inner.is_some_and(|text| text.parse::<std::net::Ipv6Addr>().is_ok());
    }
    let named = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    !host.is_empty()
        && host.len() <= HOST_BYTES_MAX
        && host.bytes().all(named)
        && host.split('.').all(|label| !label.is_empty())
}

/// The suffixes of a host that a wildcard may stand in front of, longest first: for `a.b.c` these
/// are `b.c` and `c`. Addresses have none.
pub(super) fn suffixes(host: &str) -> impl Iterator<Item = &str> {
    let mut rest = if host.starts_with('[') { "" } else { host };
    std::iter::from_fn(move || {
        rest = rest.split_once('.')?.1;
        Some(rest)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_named_last_is_known_and_another_one_is_not_taken_for_it() {
        let mut last = LastHost::default();
        let mut named = |fields: &[&str]| {
            let mut head = Head::request("GET", "/", Version::Http11);
            for value in fields {
                head.append("Host", value.as_bytes());
            }
            last.of(&head).map(|host| host.to_string())
        };
        for (fields, expect) in [
            (&["Shop.test:80"][..], Ok("shop.test")),
            (&["Shop.test:80"], Ok("shop.test")),
            (&["shop.test:80", "shop.test:80"], Err(BadHost::Several)),
            (&["other.test"], Ok("other.test")),
            (&[], Err(BadHost::Missing)),
            (&["other_?"], Err(BadHost::Malformed)),
            (&["other.test"], Ok("other.test")),
        ] {
            assert_eq!(named(fields), expect.map(str::to_owned), "{fields:?}");
        }
    }

    #[test]
    fn hosts_compare_without_case_port_and_trailing_dot() {
        for (given, wanted) in [
            ("Shop.Localhost", "shop.localhost"),
            ("shop.localhost:8443", "shop.localhost"),
            ("shop.localhost.:80", "shop.localhost"),
            ("127.0.0.1:80", "127.0.0.1"),
            ("[::1]:80", "[::1]"),
            ("[2001:DB8::1]", "[2001:db8::1]"),
            ("a:", "a"),
        ] {
            assert_eq!(normal(given).as_deref(), Ok(wanted));
        }
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_no_host() {
        for given in [
            "",
            ".",
            "a..b",
            "a/b",
            "a@b",
            "a:80:80",
            "a:8x",
            "[::1",
            "[::1]x",
            "[x]",
            "a b",
            "a:123456",
            "a,b",
            "é.example",
        ] {
            assert_eq!(normal(given), Err(BadHost::Malformed), "{given}");
        }
    }

    #[test]
    fn a_request_names_one_host() {
        let mut head = Head::request("GET", "/", Version::Http11);
        assert_eq!(of(&head), Err(BadHost::Missing));
        head.append("Host", b"a.test:80");
        assert_eq!(of(&head).as_deref(), Ok("a.test"));
        head.append("host", b"b.test");
        assert_eq!(of(&head), Err(BadHost::Several));
        assert_eq!(of(&Head::request("GET", "/", Version::Http10)).as_deref(), Ok(""));
    }

    #[test]
    fn wildcards_stand_in_front_of_each_suffix() {
        let all = |host| suffixes(host).collect::<Vec<_>>();
        assert_eq!(all("a.b.c"), ["b.c", "c"]);
        assert!(all("a").is_empty());
        assert!(all("[::1.2.3.4]").is_empty());
    }
}
