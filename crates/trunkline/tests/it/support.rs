//! The real binary in a world of its own: temporary folders for configuration, data and runs.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How long anything may take; a slow machine is not a failure.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A world of its own.
pub struct World {
    pub folder: tempfile::TempDir,
}

impl World {
    pub fn new() -> Self {
        let world =
            Self { folder: tempfile::Builder::new().prefix("tl-").tempdir_in("/tmp").unwrap() };
        for name in ["project", "data", "state", "run", "home"] {
            fs::create_dir(world.folder.path().join(name)).unwrap();
        }
        fs::set_permissions(world.path("run"), std::os::unix::fs::PermissionsExt::from_mode(0o700))
            .unwrap();
        world
    }

    /// A path in this world.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The folder of the project.
    pub fn project(&self) -> PathBuf {
        self.path("project")
    }

    /// Writes a file of the project, replacing it at once.
    pub fn write(&self, name: &str, text: &str) {
        let path = self.project().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let beside = path.with_extension("new");
        fs::write(&beside, text).unwrap();
        fs::rename(beside, path).unwrap();
    }

    /// The binary, in the project's folder.
    pub fn command(&self, arguments: &[&str]) -> Command {
        self.command_of(Path::new(env!("CARGO_BIN_EXE_trunkline")), arguments)
    }

    /// Some binary, in the project's folder.
    pub fn command_of(&self, binary: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary);
        command
            .args(arguments)
            .current_dir(self.project())
            .env_remove("NO_COLOR")
            .env("HOME", self.path("home"))
            .env("XDG_DATA_HOME", self.path("data"))
            .env("XDG_STATE_HOME", self.path("state"))
            .env("XDG_RUNTIME_DIR", self.path("run"));
        command
    }

    /// Runs a verb to its end.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).stdin(Stdio::null()).output().unwrap()
    }

    /// Runs a verb that must succeed, and returns what it printed.
    #[track_caller]
    pub fn data(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", describe(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Starts a verb that stays.
    pub fn start(&self, arguments: &[&str]) -> Running {
        Running::new(self.command(arguments))
    }
}

pub fn describe(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!(
        "{}\n--- stdout\n{}--- stderr\n{}",
        output.status,
        text(&output.stdout),
        text(&output.stderr)
    )
}

/// Exit code, and both streams as one screen.
pub fn screen(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let code = output.status.code().map_or_else(|| "signal".to_owned(), |code| code.to_string());
    format!("{}{}[exit {code}]\n", text(&output.stderr), text(&output.stdout))
}

/// A process whose lines are gathered; it is killed with its handle.
pub struct Running {
    pub child: Child,
    lines: Arc<Mutex<Vec<String>>>,
    readers: Vec<std::thread::JoinHandle<()>>,
}

impl Running {
    pub fn new(command: Command) -> Self {
        Self::fed_by(command, Stdio::null())
    }

    pub fn fed_by(mut command: Command, input: Stdio) -> Self {
        let mut child =
            command.stdin(input).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = Arc::new(Mutex::new(Vec::new()));
        let readers = vec![
            gather(child.stdout.take().unwrap(), Arc::clone(&lines)),
            gather(child.stderr.take().unwrap(), Arc::clone(&lines)),
        ];
        Self { child, lines, readers }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Everything it has printed.
    pub fn text(&self) -> String {
        self.lines.lock().unwrap().iter().map(|line| format!("{line}\n")).collect()
    }

    /// Waits until it has printed something.
    #[track_caller]
    pub fn wait_for(&mut self, text: &str) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let ended = self.child.try_wait().unwrap();
            if self.text().contains(text) {
                return;
            }
            assert!(ended.is_none(), "ended before `{text}`:\n{}", self.text());
            assert!(Instant::now() < deadline, "waited in vain for `{text}`:\n{}", self.text());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub fn signal(&self, name: &str) {
        signal(self.pid(), name);
    }

    /// Waits for its end.
    #[track_caller]
    pub fn ended(&mut self) -> ExitStatus {
        let mut status = None;
        until(
            "the end",
            || {
                status = self.child.try_wait().unwrap();
                status.is_some()
            },
            || self.lines.lock().unwrap().join("\n"),
        );
        for reader in self.readers.drain(..) {
            // A grandchild may hold the pipe; its lines are not waited for.
            if reader.is_finished() {
                reader.join().unwrap();
            }
        }
        status.unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- printed by process {}:\n{}", self.child.id(), self.text());
        }
    }
}

fn gather(
    stream: impl Read + Send + 'static,
    lines: Arc<Mutex<Vec<String>>>,
) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines() {
            let Ok(line) = line else { return };
            lines.lock().unwrap().push(line);
        }
    })
}

/// Sends a signal by the system's own tool.
pub fn signal(pid: u32, name: &str) {
    let _ = Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).status();
}

/// Whether a process is there and not a zombie.
pub fn is_alive(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')')
        .next()
        .and_then(|rest| rest.trim().chars().next())
        .is_some_and(|state| state != 'Z')
}

/// Waits until something holds, and says what it waited for if it never does.
#[track_caller]
pub fn until(what: &str, mut holds: impl FnMut() -> bool, state: impl Fn() -> String) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "waited in vain for {what}\n{}", state());
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Ports below those that the kernel gives to outgoing connections, and above those that `up` chooses from.
const PORTS: std::ops::Range<u16> = 24_000..32_000;

/// A port that is free, and that no other test is given while this process lives. One that the kernel picked would
/// soon be some connection's own.
pub fn free_port() -> u16 {
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::UnixListener;

    static HELD: Mutex<Vec<UnixListener>> = Mutex::new(Vec::new());
    let mut held = HELD.lock().unwrap();
    let begin = u16::try_from(std::process::id() % u32::from(PORTS.end - PORTS.start)).unwrap();
    for port in (PORTS.start + begin..PORTS.end).chain(PORTS) {
        let name = format!("trunkline.test.port.{port}");
        let name = std::os::unix::net::SocketAddr::from_abstract_name(name).unwrap();
        let Ok(reserved) = UnixListener::bind_addr(&name) else {
            continue;
        };
        if TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], port))).is_ok() {
            held.push(reserved);
            return port;
        }
    }
    panic!("no port is free");
}

/// The lines of a file of the repository.
pub fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}
