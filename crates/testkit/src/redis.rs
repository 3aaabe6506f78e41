//! A real Redis of a test's own: in a folder that goes with it, without persistence, killed at the end.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Far above what a start takes, even where tests share a machine.
const DEADLINE: Duration = Duration::from_secs(20);

/// A Redis that runs.
#[derive(Debug)]
pub struct Redis {
    program: String,
    folder: TempDir,
    address: SocketAddr,
    child: Option<Child>,
}

impl Redis {
    /// Starts one on a free port; `None`, and a word about it, where there is no `redis-server`.
    #[expect(clippy::print_stdout, reason = "a test that could not run says so")]
    pub fn start() -> Option<Self> {
        let Some(program) = find() else {
            println!("skipped: needs redis-server");
            return None;
        };
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let mut redis = Self { program, folder, address, child: None };
        redis.restart();
        Some(redis)
    }

    /// Kills it, if it runs, and starts it on the same port, with nothing in it.
    pub fn restart(&mut self) {
        self.kill();
        let mut command = Command::new(&self.program);
        command.args(["--save", "", "--appendonly", "no", "--daemonize", "no"]);
        command.args(["--bind", "127.0.0.1", "--dir"]).arg(self.folder.path());
        command.arg("--port").arg(self.address.port().to_string());
        self.child = Some(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        let until = Instant::now() + DEADLINE;
        while TcpStream::connect(self.address).is_err() {
            assert!(Instant::now() < until, "redis does not listen");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Kills it.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("redis://{}/", self.address)
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
    }
}

fn find() -> Option<String> {
    let path = std::env::var("PATH").unwrap_or_default();
    let places = path.split(':').chain(["/usr/bin", "/usr/local/bin"]);
    let mut programs = places.map(|folder| format!("{folder}/redis-server"));
    programs.find(|program| Path::new(program).exists())
}
