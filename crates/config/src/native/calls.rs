//! `calls` of a service: whom it calls, and by which policies.

use trunkline_model::route::RouteTimeouts;
use trunkline_model::service::CallPolicies;

use super::policies::{self, Written};
use super::raw::RawCall;
use super::routes;
use crate::decode::{Context, Decode, Shape, Shapes, Spanned};
use crate::diagnostic::Diagnostics;
use crate::node::{Node, Value};

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
