//! Step 5: the two chains of an exchange, the listener's around the route's.
//!
//! Requests pass the listener's chain before routing and the route's after it; responses pass them
//! in the other direction, and Trunkline's own answers do too, so that a refusal carries the same
//! security headers as everything else.

mod body;

use trunkline_filters::{Chain, Encoder, Reply};
use trunkline_net::http::{Body, Exchange};

use self::body::{Encoded, Place};

use crate::observe::Source;
use crate::plan::ListenerPlan;
use crate::route::CompiledRoute;

/// The request hooks before routing.
pub(crate) async fn before_routing(plan: &ListenerPlan, exchange: &mut Exchange) -> Option<Reply> {
    run_request(&plan.filters, exchange).await
}

/// Nearly every chain is empty: then there is nothing to wait for.
async fn run_request(chain: &Chain, exchange: &mut Exchange) -> Option<Reply> {
    if chain.is_empty() { None } else { chain.run_request(exchange).await }
}

async fn run_response(chain: &Chain, exchange: &mut Exchange) -> Option<Reply> {
    if chain.is_empty() { None } else { chain.run_response(exchange).await }
}

/// The request hooks after routing.
pub(crate) async fn after_routing(route: &CompiledRoute, exchange: &mut Exchange) -> Option<Reply> {
    run_request(&route.filters, exchange).await
}

/// The response hooks of both chains. `Some` takes the place of a service's response; for our own
/// answers it is ignored, or two filters could answer each other for ever.
pub(crate) async fn on_response(
    plan: &ListenerPlan,
    route: Option<&CompiledRoute>,
    exchange: &mut Exchange,
) -> Option<Reply> {
    if let Some(route) = route
        && let Some(reply) = run_response(&route.filters, exchange).await
    {
        return Some(reply);
    }
    run_response(&plan.filters, exchange).await
}

/// The response's body as the caller is sent it, compressed where the route or the listener says so; edits the
/// head accordingly.
pub(crate) fn on_response_body(
    plan: &ListenerPlan,
    route: Option<&CompiledRoute>,
    exchange: &mut Exchange,
    body: Source,
) -> Source {
    let codings = route.and_then(|route| route.filters.codings()).or(plan.filters.codings());
    let Some(codings) = codings.filter(|_| !body.is_ended()) else {
        return body;
    };
    let place = Place::take();
    let length = body.length();
    match (Encoder::negotiate(exchange, codings, length, place.is_some()), place) {
        (Some(encoder), Some(place)) => {
            let encoded = Encoded::new(body.into_frames(), encoder, place);
            Body::Stream(Box::pin(encoded)).into()
        }
        _ => body,
    }
}
