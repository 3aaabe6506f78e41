//! `cluster`: the Redis that several processes share state through.

use trunkline_config_derive::Decode;
use trunkline_model::service::Service;
use trunkline_model::service::policies::{Policies, Shared};
use trunkline_model::{Cluster, Fail};

use super::Lowering;
use crate::builder::ModelBuilder;
use crate::decode::{Context, Decode, Given, Period, Shape, Shapes, Spanned};
use crate::defaults;
use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::node::{Node, Value};

/// Where several processes keep what they share.
#[derive(Debug, Clone, Decode)]
#[config(what = "`cluster`")]
pub struct RawCluster {
    /// URL of a Redis, `redis://host:6379/0`, `rediss://` for TLS, or `env:NAME` for the value of that variable, which is
    /// the place for one with a password.
    pub redis: Spanned<String>,
    /// PEM file with the roots to trust instead of the system's, for a `rediss://` URL.
    pub ca: Option<Spanned<String>>,
    /// The longest wait for its answer.
    #[config(default = defaults::CLUSTER_TIMEOUT)]
    pub timeout: Given<Period>,
    /// What happens while it does not answer: `open` lets the state of the process alone decide,
    /// `closed` refuses.
    #[config(default = FailWord::Open)]
    pub fail: FailWord,
    /// What every key begins with; without it, the project's name.
    pub prefix: Option<String>,
}

/// What happens while the shared store is away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Decode)]
pub enum FailWord {
    /// Each process decides by what it knows itself.
    Open,
    /// Requests are refused.
    Closed,
}

/// A URL, or a map.
#[derive(Debug, Clone)]
pub struct ClusterForm(pub RawCluster);

impl Decode for ClusterForm {
    fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self> {
        if matches!(node.value, Value::Map(_)) {
            return RawCluster::decode(node, context).map(Self);
        }
        let redis = Spanned::<String>::decode(node, context)?;
        let timeout = defaults::CLUSTER_TIMEOUT.into();
        Some(Self(RawCluster { redis, ca: None, timeout, fail: FailWord::Open, prefix: None }))
    }

    fn shape(shapes: &mut Shapes) -> Shape {
        Shape::OneOf(vec![
            Shape::Text { what: "URL of a Redis", example: "redis://10.0.0.5:6379" },
            RawCluster::shape(shapes),
        ])
    }
}

/// Lowers the `cluster` of one file.
pub(super) fn lower(
    lowering: &Lowering<'_>,
    written: &Spanned<ClusterForm>,
    into: &mut ModelBuilder<'_>,
    diagnostics: &mut Diagnostics,
) {
    let raw = &written.value.0;
    let mut wrong = |what: String, label: &str| {
        diagnostics.push(
            Diagnostic::new(codes::BAD_VALUE, what)
                .at(raw.redis.span, label)
                .hint("write `redis://host:6379`, or `env:NAME`"),
        );
    };
    let url = match raw.redis.value.strip_prefix("env:") {
        Some(name) => variable(name).unwrap_or_else(|| {
            wrong(format!("the variable `{name}` is not set"), "the URL is read from there");
            String::new()
        }),
        None => raw.redis.value.clone(),
    };
    let known = ["redis://", "rediss://", "unix://"];
    if !url.is_empty() && !known.iter().any(|scheme| url.starts_with(scheme)) {
        wrong("not the URL of a Redis".to_owned(), "it begins with `redis://`");
    }
    if has_password(&raw.redis.value) {
        diagnostics.push(
            Diagnostic::new(codes::PLAIN_SECRET, "a password stands in the file")
                .at(raw.redis.span, "in this URL")
                .hint("put the URL into a variable, and write `env:NAME` here"),
        );
    }
    if raw.timeout.value.0.is_zero() {
        diagnostics.push(
            Diagnostic::new(codes::BAD_VALUE, "`timeout` of `cluster` is above zero")
                .at(raw.timeout.span.unwrap_or(written.span), "it would never answer in time"),
        );
    }
    let cluster = Cluster {
        url,
        ca: raw.ca.as_ref().map(|ca| {
            let path = lowering.path(&ca.value);
            into.watched.push(path.clone());
            path
        }),
        prefix: raw.prefix.clone().unwrap_or_default(),
        timeout: raw.timeout.value.0,
        fail: match raw.fail {
            FailWord::Open => Fail::Open,
            FailWord::Closed => Fail::Closed,
        },
    };
    into.cluster.set("`cluster`", cluster, written.span, diagnostics);
}

#[expect(clippy::disallowed_methods, reason = "passwords belong into the environment")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn has_password(url: &str) -> bool {
    let authority = url.split_once("://").map_or("", |(_, rest)| rest);
    authority.split_once('@').is_some_and(|(user, _)| user.contains(':'))
}

/// Whether a service has policies that several processes share.
pub(crate) fn shares(service: &Service) -> bool {
    let calls = service.call_policies.iter().map(|call| &call.policies);
    calls.chain([&service.policies]).any(is_shared)
}

/// Whether one of the policies is shared.
pub(crate) fn is_shared(policies: &Policies) -> bool {
    let budget = policies.retry.as_ref().and_then(|retry| retry.budget);
    [
        policies.breaker.as_ref().map(|breaker| breaker.shared),
        policies.bulkhead.map(|bulkhead| bulkhead.shared),
        policies.rate_limiter.map(|limiter| limiter.shared),
        budget.map(|budget| budget.shared),
    ]
    .contains(&Some(Shared::Cluster))
}
