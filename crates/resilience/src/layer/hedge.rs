//! [Hedging](crate::hedge) as a layer: a call that takes longer than most do is made once more, and
//! the first response wins.

mod future;

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tower_layer::Layer;
use tower_service::Service;

pub use self::future::ResponseFuture;
use super::shared::Shared;
use super::{Rejected, RetryBudget, take_ready};
use crate::budget::Budget;
use crate::hedge::{Config, Hedge};

/// Makes a call again with a clone of its request while it has no response after the
/// [delay](crate::hedge::Delay), at most [`max_hedges`](Config::max_hedges) times, without ending what
/// runs. The first response wins, and all other calls are dropped. An error waits for the calls that
/// still run, but no further one is begun; of several errors the last one stands.
///
/// Only what may be done twice is to be sent through it. A layer whose delay is learnt makes no
/// second call before it knows enough.
///
/// ```
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use std::time::Duration;
/// use tower::{Service, ServiceBuilder, ServiceExt, service_fn};
/// use trunkline_resilience::hedge::{Config, Delay};
/// use trunkline_resilience::layer::{HedgeLayer, Rejected};
///
/// #[tokio::main(flavor = "current_thread", start_paused = true)]
/// async fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let delay = Delay::Fixed(Duration::from_millis(50));
///     let attempts = AtomicU64::new(0);
///     let mut service = ServiceBuilder::new()
///         .layer(HedgeLayer::new(Config { delay, max_hedges: 1 }))
///         .map_err(Rejected::Inner)
///         .service(service_fn(|()| {
///             let attempt = attempts.fetch_add(1, Ordering::Relaxed);
///             async move {
///                 let takes = if attempt == 0 { 900 } else { 20 };
///                 tokio::time::sleep(Duration::from_millis(takes)).await;
///                 Ok::<_, std::io::Error>(attempt)
///             }
///         }));
///     let begun = tokio::time::Instant::now();
///     assert_eq!(service.ready().await?.call(()).await?, 1);
///     assert_eq!(begun.elapsed().as_millis(), 50 + 20);
///     Ok(())
/// }
/// ```
#[derive(Debug, Clone)]
pub struct HedgeLayer {
    rules: Rules,
}

/// What all calls of a layer follow and know.
#[derive(Debug, Clone)]
struct Rules {
    shared: Arc<Shared<Hedge>>,
    budget: Option<RetryBudget>,
}

impl HedgeLayer {
    /// Knows of no call yet, and has no budget.
    pub fn new(config: Config) -> Self {
        let shared = Arc::new(Shared::new(Hedge::new(config)));
        Self { rules: Rules { shared, budget: None } }
    }

    /// Makes further calls only as the budget allows; a retry may have the same.
    #[must_use]
    pub fn budget(mut self, budget: RetryBudget) -> Self {
        self.rules.budget = Some(budget);
        self
    }

    /// After how long a further call is made; `None` while too little is known.
    pub fn delay(&self) -> Option<Duration> {
        self.rules.shared.with(|hedge, _| hedge.delay())
    }
}

impl Rules {
    fn may_hedge(&self) -> bool {
        self.budget.as_ref().is_none_or(|budget| budget.with(Budget::try_withdraw))
    }
}

impl<S> Layer<S> for HedgeLayer {
    type Service = HedgeService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        HedgeService { inner, rules: self.rules.clone() }
    }
}

/// A service whose slow calls are made again, made by [`HedgeLayer`].
#[derive(Debug, Clone)]
pub struct HedgeService<S> {
    inner: S,
    rules: Rules,
}

impl<S, Request, E> Service<Request> for HedgeService<S>
where
    S: Service<Request, Error = Rejected<E>> + Clone,
    Request: Clone,
{
    type Response = S::Response;
    type Error = Rejected<E>;
    type Future = ResponseFuture<S, Request>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        if let Some(budget) = &self.rules.budget {
            budget.with(Budget::deposit);
        }
        ResponseFuture::new(take_ready(&mut self.inner), request, self.rules.clone())
    }
}
