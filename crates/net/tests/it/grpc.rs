//! gRPC calls between our client and our server, and by hand where only a wrong client can.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, StreamExt as _};
use http::{HeaderMap, Method, Request, Response, Uri};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use trunkline_net::client::{Client, Connect};
use trunkline_net::coding;
use trunkline_net::grpc::client::Channel;
use trunkline_net::grpc::{Call, Code, Limits, Reply, Server, Service, Status};
use trunkline_net::hyper_io::{HyperIo, ScopeExecutor};
use trunkline_net::memory::Memory;
use trunkline_net::stream::Stream;
use trunkline_net::tls;
use trunkline_rt::{Policy, Scope};

/// Answers what the path says.
#[derive(Debug)]
struct Echo;

impl Service for Echo {
    fn has(&self, path: &str) -> bool {
        path.starts_with("/echo/")
    }

    fn is_open_ended(&self, path: &str) -> bool {
        path == "/echo/Patient"
    }

    fn call(self: Arc<Self>, call: Call) -> BoxFuture<'static, Result<Reply, Status>> {
        async move {
            match call.path.as_str() {
                "/echo/Patient" | "/echo/Late" => {
                    let late = async {
                        tokio::time::sleep(Duration::from_millis(300)).await;
                        Ok("late".into())
                    };
                    Ok(Reply::Messages(futures_util::stream::once(late).boxed()))
                }
                "/echo/Same" => Ok(Reply::Message(call.message)),
                "/echo/Never" => std::future::pending().await,
                "/echo/Full" => {
                    Err(Status::new(Code::Unavailable, "füll").retry_after(Duration::from_secs(7)))
                }
                "/echo/Count" => {
                    let upto = call.message.len();
                    let numbers = futures_util::stream::iter(0..upto);
                    Ok(Reply::Messages(numbers.map(|n| Ok(n.to_string().into())).boxed()))
                }
                "/echo/Breaks" => {
                    let parts = [Ok("one".into()), Err(Status::new(Code::DataLoss, "lost"))];
                    Ok(Reply::Messages(futures_util::stream::iter(parts).boxed()))
                }
                _ => Ok(Reply::Messages(futures_util::stream::pending().boxed())),
            }
        }
        .boxed()
    }
}

struct Rig {
    scope: Scope,
    memory: Arc<Memory>,
    target: Uri,
    address: std::net::SocketAddr,
}

async fn rig() -> Rig {
    rig_at(([127, 0, 0, 1], 0).into()).await
}

async fn rig_at(address: std::net::SocketAddr) -> Rig {
    rig_with(address, None).await
}

async fn rig_with(address: std::net::SocketAddr, tls: Option<Arc<rustls::ServerConfig>>) -> Rig {
    let scope = Scope::new("test");
    let memory = Memory::new(8 << 20);
    let limits = Limits {
        message_bytes_max: 1 << 20,
        decoded: coding::Limits { bytes_max: 2 << 20, ratio_max: 100 },
        read_limit: Duration::from_secs(5),
        call_limit: Duration::from_secs(5),
    };
    let server = Server { service: Arc::new(Echo), limits, memory: Arc::clone(&memory) };
    let listener = tokio::net::TcpListener::bind(address).await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = server.run(listener, tls, 8, scope.child("server"));
    scope.spawn("server", Policy::Best, serving);
    let target = format!("http://{address}").parse().unwrap();
    Rig { scope, memory, target, address }
}

impl Rig {
    fn channel(&self, gzip: bool, limit: Duration) -> Arc<Channel> {
        let client = Client { limit, ..Client::new(Connect::Address(self.address)) };
        Channel::new(client, self.target.clone(), gzip, self.scope.child("client"))
    }

    /// A request as it is, to see exactly what is answered.
    async fn raw(&self, request: Request<Full<Bytes>>) -> Response<Incoming> {
        let stream = tokio::net::TcpStream::connect(self.address).await.unwrap();
        let executor = ScopeExecutor(self.scope.child("raw"));
        let io = HyperIo(Stream::tcp(stream));
        let (mut sender, connection) =
            hyper::client::conn::http2::handshake(executor, io).await.unwrap();
        tokio::spawn(connection);
        sender.send_request(request).await.unwrap()
    }

