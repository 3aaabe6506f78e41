//! A Redis of a test's own: in a folder that goes with it, without persistence, killed at the end.

use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use trunkline_resilience::breaker::{Outcome, State};
use trunkline_share::{Change, End, Link, Permit, Policies, Settings, Verdict};

pub const MILLI: Duration = Duration::from_millis(1);
pub const SECOND: Duration = Duration::from_secs(1);

/// Far above what an answer takes, even where tests share a machine.
pub const PATIENT: Duration = Duration::from_secs(5);

const DEADLINE: Duration = Duration::from_secs(20);

pub struct Redis {
    program: String,
    folder: TempDir,
    /// A port of the loopback; a socket in the folder where there is none.
    port: Option<u16>,
    /// What is told besides, on its command line.
    more: Vec<String>,
    child: Option<Child>,
}

impl Redis {
    /// `None`, and a word about it, where there is no Redis.
    pub fn start() -> Option<Self> {
        Self::new(None, |_| vec![])
    }

    pub fn start_on_port() -> Option<Self> {
        Self::new(Some(unused_port()), |_| vec![])
    }

    /// With more on its command line, which may name files in its folder.
    pub fn new(port: Option<u16>, more: impl FnOnce(&Path) -> Vec<String>) -> Option<Self> {
        let Some(program) = find() else {
            println!("skipped: needs redis-server");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        let more = more(folder.path());
        let mut redis = Self { program, folder, port, more, child: None };
        redis.restart();
        Some(redis)
    }

    pub fn restart(&mut self) {
        self.kill();
        let mut command = Command::new(&self.program);
        command.args(["--save", "", "--appendonly", "no", "--daemonize", "no"]);
        command.args(["--bind", "127.0.0.1", "--dir"]).arg(self.folder.path());
        command.arg("--port").arg(self.port.unwrap_or(0).to_string());
        command.arg("--unixsocket").arg(self.folder.path().join("redis"));
        command.args(&self.more).stdout(Stdio::null()).stderr(Stdio::null());
        self.child = Some(command.spawn().unwrap());
        let until = Instant::now() + DEADLINE;
        while !self.answers() {
            assert!(Instant::now() < until, "redis does not listen");
            std::thread::sleep(MILLI * 5);
        }
    }

    fn answers(&self) -> bool {
        match self.port {
            Some(port) => TcpStream::connect(("127.0.0.1", port)).is_ok(),
            None => UnixStream::connect(self.folder.path().join("redis")).is_ok(),
        }
    }

    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    pub fn process(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    pub fn settings(&self) -> Settings {
        let url = match self.port {
            Some(port) => format!("redis://127.0.0.1:{port}/"),
            None => format!("unix://{}", self.folder.path().join("redis").display()),
        };
        Settings { url, tls: None, prefix: "test:".into(), timeout: PATIENT }
    }

    /// A link of a process of its own.
    pub fn link(&self) -> Link {
        Link::new(&self.settings()).unwrap()
    }

    /// A connection for looking at what is there.
    pub fn raw(&self) -> redis::Connection {
        redis::Client::open(self.settings().url).unwrap().get_connection().unwrap()
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
    }
}

pub fn unused_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn find() -> Option<String> {
    let path = std::env::var("PATH").unwrap_or_default();
    let places = path.split(':').chain(["/usr/bin", "/usr/local/bin"]);
    let mut programs = places.map(|folder| format!("{folder}/redis-server"));
    programs.find(|program| Path::new(program).exists())
}

/// Tells all of them the time.
pub fn set_now<'a>(links: impl IntoIterator<Item = &'a Link>, now: Duration) {
    links.into_iter().for_each(|link| link.set_now(now));
}

/// A name that no other case of this process has.
pub fn new_name() -> String {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    format!("case {}", NUMBER.fetch_add(1, Ordering::Relaxed))
}

/// Waits for a fact that Redis's own clock brings about.
pub async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !is_so().await {
        assert!(Instant::now() < deadline, "{what}");
        tokio::time::sleep(MILLI * 5).await;
    }
}

pub async fn admit(link: &Link, policies: &Policies) -> Result<(Permit, Duration), Verdict> {
    match link.admit("web", policies).await.unwrap().verdict {
        Verdict::Admitted { permit, wait } => Ok((permit, wait)),
        other => Err(other),
    }
}

pub async fn done(
    link: &Link,
    policies: &Policies,
    permit: Permit,
    outcome: Outcome,
) -> Option<Change> {
    let end = End { permit, outcome, took: MILLI };
    link.done("web", policies, end).await.unwrap()
}

/// One call that ends at once.
pub async fn call(link: &Link, policies: &Policies, outcome: Outcome) -> Option<Change> {
    let (permit, _) = admit(link, policies).await.expect("it is admitted");
    done(link, policies, permit, outcome).await
}

pub async fn state(link: &Link, policies: &Policies) -> State {
    link.look("web", policies).await.unwrap().breaker.unwrap().state
}
