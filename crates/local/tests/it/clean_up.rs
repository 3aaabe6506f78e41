//! Nothing outlives its run: neither a stop, nor a crash of a tool in between, nor `kill -9`.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use trunkline_local::plan::is_free;
use trunkline_local::run::{RUN_VARIABLE, RunId};
use trunkline_local::{processes, reap};

use crate::rig::{PATIENCE, Rig, SERVER};
use crate::support::{model, name};

/// A tool between us and the server, as npm and `go run` are; its child has a session of its own.
const BEHIND_A_TOOL: &str =
    "setsid python3 -m http.server --bind 127.0.0.1 $PORT & echo grandchild $!; wait";

fn alive(pid: u32) -> bool {
    processes::stat(pid).is_some_and(|stat| !stat.is_zombie())
}

/// Whether nobody keeps a port. Other tests look for free ones by binding them for a moment, this
/// one too.
fn becomes_free(port: u16) -> bool {
    let begun = Instant::now();
    while !is_free(port) {
        if begun.elapsed() > PATIENCE {
            return false;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    true
}

fn pid_in(line: &str) -> Option<u32> {
    line.strip_prefix("grandchild ")?.parse().ok()
}

#[tokio::test]
async fn a_stop_leaves_no_grandchild_and_no_busy_port() {
    let folder = tempfile::tempdir().unwrap();
    let services = [("tool", BEHIND_A_TOOL), ("plain", SERVER)];
    let mut rig = Rig::start(folder.path(), &model(&services, folder.path()));
    let line = rig.line("tool").await;
    let grandchild = pid_in(&line).unwrap();
    rig.supervisor.settled().await;
    assert!(alive(grandchild));
    let statuses = rig.supervisor.statuses();
    rig.supervisor.stop().await;
    assert!(!alive(grandchild));
    for status in statuses.values() {
        assert!(!alive(status.pid.unwrap()) && becomes_free(status.address.port()));
    }
}

#[tokio::test]
async fn a_child_that_ignores_sigterm_is_killed_after_its_time() {
    let folder = tempfile::tempdir().unwrap();
    let deaf = "trap '' TERM; echo deaf; python3 -m http.server --bind 127.0.0.1 $PORT";
    let mut rig = Rig::start(folder.path(), &model(&[("deaf", deaf)], folder.path()));
    rig.ready("deaf").await;
    let pid = rig.supervisor.statuses()[&name("deaf")].pid.unwrap();
    rig.supervisor.stop().await;
    assert!(!alive(pid));
}

#[tokio::test]
async fn when_the_tool_dies_its_server_is_ended_before_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let mut rig = Rig::start(folder.path(), &model(&[("tool", BEHIND_A_TOOL)], folder.path()));
    let first = pid_in(&rig.line("tool").await).unwrap();
    rig.ready("tool").await;
    let tool = rig.supervisor.statuses()[&name("tool")].pid.unwrap();
    let tool = rustix::process::Pid::from_raw(tool.try_into().unwrap()).unwrap();
    rustix::process::kill_process(tool, rustix::process::Signal::KILL).unwrap();
    let mut second = None;
    while second.is_none() {
        second = pid_in(&rig.line("tool").await);
    }
    rig.ready("tool").await;
    assert!(!alive(first) && alive(second.unwrap()));
    rig.supervisor.stop().await;
}

/// The kill test with one service, for a tool that people really have between them and a server.
fn survives_kill_9(folder: &Path, command: &str) {
    let mut up = Command::new(env!("CARGO_BIN_EXE_trunkline-local-stand-in"))
        .args(["up", folder.to_str().unwrap()])
        .arg(format!("web={command}"))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(up.stdout.take().unwrap()).lines();
    let port =
        lines.find_map(|line| line.unwrap().strip_prefix("web ready 127.0.0.1:")?.parse().ok());
    let port: u16 = port.expect("it runs until it is killed");
    let run = RunId::of(up.id()).unwrap();
    up.kill().unwrap();
    up.wait().unwrap();
    reap::dead_runs(Duration::from_secs(5));
    assert_eq!(reap::whole_run(run, Duration::ZERO), []);
    assert!(becomes_free(port));
}

fn is_installed(program: &str) -> bool {
    Command::new(program).arg("version").stdout(Stdio::null()).status().is_ok()
}

#[test]
fn a_server_behind_npm_does_not_survive_kill_9() {
    if !is_installed("npm") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let package = r#"{"name": "web", "scripts": {"dev": "node server.js"}}"#;
    let server = "process.on('SIGTERM', () => {});
        require('http').createServer((_, r) => r.end()).listen(process.env.PORT, '127.0.0.1');";
    std::fs::write(folder.path().join("package.json"), package).unwrap();
    std::fs::write(folder.path().join("server.js"), server).unwrap();
    let command = format!("cd {} && npm run dev", folder.path().display());
    survives_kill_9(folder.path(), &command);
}

#[test]
fn a_server_behind_go_run_does_not_survive_kill_9() {
    if !is_installed("go") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let server = r#"package main
import ("net"; "os")
func main() {
    listener, _ := net.Listen("tcp", "127.0.0.1:" + os.Getenv("PORT"))
    for { connection, _ := listener.Accept(); connection.Close() }
}"#;
    std::fs::write(folder.path().join("go.mod"), "module web\n\ngo 1.20\n").unwrap();
    std::fs::write(folder.path().join("main.go"), server).unwrap();
    survives_kill_9(folder.path(), &format!("cd {} && go run .", folder.path().display()));
}

#[test]
fn after_kill_9_the_next_run_leaves_no_orphan_and_no_busy_port() {
    let folder = tempfile::tempdir().unwrap();
    let mut up = Command::new(env!("CARGO_BIN_EXE_trunkline-local-stand-in"))
        .args(["up", folder.path().to_str().unwrap()])
        .arg(format!("tool={BEHIND_A_TOOL}"))
        .arg("script=setsid sleep 1000 & echo grandchild $!; wait")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut grandchildren = Vec::new();
    let mut port = None;
    let mut lines = BufReader::new(up.stdout.take().unwrap()).lines();
    while grandchildren.len() < 2 || port.is_none() {
        let line = lines.next().expect("it runs until it is killed").unwrap();
        grandchildren.extend(line.split_once(" | ").and_then(|(_, text)| pid_in(text)));
        port = port.or(line.strip_prefix("tool ready 127.0.0.1:").and_then(|p| p.parse().ok()));
    }
    let run = RunId::of(up.id()).unwrap();
    assert!(!is_free(port.unwrap()));
    assert!(grandchildren.iter().all(|pid| alive(*pid)));
    up.kill().unwrap();
    // Not yet waited for: a run whose process is a zombie is dead as well.
    while run.is_alive() {
        std::thread::yield_now();
    }
    reap::dead_runs(Duration::from_secs(5));
    assert!(!grandchildren.iter().any(|pid| alive(*pid)));
    assert!(becomes_free(port.unwrap()));
    up.wait().unwrap();
    assert_eq!(reap::whole_run(run, Duration::ZERO), []);
}

#[test]
fn what_a_run_of_another_pid_namespace_started_is_left_alone() {
    let here = RunId::of_this_process().unwrap();
    let start = |namespace| {
        // Here this pid was never that process: such a run looks dead.
        let run = RunId { started_ticks: here.started_ticks + 1, namespace, ..here };
        let mut sleep = Command::new("sleep");
        sleep.arg("1000").env(RUN_VARIABLE, run.to_string());
        sleep.spawn().unwrap()
    };
    let (mut dead, mut elsewhere) = (start(here.namespace), start(here.namespace + 1));
    reap::dead_runs(Duration::from_secs(5));
    assert!(!alive(dead.id()));
    assert!(alive(elsewhere.id()));
    dead.wait().unwrap();
    elsewhere.kill().unwrap();
    elsewhere.wait().unwrap();
}
