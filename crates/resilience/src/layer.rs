//! The machines as layers of [tower](https://docs.rs/tower), for a service that is written in Rust.
//!
//! A machine is a value that is told the time. A layer puts around it what that leaves open: a lock
//! that is never held over an await, a clock that never goes back, a timer, and guards that give a
//! permit back however a call ends, by its result, by a panic, or because nobody waits for it any
//! more. A clone of a layer and every service that it made share one machine; keep one to ask it how
//! things are.
//!
//! Every service here fails with [`Rejected`], however many are stacked. `map_err(Rejected::Inner)`
//! at the innermost place turns the error of one's own service into it. The order of Resilience4j,
//! the first being the outermost, is retry, circuit breaker, rate limiter, time limiter, bulkhead:
//!
//! ```
//! use std::time::Duration;
//! use tower::{Service, ServiceBuilder, ServiceExt, service_fn};
//! use trunkline_resilience::layer::{
//!     BulkheadLayer, CircuitBreakerLayer, RateLimiterLayer, Rejected, RetryLayer, TimeLimiterLayer,
//! };
//! use trunkline_resilience::{breaker, bulkhead, rate_limiter, retry};
//!
//! #[tokio::main(flavor = "current_thread", start_paused = true)]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let mut payments = ServiceBuilder::new()
//!         .layer(RetryLayer::new(retry::Config::default()))
//!         .layer(CircuitBreakerLayer::new(breaker::Config::default())?)
//!         .layer(RateLimiterLayer::new(rate_limiter::Config::default()))
//!         .layer(TimeLimiterLayer::new(Duration::from_secs(1)))
//!         .layer(BulkheadLayer::new(bulkhead::Config::default()))
//!         .map_err(Rejected::Inner)
//!         .service(service_fn(|cents: u32| async move { Ok::<_, std::io::Error>(cents * 2) }));
//!     assert_eq!(payments.ready().await?.call(21).await?, 42);
//!     Ok(())
//! }
//! ```
//!
//! They run on tokio with its timers enabled; whoever waits for a permit or a repetition waits in
//! the future of the response, never in `poll_ready`, which is the inner service's own.

pub mod breaker;
pub mod bulkhead;
mod clock;
pub mod hedge;
mod judge;
mod random;
pub mod rate_limiter;
mod rejected;
pub mod retry;
mod shared;
pub mod time_limiter;

pub use breaker::CircuitBreakerLayer;
pub use bulkhead::BulkheadLayer;
pub use hedge::HedgeLayer;
pub use judge::{AnyError, Judge};
pub use rate_limiter::RateLimiterLayer;
pub use rejected::Rejected;
pub use retry::{RetryBudget, RetryLayer};
pub use time_limiter::TimeLimiterLayer;

/// The service that `poll_ready` was asked of, for a call that is made later; a clone stays.
fn take_ready<S: Clone>(service: &mut S) -> S {
    let clone = service.clone();
    std::mem::replace(service, clone)
}

/// A future of ours that is polled after it gave its result breaks the contract of `Future`.
const ENDED: &str = "a future is not polled after its end";

/// The program of that page is one of the examples that are run.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/reference/rust.md")]
struct PageOfTheReference;
