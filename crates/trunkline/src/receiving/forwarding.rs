//! What is sent on to a collector or a Jaeger that stays in use.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use trunkline_ingest::Metrics;
use trunkline_ingest::forward::{Config, Forwarder, Wire};
use trunkline_model::telemetry::Forward;
use trunkline_net::client::{Client, Connect};
use trunkline_net::resolve::{self, Resolver};
use trunkline_net::tls::{ClientSettings, client_config};
use trunkline_rt::{Clock, Policy, Scope};

use crate::environment;
use crate::exit::Failure;
use crate::keeping::Keeping;

/// The port of OTLP over gRPC: a URL with it and without a path means that.
const GRPC_PORT: u16 = 4317;
/// To send one request.
const LIMIT: Duration = Duration::from_secs(30);

/// Begins to send on what is kept, until the scope stops.
pub(super) fn start(
    forward: &Forward,
    keeping: &Arc<Keeping>,
    metrics: &Arc<Metrics>,
    (clock, scope): (&Clock, &Scope),
) -> Result<(), Failure> {
    let wrong = |what: String| Failure::usage(format!("`telemetry.forward`: {what}"));
    let endpoint: Uri =
        forward.url.parse().map_err(|_| wrong(format!("`{}` is not a URL", forward.url)))?;
    let is_grpc = endpoint.port_u16() == Some(GRPC_PORT) && matches!(endpoint.path(), "" | "/");
    let wire = if is_grpc { Wire::Grpc } else { Wire::Http };
    let resolver = Resolver::system(resolve::Config::default(), clock.clone());
    let mut client = Client { limit: LIMIT, ..Client::new(Connect::Resolve(Arc::new(resolver))) };
    if endpoint.scheme_str() == Some("https") {
        let protocol: &[u8] = if is_grpc { b"h2" } else { b"http/1.1" };
        let settings =
            ClientSettings { alpn: vec![protocol.to_vec()], ..ClientSettings::default() };
        client.tls = Some(client_config(&settings).map_err(|error| Failure::from_error(&error))?);
    }
    let mut headers = HeaderMap::new();
    for (name, reference) in &forward.headers {
        let name: HeaderName = name.parse().map_err(|_| wrong(format!("`{name}` is no name")))?;
        let value = secret(reference).ok_or_else(|| wrong(format!("cannot read `{reference}`")))?;
        let mut value =
            HeaderValue::from_str(&value).map_err(|_| wrong(format!("{name}: not a value")))?;
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    let backlog = keeping.backlog(forward.buffer.0, metrics);
    let config = Config { headers, ..Config::new(endpoint, wire, client) };
    let forwarder = Forwarder::new(backlog, config, Arc::clone(metrics));
    let stopping = scope.clone();
    scope.spawn("send spans on", Policy::Best, async move {
        forwarder.run(stopping).await;
        Ok::<_, std::convert::Infallible>(())
    });
    Ok(())
}

/// What `env:NAME` or `file:path` refers to.
fn secret(reference: &str) -> Option<String> {
    let text = match reference.split_once(':')? {
        ("env", name) => environment::read(name)?.into_string().ok()?,
        ("file", path) => std::fs::read_to_string(path).ok()?,
        _ => return None,
    };
    Some(text.trim().to_owned())
}