    fn request(&self, path: &str, body: Vec<u8>) -> Request<Full<Bytes>> {
        Request::post(format!("{}{}", self.target.to_string().trim_end_matches('/'), path))
            .header("content-type", "application/grpc")
            .body(Full::new(body.into()))
            .unwrap()
    }
}

fn framed(flag: u8, message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap();
    [&[flag][..], &length.to_be_bytes(), message].concat()
}

fn status(fields: &HeaderMap) -> (&str, &str) {
    let text = |name| fields.get(name).map_or("", |value| value.to_str().unwrap());
    (text("grpc-status"), text("grpc-message"))
}

const PATIENCE: Duration = Duration::from_secs(10);

#[tokio::test]
async fn messages_of_any_size_go_and_come_back_plain_and_compressed() {
    let rig = rig().await;
    for gzip in [false, true] {
        let channel = rig.channel(gzip, PATIENCE);
        for length in [0_u32, 1, 20_000, 1 << 20] {
            let message: Vec<u8> =
                (0..length).map(|n| (n.wrapping_mul(2_654_435_761) >> 28) as u8).collect();
            let answer = channel.unary("/echo/Same", &message, &HeaderMap::new()).await;
            assert!(answer.unwrap() == message);
        }
    }
    assert_eq!(rig.memory.used(), 0);
}

#[tokio::test]
async fn a_failure_tells_its_code_its_words_and_when_to_come_again() {
    let rig = rig().await;
    let channel = rig.channel(false, PATIENCE);
    let told = channel.unary("/echo/Full", b"", &HeaderMap::new()).await;
    let expected = Status::new(Code::Unavailable, "füll").retry_after(Duration::from_secs(7));
    assert_eq!(told, Err(expected));
    let told = channel.unary("/other/Method", b"", &HeaderMap::new()).await;
    assert_eq!(told.unwrap_err().code, Code::Unimplemented);
}

#[tokio::test]
async fn what_takes_too_long_ends_for_both() {
    let rig = rig().await;
    let channel = rig.channel(false, Duration::from_millis(100));
    let told = channel.unary("/echo/Never", b"", &HeaderMap::new()).await;
    assert_eq!(told.unwrap_err().code, Code::DeadlineExceeded);
    for path in ["/echo/Never", "/echo/Silent"] {
        let mut request = rig.request(path, framed(0, b""));
        request.headers_mut().insert("grpc-timeout", "50m".parse().unwrap());
        let answer = rig.raw(request).await;
        let head = answer.headers().clone();
        let trailers = answer.into_body().collect().await.unwrap().trailers().cloned();
        assert_eq!(status(&trailers.unwrap_or(head)).0, "4", "{path}");
    }
}

#[tokio::test]
async fn only_what_is_open_ended_goes_on_when_its_time_is_over() {
    let rig = rig().await;
    for (path, code, told) in
        [("/echo/Late", "4", vec![]), ("/echo/Patient", "0", framed(0, b"late"))]
    {
        let mut request = rig.request(path, framed(0, b""));
        request.headers_mut().insert("grpc-timeout", "50m".parse().unwrap());
        let whole = rig.raw(request).await.into_body().collect().await.unwrap();
        assert_eq!(status(whole.trailers().unwrap()).0, code, "{path}");
        assert_eq!(whole.to_bytes(), told);
    }
}

#[tokio::test]
async fn a_stream_ends_with_its_status() {
    let rig = rig().await;
    let answer = rig.raw(rig.request("/echo/Count", framed(0, b"123"))).await;
    assert_eq!(answer.headers()["content-type"], "application/grpc");
    let whole = answer.into_body().collect().await.unwrap();
    assert_eq!(status(whole.trailers().unwrap()), ("0", ""));
    let expected = [framed(0, b"0"), framed(0, b"1"), framed(0, b"2")].concat();
    assert_eq!(whole.to_bytes(), expected);
    let answer = rig.raw(rig.request("/echo/Breaks", framed(0, b""))).await;
    let whole = answer.into_body().collect().await.unwrap();
    assert_eq!(status(whole.trailers().unwrap()), ("15", "lost"));
    assert_eq!(whole.to_bytes(), framed(0, b"one"));
}

/// Answers with eight large messages that know how long they are held.
#[derive(Debug)]
struct Large(Arc<Memory>);

const LARGE: usize = 256 << 10;

impl Service for Large {
    fn has(&self, _: &str) -> bool {
        true
    }

