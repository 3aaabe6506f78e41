//! `run` and `exec`: one service, or a command in its place, with what `up` would give it.

use crate::serve::ports;
use crate::support::{World, describe, free_port, screen};

/// With an argument it shows what it was given and ends with 7; without one it serves.
const SERVER: &str = r#"
import http.server, os, sys
if len(sys.argv) > 1:
    print(os.path.basename(os.getcwd()), sys.argv[1:], os.environ["PORT"], os.environ["ORDERS_URL"], os.environ["KIND"])
    sys.exit(7)
http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), http.server.SimpleHTTPRequestHandler).serve_forever()
"#;

fn project(world: &World) {
    world.write("web/server.py", SERVER);
    world.write("orders/server.py", SERVER);
    let text = format!(
        "version: 1\nname: alone\ngateway: {{ http: {} }}\n{}services:\n  \
         web: {{ path: web, command: exec python3 server.py, calls: [orders], env: {{ KIND: shop }}, build: touch built }}\n  \
         orders: {{ path: orders, command: exec python3 server.py }}\n  far: {{ external: \"a:1\" }}\n",
        free_port(),
        ports()
    );
    world.write("trunkline.yaml", &text);
}

/// Port and callee's URL, as the service showed them.
fn shown(line: &str, arguments: &str) -> (String, String) {
    let rest = line.strip_prefix(&format!("web {arguments} ")).unwrap_or_else(|| panic!("{line}"));
    let words: Vec<_> = rest.split_whitespace().collect();
    assert_eq!(words[2], "shop", "{line}");
    (words[0].to_owned(), words[1].to_owned())
}

#[test]
fn a_service_alone_is_given_what_up_gives_it() {
    let world = World::new();
    project(&world);
    let output = world.run(&["run", "web", "--", "a b", "--c"]);
    assert_eq!(output.status.code(), Some(7), "{}", describe(&output));
    assert!(world.project().join("web/built").exists(), "it is built first");
    let alone = shown(&String::from_utf8_lossy(&output.stdout), "['a b', '--c']");

    let mut up = world.start(&["up"]);
    up.wait_for("Ready in");
    let status: serde_json::Value =
        serde_json::from_str(&world.data(&["status", "--format", "json"])).unwrap();
    let address =
        |name: &str| status["services"][name]["process"]["address"].as_str().unwrap().to_owned();
    // The ports that are remembered are those that `run` told before.
    assert_eq!(alone.1, format!("http://{}", address("orders")));
    let output = world.run(&["run", "web", "--", "x"]);
    let beside = shown(&String::from_utf8_lossy(&output.stdout), "['x']");
    assert_eq!(beside.1, alone.1, "the callee is where the run has it");
    assert_ne!(format!("127.0.0.1:{}", beside.0), address("web"), "its own port is another one");

    let output = world.run(&["exec", "web", "--", "python3", "server.py", "x"]);
    let inside = shown(&String::from_utf8_lossy(&output.stdout), "['x']");
    assert_eq!(format!("127.0.0.1:{}", inside.0), address("web"));
    assert_eq!(output.status.code(), Some(7));
    up.signal("INT");
    up.ended();
}

#[test]
fn what_cannot_be_run_is_said() {
    let world = World::new();
    project(&world);
    let screen = |arguments: &[&str]| screen(&world.run(arguments));
    let text = screen(&["run", "wbe"]);
    assert!(text.contains("no service `wbe`") && text.contains("web, orders"), "{text}");
    let text = screen(&["run", "far"]);
    assert!(text.contains("`far` is not run here") && text.contains("[exit 2]"), "{text}");
    let text = screen(&["exec", "web", "--", "no-such-program"]);
    assert!(text.contains("cannot run `no-such-program`") && text.contains("[exit 1]"), "{text}");
    let text = world.project().join("trunkline.yaml");
    let yaml = std::fs::read_to_string(&text).unwrap().replace("touch built", "exit 3");
    std::fs::write(&text, yaml).unwrap();
    let text = screen(&["run", "web"]);
    assert!(
        text.contains("the build ended with exit code 3") && text.contains("[exit 1]"),
        "{text}"
    );
}
