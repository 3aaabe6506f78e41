//! What an idle TLS connection costs in memory, counted by the allocator of this process.
//!
//! A test binary of its own: the allocator counts everything that its thread does, and callers live on another.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "tests fail by panicking"
)]
#![allow(unsafe_code, reason = "an allocator is unsafe by its nature")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};
use trunkline_net::stream::Stream;
use trunkline_net::tls::{
    CertificateStore, ServerSettings, TicketKeys, server_config, server_name,
};
use trunkline_testkit::Pki;

/// The bar: bytes of heap that one idle connection may hold.
const BYTES_MAX: i64 = 30 << 10;
const CONNECTIONS: i64 = 64;

thread_local! {
    static HELD: Cell<i64> = const { Cell::new(0) };
}

struct Counting;

fn count(bytes: usize, sign: i64) {
    let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
    // A thread that ends may free after its counter is gone.
    let _ = HELD.try_with(|held| held.set(held.get() + sign * bytes));
}

// SAFETY: everything is passed on to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 1);
        // SAFETY: the caller's promise is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(layout.size(), -1);
        // SAFETY: the caller's promise is the same.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Callers on a thread of their own, whose memory is not counted here.
fn call(address: std::net::SocketAddr, client: Arc<rustls::ClientConfig>) {
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut kept = Vec::new();
            for _ in 0..CONNECTIONS {
                let socket = TcpStream::connect(address).await.unwrap();
                let connector = TlsConnector::from(Arc::clone(&client));
                let name = server_name("shop.test").unwrap();
                let mut stream = connector.connect(name, socket).await.unwrap();
                stream.write_all(&[b'x'; 4096]).await.unwrap();
                stream.flush().await.unwrap();
                stream.read_exact(&mut [0; 4096]).await.unwrap();
                kept.push(stream);
            }
            std::future::pending::<()>().await;
        });
    });
}

#[tokio::test]
async fn an_idle_connection_stays_below_its_bar() {
    let pki = Pki::new();
    let (certificate, key) = pki.issue_files(&["shop.test"]);
    let now = trunkline_rt::Clock::system().wall();
    let certificate = trunkline_net::tls::Certificate::from_files(&certificate, &key, now).unwrap();
    let store = Arc::new(CertificateStore::new(&[certificate]));
    let tickets = Some(TicketKeys::new(now).bound_to([0; 32]));
    let server =
        server_config(store, &ServerSettings { tickets, ..ServerSettings::default() }).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    call(listener.local_addr().unwrap(), pki.client(&[b"http/1.1"]));
    let (mut idle, mut before) = (Vec::new(), 0);
    for number in 0..CONNECTIONS {
        let (socket, _) = listener.accept().await.unwrap();
        let acceptor = TlsAcceptor::from(Arc::clone(&server));
        let secured = acceptor.accept(Stream::tcp(socket)).await.unwrap();
        let mut stream = Stream::Tls(Box::new(secured.into()));
        let mut request = vec![0; 4096];
        stream.read_exact(&mut request).await.unwrap();
        stream.write_all(&request).await.unwrap();
        stream.flush().await.unwrap();
        idle.push(stream);
        if number == 0 {
            // What the first one made for all of them does not count.
            before = HELD.with(Cell::get);
        }
    }
    let each = (HELD.with(Cell::get) - before) / (CONNECTIONS - 1);
    assert!((1..BYTES_MAX).contains(&each), "an idle TLS connection holds {each} bytes");
    eprintln!("an idle TLS connection holds {each} bytes of heap");
}