    fn call(self: Arc<Self>, _: Call) -> BoxFuture<'static, Result<Reply, Status>> {
        let one = || self.0.charge(vec![7; LARGE].into()).unwrap();
        let messages: Vec<_> = (0..8).map(|_| Ok(one())).collect();
        async move { Ok(Reply::Messages(futures_util::stream::iter(messages).boxed())) }.boxed()
    }
}

async fn until(memory: &Memory, fact: impl Fn(usize) -> bool) {
    let end = tokio::time::Instant::now() + PATIENCE;
    while !fact(memory.used()) {
        assert!(tokio::time::Instant::now() < end, "{} bytes are held", memory.used());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// However much room a reader says it has: what it does not take is not kept for it.
#[tokio::test]
async fn an_answer_that_nobody_takes_is_let_go_of_when_its_time_is_over() {
    for window in [0, 1_000] {
        let (scope, answers) = (Scope::new("test"), Memory::new(8 << 20));
        let limits = Limits {
            message_bytes_max: 1 << 20,
            decoded: coding::Limits { bytes_max: 2 << 20, ratio_max: 100 },
            read_limit: Duration::from_secs(5),
            call_limit: Duration::from_millis(100),
        };
        let service = Arc::new(Large(Arc::clone(&answers)));
        let server = Server { service, limits, memory: Memory::new(1 << 20) };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        scope.spawn("server", Policy::Best, server.run(listener, None, 8, scope.child("server")));
        let stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http2::Builder::new(ScopeExecutor(scope.child("client")))
                .initial_stream_window_size(window)
                .handshake(HyperIo(Stream::tcp(stream)))
                .await
                .unwrap();
        let connection = tokio::spawn(connection);
        let request = Request::post(format!("http://{address}/large/Large"))
            .header("content-type", "application/grpc")
            // The reader's own time is longer than any that it gets.
            .header("grpc-timeout", "99999999H")
            .body(Full::new(Bytes::from(framed(0, b""))))
            .unwrap();
        let answer = sender.send_request(request).await.unwrap();
        // Its connection is closed: nothing else takes back what waits in that.
        let closed = tokio::time::timeout(PATIENCE, connection).await;
        assert!(closed.is_ok(), "the connection goes on");
        until(&answers, |used| used == 0).await;
        drop(answer);
        scope.stop();
        scope.join().await.unwrap();
    }
}

#[tokio::test]
async fn large_messages_arrive_whole() {
    let answers = Memory::new(8 << 20);
    let (scope, service) = (Scope::new("test"), Arc::new(Large(Arc::clone(&answers))));
    let limits = Limits {
        message_bytes_max: 1 << 20,
        decoded: coding::Limits { bytes_max: 2 << 20, ratio_max: 100 },
        read_limit: Duration::from_secs(5),
        call_limit: Duration::from_secs(5),
    };
    let server = Server { service, limits, memory: Memory::new(1 << 20) };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    scope.spawn("server", Policy::Best, server.run(listener, None, 8, scope.child("server")));
    let rig = Rig {
        scope,
        memory: Arc::clone(&answers),
        target: format!("http://{address}").parse().unwrap(),
        address,
    };
    let answer = rig.raw(rig.request("/large/Large", framed(0, b""))).await;
    let whole = answer.into_body().collect().await.unwrap();
    assert_eq!(status(whole.trailers().unwrap()), ("0", ""));
    assert!(whole.to_bytes() == framed(0, &vec![7; LARGE]).repeat(8));
    until(&answers, |used| used == 0).await;
}

#[tokio::test]
async fn what_is_no_message_is_refused_with_the_protocols_code() {
    let rig = rig().await;
    let bomb = coding::gzip(&vec![0; 1 << 20]);
    for (encoding, body, expected) in [
        ("identity", vec![], "13"),
        ("identity", vec![0, 0, 0], "13"),
        ("identity", framed(0, b"one")[..7].to_vec(), "13"),
        ("identity", [framed(0, b"one"), framed(0, b"two")].concat(), "12"),
        ("identity", framed(1, b"one"), "13"),
        ("identity", framed(2, b"one"), "13"),
        ("identity", vec![0, 0x7f, 0xff, 0xff, 0xff, 0], "8"),
        ("identity", framed(0, &vec![1; (1 << 20) + 1]), "8"),
        ("gzip", framed(1, b"one"), "13"),
        ("gzip", framed(1, &bomb), "8"),
        ("snappy", framed(1, b"one"), "12"),
    ] {
        let length = body.len();
        let mut request = rig.request("/echo/Same", body);
        request.headers_mut().insert("grpc-encoding", encoding.parse().unwrap());
        let answer = rig.raw(request).await;
        assert_eq!(answer.status(), 200);
        assert_eq!(status(answer.headers()).0, expected, "{encoding}, {length} bytes");
    }
    assert_eq!(rig.memory.used(), 0);
}

#[tokio::test]
async fn large_messages_are_decompressed_aside() {
    let rig = rig().await;
    let channel = rig.channel(true, PATIENCE);
    let mut state = 1_u64;
    let noise = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 56) as u8
    });
    let message: Vec<u8> = noise.take(900_000).collect();
    let answer = channel.unary("/echo/Same", &message, &HeaderMap::new()).await;
    assert!(answer.unwrap() == message);
    assert_eq!(rig.memory.used(), 0);
}

