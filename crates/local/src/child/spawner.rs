//! The thread that spawns all children and lives as long as they may.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;

use tokio::sync::{mpsc, oneshot};

use super::{Child, Outputs, VERB};

/// Orders that may wait for the thread.
const ORDERS_MAX: usize = 64;

/// How the hidden verb is called: normally [`Launcher::this_binary`].
#[derive(Clone, Debug)]
pub struct Launcher {
    /// The program.
    pub program: PathBuf,
    /// Its arguments in front of the verb's own.
    pub arguments: Vec<OsString>,
}

impl Launcher {
    /// This binary, which must give the arguments after [`VERB`] to [`super::become_child`]. It is
    /// found even when its file was replaced meanwhile.
    pub fn this_binary() -> Self {
        Self { program: "/proc/self/exe".into(), arguments: vec![VERB.into()] }
    }
}

/// What to run.
#[derive(Clone, Debug)]
pub struct Order {
    /// A line for `/bin/sh -c`.
    pub command: String,
    /// The folder it runs in.
    pub directory: PathBuf,
    /// Variables on top of this process's own environment; later ones win.
    pub environment: Vec<(String, String)>,
}

type Request = (Order, oneshot::Sender<io::Result<std::process::Child>>);

/// Hands orders to the thread. The thread ends, and with it every child, when this is dropped.
#[derive(Debug)]
pub struct Spawner {
    orders: mpsc::Sender<Request>,
}

impl Spawner {
    /// Starts the thread. The error is the operating system's.
    pub fn start(launcher: Launcher) -> io::Result<Self> {
        let (orders, mut received) = mpsc::channel::<Request>(ORDERS_MAX);
        let body = move || {
            while let Some((order, reply)) = received.blocking_recv() {
                // When nobody waits any more, the child comes back here and must not live on.
                if let Err(Ok(mut unwanted)) = reply.send(spawn(&launcher, order)) {
                    let _ = unwanted.kill();
                    let _ = unwanted.wait();
                }
            }
        };
        // Not joined: it must outlive whoever would wait for it, and ends with the last sender.
        thread::Builder::new().name("spawner".into()).spawn(body)?;
        Ok(Self { orders })
    }

    /// Spawns a child. The error is the operating system's: no such folder, no more processes.
    pub async fn spawn(&self, order: Order) -> io::Result<(Child, Outputs)> {
        let (reply, answer) = oneshot::channel();
        self.orders.send((order, reply)).await.map_err(|_| gone())?;
        Child::watch(answer.await.map_err(|_| gone())??)
    }
}

fn gone() -> io::Error {
    io::Error::other("the spawner thread has ended")
}

fn spawn(launcher: &Launcher, order: Order) -> io::Result<std::process::Child> {
    Command::new(&launcher.program)
        .args(&launcher.arguments)
        .arg(std::process::id().to_string())
        .arg(order.command)
        .current_dir(order.directory)
        .envs(order.environment)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
}
