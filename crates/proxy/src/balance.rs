//! Step 7: one endpoint is picked that can take the request now.
//!
//! Ready by word of its owner, healthy by active checks, not ejected by passive ones, below its
//! limit, not tried before by this exchange. Turns are kept per worker; load is compared by the
//! requests in flight of the whole process. What is known of endpoints lives in [`Registry`],
//! beside the plan. When all are at their limits, requests wait in the service's waiting room ([`room`]).

mod affinity;
mod endpoint;
mod fault;
mod ground;
mod key;
mod members;
mod registry;
mod room;
mod said;
mod seen;
mod service;
mod turns;
mod view;
mod wait;

pub(crate) use affinity::{bound_to, set_cookie};
pub(crate) use endpoint::{InFlight, LiveEndpoint};
pub(crate) use fault::Injected;
pub(crate) use ground::Ground;
pub(crate) use key::hash_of;
pub(crate) use members::Rules;
pub(crate) use registry::Registry;
pub(crate) use room::Wants;
pub(crate) use said::AgentWord;
pub(crate) use service::{Held, LiveService};
pub(crate) use turns::{Ask, Turns};
pub(crate) use wait::{Waited, places};
