//! What `explain` is asked about, read from one argument.

use trunkline_config::diagnostic::codes::{self, Code};

use crate::exit::Failure;
use crate::print::clean;

/// What is asked about.
#[derive(Debug)]
pub(super) enum Subject<'a> {
    /// A code of a message.
    Code(&'static Code),
    /// A request.
    Request(Request),
    /// A service or the gateway, and a key of it; an empty key means all.
    Setting {
        /// Its name.
        object: &'a str,
        /// The key, such as `timeout.connect`.
        key: &'a str,
    },
}

/// A request, in the words of `/v1/explain`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) method: String,
    /// Whole, or a path of the gateway.
    pub(super) url: String,
    /// The service that would send it.
    pub(super) from: Option<String>,
    pub(super) headers: Vec<String>,
}

/// Reads it.
pub(super) fn read<'a>(text: &'a str, headers: &[String]) -> Result<Subject<'a>, Failure> {
    let text = text.trim();
    if let Some(code) = codes::find(text) {
        return Ok(Subject::Code(code));
    }
    let request = |method: &str, url: String, from: Option<&str>| {
        Subject::Request(Request {
            method: method.to_ascii_uppercase(),
            url,
            from: from.map(str::to_owned),
            headers: headers.to_vec(),
        })
    };
    if let Some((from, rest)) = text.split_once("->").or_else(|| text.split_once('→')) {
        let (to, method, path) = call(rest);
        return Ok(request(method, format!("http://{to}{path}"), Some(from.trim())));
    }
    let (method, url) = text.split_once(char::is_whitespace).unwrap_or(("GET", text));
    // A path alone is asked of the gateway.
    if url.contains("://") || url.trim().starts_with('/') {
        return Ok(request(method, url.trim().to_owned(), None));
    }
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if text.is_empty() || !text.chars().all(is_name) {
        return Err(not_understood(text));
    }
    let (object, key) = text.split_once('.').unwrap_or((text, ""));
    Ok(Subject::Setting { object, key })
}

/// `orders POST /orders`: the method may be left out, and so may the path.
fn call(text: &str) -> (&str, &str, String) {
    let mut words = text.split_whitespace();
    let to = words.next().unwrap_or_default();
    let (method, path) = match (words.next(), words.next()) {
        (Some(path), None) if path.starts_with('/') => ("GET", path),
        (Some(method), path) => (method, path.unwrap_or("/")),
        (None, _) => ("GET", "/"),
    };
    let slash = if path.starts_with('/') { "" } else { "/" };
    (to, method, format!("{slash}{path}"))
}

fn not_understood(text: &str) -> Failure {
    Failure::usage(format_args!(
        "`{}` is neither a code nor a request, nor a service or one of its settings",
        clean(text)
    ))
    .hint("a request: \"GET https://shop.localhost/api/orders\"; a call: \"web -> orders POST /orders\"; a setting: orders.timeout")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: (&str, &str, Option<&str>)) {
        let Ok(Subject::Request(found)) = read(text, &[]) else {
            panic!("{text} is no request");
        };
        assert_eq!((&*found.method, &*found.url, found.from.as_deref()), expect, "{text}");
    }

    #[test]
    fn requests_and_calls_are_read() {
        check("https://a.test/x", ("GET", "https://a.test/x", None));
        check("post  http://a.test/x ", ("POST", "http://a.test/x", None));
        check("web -> orders POST /orders", ("POST", "http://orders/orders", Some("web")));
        check("GET /api/orders", ("GET", "/api/orders", None));
        check("web->orders /a", ("GET", "http://orders/a", Some("web")));
        check("web → orders", ("GET", "http://orders/", Some("web")));
    }

    #[test]
    fn settings_are_names_with_dots_and_codes_come_first() {
        assert!(matches!(read("TL0103", &[]), Ok(Subject::Code(_))));
        let setting = read("orders.timeout.connect", &[]);
        assert!(matches!(
            setting,
            Ok(Subject::Setting { object: "orders", key: "timeout.connect" })
        ));
        assert!(matches!(read("orders", &[]), Ok(Subject::Setting { object: "orders", key: "" })));
        assert!(read("GET shop.localhost/api/orders", &[]).is_err());
        assert!(read("", &[]).is_err());
    }
}
