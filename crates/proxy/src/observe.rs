//! Step 9: what happened is counted at once and told once.
//!
//! Counters and histograms are updated in place and are exact. One record per exchange goes into
//! the worker's ring when its last byte was sent, or its caller was gone: a [`Recording`] travels
//! with the exchange and does both when it is dropped, so that no way out forgets to.

pub mod access_log;
mod body;
mod counters;
mod recording;
mod text;

pub(crate) use body::{Observed, Source};
pub(crate) use counters::{Connections, Excesses, PerWorker, Refusals, Requests, distribution};
pub(crate) use recording::Recording;
