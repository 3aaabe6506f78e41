//! Which requests are answered by a file, and how.

use http::Request as Head;

use super::*;

const FIXTURE: &[File] = &[
    File { path: "assets/app-1a2b.js", plain: b"let a", gzip: Some(b"small"), etag: "\"a\"" },
    File { path: "favicon.svg", plain: b"<svg/>", gzip: None, etag: "\"b\"" },
    File { path: "index.html", plain: b"<!doctype html>", gzip: None, etag: "\"c\"" },
];

fn parts(method: &str, target: &str, headers: &[(&str, &str)]) -> Parts {
    let mut head = Head::builder().method(method).uri(target);
    for (name, value) in headers {
        head = head.header(*name, *value);
    }
    head.body(()).unwrap().into_parts().0
}

#[test]
fn browsers_get_the_page_and_tools_do_not() {
    let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    let found = |method, target, accept| {
        find(FIXTURE, &parts(method, target, &[("accept", accept)])).map(|file| file.path)
    };
    let pages = [
        "/",
        "/?a=1",
        "/services",
        "/services/orders",
        "/traces/0af7",
        "/traces",
        "/compare?a=1",
        "/dependencies",
        "/graph",
        "/resilience",
    ];
    for target in pages {
        assert_eq!(found("GET", target, browser), Some("index.html"), "{target}");
        assert_eq!(found("GET", target, "*/*"), None, "{target}");
        assert_eq!(found("POST", target, browser), None, "{target}");
    }
    for target in ["/v1/status", "/v1", "/nothing", "/index.html", "/assets/x.js", "//"] {
        assert_eq!(found("GET", target, "*/*"), None, "{target}");
    }
    assert_eq!(found("GET", "/v1/status", browser), None);
    assert_eq!(found("GET", "/", "application/json, text/html;q=0"), None);
    assert_eq!(found("GET", "/assets/app-1a2b.js", "*/*"), Some("assets/app-1a2b.js"));
    assert_eq!(found("HEAD", "/favicon.svg", "image/*"), Some("favicon.svg"));
}

#[tokio::test]
async fn files_are_compressed_kept_and_recognized() {
    let header = |response: &Response, name: &str| {
        response.headers().get(name).map(|value| value.to_str().unwrap().to_owned())
    };
    let asset = answer(&FIXTURE[0], &parts("GET", "/", &[("accept-encoding", "br, gzip;q=0.5")]));
    assert_eq!(header(&asset, "content-encoding").as_deref(), Some("gzip"));
    assert_eq!(header(&asset, "content-type").as_deref(), Some("text/javascript; charset=utf-8"));
    assert!(header(&asset, "cache-control").unwrap().contains("immutable"));
    let bytes = axum::body::to_bytes(asset.into_body(), 100).await.unwrap();
    assert_eq!(bytes, "small");

    let plain = answer(&FIXTURE[0], &parts("GET", "/", &[("accept-encoding", "gzip;q=0")]));
    assert_eq!(header(&plain, "content-encoding"), None);

    let page = answer(&FIXTURE[2], &parts("GET", "/", &[]));
    assert_eq!(header(&page, "cache-control").as_deref(), Some("no-cache"));
    assert!(header(&page, "content-security-policy").unwrap().contains("script-src 'self'"));
    let known = answer(&FIXTURE[2], &parts("GET", "/", &[("if-none-match", "\"x\", W/\"c\"")]));
    assert_eq!(known.status(), StatusCode::NOT_MODIFIED);
    assert!(axum::body::to_bytes(known.into_body(), 100).await.unwrap().is_empty());
}
