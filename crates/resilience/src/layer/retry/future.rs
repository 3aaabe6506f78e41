//! The attempts of one call, one after the other, and the waits between them.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use tokio::time::{Sleep, sleep};
use tower_service::Service;

use super::{Attempts, Next};
use crate::layer::{Judge, Rejected};

pin_project! {
    /// The response of a call that is repeated if need be. Dropping it ends the attempts.
    pub struct ResponseFuture<S, Request, J>
    where
        S: Service<Request>,
    {
        #[pin]
        stage: Stage<S::Future>,
        service: S,
        request: Request,
        attempts: Attempts<J>,
    }
}

pin_project! {
    #[project = StageProjection]
    enum Stage<F> {
        Runs { #[pin] call: F },
        Waits { #[pin] timer: Sleep },
        // Until the service can be called.
        Prepares,
    }
}

impl<S, Request, J> ResponseFuture<S, Request, J>
where
    S: Service<Request>,
    Request: Clone,
{
    /// Makes the first attempt with a service that is ready.
    pub(super) fn new(mut service: S, request: Request, attempts: Attempts<J>) -> Self {
        let call = service.call(request.clone());
        Self { stage: Stage::Runs { call }, service, request, attempts }
    }
}

impl<S, Request, J, E> Future for ResponseFuture<S, Request, J>
where
    S: Service<Request, Error = Rejected<E>>,
    Request: Clone,
    J: Judge<S::Response, E>,
{
    type Output = Result<S::Response, Rejected<E>>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            let next = match this.stage.as_mut().project() {
                StageProjection::Runs { call } => {
                    match this.attempts.next(ready!(call.poll(context))) {
                        Next::Again(wait) => Stage::Waits { timer: sleep(wait) },
                        Next::Done(result) => return Poll::Ready(result),
                    }
                }
                StageProjection::Waits { timer } => {
                    ready!(timer.poll(context));
                    Stage::Prepares
                }
                StageProjection::Prepares => {
                    ready!(this.service.poll_ready(context))?;
                    Stage::Runs { call: this.service.call(this.request.clone()) }
                }
            };
            this.stage.set(next);
        }
    }
}
