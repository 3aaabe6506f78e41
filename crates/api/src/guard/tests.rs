//! The guard's decisions as a table. What a real browser makes of them is in `tests/browser.rs`.

use super::*;

const TOKEN: &str = "0123456789abcdef";

fn config() -> Config {
    Config {
        names: vec!["shop.localhost".into(), "*.shop.localhost".into()],
        origins: vec!["https://tools.example.com".into()],
        token: Token::new(TOKEN),
        ..Config::default()
    }
}

fn decide(way: Way, head: &str) -> &'static str {
    let mut lines = head.lines();
    let (method, target) = lines.next().unwrap().split_once(' ').unwrap();
    let mut request = http::Request::builder().method(method).uri(target).extension(way);
    for line in lines {
        let (name, value) = line.split_once(": ").unwrap();
        request = request.header(name, value);
    }
    let (parts, ()) = request.body(()).unwrap().into_parts();
    check(&config(), &parts).map_or_else(|problem| problem.code, |()| "ok")
}

fn local(head: &str, expect: &str) {
    let way = Way::Tcp { local: "127.0.0.1:20001".parse().unwrap(), loopback_only: true };
    assert_eq!(decide(way, head), expect, "{head}");
}

fn outside(head: &str, expect: &str) {
    let way = Way::Tcp { local: "192.0.2.7:20001".parse().unwrap(), loopback_only: false };
    assert_eq!(decide(way, head), expect, "{head}");
}

#[test]
fn only_our_own_names_are_answered() {
    for ours in [
        "127.0.0.1:20001",
        "127.0.0.1",
        "127.8.9.1:1",
        "[::1]:20001",
        "[::ffff:127.0.0.1]:1",
        "localhost",
        "LOCALHOST:20001",
        "shop.localhost",
        "console.shop.localhost:8443",
        "a.b.shop.localhost",
    ] {
        local(&format!("GET /v1/status\nhost: {ours}"), "ok");
    }
    for foreign in [
        "evil.example",
        "evil.example:20001",
        "localhost.evil.example",
        "evil.localhost",
        "xshop.localhost",
        ".shop.localhost",
        "192.0.2.1",
        "0.0.0.0:20001",
        "127.0.0.1.evil.example",
        "127.1",
        "2130706433",
        "localhost:99999",
        "localhost:",
        "user@localhost",
        "[::2]",
        "::1",
        "",
    ] {
        local(&format!("GET /v1/status\nhost: {foreign}"), "foreign_host");
    }
}

#[test]
fn exactly_one_host_is_needed_and_an_absolute_target_must_be_ours_too() {
    local("GET /v1/status", "bad_request");
    local("GET /v1/status\nhost: localhost\nhost: localhost", "bad_request");
    local("GET http://evil.example/v1/status\nhost: localhost", "foreign_host");
    local("GET http://localhost/v1/status\nhost: evil.example", "foreign_host");
    local("GET http://localhost/v1/status\nhost: localhost", "ok");
}

#[test]
fn a_foreign_page_changes_nothing() {
    let host = "host: localhost:20001";
    for method in ["POST", "PUT", "PATCH", "DELETE", "BREW"] {
        let check =
            |lines: &str, expect| local(&format!("{method} /v1/reload\n{host}{lines}"), expect);
        check("", "ok");
        check("\norigin: http://localhost:20001", "ok");
        check("\norigin: http://localhost:20001\nsec-fetch-site: same-origin", "ok");
        check("\nsec-fetch-site: none", "ok");
        check("\norigin: https://tools.example.com\nsec-fetch-site: cross-site", "ok");
        check("\norigin: http://localhost:3000", "foreign_page");
        check("\norigin: http://127.0.0.1:20001", "foreign_page");
        check("\norigin: https://tools.example.com.evil.example", "foreign_page");
        check("\norigin: null", "foreign_page");
        check("\norigin: http://localhost:20001\norigin: http://evil.example", "foreign_page");
        check("\norigin: https://tools.example.com\norigin: http://evil.example", "foreign_page");
        check("\nsec-fetch-site: cross-site", "foreign_page");
        check("\nsec-fetch-site: same-site", "foreign_page");
        check("\nsec-fetch-site: same-origin\nsec-fetch-site: cross-site", "foreign_page");
    }
    local(&format!("GET /v1/status\n{host}\norigin: http://evil.example"), "ok");
    local(&format!("CONNECT localhost:20001\n{host}"), "method");
}

#[test]
fn a_preflight_of_a_foreign_page_is_refused() {
    let head = |origin: &str| {
        format!(
            "OPTIONS /v1/reload\nhost: localhost\naccess-control-request-method: POST\norigin: {origin}"
        )
    };
    local(&head("http://evil.example"), "foreign_page");
    local(&head("https://tools.example.com"), "ok");
}

#[test]
fn beyond_loopback_everybody_needs_the_token() {
    outside("GET /v1/status\nhost: 192.0.2.7:20001", "token");
    outside(&format!("GET /v1/status\nhost: 192.0.2.7\nauthorization: Bearer {TOKEN}"), "ok");
    outside(&format!("GET /v1/status\nhost: 192.0.2.7\nauthorization: bearer  {TOKEN}"), "ok");
    for wrong in [
        "Bearer",
        "Bearer 0",
        "Basic 0123456789abcdef",
        "Bearer 0123456789abcdeF",
        "Bearer 0123456789abcdef0",
    ] {
        outside(&format!("GET /v1/status\nhost: 192.0.2.7\nauthorization: {wrong}"), "token");
    }
    outside(
        &format!("GET /v1/status\nhost: evil.example\nauthorization: Bearer {TOKEN}"),
        "foreign_host",
    );
    outside("GET /v1/ready\nhost: 192.0.2.7", "ok");
    outside("GET /v1/ready/x\nhost: 192.0.2.7", "token");
}

#[test]
fn the_unix_socket_has_its_own_lock() {
    assert_eq!(decide(Way::Unix, "POST /v1/reload"), "ok");
}

#[test]
fn tokens_come_from_references_and_have_a_shape() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    let reference = format!("file:{}", path.display());
    assert!(matches!(Token::resolve(&reference), Err(TokenError::File { .. })));
    std::fs::write(&path, format!("{TOKEN}\n")).unwrap();
    assert!(Token::resolve(&reference).unwrap().is(TOKEN.as_bytes()));
    std::fs::write(&path, "short\n").unwrap();
    assert!(matches!(Token::resolve(&reference), Err(TokenError::Shape(_))));
    assert!(matches!(Token::resolve("plain"), Err(TokenError::Reference(_))));
    assert!(matches!(Token::resolve("env:TRUNKLINE_TEST_UNSET"), Err(TokenError::NotSet(_))));
    assert_eq!(format!("{:?}", Token::new(TOKEN)), "Some(Token(…))");
}

#[test]
fn the_console_opens_without_a_token_and_shows_nothing_without_one() {
    if !crate::console::page::is_there() {
        return;
    }
    let html = "host: 192.0.2.7:20001\naccept: text/html";
    for page in ["/", "/services", "/traces/0af7"] {
        outside(&format!("GET {page}\n{html}"), "ok");
        outside(&format!("POST {page}\n{html}"), "token");
    }
    for data in
        ["/v1/status", "/v1/events", "/v1/services", "/v1/configuration", "/v1/", "//v1/status"]
    {
        outside(&format!("GET {data}\n{html}"), "token");
    }
    outside("GET /\nhost: 192.0.2.7:20001", "token");
    outside("GET /\nhost: evil.example\naccept: text/html", "foreign_host");
}
