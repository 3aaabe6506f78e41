//! What pages of strangers can do to a Trunkline on the same machine, tried with a real browser.
//!
//! The page is served from another port of loopback, which is a foreign origin, and tries every way
//! that a page has to send a request. It writes what it could see into its own text, which the
//! browser prints. The same page from a configured origin shows that the ways would work.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use trunkline_model::ports::Surface::Console;

use crate::running::{config, serve};

const CHROMIUM: &str = "/usr/bin/chromium";

const FLAGS: &[&str] = &[
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP evil.example 127.0.0.1",
    "--virtual-time-budget=20000",
    "--dump-dom",
];

/// How long the browser may take on a busy machine.
const BROWSER_TIME_MAX: Duration = Duration::from_secs(90);

/// `TARGET` is replaced by the origin that is attacked.
const PAGE: &str = r#"<!doctype html><meta charset="utf-8"><title>foreign</title>
<pre id="out"></pre>
<iframe name="sink" id="sink"></iframe>
<form id="form" method="post" target="sink" action="TARGET/v1/shutdown"><input name="a" value="b"></form>
<form id="plain" method="post" enctype="text/plain" target="sink" action="TARGET/v1/upgrade"><input name="a" value="b"></form>
<script>
const say = (name, what) => document.getElementById("out").textContent += `${name}: ${what}\n`;
const attempt = async (name, path, init) => {
  try {
    const response = await fetch("TARGET" + path, init);
    say(name, `${response.type} ${response.status} [${await response.text()}]`);
  } catch (error) { say(name, "blocked"); }
};
const embed = (name, tag, attribute) => new Promise((done) => {
  const element = document.createElement(tag);
  element.onload = () => { say(name, "loaded"); done(); };
  element.onerror = () => { say(name, "blocked"); done(); };
  element[attribute] = "TARGET/v1/status";
  document.body.append(element);
});
const submit = (name, form) => new Promise((done) => {
  const sink = document.getElementById("sink");
  sink.onload = () => {
    let seen;
    try { seen = sink.contentDocument.body.textContent; } catch (error) { seen = "blocked"; }
    say(name, seen); done();
  };
  document.getElementById(form).submit();
});
(async () => {
  const json = { "content-type": "application/json" };
  await attempt("get cors", "/v1/status", {});
  await attempt("get no-cors", "/v1/status", { mode: "no-cors" });
  await attempt("post cors", "/v1/shutdown", { method: "POST" });
  await attempt("post no-cors", "/v1/shutdown", { method: "POST", mode: "no-cors" });
  await attempt("post text", "/v1/endpoints/orders%40127.0.0.1%3A5000/state",
    { method: "POST", mode: "no-cors", body: '{"state":"down"}' });
  await attempt("post json", "/v1/endpoints/orders%40127.0.0.1%3A5000/state",
    { method: "POST", headers: json, body: '{"state":"down"}' });
  await attempt("post with credentials", "/v1/upgrade", { method: "POST", credentials: "include", mode: "no-cors" });
  await attempt("put", "/v1/reload", { method: "PUT" });
  say("beacon", navigator.sendBeacon("TARGET/v1/shutdown", "x"));
  await embed("script", "script", "src");
  await embed("image", "img", "src");
  await submit("form", "form");
  await submit("plain form", "plain");
  say("end", "done");
})();
</script>
"#;

fn browser_is_there() -> bool {
    let there = Path::new(CHROMIUM).exists();
    if !there {
        println!("skipped: needs chromium");
    }
    there
}

/// Opens a page and gives its text when its scripts are through.
async fn open(url: &str) -> String {
    let profile = tempfile::tempdir().unwrap();
    let child = tokio::process::Command::new(CHROMIUM)
        .args(FLAGS)
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(url)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(BROWSER_TIME_MAX, child).await;
    let output = output.expect("the browser ends in time").unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Serves the page to the first request, and relays every further connection to `then`, as a name
/// that was rebound would. Without `then` the page is all there is.
async fn stranger(listener: TcpListener, page: String, then: Option<SocketAddr>) {
    let mut page_is_served = false;
    loop {
        let (mut caller, _) = listener.accept().await.unwrap();
        if page_is_served && let Some(target) = then {
            tokio::spawn(async move {
                let mut target = TcpStream::connect(target).await.unwrap();
                // Either side may go first.
                let _ = tokio::io::copy_bidirectional(&mut caller, &mut target).await;
            });
            continue;
        }
        let mut head = [0; 4096];
        // A connection that the browser opened ahead and never uses has no request.
        let Ok(1..) = caller.read(&mut head).await else {
            continue;
        };
        let length = page.len();
        let answer = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{page}"
        );
        page_is_served = caller.write_all(answer.as_bytes()).await.is_ok();
    }
}

