//! A gateway for one test: a Model in few words, a running proxy, what it recorded.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use trunkline_model::endpoint::{Endpoint, EndpointPlace, EndpointSet};
use trunkline_model::ops::{EndpointStats, Ops, ServiceStats, Stats};
use trunkline_model::record::{ExchangeRecord, RecordSink};
use trunkline_model::route::{
    Action, Authority, Match, OrderKey, PathPattern, Route, RouteTimeouts, Target,
};
use trunkline_model::service::{
    Balance, Protocol, Service, ServiceTimeouts, Source, Spread, StaticEndpoint,
};
use trunkline_model::{Model, Origin, RouteId, Workers};
use trunkline_net::hyper_io::HyperIo;
use trunkline_net::resolve::{Config, Resolver};
use trunkline_net::stream::Stream;
use trunkline_proxy::{Deps, Proxy};
use trunkline_rt::{Clock, Scope};
use trunkline_testkit::body::ReplyBody;
use trunkline_testkit::model::empty;
pub use trunkline_testkit::model::listener;
use trunkline_testkit::wait::until;
use trunkline_testkit::{RawClient, Upstream};

/// A running gateway; it ends with the test.
pub struct Rig {
    pub proxy: Proxy,
    pub address: SocketAddr,
    pub records: Arc<Records>,
    scope: Scope,
}

/// What was recorded.
#[derive(Default)]
pub struct Records(Mutex<Vec<ExchangeRecord>>);

impl RecordSink for Records {
    fn take(&self, record: &ExchangeRecord) {
        self.0.lock().unwrap().push(record.clone());
    }
}

impl Records {
    pub fn all(&self) -> Vec<ExchangeRecord> {
        self.0.lock().unwrap().clone()
    }

    /// Waits until so many exchanges are recorded.
    pub async fn wait(&self, count: usize) -> Vec<ExchangeRecord> {
        until("exchanges are recorded", async || self.all().len() >= count).await;
        self.all()
    }
}

pub fn deps(workers: usize, records: &Arc<Records>, scope: &Scope) -> Deps {
    let clock = Clock::system();
    Deps {
        resolver: Arc::new(Resolver::system(Config::default(), clock.clone())),
        clock,
        scope: scope.clone(),
        workers,
        sink: Arc::clone(records) as Arc<dyn RecordSink>,
        issuer: None,
        inherited: Vec::new(),
    }
}

impl Rig {
    pub async fn start(model: Model) -> Self {
        Self::start_with(model, |_| {}).await
    }

    pub async fn start_with(model: Model, change: impl FnOnce(&mut Deps)) -> Self {
        let (records, scope) = (Arc::default(), Scope::new("test"));
        let mut deps = deps(2, &records, &scope);
        change(&mut deps);
        let proxy = Proxy::start(deps).unwrap();
        let plan = proxy.prepare(Arc::new(model)).unwrap();
        proxy.commit(plan).await.unwrap();
        let address = proxy.addresses()[0].1;
        Self { proxy, address, records, scope }
    }

    /// A gateway in front of one service with this upstream.
    pub async fn before(upstream: &Upstream) -> Self {
        Self::start(model(vec![service("web", &[upstream.address()])])).await
    }

    pub async fn client(&self) -> RawClient {
        RawClient::connect(self.address).await
    }

    pub async fn reload(&self, model: Model) {
        let plan = self.proxy.prepare(Arc::new(model)).unwrap();
        self.proxy.commit(plan).await.unwrap();
    }

    pub async fn stats(&self) -> Stats {
        self.proxy.stats().await
    }

    /// Objects and bytes of the cache.
    pub async fn proxy_cache(&self) -> (u64, u64) {
        let cache = self.stats().await.cache;
        (cache.objects, cache.bytes)
    }

    pub async fn stats_cache(&self, outcome: &str) -> u64 {
        let outcomes = self.stats().await.cache.outcomes;
        outcomes.iter().find(|(name, _)| *name == outcome).map_or(0, |(_, count)| *count)
    }

    pub async fn service(&self, name: &str) -> ServiceStats {
        let stats = self.stats().await;
        stats.services.into_iter().find(|service| service.name.as_str() == name).unwrap()
    }

    pub async fn endpoints(&self, name: &str) -> Vec<EndpointStats> {
        self.service(name).await.endpoints
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.scope.abort();
    }
}

