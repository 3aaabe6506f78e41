//! Several checkouts of one project at once: own names, ports and state.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::serve::get_as;
use crate::support::{Running, World, free_port, until};

const SERVER: &str = r#"
import http.server, os
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = ("%s of %s on %s" % (os.environ["OTEL_SERVICE_NAME"], os.getcwd(), os.environ["PORT"])).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *arguments):
        pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"#;

/// A repository with two linked worktrees, in the order main, `feature/cart`, detached.
fn checkouts(world: &World, port: u16) -> Option<[PathBuf; 3]> {
    world.write("server.py", SERVER);
    world.write(
        "trunkline.yaml",
        &format!(
            "version: 1\nname: trio\nservices:\n  \
             web-service: {{ command: \"exec python3 server.py\", port: {port}, health: / }}\n  \
             orders: {{ command: \"exec python3 server.py\", health: / }}\n\
             routes:\n  - {{ match: \"/**\", to: web-service }}\n  \
             - {{ match: \"/api/orders/**\", to: orders }}\n"
        ),
    );
    let git = |arguments: &[&str]| {
        let mut command = Command::new("git");
        command.args(["-c", "user.name=a", "-c", "user.email=a@example.com", "-C"]);
        command.arg(world.project()).args(arguments).env("HOME", world.path("home"));
        command.output().is_ok_and(|output| output.status.success())
    };
    if !git(&["init", "-q", "-b", "main"]) {
        return None;
    }
    assert!(git(&["add", "."]) && git(&["commit", "-q", "-m", "all"]));
    let (cart, detached) = (world.path("cart"), world.path("Old_One"));
    assert!(git(&["worktree", "add", "-q", "-b", "feature/cart", cart.to_str().unwrap()]));
    assert!(git(&["worktree", "add", "-q", "--detach", detached.to_str().unwrap()]));
    Some([world.project(), cart, detached])
}

fn up(world: &World, folder: &Path) -> Running {
    world.start(&["up", "-C", folder.to_str().unwrap()])
}

/// The URL of something of the copy in a folder.
fn url(world: &World, folder: &Path, kind: &str, name: &str) -> String {
    let text = world.data(&["urls", "-C", folder.to_str().unwrap(), "--format", "json"]);
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    let urls = document["urls"].as_array().unwrap();
    let found = urls.iter().find(|url| url["kind"] == kind && url["name"] == name);
    found.unwrap_or_else(|| panic!("no {kind} {name}: {text}"))["url"].as_str().unwrap().to_owned()
}

/// Host and port of an `http://` URL.
fn parts(url: &str) -> (String, u16) {
    let authority = url.strip_prefix("http://").unwrap();
    let (host, port) = authority.split_once(':').unwrap_or((authority, "80"));
    (host.to_owned(), port.parse().unwrap())
}

/// What the service of a host answers at the copy in `folder`.
fn answer(world: &World, folder: &Path, label: &str, path: &str) -> String {
    let (name, port) = parts(&url(world, folder, "gateway", "http"));
    let (status, body) = get_as(port, &format!("{label}{name}"), path);
    assert_eq!(status, 200, "{body}");
    body
}

#[test]
fn three_checkouts_serve_at_once_under_their_own_names() {
    let (world, port) = (World::new(), free_port());
    let Some(folders) = checkouts(&world, port) else {
        eprintln!("skipped: needs git");
        return;
    };
    let mut runs = vec![up(&world, &folders[0])];
    runs[0].wait_for("Ready in");
    // The other two choose at the same moment.
    runs.extend([up(&world, &folders[1]), up(&world, &folders[2])]);
    for run in &mut runs[1..] {
        run.wait_for("Ready in");
        let text = run.text();
        assert!(text.contains("is held by `trio` of"), "{text}");
        assert!(text.contains(&format!("port {port} is held by")), "{text}");
    }
    let names = ["trio.localhost", "feature-cart.trio.localhost", "old-one.trio.localhost"];
    let mut ports = Vec::new();
    for (folder, name) in folders.iter().zip(names) {
        let (host, port) = parts(&url(&world, folder, "gateway", "http"));
        assert_eq!(host, name);
        ports.push(port);
        let here = std::fs::canonicalize(folder).unwrap();
        let here = here.to_str().unwrap();
        assert!(answer(&world, folder, "", "/").starts_with(&format!("web-service of {here} ")));
        assert!(answer(&world, folder, "orders.", "/").starts_with(&format!("orders of {here} ")));
        let api = answer(&world, folder, "web.", "/api/orders/1");
        assert!(api.starts_with(&format!("orders of {here} ")), "{api}");
    }
    assert!(answer(&world, &folders[0], "", "/").ends_with(&format!(" on {port}")), "it was first");
    ports.sort_unstable();
    ports.dedup();
    assert_eq!(ports.len(), 3);
    ends_alone_and_comes_back(&world, &folders, &mut runs);
}

/// The end of one copy leaves the others alone, and its URLs stay when it comes back.
fn ends_alone_and_comes_back(world: &World, folders: &[PathBuf; 3], runs: &mut [Running]) {
    let before = url(world, &folders[1], "gateway", "https");
    world.data(&["down", "-C", folders[1].to_str().unwrap()]);
    assert_eq!(runs[1].ended().code(), Some(0));
    answer(world, &folders[0], "", "/");
    answer(world, &folders[2], "", "/");
    world.data(&["down", "-C", folders[0].to_str().unwrap()]);
    runs[0].ended();
    let mut again = up(world, &folders[1]);
    again.wait_for("Ready in");
    assert!(again.text().contains("as before"), "{}", again.text());
    assert_eq!(url(world, &folders[1], "gateway", "https"), before);
    for folder in [&folders[1], &folders[2]] {
        world.data(&["down", "-C", folder.to_str().unwrap()]);
    }
    until(
        "the ends",
        || {
            [&mut again, &mut runs[2]]
                .into_iter()
                .all(|run| run.child.try_wait().unwrap().is_some())
        },
        String::new,
    );
}

#[test]
fn a_written_port_of_a_stranger_is_an_error_that_names_it() {
    let (world, port) = (World::new(), free_port());
    let held = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
    let gateway = free_port();
    world.write(
        "trunkline.yaml",
        &format!(
            "version: 1\nname: alone\ngateway: {{ http: {gateway} }}\n{}services:\n  \
             web: {{ command: \"exec sleep 60\", port: {port} }}\nroutes: [ {{ match: \"/**\", to: web }} ]\n",
            crate::serve::ports()
        ),
    );
    let mut up = world.start(&["up"]);
    up.wait_for("it stays down");
    up.wait_for("hint:");
    let (text, pid) = (up.text(), std::process::id());
    assert!(text.contains(&format!("port {port} is already in use by")), "{text}");
    assert!(text.contains(&format!("(process {pid})")) && text.contains(&format!("`kill {pid}`")));
    drop(held);
    up.signal("INT");
    up.ended();
}