/// The origin under which a stranger serves `page`; the task ends when it is dropped.
struct Stranger {
    port: u16,
    task: JoinHandle<()>,
}

impl Drop for Stranger {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn bind() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

/// What the page wrote about itself.
fn out(dom: &str) -> &str {
    let (_, rest) = dom.split_once("<pre id=\"out\">").unwrap_or_else(|| panic!("{dom}"));
    rest.split("</pre>").next().unwrap()
}

fn told<'a>(dom: &'a str, name: &str) -> &'a str {
    let start = format!("{name}: ");
    let found = out(dom).lines().find_map(|line| line.strip_prefix(&start));
    found.unwrap_or_else(|| panic!("`{name}` in {dom}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_page_reads_nothing_and_changes_nothing() {
    if !browser_is_there() {
        return;
    }
    let running = serve(&config());
    let (listener, port) = bind().await;
    let page = PAGE.replace("TARGET", &format!("http://{}", running.address(Console)));
    let stranger = Stranger { port, task: tokio::spawn(stranger(listener, page, None)) };
    let dom = open(&format!("http://127.0.0.1:{}/", stranger.port)).await;
    assert_eq!(told(&dom, "end"), "done", "{dom}");
    for name in ["get cors", "post cors", "post json", "put", "script", "image"] {
        assert_eq!(told(&dom, name), "blocked", "{name} of {dom}");
    }
    for name in ["get no-cors", "post no-cors", "post text", "post with credentials"] {
        let seen = told(&dom, name);
        assert!(matches!(seen, "blocked" | "opaque 0 []"), "{name} of {dom}");
    }
    for name in ["form", "plain form"] {
        assert_eq!(told(&dom, name), "blocked", "{name} of {dom}");
    }
    for secret in ["generation", "orders\"", "uptime"] {
        assert!(!out(&dom).contains(secret), "{secret} in {dom}");
    }
    assert_eq!(running.deeds(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_a_configured_origin_can_do_what_the_foreign_one_tried() {
    if !browser_is_there() {
        return;
    }
    let (listener, port) = bind().await;
    let mut config = config();
    config.guard.origins = vec![format!("http://127.0.0.1:{port}")];
    let running = serve(&config);
    let page = PAGE.replace("TARGET", &format!("http://{}", running.address(Console)));
    let stranger = Stranger { port, task: tokio::spawn(stranger(listener, page, None)) };
    let dom = open(&format!("http://127.0.0.1:{}/", stranger.port)).await;
    assert!(told(&dom, "get cors").starts_with("cors 200 ["), "{dom}");
    assert!(told(&dom, "post json").starts_with("cors 200 ["), "{dom}");
    let deeds = running.deeds();
    for deed in ["shutdown", "upgrade", "orders@127.0.0.1:5000 down"] {
        assert!(deeds.iter().any(|done| done == deed), "{deed} in {deeds:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebound_name_reads_nothing_and_changes_nothing() {
    if !browser_is_there() {
        return;
    }
    let running = serve(&config());
    let (listener, port) = bind().await;
    // Same origin for the browser: no preflight, every answer readable, `Sec-Fetch-Site` is ours.
    let page = PAGE.replace("TARGET", "");
    let task = tokio::spawn(stranger(listener, page, Some(running.address(Console))));
    let stranger = Stranger { port, task };
    let dom = open(&format!("http://evil.example:{}/", stranger.port)).await;
    assert_eq!(told(&dom, "end"), "done", "{dom}");
    for name in ["get cors", "post cors", "post json", "put", "post with credentials"] {
        let seen = told(&dom, name);
        assert!(
            seen.starts_with("basic 421 [") && seen.contains("foreign_host"),
            "{name} of {dom}"
        );
    }
    for secret in ["generation", "orders\"", "uptime"] {
        assert!(!out(&dom).contains(secret), "{secret} in {dom}");
    }
    assert_eq!(running.deeds(), [""; 0]);
}
