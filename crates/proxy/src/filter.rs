//! Step 5: the two chains of an exchange, the listener's around the route's.
//!
//! Requests pass the listener's chain before routing and the route's after it; responses pass them
//! in the other direction, and Trunkline's own answers do too, so that a refusal carries the same
//! security headers as everything else.

use trunkline_filters::Reply;
use trunkline_net::http::Exchange;

use crate::plan::ListenerPlan;
use crate::route::CompiledRoute;

/// The request hooks before routing.
pub(crate) async fn before_routing(plan: &ListenerPlan, exchange: &mut Exchange) -> Option<Reply> {
    plan.filters.run_request(exchange).await
}

/// The request hooks after routing.
pub(crate) async fn after_routing(route: &CompiledRoute, exchange: &mut Exchange) -> Option<Reply> {
    route.filters.run_request(exchange).await
}

/// The response hooks of both chains. `Some` takes the place of a service's response; for our own
/// answers it is ignored, or two filters could answer each other for ever.
pub(crate) async fn on_response(
    plan: &ListenerPlan,
    route: Option<&CompiledRoute>,
    exchange: &mut Exchange,
) -> Option<Reply> {
    if let Some(route) = route
        && let Some(reply) = route.filters.run_response(exchange).await
    {
        return Some(reply);
    }
    plan.filters.run_response(exchange).await
}
