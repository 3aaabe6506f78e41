//! `calls` of a service: whom it calls, and by which policies.

use trunkline_config_derive::Decode;
use trunkline_model::route::RouteTimeouts;
use trunkline_model::service::CallPolicies;

use super::forms::TimeoutForm;
use super::policies::forms::{AdaptiveForm, BreakerForm, BulkheadForm, RetryForm, ShedForm};
use super::policies::hedge::HedgeForm;
use super::policies::rate::RateLimiterForm;
use super::policies::raw::RawFallback;
use super::policies::{self, Written};
use super::routes;
use crate::decode::{Context, Decode, Shape, Shapes, Spanned};
use crate::diagnostic::Diagnostics;
use crate::node::{Node, Value};

/// A service that another calls, and what protects these calls. What it leaves out is as the service
/// called has it for everybody.
#[derive(Debug, Clone, Decode)]
#[config(what = "a call")]
pub struct RawCall {
    /// The service that is called.
    pub service: Spanned<String>,
    /// Time limit of a request, all attempts together; or `{ request, attempt, idle }`.
    #[config(alias = "timeouts")]
    pub timeout: Option<TimeoutForm>,
    /// Sends nobody there while it fails, for these calls alone: a share such as `50%`, `true`, or a
    /// map.
    pub breaker: Option<Spanned<BreakerForm>>,
    /// Further attempts after a failure: how many in all, `true`, or a map.
    pub retry: Option<Spanned<RetryForm>>,
    /// A second attempt beside one that takes long: after how long, `true`, or a map.
    pub hedge: Option<Spanned<HedgeForm>>,
    /// So many calls in each period: `100/s`, `true`, or a map.
    #[config(alias = "ratelimiter")]
    pub rate_limiter: Option<Spanned<RateLimiterForm>>,
    /// A bound on requests at one time, over all endpoints: a number, `true`, or a map.
    pub bulkhead: Option<Spanned<BulkheadForm>>,
    /// A bound that finds its own height: its maximum, `true`, or a map.
    pub adaptive: Option<Spanned<AdaptiveForm>>,
    /// Refuses what is less important first, as `adaptive` or `bulkhead` fills: `true`, or a map.
    pub shed: Option<Spanned<ShedForm>>,
    /// What this caller gets instead of a refusal or a failure: `{ respond }`, `{ to }`, `{ stale }`.
    pub fallback: Option<Spanned<RawFallback>>,
}

/// `payment`, or a map.
#[derive(Debug, Clone)]
pub struct CallForm(pub RawCall);

impl Decode for CallForm {
    fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self> {
        if matches!(node.value, Value::Map(_)) {
            return RawCall::decode(node, context).map(Self);
        }
        let service = Spanned::<String>::decode(node, context)?;
        Some(Self(RawCall {
            service,
            timeout: None,
            breaker: None,
            retry: None,
            hedge: None,
            rate_limiter: None,
            bulkhead: None,
            adaptive: None,
            shed: None,
            fallback: None,
        }))
    }

    fn shape(shapes: &mut Shapes) -> Shape {
        Shape::OneOf(vec![String::shape(shapes), RawCall::shape(shapes)])
    }
}

/// Who is called.
pub(super) fn names(calls: &[Spanned<CallForm>]) -> Vec<Spanned<String>> {
    calls.iter().map(|call| call.value.0.service.clone()).collect()
}

/// What is said of calls beside that. A name that is none is told where calls are linked.
pub(super) fn policies(
    calls: &[Spanned<CallForm>],
    diagnostics: &mut Diagnostics,
) -> Vec<CallPolicies> {
    let mut all = Vec::new();
    for call in calls {
        let raw = &call.value.0;
        let policies = policies::lower(&written(raw), diagnostics);
        let timeouts = routes::timeouts(raw.timeout.as_ref(), raw.retry.as_ref(), diagnostics);
        let says_something = !policies.is_empty() || timeouts != RouteTimeouts::default();
        if let (Ok(service), true) = (raw.service.value.parse(), says_something) {
            all.push(CallPolicies { service, policies, timeouts });
        }
    }
    all
}

fn written(call: &RawCall) -> Written<'_> {
    Written {
        breaker: call.breaker.as_ref(),
        retry: call.retry.as_ref(),
        hedge: call.hedge.as_ref(),
        rate_limiter: call.rate_limiter.as_ref(),
        bulkhead: call.bulkhead.as_ref(),
        adaptive: call.adaptive.as_ref(),
        shed: call.shed.as_ref(),
        fallback: call.fallback.as_ref(),
    }
}
