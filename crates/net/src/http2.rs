//! HTTP/2 as the codec `h2` speaks it, with what a proxy has to add: bodies in our own types, and a
//! guard against peers that use the protocol's rules as a weapon.
//!
//! The guard sits below the codec and sees every frame of both directions; it knows no stream's
//! content. Heads are converted in [`crate::http::wire`].

mod body;
mod frames;
mod guard;
mod guarded;
mod tunnel;

pub use body::Received;
pub use frames::{Frame, Kind};
pub use guard::{Excess, Guard, Limits, Role};
pub use guarded::{Guarded, Watch};
pub use tunnel::Tunnel;
