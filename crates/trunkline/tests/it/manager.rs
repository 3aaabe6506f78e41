//! Under a service manager: what it is told, the sockets it opens, and being process 1.

use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};
use std::time::Duration;

use trunkline_testkit::Upstream;

use crate::serve::{config, get};
use crate::support::{Running, World, describe, free_port, repository, signal, until};

/// A service manager that listens.
struct Manager(UnixDatagram);

impl Manager {
    fn new(world: &World) -> Self {
        let socket = UnixDatagram::bind(world.path("notify")).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        Self(socket)
    }

    /// The next message that says this.
    fn hears(&self, what: &str) -> String {
        let mut text = [0; 512];
        loop {
            let length = self.0.recv(&mut text).unwrap_or_else(|error| panic!("{what}: {error}"));
            let said = String::from_utf8_lossy(&text[..length]).into_owned();
            if said.lines().any(|line| line.starts_with(what)) {
                return said;
            }
        }
    }
}

#[test]
fn a_service_manager_is_told_what_happens() {
    let upstream = Upstream::answering(200, "ok");
    let (world, port) = (World::new(), free_port());
    world.write("trunkline.yaml", &config(port, &upstream));
    let manager = Manager::new(&world);
    let mut command = world.command(&["serve", "-c", "trunkline.yaml"]);
    command.env("NOTIFY_SOCKET", world.path("notify")).env("WATCHDOG_USEC", "100000");
    let mut serving = Running::new(command);
    let pid = serving.pid();
    assert!(manager.hears("READY=1").contains(&format!("MAINPID={pid}\n")), "{}", serving.text());
    assert_eq!(get(port, "/").0, 200);
    manager.hears("WATCHDOG=1");
    serving.signal("HUP");
    assert!(manager.hears("RELOADING=1").contains("MONOTONIC_USEC="));
    manager.hears("READY=1");

    let upgraded = world.run(&["upgrade"]);
    assert!(upgraded.status.success(), "{}", describe(&upgraded));
    let said = manager.hears("STATUS=handed over");
    let next = said.lines().find_map(|line| line.strip_prefix("MAINPID=")).unwrap();
    let next: u32 = next.parse().unwrap();
    assert_ne!(next, pid);
    assert!(serving.ended().success());
    manager.hears("WATCHDOG=1");
    signal(next, "TERM");
    manager.hears("STOPPING=1");
}

#[test]
fn sockets_of_the_service_manager_become_listeners() {
    let upstream = Upstream::answering(200, "ok");
    let world = World::new();
    let (moved, written) = (TcpListener::bind("127.0.0.1:0").unwrap(), free_port());
    let port = moved.local_addr().unwrap().port();
    world.write("trunkline.yaml", &format!("workers: 2\n{}", config(written, &upstream)));
    let script =
        "exec 3<&0 0</dev/null; export LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=http; exec \"$@\"";
    let mut shell = Command::new("sh");
    let serve = world.command(&["serve", "-c", "trunkline.yaml"]);
    shell.args(["-c", script, "sh"]).arg(serve.get_program()).args(serve.get_args());
    shell.envs(serve.get_envs().filter_map(|(name, value)| Some((name, value?))));
    shell.current_dir(serve.get_current_dir().unwrap());
    let mut serving = Running::fed_by(shell, Stdio::from(OwnedFd::from(moved)));
    serving.wait_for("serving");
    // Its name says which listener it is, whatever its port; and every worker may accept.
    for _ in 0..20 {
        assert_eq!(get(port, "/"), (200, "ok".to_owned()), "{}", serving.text());
    }
    assert_eq!(get(written, "/").0, 0);
    serving.signal("TERM");
    assert!(serving.ended().success());
}

/// Runs the binary as process 1 of a namespace; `None` where that is not permitted.
fn as_process_one(world: &World, arguments: &[&str]) -> Option<Command> {
    let possible = ["--pid", "--fork", "--mount-proc", "true"];
    let possible = Command::new("unshare").args(possible).output();
    if !possible.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: needs the right to make a namespace of processes (unshare --pid)");
        return None;
    }
    let inner = world.command(arguments);
    let mut command = Command::new("unshare");
    command.args(["--pid", "--fork", "--mount-proc", "--kill-child=KILL"]);
    command.arg(inner.get_program()).args(inner.get_args());
    command.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.current_dir(inner.get_current_dir().unwrap());
    Some(command)
}

/// The child of a process, as this namespace numbers it.
fn child_of(pid: u32) -> Option<u32> {
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?;
    children.split_whitespace().next()?.parse().ok()
}

#[test]
fn as_process_one_it_collects_orphans_survives_an_upgrade_and_ends_by_signal() {
    let upstream = Upstream::answering(200, "ok");
    let (world, port) = (World::new(), free_port());
    world.write("trunkline.yaml", &config(port, &upstream));
    let Some(command) = as_process_one(&world, &["serve", "-c", "trunkline.yaml"]) else {
        return;
    };
    let mut serving = Running::new(command);
    serving.wait_for("serving");
    let first = child_of(serving.pid()).unwrap();
    assert_eq!(get(port, "/").0, 200);
    // Somebody leaves an orphan behind in this namespace: it ends, and is collected.
    let orphan = "(sleep 0.1 & echo $! > orphan.pid)";
    let enter = Command::new("nsenter")
        .args(["-t", &first.to_string(), "-p", "-m", "sh", "-c", orphan])
        .current_dir(world.project())
        .status();
    assert!(enter.unwrap().success());
    let children = || {
        let path = format!("/proc/{first}/task/{first}/children");
        std::fs::read_to_string(path).unwrap_or_default().split_whitespace().count()
    };
    until("the orphan is collected", || children() == 1, || serving.text());

    let main = child_of(first).unwrap();
    signal(first, "USR2");
    let is_next = || child_of(first).is_some_and(|pid| pid != main) && children() == 1;
    until("the successor is alone", is_next, || serving.text());
    assert_eq!(get(port, "/").0, 200);
    signal(first, "TERM");
    assert!(serving.ended().success(), "{}", serving.text());
    assert_eq!(get(port, "/").0, 0);
}

/// `notify-reload` came with systemd 253.
fn knows_notify_reload(version: &[u8]) -> bool {
    let text = String::from_utf8_lossy(version);
    let number = text.split_whitespace().nth(1).and_then(|number| number.parse::<u32>().ok());
    number.is_some_and(|number| number >= 253)
}

#[test]
fn the_units_are_what_systemd_understands() {
    let Ok(version) = Command::new("systemd-analyze").arg("--version").output() else {
        eprintln!("skipped: needs systemd-analyze");
        return;
    };
    assert!(version.status.success());
    let folder = tempfile::tempdir().unwrap();
    for name in ["trunkline.service", "trunkline.socket"] {
        let unit = repository("deploy/systemd").join(name);
        let text = std::fs::read_to_string(unit).unwrap();
        // The installed binary is not on this machine.
        let mut text = text.replace("/usr/local/bin/trunkline ", "/bin/true ");
        if !knows_notify_reload(&version.stdout) {
            text = text.replace("Type=notify-reload", "Type=notify");
        }
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let verify = Command::new("systemd-analyze")
        .args(["verify", "--man=no", "--recursive-errors=no"])
        .arg(folder.path().join("trunkline.service"))
        .arg(folder.path().join("trunkline.socket"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&verify.stderr);
    assert!(verify.status.success(), "{said}");
    // Words that this systemd does not know are told without failing.
    assert!(!said.contains("trunkline.service:") && !said.contains("trunkline.socket:"), "{said}");
}
