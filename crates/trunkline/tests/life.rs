//! What `up` leaves behind, on the real binary: nothing. Neither Ctrl-C nor `kill -9`, at whatever moment, leaves a
//! process, a busy port or a file that somebody has to clean up; and a second `up` says who is there already.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout, clippy::print_stderr)]

#[path = "it/support.rs"]
#[allow(dead_code, unreachable_pub, reason = "shared by several test programs")]
mod support;

use std::fmt::Write;
use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use support::{Running, World, free_port, is_alive, until};

/// Services whose server is a grandchild that does not hear when its parent goes.
const GRANDCHILDREN: &[(&str, &str)] = &[
    ("plain", "exec python3 -m http.server --bind 127.0.0.1 $PORT"),
    ("session", "setsid python3 -m http.server --bind 127.0.0.1 $PORT & wait"),
    ("nohup", "nohup sh -c 'python3 -m http.server --bind 127.0.0.1 $PORT & wait' & wait"),
    (
        "deaf",
        "trap '' TERM HUP; setsid sh -c 'trap \"\" TERM HUP; python3 -m http.server --bind 127.0.0.1 $PORT' & wait",
    ),
];

/// A project of `up` in a world of its own, with its ports.
struct Project {
    world: World,
    ports: [u16; 3],
}

impl Project {
    fn new(services: &[(&str, &str)]) -> Self {
        let project = Self { world: World::new(), ports: [free_port(), free_port(), free_port()] };
        let [gateway, control, metrics] = project.ports;
        let mut text = format!(
            "version: 1
name: life
workers: 1
gateway: {{ http: \"127.0.0.1:{gateway}\" }}
management: {{ control: {control}, metrics: {metrics}, jaeger: off }}
routes:
  - {{ match: \"/**\", to: {} }}
services:
",
            services[0].0
        );
        for (name, command) in services {
            let command = command.replace('\'', "''");
            writeln!(text, "  {name}: {{ command: '{command}', stop_timeout: 2s }}").unwrap();
        }
        project.world.write("trunkline.yaml", &text);
        project
    }

    /// Runs `up` until every service is ready.
    fn up(&self) -> Running {
        let mut up = self.world.start(&["up"]);
        until(
            "all services to be ready",
            || {
                let status = self.world.run(&["status", "--format", "json"]);
                assert!(up.child.try_wait().unwrap().is_none(), "ended early:\n{}", up.text());
                let status: serde_json::Value =
                    serde_json::from_slice(&status.stdout).unwrap_or_default();
                let services = status["services"].as_object();
                services.is_some_and(|services| {
                    !services.is_empty() && services.values().all(|one| one["state"] == "ready")
                })
            },
            String::new,
        );
        up
    }

    /// Processes of this world, however deep, that are not zombies. Their environment names its folder.
    fn processes(&self) -> Vec<u32> {
        let folder = self.world.folder.path().as_os_str().as_encoded_bytes().to_vec();
        let ids = fs::read_dir("/proc")
            .unwrap()
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
        let ours = ids.filter(|id| {
            let environment = fs::read(format!("/proc/{id}/environ")).unwrap_or_default();
            environment.windows(folder.len()).any(|part| part == folder)
        });
        ours.filter(|id| is_alive(*id)).collect()
    }

    /// Neither processes nor busy ports nor files of a run.
    #[track_caller]
    fn expect_nothing_left(&self) {
        until(
            "every process to end",
            || self.processes().is_empty(),
            || format!("{:?}", self.processes().into_iter().map(command_line).collect::<Vec<_>>()),
        );
        for port in self.ports {
            assert!(TcpListener::bind(("127.0.0.1", port)).is_ok(), "port {port} is busy");
        }
        let left = files_below(&self.world.path("run"));
        assert!(left.is_empty(), "{left:?}");
        assert_eq!(files_below(&self.world.project()).len(), 1, "only the file of the project");
    }

    /// Ends `up` as a person does, by Ctrl-C.
    #[track_caller]
    fn interrupt(&self, up: &mut Running) {
        up.signal("INT");
        let status = up.ended();
        assert!(status.code().is_some(), "{status}\n{}", up.text());
        self.expect_nothing_left();
    }
}

fn command_line(id: u32) -> String {
    let words = fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
    format!("{id}: {}", String::from_utf8_lossy(&words).replace('\0', " "))
}

fn files_below(folder: &Path) -> Vec<std::path::PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

fn kill_9(up: &mut Running) {
    up.signal("KILL");
    up.ended();
}

/// `kill -9`, then `up` again: what the first one left is gone, and everything is ready anew.
fn survives_kill_9(services: &[(&str, &str)]) {
    let project = Project::new(services);
    let mut first = project.up();
    let former: Vec<_> = project.processes().into_iter().filter(|id| *id != first.pid()).collect();
    assert!(former.len() >= services.len());
    kill_9(&mut first);
    let mut second = project.up();
    let orphans: Vec<_> = former.into_iter().filter(|id| is_alive(*id)).map(command_line).collect();
    assert!(orphans.is_empty(), "{orphans:?}");
    project.interrupt(&mut second);
}

#[test]
fn after_kill_9_up_finds_no_orphan_and_no_busy_port() {
    survives_kill_9(GRANDCHILDREN);
}

fn is_installed(program: &str) -> bool {
    let found = Command::new(program).arg("version").stdout(Stdio::null()).status();
    if found.is_err() {
        println!("skipped: needs {program}");
    }
    found.is_ok()
}

#[test]
fn after_kill_9_nothing_of_npm_and_go_run_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    let inside = |command: &str| format!("cd {} && {command}", folder.path().display());
    let mut services = Vec::new();
    if is_installed("npm") {
        write("package.json", r#"{"name": "web", "scripts": {"dev": "node server.js"}}"#);
        write(
            "server.js",
            "process.on('SIGTERM', () => {});
             require('http').createServer((_, r) => r.end()).listen(process.env.PORT, '127.0.0.1');",
        );
        services.push(("npm", inside("npm run dev")));
    }
    if is_installed("go") {
        write("go.mod", "module web\n\ngo 1.20\n");
        write(
            "main.go",
            "package main\nimport (\"net/http\"; \"os\")\nfunc main() {
    http.ListenAndServe(\"127.0.0.1:\" + os.Getenv(\"PORT\"), http.NotFoundHandler())\n}\n",
        );
        let caches = std::env::temp_dir().join("trunkline-test-go");
        let caches = caches.display();
        let run = format!("GOCACHE={caches}/build GOPATH={caches}/path GOFLAGS=-mod=mod go run .");
        services.push(("go", inside(&run)));
    }
    let services: Vec<_> =
        services.iter().map(|(name, command)| (*name, command.as_str())).collect();
    if !services.is_empty() {
        survives_kill_9(&services);
    }
}

#[test]
fn ctrl_c_leaves_no_process_port_or_file() {
    let project = Project::new(GRANDCHILDREN);
    let mut up = project.up();
    project.interrupt(&mut up);
}

#[test]
fn a_second_up_says_who_is_there() {
    let first = Project::new(&GRANDCHILDREN[..1]);
    let mut up = first.up();
    let same = first.world.run(&["up"]);
    let said = String::from_utf8_lossy(&same.stderr).into_owned();
    assert!(!same.status.success());
    assert!(said.contains(&format!("process {}", up.pid())), "{said}");
    // Another project that wants the same port.
    let other = Project::new(&GRANDCHILDREN[..1]);
    let text = fs::read_to_string(first.world.project().join("trunkline.yaml")).unwrap();
    other.world.write("trunkline.yaml", &text);
    let refused = other.world.run(&["up"]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success());
    let gateway = first.ports[0];
    assert!(said.contains(&format!("127.0.0.1:{gateway} is already in use")), "{said}");
    assert!(said.contains(&format!("process {}", up.pid())), "{said}");
    assert!(other.processes().is_empty());
    first.interrupt(&mut up);
}

#[test]
fn kill_9_while_it_starts_leaves_nothing_that_the_next_up_minds() {
    let project = Project::new(&GRANDCHILDREN[..2]);
    // Moments spread over a start, the same in every run of this test.
    let mut seed = 0x9E37_79B9_u64;
    for _ in 0..6 {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let mut up = project.world.start(&["up"]);
        std::thread::sleep(Duration::from_millis((seed >> 33) % 700));
        kill_9(&mut up);
    }
    let mut up = project.up();
    // One process for `up`, and the two services with what they started.
    let services = project.processes();
    assert!(
        services.len() <= 5,
        "{:?}",
        services.into_iter().map(command_line).collect::<Vec<_>>()
    );
    project.interrupt(&mut up);
}
