//! A cookie that keeps a caller with its endpoint.
//!
//! It holds a digest of the endpoint's id, so that no address is told to callers, and so that
//! several gateways and later processes understand it. It is honoured while the endpoint can serve
//! or is draining, and given anew otherwise.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Instant;

use aws_lc_rs::digest;
use trunkline_model::EndpointId;
use trunkline_model::endpoint::EndpointState;
use trunkline_model::service::{Affinity, SameSite};
use trunkline_net::http::{Head, Scheme};

use super::endpoint::LiveEndpoint;
use super::key::cookie;
use super::members::Members;

/// What stands for an endpoint in a cookie.
pub(super) fn token(id: &EndpointId) -> u64 {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(b"trunkline affinity\0");
    context.update(id.as_str().as_bytes());
    let digest = context.finish();
    digest.as_ref().iter().take(8).fold(0, |token, byte| (token << 8) | u64::from(*byte))
}

/// The endpoint that a caller belongs to, if it may still have it.
pub(crate) fn bound_to(
    members: &Members,
    request: &Head,
    now: Instant,
) -> Option<Arc<LiveEndpoint>> {
    let affinity = members.rules.spread.affinity.as_ref()?;
    let told = std::str::from_utf8(cookie(request, &affinity.cookie)?).ok()?;
    let token = u64::from_str_radix(told, 16).ok().filter(|_| told.len() == 16)?;
    let endpoint = members.by_token(token)?;
    let draining = endpoint.state() == EndpointState::Draining && endpoint.is_healthy();
    (endpoint.is_eligible(now) || (draining && !endpoint.is_ejected(now)))
        .then(|| Arc::clone(endpoint))
}

/// The value of `Set-Cookie` that binds a caller to an endpoint.
pub(crate) fn set_cookie(affinity: &Affinity, endpoint: &LiveEndpoint, scheme: Scheme) -> String {
    let mut value = format!(
        "{}={:016x}; Path={}; HttpOnly; SameSite={}",
        affinity.cookie,
        token(&endpoint.id),
        affinity.path,
        affinity.same_site.as_str()
    );
    if let Some(ttl) = affinity.ttl {
        // Writing to a String cannot fail.
        let _ = write!(value, "; Max-Age={}", ttl.as_secs());
    }
    if scheme == Scheme::Https || affinity.same_site == SameSite::None {
        value.push_str("; Secure");
    }
    value
}
