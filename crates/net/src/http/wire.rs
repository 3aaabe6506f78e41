//! Between [`Head`] and the types of `h2`, which carries HTTP/2.
//!
//! The only file that knows both. Each head is converted once in and once out. The codec has
//! checked names and values on the way in; on the way out what cannot be represented is an error,
//! never dropped silently.

use ::http::header::{HeaderMap, HeaderName, HeaderValue};
use ::http::uri::{PathAndQuery, Uri};
use ::http::{Method, StatusCode};

use super::head::{Head, Version};

/// A head that cannot be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unsendable {
    /// A field name or value that HTTP does not allow.
    #[error("header field `{0}` cannot be sent")]
    Field(String),
    /// A method that is not a token.
    #[error("method `{0}` cannot be sent")]
    Method(String),
    /// A target that is not one.
    #[error("target `{0}` cannot be sent")]
    Target(String),
    /// A status outside 100 to 999.
    #[error("status {0} cannot be sent")]
    Status(u16),
}

/// The head of a received request. The authority of HTTP/2 and of absolute-form targets becomes
/// the `Host` field (RFC 9113 §8.3.1, RFC 9112 §3.2.2), so that later steps look in one place.
pub fn request_head(parts: &::http::request::Parts) -> Head {
    let version = version_in(parts.version);
    let target = match (&parts.method, parts.uri.path_and_query()) {
        (&Method::CONNECT, _) => parts.uri.authority().map_or("", |a| a.as_str()),
        (_, Some(path)) => path.as_str(),
        (_, None) => "/",
    };
    let mut head = Head::request(parts.method.as_str(), target, version);
    if let Some(authority) = parts.uri.authority() {
        let host = authority.as_str().rsplit('@').next().unwrap_or_default();
        head.append("host", host.as_bytes());
        copy_fields(&parts.headers, &mut head, |name| name != ::http::header::HOST);
    } else {
        copy_fields(&parts.headers, &mut head, |_| true);
    }
    if version == Version::Http2 {
        join_cookies(&mut head);
    }
    head
}

/// HTTP/2 callers may send one `Cookie` as many, which no one outside HTTP/2 may see
/// (RFC 9113 §8.2.3).
fn join_cookies(head: &mut Head) {
    if head.get_all("cookie").nth(1).is_some() {
        let joined = head.get_all("cookie").collect::<Vec<_>>().join(&b"; "[..]);
        head.set("cookie", &joined);
    }
}

/// The head of a received response.
pub fn response_head(parts: &::http::response::Parts) -> Head {
    let mut head = Head::response(parts.status.as_u16(), version_in(parts.version));
    copy_fields(&parts.headers, &mut head, |_| true);
    head
}

/// A request to send: `authority` and `scheme` are given for HTTP/2, which carries them in the
/// target; HTTP/1.1 sends the origin form and keeps the `Host` field.
pub fn request_out(
    head: &Head,
    http2: Option<(&str, &str)>,
) -> Result<::http::Request<()>, Unsendable> {
    let target = || Unsendable::Target(head.target().to_owned());
    let mut request = ::http::Request::new(());
    *request.method_mut() = Method::from_bytes(head.method().as_bytes())
        .map_err(|_| Unsendable::Method(head.method().to_owned()))?;
    let mut uri = Uri::builder();
    if let Some((scheme, authority)) = http2 {
        uri = uri.scheme(scheme).authority(authority);
    }
    let path: PathAndQuery = head.target().parse().map_err(|_| target())?;
    *request.uri_mut() = uri.path_and_query(path).build().map_err(|_| target())?;
    if http2.is_some() {
        *request.version_mut() = ::http::Version::HTTP_2;
    }
    let wanted = |name: &str| http2.is_none() || !name.eq_ignore_ascii_case("host");
    *request.headers_mut() = fields_out(head, wanted)?;
    Ok(request)
}

/// A response to send.
pub fn response_out(head: &Head) -> Result<::http::Response<()>, Unsendable> {
    let mut response = ::http::Response::new(());
    *response.status_mut() =
        StatusCode::from_u16(head.status()).map_err(|_| Unsendable::Status(head.status()))?;
    *response.headers_mut() = fields_out(head, |_| true)?;
    Ok(response)
}

fn copy_fields(from: &HeaderMap, to: &mut Head, wanted: impl Fn(&HeaderName) -> bool) {
    for (name, value) in from.iter().filter(|(name, _)| wanted(name)) {
        to.append(name.as_str(), value.as_bytes());
    }
}

fn fields_out(head: &Head, wanted: impl Fn(&str) -> bool) -> Result<HeaderMap, Unsendable> {
    let mut map = HeaderMap::with_capacity(head.field_count());
    for (name, value) in head.fields().filter(|(name, _)| wanted(name)) {
        let field = || Unsendable::Field(name.to_owned());
        let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| field())?;
        let value = HeaderValue::from_bytes(value).map_err(|_| field())?;
        map.try_append(key, value).map_err(|_| field())?;
    }
    Ok(map)
}

fn version_in(version: ::http::Version) -> Version {
    match version {
        ::http::Version::HTTP_2 | ::http::Version::HTTP_3 => Version::Http2,
        ::http::Version::HTTP_11 => Version::Http11,
        _ => Version::Http10,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authority_in_the_target_becomes_the_host() {
        let (parts, ()) = ::http::Request::builder()
            .uri("http://user@shop.localhost:8000/a?b")
            .header("host", "evil.example")
            .body(())
            .unwrap()
            .into_parts();
        let head = request_head(&parts);
        assert_eq!(head.target(), "/a?b");
        assert_eq!(head.get_all("host").collect::<Vec<_>>(), [b"shop.localhost:8000"]);
    }

    #[test]
    fn a_cookie_in_pieces_becomes_one() {
        let cookies = |version| {
            let request = ::http::Request::builder()
                .version(version)
                .header("cookie", "a=1")
                .header("cookie", "b=2");
            let head = request_head(&request.body(()).unwrap().into_parts().0);
            head.get_all("cookie")
                .map(|value| String::from_utf8(value.to_vec()).unwrap())
                .collect::<Vec<_>>()
        };
        assert_eq!(cookies(::http::Version::HTTP_2), ["a=1; b=2"]);
        assert_eq!(cookies(::http::Version::HTTP_11), ["a=1", "b=2"]);
    }

    #[test]
    fn http2_requests_carry_their_authority_in_the_target() {
        let mut head = Head::request("POST", "/x", Version::Http11);
        head.append("Host", b"a.test");
        head.append("TE", b"trailers");
        let request = request_out(&head, Some(("http", "a.test"))).unwrap();
        assert_eq!(request.uri().to_string(), "http://a.test/x");
        assert!(!request.headers().contains_key("host"));
        assert!(request.headers().contains_key("te"));
    }

    #[test]
    fn heads_that_cannot_be_sent_are_errors() {
        let head = Head::request("GET", "/a b", Version::Http11);
        assert_eq!(request_out(&head, None).unwrap_err(), Unsendable::Target("/a b".into()));
        assert_eq!(
            response_out(&Head::response(42, Version::Http11)).unwrap_err(),
            Unsendable::Status(42)
        );
    }
}
