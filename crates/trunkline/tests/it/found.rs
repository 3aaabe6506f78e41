//! `init`, `add`, and `up` without a file or without a toolchain.

use std::fs;
use std::path::Path;

use crate::serve::{get, ports};
use crate::support::{Running, World, describe, free_port, repository, screen, until};

const PACKAGE: &str = r#"{ "name": "web", "scripts": { "dev": "node server.js" } }"#;
const GO: &str = "package main\n\nfunc main() {\n\tserve(os.Getenv(\"PORT\"))\n}\n";
const PYTHON: &str = r#"
import http.server, os
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = os.environ.get("ORDERS_URL", "nobody").encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
if __name__ == "__main__":
    http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"#;

/// Copies what a person wrote of a folder, without its trunkline.yaml.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name();
        let left_out = ["node_modules", "target", "dist", "build", "trunkline.yaml"];
        if left_out.iter().any(|other| name == *other) {
            continue;
        }
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to.join(&name));
        } else {
            fs::copy(entry.path(), to.join(&name)).unwrap();
        }
    }
}

/// The names of the services in a file.
fn services(text: &str) -> Vec<String> {
    let below = text.split("\nservices:\n").nth(1).unwrap_or_default();
    let names = below.lines().filter(|line| {
        line.starts_with("  ") && !line.starts_with("   ") && !line.trim().starts_with('#')
    });
    let mut names: Vec<_> =
        names.map(|line| line.trim().trim_end_matches(':').to_owned()).collect();
    names.sort();
    names
}

#[track_caller]
fn check_example(name: &str, expected: &[&str]) {
    let world = World::new();
    copy(&repository("examples").join(name), &world.project().join(name));
    let text = world.data(&["init", "--print", "-C", name]);
    assert_eq!(services(&text), expected, "{text}");
    assert!(text.contains(&format!("\nname: {name}\n")), "{text}");
    world.data(&["init", "-C", name]);
    world.data(&["check", "--strict", "-C", name]);
}

#[test]
fn init_finds_exactly_the_services_of_the_examples() {
    check_example("shop", &["orders", "payments", "web"]);
    if repository("examples/monorepo-polyglot/package.json").is_file() {
        check_example(
            "monorepo-polyglot",
            &[
                "admin-service",
                "ai-service",
                "analytics-service",
                "auth-service",
                "payment-service",
                "pdf-service",
                "web-service",
            ],
        );
    }
}

#[test]
fn init_replaces_a_file_only_when_told_to() {
    let world = World::new();
    world.write("web/package.json", PACKAGE);
    world.write("trunkline.yaml", "mine");
    let refused = world.run(&["init"]);
    assert_eq!(refused.status.code(), Some(2), "{}", describe(&refused));
    let read = || fs::read_to_string(world.project().join("trunkline.yaml")).unwrap();
    assert_eq!(read(), "mine");
    let printed = world.data(&["init", "--print"]);
    assert_eq!(read(), "mine");
    let told = world.data(&["init", "--force", "--format", "json"]);
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!((&told["schema"], &told["services"][0]), (&1.into(), &"web".into()));
    assert_eq!(read(), printed);
    world.data(&["check", "--strict"]);
}

#[test]
fn what_is_not_clear_is_said_and_left_out() {
    let world = World::new();
    for folder in ["a", "b"] {
        world.write(&format!("{folder}/package.json"), PACKAGE);
    }
    for verb in ["init", "up"] {
        let output = world.run(&[verb]);
        let text = screen(&output);
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.contains("several services would be called `web`"), "{text}");
    }
    assert!(!world.project().join("trunkline.yaml").exists());
}

#[test]
fn add_keeps_what_a_person_wrote() {
    let world = World::new();
    let mine = "# mine\nversion: 1\nservices:\n    web: { port: 3000 } # by hand\n\n# the end\ntrace: { sample: 100% }\n";
    world.write("trunkline.yaml", mine);
    world.write("orders/go.mod", "module orders\n");
    world.write("orders/main.go", &format!("{GO}// calls\nvar u = os.Getenv(\"WEB_URL\")\n"));
    world.data(&["add", "orders"]);
    let text = fs::read_to_string(world.project().join("trunkline.yaml")).unwrap();
    let (before, after) = mine.split_once("\n\n").unwrap();
    assert!(text.starts_with(before) && text.ends_with(after), "{text}");
    assert!(text.contains("    orders:\n") && text.contains("- web"), "{text}");
    world.data(&["check", "--strict"]);
    let again = world.run(&["add", "orders"]);
    assert!(screen(&again).contains("`orders` is in the file already"), "{}", screen(&again));
    let nothing = world.run(&["add", "."]);
    assert_eq!(nothing.status.code(), Some(2), "{}", describe(&nothing));
}

#[test]
fn a_service_without_its_toolchain_is_skipped_and_the_others_run() {
    let (world, port) = (World::new(), free_port());
    world.write("server.py", PYTHON);
    world.write(
        "trunkline.yaml",
        &format!(
            "version: 1\nname: tiny-{port}\ngateway: {{ http: {port} }}\n{}services:\n  \
             web: {{ command: \"exec python3 server.py\", calls: [orders] }}\n  \
             orders: {{ command: mix phx.server }}\n\
             routes:\n  - {{ match: \"/orders/**\", to: orders }}\n  - {{ match: \"/**\", to: web }}\n",
            ports()
        ),
    );
    // A machine with Python and a shell, and nothing else.
    let tools = world.path("tools");
    fs::create_dir(&tools).unwrap();
    let asked = ["-c", "import sys; print(sys.executable)"];
    let python = std::process::Command::new("python3").args(asked).output().unwrap();
    let python = String::from_utf8(python.stdout).unwrap();
    std::os::unix::fs::symlink(python.trim(), tools.join("python3")).unwrap();
    let mut command = world.command(&["up"]);
    command.env("PATH", &tools);
    let mut up = Running::new(command);
    until("web", || get(port, "/").0 == 200, || up.text());
    assert!(
        get(port, "/").1.starts_with("http://127.0.0.1:"),
        "its caller is told where it would be"
    );
    let text = up.text();
    assert!(text.contains("mix is not installed") && text.contains("apt install elixir"), "{text}");
    let status: serde_json::Value =
        serde_json::from_str(&world.data(&["status", "--format", "json"])).unwrap();
    assert_eq!(status["services"]["orders"]["state"], "skipped", "{status}");
    assert_eq!(status["ready"], true, "{status}");
    let (status, body) = get(port, "/orders/1");
    assert!(status == 503 && body.contains("mix is not installed"), "{status} {body}");
    let restart = world.run(&["restart", "orders"]);
    assert!(screen(&restart).contains("was skipped"), "{}", screen(&restart));
    up.signal("INT");
    assert_eq!(up.ended().code(), Some(130));
}
