//! A fake service: a listening socket, a thread, and what it does with each connection.
//!
//! The kinds of behaviour are in [`kinds`](self) below: HTTP (1.1 and, by prior knowledge or ALPN, 2) with any handler,
//! and connections that misbehave. What it saw is counted, so tests can ask how often it was called.

mod kinds;
mod serve;

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

pub use kinds::unused_address;

/// A running fake service; it ends, with all its connections, when it is dropped.
#[derive(Debug)]
pub struct Upstream {
    address: SocketAddr,
    counts: Arc<Counts>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What a fake service has seen.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    accepted: AtomicUsize,
    open: AtomicUsize,
    pub(crate) requests: AtomicUsize,
}

struct Open(Arc<Counts>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

type OnConnection = Rc<dyn Fn(TcpStream) -> Pin<Box<dyn Future<Output = ()>>>>;

impl Upstream {
    /// A service that does `serve` with each connection.
    pub fn tcp<F, Serving>(serve: F) -> Self
    where
        F: Fn(TcpStream) -> Serving + Send + 'static,
        Serving: Future<Output = ()> + 'static,
    {
        Self::start(free_address(), move |_| Rc::new(move |socket| Box::pin(serve(socket))))
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its URL with `path`, which begins with a slash.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// How many connections it has accepted.
    pub fn connections(&self) -> usize {
        self.counts.accepted.load(Ordering::Relaxed)
    }

    /// How many connections are open now.
    pub fn open(&self) -> usize {
        self.counts.open.load(Ordering::Relaxed)
    }

    /// How many HTTP requests it has received.
    pub fn requests(&self) -> usize {
        self.counts.requests.load(Ordering::Relaxed)
    }

    /// Stops it and gives back its address, to start another there.
    pub fn stop(self) -> SocketAddr {
        self.address
    }

    pub(crate) fn start(
        address: SocketAddr,
        make: impl FnOnce(Arc<Counts>) -> OnConnection + Send + 'static,
    ) -> Self {
        let listener = std::net::TcpListener::bind(address).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let counts = Arc::new(Counts::default());
        let (stop, stopped) = oneshot::channel();
        let for_thread = Arc::clone(&counts);
        let serve = move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let tasks = tokio::task::LocalSet::new();
            let accepting = async move {
                let listener = TcpListener::from_std(listener).unwrap();
                tokio::select! {
                    () = accept(listener, make(Arc::clone(&for_thread)), for_thread) => {}
                    _ = stopped => {}
                }
            };
            tasks.block_on(&runtime, accepting);
        };
        let thread = std::thread::Builder::new().name("upstream".to_owned()).spawn(serve).unwrap();
        Self { address, counts, stop: Some(stop), thread: Some(thread) }
    }
}

async fn accept(listener: TcpListener, serve: OnConnection, counts: Arc<Counts>) {
    loop {
        let Ok((socket, _)) = listener.accept().await else {
            continue;
        };
        let _ = socket.set_nodelay(true);
        counts.accepted.fetch_add(1, Ordering::Relaxed);
        counts.open.fetch_add(1, Ordering::Relaxed);
        let open = Open(Arc::clone(&counts));
        let serving = serve(socket);
        tokio::task::spawn_local(async move {
            serving.await;
            drop(open);
        });
    }
}

pub(crate) fn free_address() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

impl Drop for Upstream {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests;