/// One plain listener on a free port; every request goes to the first service, and those below
/// `/NAME` to the service of that name.
pub fn model(services: Vec<Service>) -> Model {
    let mut routes: Vec<_> = services
        .iter()
        .zip(1..)
        .map(|(service, order)| {
            route(order, PathPattern::Prefix(format!("/{}", service.name)), service)
        })
        .collect();
    routes.push(route(0, PathPattern::Prefix("/".into()), &services[0]));
    Model {
        workers: Workers::Count(2),
        domains: vec!["shop.localhost".into()],
        listeners: vec![listener("http", "127.0.0.1:0".parse().unwrap())],
        routes,
        services,
        ..empty()
    }
}

pub fn route(order: u64, path: PathPattern, service: &Service) -> Route {
    Route {
        id: RouteId::new(format!("{}-{order}", service.name)),
        listeners: Vec::new(),
        matching: Match {
            hosts: Vec::new(),
            path,
            methods: Vec::new(),
            headers: Vec::new(),
            query: Vec::new(),
        },
        order: OrderKey(order, 0),
        action: Action::Forward(vec![Target { service: service.name.clone(), weight: 1 }]),
        filters: Vec::new(),
        timeouts: RouteTimeouts::default(),
        policies: trunkline_model::service::policies::Policies::default(),
        tracing: trunkline_model::trace::tracing::RouteTracing::default(),
        priority: 0,
        origin: Origin::built_in(),
    }
}

pub fn service(name: &str, addresses: &[SocketAddr]) -> Service {
    let written = |address: &SocketAddr| StaticEndpoint {
        authority: Authority::Address(*address),
        weight: 1,
        place: EndpointPlace::default(),
        limit: None,
    };
    Service {
        name: name.parse().unwrap(),
        source: Source::Static(addresses.iter().map(written).collect()),
        calls: Vec::new(),
        protocol: Protocol::Auto,
        tls: None,
        balance: Balance::RoundRobin,
        spread: Spread::default(),
        proxy_protocol: None,
        health: None,
        outlier: None,
        policies: trunkline_model::service::policies::Policies::default(),
        call_policies: Vec::new(),
        timeouts: ServiceTimeouts {
            connect: Duration::from_secs(2),
            request: Duration::from_secs(10),
            attempt: None,
            idle: Duration::from_secs(30),
            keep_alive: Duration::from_secs(30),
        },
        origin: Origin::built_in(),
    }
}

/// The endpoints of a service, to be published.
pub fn endpoints(name: &str, addresses: &[SocketAddr]) -> EndpointSet {
    let service = name.parse().unwrap();
    let endpoints = addresses.iter().map(|address| Endpoint::ready(&service, *address)).collect();
    EndpointSet { service, endpoints }
}

/// A caller over HTTP/2.
pub type Http2 = hyper::client::conn::http2::SendRequest<ReplyBody>;

/// Speaks HTTP/2 on a stream.
pub async fn http2(stream: Stream) -> Http2 {
    let builder = hyper::client::conn::http2::Builder::new(Spawn);
    let (sender, connection) = builder.handshake(HyperIo(stream)).await.unwrap();
    tokio::spawn(connection);
    sender
}

#[derive(Clone, Copy)]
struct Spawn;

impl<F> hyper::rt::Executor<F> for Spawn
where
    F: Future<Output: Send> + Send + 'static,
{
    fn execute(&self, future: F) {
        tokio::spawn(future);
    }
}

/// Opens TLS to `address` by this client.
pub async fn tls(address: SocketAddr, config: Arc<rustls::ClientConfig>, name: &str) -> Stream {
    let socket = tokio::net::TcpStream::connect(address).await.unwrap();
    let name = rustls::pki_types::ServerName::try_from(name.to_owned()).unwrap();
    let connector = tokio_rustls::TlsConnector::from(config);
    let secured = connector.connect(name, Stream::tcp(socket)).await.unwrap();
    Stream::Tls(Box::new(secured.into()))
}

/// A plain connection.
pub async fn tcp(address: SocketAddr) -> Stream {
    Stream::tcp(tokio::net::TcpStream::connect(address).await.unwrap())
}

/// A request without a body.
pub fn get(url: &str) -> hyper::Request<ReplyBody> {
    hyper::Request::get(url).body(trunkline_testkit::body::empty()).unwrap()
}
