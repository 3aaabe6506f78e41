//! A name server for tests: UDP and TCP on one port, answers that a test can change while it runs.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::oneshot;

/// What the server says of a name.
#[derive(Debug, Clone)]
pub enum Says {
    /// These addresses, for so many seconds.
    Addresses(Vec<IpAddr>, u32),
    /// The same, cut over UDP: only TCP has all of it.
    Cut(Vec<IpAddr>, u32),
    /// These targets of a service: priority, weight, port, host; for so many seconds.
    Services(Vec<(u16, u16, u16, &'static str)>, u32),
    /// There is no such name, for so many seconds.
    Nobody(u32),
    /// The server failed.
    Failure,
    /// Nothing at all.
    Silence,
}

/// A running name server; it ends when it is dropped.
#[derive(Debug)]
pub struct NameServer {
    address: SocketAddr,
    said: Arc<Mutex<HashMap<String, Says>>>,
    asked: Arc<AtomicUsize>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl NameServer {
    /// A server that knows no name.
    #[expect(clippy::new_without_default, reason = "it starts a thread")]
    pub fn new() -> Self {
        let tcp = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = tcp.local_addr().unwrap();
        let udp = std::net::UdpSocket::bind(address).unwrap();
        tcp.set_nonblocking(true).unwrap();
        udp.set_nonblocking(true).unwrap();
        let (said, asked) = (Arc::default(), Arc::default());
        let (stop, stopped) = oneshot::channel();
        let answering = Answering { said: Arc::clone(&said), asked: Arc::clone(&asked) };
        let serve = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async {
                tokio::select! {
                    () = answering.by_udp(UdpSocket::from_std(udp).unwrap()) => {}
                    () = answering.by_tcp(TcpListener::from_std(tcp).unwrap()) => {}
                    _ = stopped => {}
                }
            });
        };
        let thread = std::thread::Builder::new().name("name server".into()).spawn(serve).unwrap();
        Self { address, said, asked, stop: Some(stop), thread: Some(thread) }
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on it says this of a name.
    pub fn say(&self, name: &str, says: Says) {
        self.said.lock().unwrap().insert(name.to_owned(), says);
    }

    /// Questions so far, by UDP and TCP.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        drop(self.stop.take());
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

struct Answering {
    said: Arc<Mutex<HashMap<String, Says>>>,
    asked: Arc<AtomicUsize>,
}

impl Answering {
    async fn by_udp(&self, socket: UdpSocket) {
        let mut question = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut question).await {
            if let Some(answer) = self.answer(&question[..length], true) {
                let _ = socket.send_to(&answer, from).await;
            }
        }
    }

    async fn by_tcp(&self, listener: TcpListener) {
        while let Ok((mut stream, _)) = listener.accept().await {
            let Ok(length) = stream.read_u16().await else { continue };
            let mut question = vec![0; length.into()];
            if stream.read_exact(&mut question).await.is_ok()
                && let Some(answer) = self.answer(&question, false)
            {
                let length = u16::try_from(answer.len()).unwrap();
                let _ = stream.write_all(&[&length.to_be_bytes(), &*answer].concat()).await;
            }
        }
    }

    fn answer(&self, question: &[u8], udp: bool) -> Option<Vec<u8>> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let (name, end) = name_of(question);
        let kind = u16::from_be_bytes([question[end], question[end + 1]]);
        let says = self.said.lock().unwrap().get(&name).cloned().unwrap_or(Says::Nobody(60));
        let mut answer = question[..end + 4].to_vec();
        let (mut records, mut negative) = (Vec::new(), None);
        let (flags, code) = match says {
            Says::Silence => return None,
            Says::Failure => (0x81, 0x82),
            Says::Nobody(ttl) => {
                negative = Some(ttl);
                (0x81, 0x83)
            }
            Says::Cut(..) if udp => (0x83, 0x80),
            Says::Addresses(all, ttl) | Says::Cut(all, ttl) => {
                records.extend(all.into_iter().filter_map(|ip| address(ip, kind, ttl)));
                (0x81, 0x80)
            }
            Says::Services(all, ttl) => {
                records.extend(all.into_iter().filter(|_| kind == 33).map(|one| service(one, ttl)));
                (0x81, 0x80)
            }
        };
        (answer[2], answer[3]) = (flags, code);
        answer[6..8].copy_from_slice(&u16::try_from(records.len()).unwrap().to_be_bytes());
        answer[8..10].copy_from_slice(&u16::from(negative.is_some()).to_be_bytes());
        // Additional records of a question with EDNS are not repeated.
        answer[10..12].copy_from_slice(&[0, 0]);
        answer.extend(records.into_iter().flatten());
        if let Some(ttl) = negative {
            // SOA of the root: two empty names and five numbers, of which the last counts.
            let numbers: Vec<u8> =
                [1, 1, 1, 1, ttl].into_iter().flat_map(u32::to_be_bytes).collect();
            answer.extend(record(&[0], 6, ttl, &[&[0, 0], &*numbers].concat()));
        }
        Some(answer)
    }
}

fn address(ip: IpAddr, kind: u16, ttl: u32) -> Option<Vec<u8>> {
    match ip {
        IpAddr::V4(ip) if kind == 1 => Some(record(&[0xc0, 12], kind, ttl, &ip.octets())),
        IpAddr::V6(ip) if kind == 28 => Some(record(&[0xc0, 12], kind, ttl, &ip.octets())),
        _ => None,
    }
}

fn service((priority, weight, port, host): (u16, u16, u16, &str), ttl: u32) -> Vec<u8> {
    let mut data: Vec<u8> =
        [priority, weight, port].into_iter().flat_map(u16::to_be_bytes).collect();
    for label in host.split('.') {
        data.push(u8::try_from(label.len()).unwrap());
        data.extend_from_slice(label.as_bytes());
    }
    data.push(0);
    record(&[0xc0, 12], 33, ttl, &data)
}

fn record(owner: &[u8], kind: u16, ttl: u32, data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len()).unwrap();
    [owner, &kind.to_be_bytes(), &[0, 1], &ttl.to_be_bytes(), &length.to_be_bytes(), data].concat()
}

/// The name of the question, and where it ends.
fn name_of(question: &[u8]) -> (String, usize) {
    let (mut labels, mut at) = (Vec::new(), 12);
    while question[at] != 0 {
        let length = usize::from(question[at]);
        labels.push(String::from_utf8_lossy(&question[at + 1..=at + length]).into_owned());
        at += length + 1;
    }
    (labels.join("."), at + 1)
}
