//! `up`: services of the file as processes, and nothing left behind.

use crate::serve::{get, ports};
use crate::support::{World, free_port, is_alive, screen, until};

pub const SERVER: &str = r#"
import http.server, os
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = ("%s calls %s" % (os.environ["OTEL_SERVICE_NAME"], os.environ.get("ORDERS_URL", "nobody"))).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *arguments):
        pass
print("listening \x1b[2J", flush=True)
http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"#;

/// Two services of Python; `web` calls `orders`.
pub fn project(world: &World, port: u16) {
    world.write("server.py", SERVER);
    world.write(
        "trunkline.yaml",
        &format!(
            "version: 1\nname: tiny-{port}\ngateway: {{ http: {port} }}\n{}services:\n  \
             web: {{ command: \"exec python3 server.py\", calls: [orders], health: / }}\n  \
             orders: {{ command: \"sh -c 'python3 server.py'\" }}\n\
             routes:\n  - {{ match: \"/orders/**\", to: orders }}\n  - {{ match: \"/**\", to: web }}\n",
            ports()
        ),
    );
}

/// Whether a program is on this machine.
pub fn is_tool_there(program: &str) -> bool {
    std::process::Command::new(program)
        .arg("--version")
        .output()
        .is_ok_and(|output| output.status.success())
}

pub fn pids(world: &World) -> Vec<u32> {
    let status: serde_json::Value =
        serde_json::from_str(&world.data(&["status", "--format", "json"])).unwrap();
    let services = status["services"].as_object().unwrap().values();
    services.filter_map(|service| u32::try_from(service["process"]["pid"].as_u64()?).ok()).collect()
}

#[test]
fn services_run_answer_restart_and_leave_nothing_behind() {
    let (world, port) = (World::new(), free_port());
    project(&world, port);
    let mut up = world.start(&["up"]);
    up.wait_for("Ready in");
    let (status, body) = get(port, "/");
    assert!(status == 200 && body.starts_with("web calls http://127.0.0.1:"), "{body}");
    assert_eq!(get(port, "/orders/1").1, "orders calls nobody");
    let logs = world.data(&["logs", "web"]);
    assert!(logs.contains(r"web │ ") && logs.contains(r"listening \u{1b}[2J"), "{logs}");
    world.data(&["restart", "orders"]);
    assert_eq!(get(port, "/orders/1").0, 200);
    let second = world.run(&["up"]);
    assert_eq!(second.status.code(), Some(1));
    assert!(screen(&second).contains(&format!("process {}", up.pid())));
    let started = pids(&world);
    assert_eq!(started.len(), 2);
    up.signal("INT");
    assert_eq!(up.ended().code(), Some(130));
    until("the services' end", || !started.iter().any(|pid| is_alive(*pid)), String::new);
    assert_eq!(get(port, "/").0, 0);
    for folder in ["run/trunkline", "state/trunkline"] {
        assert_eq!(std::fs::read_dir(world.path(folder)).unwrap().count(), 0, "{folder}");
    }
    assert_eq!(std::fs::read_dir(world.project()).unwrap().count(), 2, "the project is as it was");
}

#[test]
fn after_a_kill_the_next_up_cleans_up_and_works() {
    let (world, port) = (World::new(), free_port());
    project(&world, port);
    let mut up = world.start(&["up"]);
    up.wait_for("Ready in");
    let orphans = pids(&world);
    up.signal("KILL");
    up.ended();
    let mut again = world.start(&["up"]);
    again.wait_for("Ready in");
    assert_eq!(get(port, "/orders/1").0, 200);
    until("the orphans' end", || !orphans.iter().any(|pid| is_alive(*pid)), String::new);
    world.data(&["down"]);
    assert_eq!(again.ended().code(), Some(0));
}

#[test]
fn a_service_that_fails_says_so_with_its_last_lines() {
    let (world, port) = (World::new(), free_port());
    world.write(
        "trunkline.yaml",
        &format!(
            "version: 1\nname: tiny-{port}\ngateway: {{ http: {port} }}\n{}services:\n  \
             web: {{ command: \"echo no database; exit 3\" }}\nroutes: [ {{ match: \"/**\", to: web }} ]\n",
            ports()
        ),
    );
    let mut up = world.start(&["up"]);
    up.wait_for("next try in");
    let text = up.text();
    assert!(
        text.contains("✗ web")
            && text.contains("exited with code 3")
            && text.contains("│ no database"),
        "{text}"
    );
    up.signal("INT");
    up.ended();
}