#[tokio::test]
async fn what_is_no_call_is_answered_as_http_does() {
    let rig = rig().await;
    let mut request = rig.request("/echo/Same", framed(0, b""));
    *request.method_mut() = Method::GET;
    assert_eq!(rig.raw(request).await.status(), 405);
    let mut request = rig.request("/echo/Same", framed(0, b""));
    request.headers_mut().insert("content-type", "application/grpc-web".parse().unwrap());
    assert_eq!(rig.raw(request).await.status(), 415);
}

#[tokio::test]
async fn when_there_is_no_room_the_caller_may_come_again() {
    let rig = rig().await;
    let mut held = rig.memory.hold();
    held.grow((8 << 20) - 10).unwrap();
    let channel = rig.channel(false, PATIENCE);
    let told = channel.unary("/echo/Same", &[1; 100], &HeaderMap::new()).await.unwrap_err();
    assert_eq!((told.code, told.retry_after), (Code::Unavailable, Some(Duration::from_secs(1))));
    drop(held);
    assert_eq!(channel.unary("/echo/Same", b"now", &HeaderMap::new()).await.unwrap(), "now");
}

#[tokio::test]
async fn a_channel_finds_its_server_again() {
    let first = rig().await;
    let (scope, address) = (Scope::new("client"), first.address);
    let client = Client::new(Connect::Address(address));
    let channel = Channel::new(client, first.target.clone(), false, scope);
    assert!(channel.unary("/echo/Same", b"1", &HeaderMap::new()).await.is_ok());
    first.scope.stop();
    first.scope.join().await.unwrap();
    let told = channel.unary("/echo/Same", b"2", &HeaderMap::new()).await.unwrap_err();
    assert_eq!(told.code, Code::Unavailable);
    let _second = rig_at(address).await;
    assert_eq!(channel.unary("/echo/Same", b"3", &HeaderMap::new()).await.unwrap(), "3");
}

#[tokio::test]
async fn http_1_is_told_that_this_is_grpc() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let rig = rig().await;
    let mut stream = tokio::net::TcpStream::connect(rig.address).await.unwrap();
    stream.write_all(b"POST /v1/traces HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    // What was not read of the request may reset the connection behind the answer.
    let _ = stream.read_to_string(&mut answer).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 505 "), "{head}");
    assert!(head.ends_with(&format!("content-length: {}", body.len())), "{head}");
    assert!(body.contains("gRPC"));
}

#[tokio::test]
async fn calls_over_tls_are_answered() {
    let pki = trunkline_testkit::Pki::new();
    let certificates = tls::CertificateStore::new(&[pki.issue(&["collector.test"])]);
    let settings = tls::ServerSettings { alpn: vec![tls::H2.to_vec()], ..Default::default() };
    let secured = tls::server_config(Arc::new(certificates), &settings).unwrap();
    let rig = rig_with(([127, 0, 0, 1], 0).into(), Some(secured)).await;
    let client = Client {
        tls: Some(pki.client(&[tls::H2])),
        limit: PATIENCE,
        ..Client::new(Connect::Address(rig.address))
    };
    let target = "https://collector.test".parse().unwrap();
    let channel = Channel::new(client, target, true, rig.scope.child("client"));
    let answer = channel.unary("/echo/Same", b"safe", &HeaderMap::new()).await;
    assert_eq!(answer.unwrap(), "safe");
}
