//! A [rate limiter by cycles](crate::rate_limiter) as a layer: so many calls in each period.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use pin_project_lite::pin_project;
use tokio::time::{Sleep, sleep};
use tower_layer::Layer;
use tower_service::Service;

use super::shared::Shared;
use super::{ENDED, Rejected, take_ready};
use crate::rate_limiter::{Config, Cycles, Reservation};

/// Bounds the calls of each period. A call takes a permit of this period or of one to come, and
/// waits for it; where that is longer than [`timeout_duration`](Config::timeout_duration), it is
/// refused at once. A call that is dropped while it waits has spent its permit: others were told
/// their times already.
///
/// ```
/// use std::time::Duration;
/// use tower::{Service, ServiceBuilder, ServiceExt, service_fn};
/// use trunkline_resilience::layer::{RateLimiterLayer, Rejected};
/// use trunkline_resilience::rate_limiter::Config;
///
/// #[tokio::main(flavor = "current_thread", start_paused = true)]
/// async fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let limiter = RateLimiterLayer::new(Config {
///         limit_for_period: 1,
///         limit_refresh_period: Duration::from_secs(1),
///         timeout_duration: Duration::ZERO,
///     });
///     let mut service = ServiceBuilder::new()
///         .layer(limiter)
///         .map_err(Rejected::Inner)
///         .service(service_fn(|()| async { Ok::<_, std::io::Error>("done") }));
///     assert_eq!(service.ready().await?.call(()).await?, "done");
///     let refused = service.ready().await?.call(()).await.unwrap_err();
///     assert_eq!(refused.to_string(), "the rate limit of 1 calls in 1s is used up");
///     tokio::time::sleep(refused.retry_after().expect("a limiter knows")).await;
///     assert_eq!(service.ready().await?.call(()).await?, "done");
///     Ok(())
/// }
/// ```
#[derive(Debug, Clone)]
pub struct RateLimiterLayer {
    shared: Arc<Shared<Cycles>>,
}

impl RateLimiterLayer {
    /// A limiter whose first period begins now. A limit of 0 is as 1.
    pub fn new(config: Config) -> Self {
        Self { shared: Arc::new(Shared::new(Cycles::new(config, Duration::ZERO))) }
    }

    /// Permits that are there now; below zero where some of periods to come are taken.
    pub fn available(&self) -> i64 {
        self.shared.with(Cycles::available)
    }
}

impl<S> Layer<S> for RateLimiterLayer {
    type Service = RateLimiterService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        RateLimiterService { inner, shared: Arc::clone(&self.shared) }
    }
}

/// A service behind a rate limiter, made by [`RateLimiterLayer`].
#[derive(Debug, Clone)]
pub struct RateLimiterService<S> {
    inner: S,
    shared: Arc<Shared<Cycles>>,
}

impl<S, Request, E> Service<Request> for RateLimiterService<S>
where
    S: Service<Request, Error = Rejected<E>> + Clone,
{
    type Response = S::Response;
    type Error = Rejected<E>;
    type Future = ResponseFuture<S, Request>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let stage = match self.shared.with(|limiter, now| limiter.reserve(1, now)) {
            Reservation::After(wait) if wait.is_zero() => {
                Stage::Runs { call: self.inner.call(request) }
            }
            Reservation::After(wait) => {
                let to_call = Some((take_ready(&mut self.inner), request));
                Stage::Waits { timer: sleep(wait), to_call }
            }
            Reservation::Refused(wait) => {
                let config = self.shared.with(|limiter, _| *limiter.config());
                Stage::Refused { rejected: Some(refuse(&config, wait)) }
            }
        };
        ResponseFuture { stage }
    }
}

pin_project! {
    /// The response of a call through a rate limiter.
    pub struct ResponseFuture<S, Request>
    where
        S: Service<Request>,
    {
        #[pin]
        stage: Stage<S, Request>,
    }
}

pin_project! {
    #[project = StageProjection]
    enum Stage<S, Request>
    where
        S: Service<Request>,
    {
        Waits { #[pin] timer: Sleep, to_call: Option<(S, Request)> },
        Runs { #[pin] call: S::Future },
        Refused { rejected: Option<S::Error> },
    }
}

impl<S, Request, E> Future for ResponseFuture<S, Request>
where
    S: Service<Request, Error = Rejected<E>>,
{
    type Output = Result<S::Response, Rejected<E>>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut stage = self.project().stage;
        loop {
            let call = match stage.as_mut().project() {
                StageProjection::Waits { timer, to_call } => {
                    ready!(timer.poll(context));
                    let (mut service, request) = to_call.take().expect(ENDED);
                    service.call(request)
                }
                StageProjection::Runs { call } => return call.poll(context),
                StageProjection::Refused { rejected } => {
                    return Poll::Ready(Err(rejected.take().expect(ENDED)));
                }
            };
            stage.set(Stage::Runs { call });
        }
    }
}

fn refuse<E>(config: &Config, retry_after: Duration) -> Rejected<E> {
    Rejected::RateLimiter {
        limit_for_period: config.limit_for_period.max(1),
        limit_refresh_period: config.limit_refresh_period,
        retry_after,
    }
}
