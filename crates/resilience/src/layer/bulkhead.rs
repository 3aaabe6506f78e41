//! A [bulkhead](crate::bulkhead) as a layer: so many calls at one time, and some that wait for their
//! turn.

mod permit;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use tokio::time::{Sleep, sleep};
use tower_layer::Layer;
use tower_service::Service;

use self::permit::{Entered, Permit, Place, Places};
use super::shared::Shared;
use super::{ENDED, Rejected, take_ready};
use crate::bulkhead::{Bulkhead, Config};

/// Bounds the calls that run at one time. Who finds no permit waits for at most
/// [`max_wait_duration`](Config::max_wait_duration), in the order of coming, and is refused then, or
/// at once where that is zero or the queue is full. One that is dropped while it waits leaves the
/// queue; one that is dropped while it runs hands its permit to the next.
///
/// ```
/// use tower::{Service, ServiceBuilder, ServiceExt, service_fn};
/// use trunkline_resilience::bulkhead::Config;
/// use trunkline_resilience::layer::{BulkheadLayer, Rejected};
///
/// #[tokio::main(flavor = "current_thread", start_paused = true)]
/// async fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let bulkhead = BulkheadLayer::new(Config { max_concurrent_calls: 1, ..Config::default() });
///     let mut service = ServiceBuilder::new()
///         .layer(bulkhead.clone())
///         .map_err(Rejected::Inner)
///         .service(service_fn(|()| async { Ok::<_, std::io::Error>("done") }));
///     let running = service.ready().await?.call(());
///     let refused = service.ready().await?.call(()).await.unwrap_err();
///     assert_eq!(refused.to_string(), "the bulkhead is full with 1 of 1 calls");
///     assert_eq!(running.await?, "done");
///     assert_eq!(bulkhead.running(), 0);
///     Ok(())
/// }
/// ```
#[derive(Debug, Clone)]
pub struct BulkheadLayer {
    places: Arc<Places>,
}

impl BulkheadLayer {
    /// An empty bulkhead.
    pub fn new(config: Config) -> Self {
        Self { places: Arc::new(Shared::new(Bulkhead::new(config))) }
    }

    /// Calls that run now.
    pub fn running(&self) -> u32 {
        self.places.with(|bulkhead, _| bulkhead.running())
    }

    /// Calls that wait for a permit now.
    pub fn waiting(&self) -> usize {
        self.places.with(|bulkhead, _| bulkhead.waiting())
    }
}

impl<S> Layer<S> for BulkheadLayer {
    type Service = BulkheadService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        BulkheadService { inner, places: Arc::clone(&self.places) }
    }
}

/// A service behind a bulkhead, made by [`BulkheadLayer`].
#[derive(Debug, Clone)]
pub struct BulkheadService<S> {
    inner: S,
    places: Arc<Places>,
}

impl<S, Request, E> Service<Request> for BulkheadService<S>
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
        let stage = match Place::enter(&self.places) {
            Entered::Permitted(permit) => Stage::Runs { call: self.inner.call(request), permit },
            Entered::Waits(place, max) => Stage::Waits {
                place,
                timer: sleep(max),
                to_call: Some((take_ready(&mut self.inner), request)),
            },
            Entered::Rejected(rejected) => Stage::Refused { rejected: Some(rejected) },
        };
        ResponseFuture { stage }
    }
}

pin_project! {
    /// The response of a call through a bulkhead. Dropping it gives up the permit, or the place in
    /// the queue.
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
        Waits { place: Place, #[pin] timer: Sleep, to_call: Option<(S, Request)> },
        // The call is dropped before its permit is given back.
        Runs { #[pin] call: S::Future, permit: Permit },
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
            let next = match stage.as_mut().project() {
                StageProjection::Waits { place, timer, to_call } => {
                    match ready!(poll_turn(place, timer, context)) {
                        Ok(permit) => {
                            let (mut service, request) = to_call.take().expect(ENDED);
                            Stage::Runs { call: service.call(request), permit }
                        }
                        Err(rejected) => Stage::Refused { rejected: Some(rejected) },
                    }
                }
                StageProjection::Runs { call, .. } => {
                    let result = ready!(call.poll(context));
                    stage.set(Stage::Refused { rejected: None });
                    return Poll::Ready(result);
                }
                StageProjection::Refused { rejected } => {
                    return Poll::Ready(Err(rejected.take().expect(ENDED)));
                }
            };
            stage.set(next);
        }
    }
}

/// The permit when it comes, or the refusal when the wait is over.
fn poll_turn<E>(
    place: &mut Place,
    timer: Pin<&mut Sleep>,
    context: &mut Context<'_>,
) -> Poll<Result<Permit, Rejected<E>>> {
    if let Some(permit) = place.poll_permit(context) {
        return Poll::Ready(Ok(permit));
    }
    ready!(timer.poll(context));
    Poll::Ready(place.give_up())
}
