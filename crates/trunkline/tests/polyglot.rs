//! The seven services of `examples/monorepo-polyglot` on the real binary: a customer's journey, one connected trace
//! for each of its steps though no service records anything, the graph of declared calls, and the console in a browser.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout, clippy::print_stderr)]

#[path = "it/load.rs"]
#[allow(dead_code, unreachable_pub, reason = "shared by several test programs")]
mod load;
#[path = "it/support.rs"]
#[allow(dead_code, unreachable_pub, reason = "shared by several test programs")]
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use load::{Call, Load};
use serde_json::Value;
use support::{Running, World, describe, free_port, is_alive, repository, until};

/// Builds are warm when `./x test` comes here; a single run may be the first.
const READY_MAX: Duration = Duration::from_secs(300);

/// Services that each step of the journey must be seen in, beside the gateway.
const STEPS: &[(&str, &[&str])] = &[
    ("register", &["auth-service"]),
    ("log in", &["auth-service", "analytics-service"]),
    ("pay", &["payment-service", "auth-service", "analytics-service"]),
    ("invoice", &["payment-service", "pdf-service"]),
    ("summary", &["ai-service", "analytics-service"]),
    ("sentiment", &["ai-service", "analytics-service"]),
    ("dashboard", &["analytics-service"]),
];

/// What `calls` of the file declares.
const DECLARED: &[(&str, &str)] = &[
    ("admin-service", "analytics-service"),
    ("ai-service", "analytics-service"),
    ("payment-service", "analytics-service"),
    ("payment-service", "auth-service"),
    ("payment-service", "pdf-service"),
    ("web-service", "analytics-service"),
];

/// What is missing on this machine, if anything is.
fn missing() -> Option<&'static str> {
    let tools = [
        ("node", "--version"),
        ("npm", "--version"),
        ("go", "version"),
        ("python3", "--version"),
        ("javac", "-version"),
        ("curl", "--version"),
    ];
    let is_there = |(tool, argument): &&(&str, &str)| {
        let mut command = Command::new(tool);
        command.arg(argument).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    let packages = repository("examples/monorepo-polyglot/node_modules/typescript");
    let tool = tools.iter().find(|tool| !is_there(tool)).map(|(tool, _)| *tool);
    tool.or_else(|| (!packages.is_dir()).then_some("npm ci in examples/monorepo-polyglot"))
}

