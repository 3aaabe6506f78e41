//! A [time limiter](crate::time_limiter) as a layer: no call takes longer than it may.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use pin_project_lite::pin_project;
use tokio::time::{Sleep, sleep};
use tower_layer::Layer;
use tower_service::Service;

use super::Rejected;

/// Ends a call when its time is over, by dropping its future. A response that is there in the moment
/// in which the time ends is given. Where the time is zero, nothing is called at all.
///
/// What a service begins in tasks of its own goes on after its future is dropped.
///
/// ```
/// use std::time::Duration;
/// use tower::{Service, ServiceBuilder, ServiceExt, service_fn};
/// use trunkline_resilience::layer::{Rejected, TimeLimiterLayer};
///
/// #[tokio::main(flavor = "current_thread", start_paused = true)]
/// async fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let mut service = ServiceBuilder::new()
///         .layer(TimeLimiterLayer::new(Duration::from_millis(200)))
///         .map_err(Rejected::Inner)
///         .service(service_fn(|millis| async move {
///             tokio::time::sleep(Duration::from_millis(millis)).await;
///             Ok::<_, std::io::Error>("done")
///         }));
///     assert_eq!(service.ready().await?.call(100).await?, "done");
///     let rejected = service.ready().await?.call(300).await.unwrap_err();
///     assert_eq!(rejected.to_string(), "there was no response within 200ms");
///     Ok(())
/// }
/// ```
#[derive(Debug, Clone, Copy)]
pub struct TimeLimiterLayer {
    timeout: Duration,
}

impl TimeLimiterLayer {
    /// Calls take at most `timeout`, to the millisecond above it.
    pub const fn new(timeout: Duration) -> Self {
        Self { timeout }
    }
}

impl<S> Layer<S> for TimeLimiterLayer {
    type Service = TimeLimiterService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        TimeLimiterService { inner, timeout: self.timeout }
    }
}

/// A service whose calls take no longer than they may, made by [`TimeLimiterLayer`].
#[derive(Debug, Clone, Copy)]
pub struct TimeLimiterService<S> {
    inner: S,
    timeout: Duration,
}

impl<S, Request, E> Service<Request> for TimeLimiterService<S>
where
    S: Service<Request, Error = Rejected<E>>,
{
    type Response = S::Response;
    type Error = Rejected<E>;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let timeout = self.timeout;
        let call = (!timeout.is_zero()).then(|| self.inner.call(request));
        ResponseFuture { call, timer: sleep(timeout), timeout }
    }
}

pin_project! {
    /// The response of a call whose time is limited.
    pub struct ResponseFuture<F> {
        // None where there is no time at all, and when the time is over.
        #[pin]
        call: Option<F>,
        #[pin]
        timer: Sleep,
        timeout: Duration,
    }
}

impl<F, Response, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response, Rejected<E>>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        if let Some(call) = this.call.as_mut().as_pin_mut() {
            if let Poll::Ready(result) = call.poll(context) {
                return Poll::Ready(result);
            }
            ready!(this.timer.poll(context));
            this.call.set(None);
        }
        Poll::Ready(Err(Rejected::TimeLimiter { timeout: *this.timeout }))
    }
}
