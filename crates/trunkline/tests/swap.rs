//! Sources that change and services that are started anew, on the real binary under load: what is new is built while the
//! former instance serves, requests are held during the swap, and none is lost.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout, clippy::print_stderr)]

#[path = "it/load.rs"]
#[allow(dead_code, unreachable_pub, reason = "shared by several test programs")]
mod load;
#[path = "it/support.rs"]
#[allow(dead_code, unreachable_pub, reason = "shared by several test programs")]
mod support;

use std::fs;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use load::Load;
use support::{Running, World, describe, free_port, screen, until};

/// Keeps connections alive, answers `GET` and `POST`, and takes a moment for each, so that requests are under way
/// whenever something happens.
const SERVER: &str = r#"
import http.server, os, time
from text import TEXT
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.rfile.read(int(self.headers.get("content-length", 0)))
        time.sleep(0.005)
        body = TEXT.encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    do_POST = do_GET
    def log_message(self, *arguments):
        pass
class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128
print("instance starts", flush=True)
Server(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"#;

/// Between two requests of a caller: the machine must have time to start what is waited for.
const PAUSE: Duration = Duration::from_millis(10);

/// A request is held for 5 s, of which the former instance may take 2 to finish: so many are left for a start.
const START_SECONDS_MAX: f64 = 3.0;

/// One at a time: a request is held for 5 s, within which a service must be able to start.
static ALONE: Mutex<()> = Mutex::new(());

/// A project with one or two services of Python, and `up` running.
struct Project {
    _alone: MutexGuard<'static, ()>,
    world: World,
    gateway: u16,
    up: Running,
}

impl Project {
    fn start(services: &str) -> Self {
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let (world, gateway, control) = (World::new(), free_port(), free_port());
        let text = format!(
            "version: 1
name: swap-{gateway}
workers: 2
gateway: {{ http: \"127.0.0.1:{gateway}\", access_log: off }}
management: {{ control: {control}, metrics: off, jaeger: off }}
routes: [ {{ match: \"/**\", to: app }} ]
services:
{services}"
        );
        world.write("trunkline.yaml", &text);
        world.write("app/server.py", SERVER);
        world.write("app/text.py", "TEXT = 'first'\n");
        world.write("caller/server.py", SERVER);
        world.write("caller/text.py", "TEXT = 'caller'\n");
        let mut up = world.start(&["up"]);
        up.wait_for("Ready in");
        Self { _alone: alone, world, gateway, up }
    }

    fn load(&self, callers: usize) -> Load {
        let address = SocketAddr::from(([127, 0, 0, 1], self.gateway));
        Load::start_with(address, callers, (&["GET", "POST"], PAUSE))
    }

    /// Writes the text that the service answers.
    fn write_text(&self, text: &str) {
        self.world.write("app/text.py", &format!("TEXT = '{text}'\n"));
    }

    #[track_caller]
    fn answers(&self, text: &str) {
        until("the new text", || self.get() == text, || self.up.text());
    }

    fn get(&self) -> String {
        let mut socket = std::net::TcpStream::connect(("127.0.0.1", self.gateway)).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        write!(socket, "GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").unwrap();
        let mut text = String::new();
        let _ = socket.read_to_string(&mut text);
        text.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default()
    }

    fn service(&self, name: &str) -> serde_json::Value {
        let text = self.world.data(&["status", "--format", "json"]);
        serde_json::from_str::<serde_json::Value>(&text).unwrap()["services"][name].clone()
    }

    fn pid(&self, name: &str) -> u32 {
        u32::try_from(self.service(name)["process"]["pid"].as_u64().unwrap()).unwrap()
    }

    /// Whether a start took about as long as requests are held, which no request outlasts: then the machine was too
    /// slow for what is tested.
    fn was_too_slow(&self) -> bool {
        let text = self.up.text();
        let starts = text.lines().filter(|line| line.contains("✓ app") && line.contains("/ 200"));
        let took = starts.filter_map(|line| line.split_whitespace().next_back()?.strip_suffix('s'));
        // Milliseconds end in an `m` here and are no number; so are minutes, which are no start of this server.
        took.filter_map(|took| took.parse::<f64>().ok()).any(|took| took > START_SECONDS_MAX)
    }

    fn end(mut self) {
        self.world.data(&["down"]);
        assert_eq!(self.up.ended().code(), Some(0));
    }
}

const BUILT: &str = "  app: { path: app, command: exec python3 server.py, build: python3 -m py_compile server.py text.py, health: / }\n";

/// Restarts and edits under load; every edit is waited for.
fn swaps(restarts: usize, edits: usize, callers: usize) {
    let project = Project::start(BUILT);
    let load = project.load(callers);
    for round in 0..restarts.max(edits) {
        if round < restarts {
            project.world.data(&["restart", "app"]);
        }
        if round < edits {
            let text = format!("edit {round}");
            project.write_text(&text);
            project.answers(&text);
        }
    }
    let restarted = project.service("app")["process"]["restarts"].as_u64().unwrap();
    let mut outcome = load.outcome();
    if project.was_too_slow() {
        outcome.failures.retain(|failure| !failure.contains(r#""limit":"time""#));
    }
    eprintln!(
        "{restarts} restarts and {edits} edits: {} requests answered, {} failed, longest wait {} ms",
        outcome.answered,
        outcome.failures.len(),
        outcome.longest.as_millis()
    );
    assert_eq!(outcome.failures, [""; 0], "{}", project.up.text());
    assert_eq!(restarted, (restarts + edits) as u64, "one swap for each");
    assert!(outcome.answered > 20 * restarted, "{outcome:?}");
    project.end();
}

#[test]
fn restarts_and_edits_lose_no_request() {
    swaps(4, 6, 6);
}

#[test]
#[ignore = "takes minutes: cargo test -p trunkline --test swap -- --ignored --nocapture twenty"]
fn twenty_restarts_and_fifty_edits_lose_no_request() {
    swaps(20, 50, 8);
}

#[test]
fn a_broken_build_leaves_the_former_instance_serving() {
    let mut project = Project::start(BUILT);
    let (load, pid) = (project.load(4), project.pid("app"));
    project.world.write("app/text.py", "TEXT = (\n");
    project.up.wait_for("build failed: exited with code 1; the former one goes on");
    project.up.wait_for("│ SyntaxError");
    let service = project.service("app");
    assert_eq!(
        (service["state"].as_str(), service["detail"].as_str()),
        (Some("ready"), Some("build failed: exited with code 1"))
    );
    let refused = project.world.run(&["restart", "app"]);
    assert!(screen(&refused).contains("build failed"), "{}", describe(&refused));
    // Back to the text that runs: nothing is left to do.
    project.write_text("first");
    until(
        "the end of the trouble",
        || project.service("app")["detail"].is_null(),
        || project.up.text(),
    );
    assert_eq!((project.pid("app"), project.get()), (pid, "first".to_owned()));
    // And on to another.
    project.world.write("app/text.py", "TEXT = (\n");
    until("the trouble", || !project.service("app")["detail"].is_null(), || project.up.text());
    project.write_text("second");
    project.answers("second");
    assert!(project.service("app")["detail"].is_null());
    load.finish();
    project.end();
}

#[test]
fn what_is_no_change_starts_nothing() {
    let project = Project::start("  app: { path: app, command: exec python3 server.py }\n");
    let (folder, pid) = (project.world.project().join("app"), project.pid("app"));
    fs::File::open(folder.join("text.py"))
        .unwrap()
        .set_modified(std::time::SystemTime::now())
        .unwrap();
    for name in ["node_modules/a/index.js", "target/debug/app", ".text.py.swp", "4913", "text.py~"]
    {
        fs::create_dir_all(folder.join(name).parent().unwrap()).unwrap();
        fs::write(folder.join(name), "x").unwrap();
    }
    // A change that comes after all these is acted on, and was the only one.
    fs::create_dir(folder.join("fresh")).unwrap();
    fs::write(folder.join("fresh/more.py"), "x = 1\n").unwrap();
    project.write_text("second");
    project.answers("second");
    let process = project.service("app")["process"].clone();
    assert_ne!(process["pid"].as_u64(), Some(u64::from(pid)));
    assert!(process["restarts"].as_u64() <= Some(2), "{process}\n{}", project.up.text());
    project.end();
}

#[test]
fn what_a_service_writes_when_it_starts_does_not_start_it_for_ever() {
    let writing =
        "  app: { path: app, command: 'date +%N > started.txt; exec python3 server.py' }\n";
    let mut project = Project::start(writing);
    project.up.wait_for("started.txt changes whenever it starts");
    let restarts = project.service("app")["process"]["restarts"].as_u64().unwrap();
    assert!(restarts <= 3, "{restarts}");
    project.write_text("second");
    project.answers("second");
    project.end();
}

#[test]
fn a_service_that_fails_to_start_is_started_when_its_sources_change() {
    let mut project = Project::start("  app: { path: app, command: exec python3 server.py }\n");
    project.world.write("app/text.py", "TEXT = (\n");
    project.up.wait_for("exited with code 1");
    project.write_text("mended");
    project.answers("mended");
    project.end();
}

#[test]
fn a_service_that_is_killed_loses_only_what_it_was_doing() {
    const CALLERS: usize = 6;
    let project =
        Project::start("  app: { path: app, command: exec python3 server.py, health: / }\n");
    let load = project.load(CALLERS);
    for _ in 0..3 {
        let (pid, before) = (project.pid("app"), load.answered());
        support::signal(pid, "KILL");
        until("answers of the next", || load.answered() > before + 100, || project.up.text());
    }
    let outcome = load.outcome();
    eprintln!("3 kills: {outcome:?}");
    // Each caller can have one request in the process that is killed.
    assert!(outcome.failures.len() <= 3 * CALLERS, "{outcome:?}");
    // The server writes an answer in two pieces: it may be killed between them.
    let unprovable = |failure: &&String| {
        ["reason: upstream_reset", "502", "body: failed to fill"]
            .iter()
            .any(|it| failure.contains(it))
    };
    assert_eq!(outcome.failures.iter().find(|failure| !unprovable(failure)), None);
    project.end();
}

const PAIR: &str =
    "  app: { path: app, command: exec python3 server.py, watch: { dependants: true } }
  caller: { path: caller, command: exec python3 server.py, calls: [app] }
";

#[test]
fn callers_are_started_anew_only_if_asked() {
    let project = Project::start(PAIR);
    let load = project.load(2);
    let pid = project.pid("caller");
    project.world.data(&["restart", "app"]);
    assert_eq!(project.pid("caller"), pid);
    let both = project.world.data(&["restart", "app", "--dependants"]);
    assert!(both.contains("app was restarted") && both.contains("caller was restarted"), "{both}");
    let pid = {
        let former = pid;
        let now = project.pid("caller");
        assert_ne!(now, former);
        now
    };
    project.write_text("second");
    project.answers("second");
    until(
        "the caller",
        || {
            project.service("caller")["process"]["pid"]
                .as_u64()
                .is_some_and(|now| now != u64::from(pid))
        },
        || project.up.text(),
    );
    load.finish();
    project.end();
}