/// One request to every service, some of which call others in turn.
const CALLS: &[(&str, &str, &str)] = &[
    ("GET", "/", ""),
    ("GET", "/admin/", ""),
    ("GET", "/api/auth/.well-known/jwks.json", ""),
    ("GET", "/api/payment/health", ""),
    ("GET", "/api/analytics/summary", ""),
    ("POST", "/api/ai/sentiment", r#"{"text":"Not bad at all"}"#),
    ("POST", "/api/pdf/documents", r#"{"title":"Load","paragraphs":["One."]}"#),
];

/// A source of every service, and how its language begins a comment.
const SOURCES: &[(&str, &str, &str)] = &[
    ("web-service", "apps/web-service/src/server.ts", "//"),
    ("admin-service", "apps/admin-service/src/server.ts", "//"),
    ("auth-service", "services/auth-service/src/server.ts", "//"),
    ("payment-service", "services/payment-service/main.go", "//"),
    ("analytics-service", "services/analytics-service/src/main.rs", "//"),
    ("ai-service", "services/ai-service/main.py", "#"),
    ("pdf-service", "services/pdf-service/src/Main.java", "//"),
];

/// The example, run where it is: with ports of its own, and with data that goes with the test.
struct System {
    world: World,
    up: Running,
    http: u16,
    https: u16,
    console: u16,
}

impl System {
    /// Runs the example in `folder`.
    fn start(world: World, folder: &Path) -> Self {
        let (http, https, console) = (free_port(), free_port(), free_port());
        world.write("trunkline.yaml", &moved(&world, folder, [http, https, console]));
        let mut command = world.command(&["up"]);
        // Toolchains keep what they built in the real home folder.
        command.env("HOME", std::env::var_os("HOME").unwrap());
        let mut up = Running::new(command);
        let begin = Instant::now();
        while !up.text().contains("Ready in") {
            let ended = up.child.try_wait().unwrap();
            assert!(ended.is_none() && begin.elapsed() < READY_MAX, "{ended:?}: {}", up.text());
            std::thread::sleep(Duration::from_millis(50));
        }
        Self { world, up, http, https, console }
    }

    fn base(&self) -> String {
        format!("https://monorepo-polyglot.localhost:{}", self.https)
    }

    fn root(&self) -> PathBuf {
        let authorities = std::fs::read_dir(self.world.path("data/trunkline/ca")).unwrap();
        authorities.flatten().map(|entry| entry.path().join("root.pem")).next().unwrap()
    }

    /// A document of the control API.
    fn document(&self, path: &str) -> Value {
        let url = format!("http://127.0.0.1:{}{path}", self.console);
        let output = Command::new("curl").args(["--silent", "--fail", &url]).output().unwrap();
        assert!(output.status.success(), "{path}: {}", describe(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// The status of a page under one of the names.
    fn page(&self, label: &str, path: &str) -> String {
        let host = format!("{label}monorepo-polyglot.localhost");
        let url = format!("https://{host}:{}{path}", self.https);
        let resolve = format!("{host}:{}:127.0.0.1", self.https);
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--output", "/dev/null", "--write-out", "%{http_code}"]);
        curl.args(["--resolve", &resolve, &url, "--cacert"]).arg(self.root());
        String::from_utf8(curl.output().unwrap().stdout).unwrap()
    }
}

fn node(arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut node = Command::new("node");
    node.args(arguments).envs(variables.iter().copied()).stdin(Stdio::null());
    node.output().unwrap()
}

/// The example's file with every path absolute, no port written, and data in the world's folder.
fn moved(world: &World, example: &Path, [http, https, console]: [u16; 3]) -> String {
    let text = std::fs::read_to_string(example.join("trunkline.yaml")).unwrap();
    let data = world.path("data-of-services");
    let lines = text.lines().filter(|line| !line.starts_with("    port: ")).map(|line| {
        let line = line.replace("DATA_DIR: .data", &format!("DATA_DIR: {}/DATA", data.display()));
        match line.strip_prefix("    path: ") {
            Some(path) => format!("    path: {}", example.join(path).display()),
            None => line,
        }
    });
    let text = lines.map(|line| line + "\n").collect::<String>();
    let text = text.replace("gateway:\n", &format!("gateway:\n  http: {http}\n  https: {https}\n"));
    // Each service has a data folder of its own.
    let mut parts = text.split("/DATA");
    let mut text = parts.next().unwrap().to_owned();
    for (number, part) in parts.enumerate() {
        write!(text, "/{number}{part}").unwrap();
    }
    let (metrics, jaeger) = (free_port(), free_port());
    text + &format!("ports: {{ metrics: {metrics}, jaeger: {jaeger}, console: {console} }}\n")
}

#[test]
fn a_customer_goes_through_all_services_and_every_step_is_seen() {
    if let Some(tool) = missing() {
        println!("skipped: needs {tool}");
        return;
    }
    let mut system = System::start(World::new(), &repository("examples/monorepo-polyglot"));
    let traces = journey(&system);
    for (step, services) in STEPS {
        connected(&system, step, &traces[*step], services);
    }
    every_name_answers(&system);
    every_declared_call_is_known(&system);
    the_console_works_in_a_browser(&system);
    a_breaker_keeps_callers_from_a_failing_payment_service(&system);
    leaves_nothing(&mut system);
}

/// The trace of each step.
fn journey(system: &System) -> BTreeMap<String, String> {
    let script = repository("examples/monorepo-polyglot/journey/journey.mjs");
    let root = system.root();
    let arguments = [
        script.to_str().unwrap(),
        "--json",
        "--base",
        &system.base(),
        "--ca",
        root.to_str().unwrap(),
    ];
    let output = node(&arguments, &[]);
    assert!(output.status.success(), "{}\n{}", describe(&output), system.up.text());
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let steps = document["steps"].as_array().unwrap().iter();
    let text = |step: &Value, key: &str| step[key].as_str().unwrap().to_owned();
    steps.map(|step| (text(step, "step"), text(step, "trace_id"))).collect()
}

/// Every span hangs below another one, or below the journey's own, which nobody recorded.
fn connected(system: &System, step: &str, id: &str, expected: &[&str]) {
    let expected: BTreeSet<&str> = expected.iter().copied().collect();
    let path = format!("/v1/traces/{id}");
    let seen = || -> (BTreeSet<String>, Value) {
        let trace = system.document(&path);
        let spans = trace["spans"].as_array().unwrap();
        (spans.iter().map(|span| span["service"].as_str().unwrap().to_owned()).collect(), trace)
    };
    let whole = || expected.iter().all(|service| seen().0.contains(*service));
    until(&format!("{step}: {expected:?}"), whole, || format!("{:?}", seen().0));
    let (_, trace) = seen();
    let spans = trace["spans"].as_array().unwrap();
    let ids: BTreeSet<&str> = spans.iter().map(|span| span["id"].as_str().unwrap()).collect();
    let tops: BTreeSet<&str> = spans
        .iter()
        .filter_map(|span| span["parent"].as_str())
        .filter(|parent| !ids.contains(parent))
        .collect();
    assert_eq!(tops.len(), 1, "{step}: spans hang below {tops:?}: {trace:#}");
    assert!(spans.iter().all(|span| span["parent"].is_string()), "{step}: {trace:#}");
}

fn every_name_answers(system: &System) {
    for (label, path) in [
        ("", "/"),
        ("", "/admin/"),
        ("web.", "/"),
        ("admin.", "/"),
        ("admin.", "/api/analytics/summary"),
        ("api.", "/api/analytics/summary"),
        ("pdf.", "/health"),
    ] {
        assert_eq!(system.page(label, path), "200", "{label} {path}: {}", system.up.text());
    }
}

fn every_declared_call_is_known(system: &System) {
    let edges = || {
        let graph = system.document("/v1/graph?window=15m");
        let edges = graph["edges"].as_array().unwrap().clone();
        let text = |edge: &Value, key: &str| edge[key].as_str().unwrap().to_owned();
        let inner = edges.into_iter().filter(|edge| edge["from"] != "gateway");
        inner
            .map(|edge| ((text(&edge, "from"), text(&edge, "to")), text(&edge, "status")))
            .collect::<BTreeMap<_, _>>()
    };
    let observed = || {
        DECLARED.iter().all(|(from, to)| {
            let status = edges().get(&((*from).to_owned(), (*to).to_owned())).cloned();
            status.as_deref() == Some("observed")
        })
    };
    until("every declared call was seen", observed, || format!("{:?}", edges()));
    assert_eq!(edges().len(), DECLARED.len(), "and no other: {:?}", edges());
}

fn the_console_works_in_a_browser(system: &System) {
    let browser = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
    let driver = repository("console/node_modules/playwright-core");
    if !driver.is_dir() || !browser.iter().any(|path| PathBuf::from(path).exists()) {
        println!("skipped: needs chromium, and npm ci in console");
        return;
    }
    let tests = repository("console/tests/browser/console.test.mjs");
    let url = format!("http://127.0.0.1:{}", system.console);
    let output = node(&["--test", tests.to_str().unwrap()], &[("BASE_URL", &url)]);
    assert!(output.status.success(), "{}", describe(&output));
}

/// Half of the calls to the payment service fail: its breaker opens within its window, nothing
/// reaches the service while it is open, and it closes when it is told to.
fn a_breaker_keeps_callers_from_a_failing_payment_service(system: &System) {
    let policy = || system.document("/v1/resilience")["policies"]["payment-service"].clone();
    let attempts = || {
        let status = system.document("/v1/status");
        status["services"]["payment-service"]["endpoints"][0]["requests"]["total"].clone()
    };
    let pay = || system.page("", "/api/payment/health");
    drop(system.world.data(&["fault", "payment-service", "abort", "--share", "50%"]));
    let opened = || {
        pay();
        policy()["circuitbreaker"]["state"] == "OPEN"
    };
    until("the breaker opens", opened, || policy().to_string());
    let before = attempts();
    for _ in 0..10 {
        assert_eq!(pay(), "503");
    }
    assert_eq!(attempts(), before, "no call goes on while it is open");
    assert_eq!(policy()["bulkhead"]["availableConcurrentCalls"], 25, "no permit is lost");
    drop(system.world.data(&["fault", "payment-service", "off"]));
    drop(system.world.data(&["resilience", "reset", "payment-service"]));
    assert_eq!(pay(), "200");
}

fn leaves_nothing(system: &mut System) {
    let status = system.document("/v1/status");
    let services = status["services"].as_object().unwrap().values();
    let pids: Vec<u32> = services
        .filter_map(|service| u32::try_from(service["process"]["pid"].as_u64()?).ok())
        .collect();
    assert_eq!(pids.len(), 7);
    system.up.signal("INT");
    assert_eq!(system.up.ended().code(), Some(130), "{}", system.up.text());
    until("the services' end", || !pids.iter().any(|pid| is_alive(*pid)), String::new);
}

#[test]
#[ignore = "takes minutes: cargo test -p trunkline --test polyglot -- --ignored --nocapture"]
fn twenty_restarts_and_fifty_edits_of_real_services_lose_no_request() {
    if let Some(tool) = missing() {
        println!("skipped: needs {tool}");
        return;
    }
    let world = World::new();
    let copy = world.path("copy");
    let example = repository("examples/monorepo-polyglot");
    let copied = Command::new("cp").arg("-a").args([&example, &copy]).status().unwrap();
    assert!(copied.success());
    let mut system = System::start(world, &copy);
    let address = SocketAddr::from(([127, 0, 0, 1], system.http));
    let call = |(method, target, body): &(&'static str, &'static str, &'static str)| Call {
        method,
        host: "monorepo-polyglot.localhost",
        target,
        body,
    };
    // Twice each: once over a kept connection, once over fresh ones.
    let calls = CALLS.iter().flat_map(|one| [call(one), call(one)]).collect();
    let load = Load::of_calls(address, calls, Duration::from_millis(50));
    for round in 0..50 {
        let (service, source, comment) = SOURCES[round % SOURCES.len()];
        if round < 20 {
            system.swap(service, || drop(system.world.data(&["restart", service])));
        }
        let source = copy.join(source);
        let text = std::fs::read_to_string(&source).unwrap();
        system.swap(service, || {
            std::fs::write(&source, format!("{text}{comment} edit {round}\n")).unwrap();
        });
    }
    let outcome = load.outcome();
    println!(
        "20 restarts and 50 edits of seven services: {} requests answered, {} failed, longest wait {} ms",
        outcome.answered,
        outcome.failures.len(),
        outcome.longest.as_millis()
    );
    assert_eq!(outcome.failures, [""; 0], "{}", system.up.text());
    leaves_nothing(&mut system);
}

impl System {
    /// Does something that makes a service start anew, and waits until it has.
    #[track_caller]
    fn swap(&self, service: &str, change: impl FnOnce()) {
        let before = self.restarts(service).0;
        change();
        let swapped = || self.restarts(service) == (before + 1, "ready".to_owned());
        until(&format!("{service} to be swapped"), swapped, || self.up.text());
    }

    /// How often a service was started anew, and how it is.
    fn restarts(&self, service: &str) -> (u64, String) {
        let status = self.document("/v1/status");
        let one = &status["services"][service];
        let state = one["state"].as_str().unwrap().to_owned();
        (one["process"]["restarts"].as_u64().unwrap(), state)
    }
}
