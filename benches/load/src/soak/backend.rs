//! The services behind the gateway: each answers with what it was asked, so that a caller sees when an answer is
//! not its own, streams slowly, and echoes in a tunnel.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::LocalSet;

use super::wire::{Head, Wire};
use crate::Failure;

/// A stream sends one chunk of so many bytes each time, so often.
pub(super) const CHUNK_BYTES: usize = 1024;
pub(super) const CHUNKS: usize = 40;
const CHUNK_EVERY: Duration = Duration::from_millis(50);

/// A service with a thread of its own; it ends with its handle.
pub(super) struct Backend {
    pub(super) port: u16,
    stop: Arc<Notify>,
    thread: Option<JoinHandle<()>>,
}

impl Backend {
    pub(super) fn start() -> Result<Self, Failure> {
        Self::at(0)
    }

    /// Ends at once, with all connections.
    pub(super) fn kill(&mut self) {
        self.stop.notify_one();
        if let Some(thread) = self.thread.take() {
            // A backend that panicked has failed requests already.
            let _ = thread.join();
        }
    }

    /// Serves again where it served before.
    pub(super) fn revive(&mut self) -> Result<(), Failure> {
        *self = Self::at(self.port)?;
        Ok(())
    }

    fn at(port: u16) -> Result<Self, Failure> {
        // What lingers of connections that were cut must not keep the port: the standard library
        // sets SO_REUSEADDR.
        let listener = std::net::TcpListener::bind(("127.0.0.1", port))?;
        listener.set_nonblocking(true)?;
        let port = listener.local_addr()?.port();
        let stop = Arc::new(Notify::new());
        let stopped = Arc::clone(&stop);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let serve = move || {
            let accepting = async {
                tokio::select! {
                    () = stopped.notified() => {}
                    _ = accept(listener) => {}
                }
            };
            LocalSet::new().block_on(&runtime, accepting);
        };
        let thread = std::thread::Builder::new().name("backend".to_owned()).spawn(serve)?;
        Ok(Self { port, stop, thread: Some(thread) })
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.kill();
    }
}

async fn accept(listener: std::net::TcpListener) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::task::spawn_local(async move {
            // Whoever called may go at any time: callers count what fails, not backends.
            let _ = serve(Wire::new(stream)).await;
        });
    }
}

async fn serve(mut wire: Wire) -> io::Result<()> {
    while let Some(head) = wire.head().await? {
        if head.get("upgrade").is_some() {
            return echo(wire).await;
        }
        let body = wire.body(&head).await?;
        if head.second().starts_with("/stream/") {
            stream(&mut wire).await?;
        } else {
            wire.write(&answer(&head, &body)).await?;
        }
    }
    Ok(())
}

/// The body that was sent, or the path where there was none.
fn answer(head: &Head, body: &[u8]) -> Vec<u8> {
    let body = if body.is_empty() { head.second().as_bytes() } else { body };
    let length = body.len();
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

async fn stream(wire: &mut Wire) -> io::Result<()> {
    wire.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await?;
    let chunk = format!("{CHUNK_BYTES:x}\r\n{}\r\n", "s".repeat(CHUNK_BYTES));
    for _ in 0..CHUNKS {
        wire.write(chunk.as_bytes()).await?;
        tokio::time::sleep(CHUNK_EVERY).await;
    }
    wire.write(b"0\r\n\r\n").await
}

async fn echo(mut wire: Wire) -> io::Result<()> {
    wire.write(b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n")
        .await?;
    loop {
        let word = wire.exactly(super::callers::PING_BYTES).await?;
        wire.write(&word).await?;
    }
}
