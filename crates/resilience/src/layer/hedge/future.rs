//! The calls that race for one response.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use pin_project_lite::pin_project;
use tokio::time::{Sleep, sleep};
use tower_service::Service;

use super::Rules;
use crate::layer::{ENDED, Rejected};

pin_project! {
    /// The response of a call that is made again if it is slow. Dropping it drops all calls.
    pub struct ResponseFuture<S, Request>
    where
        S: Service<Request>,
    {
        calls: Vec<Running<S::Future>>,
        // None once no further call is to be made.
        #[pin]
        timer: Option<Sleep>,
        hedges_left: u32,
        to_call: (S, Request),
        rules: Rules,
        // Of the call that ended last.
        error: Option<S::Error>,
    }
}

struct Running<F> {
    call: Pin<Box<F>>,
    begun: Duration,
}

impl<S, Request> ResponseFuture<S, Request>
where
    S: Service<Request>,
    Request: Clone,
{
    /// Makes the first call with a service that is ready.
    pub(super) fn new(service: S, request: Request, rules: Rules) -> Self {
        let (delay, hedges_left) =
            rules.shared.with(|hedge, _| (hedge.delay(), hedge.config().max_hedges));
        let timer = delay.filter(|_| hedges_left > 0).map(sleep);
        let mut to_call = (service, request);
        let calls = vec![begin(&mut to_call, &rules)];
        Self { calls, timer, hedges_left, to_call, rules, error: None }
    }
}

impl<S, Request, E> Future for ResponseFuture<S, Request>
where
    S: Service<Request, Error = Rejected<E>>,
    Request: Clone,
{
    type Output = Result<S::Response, Rejected<E>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            if let Some(response) = self.as_mut().poll_calls(context) {
                return Poll::Ready(Ok(response));
            }
            let this = self.as_mut().project();
            if this.calls.is_empty() {
                return Poll::Ready(Err(this.error.take().expect(ENDED)));
            }
            ready!(self.as_mut().poll_further(context));
        }
    }
}

impl<S, Request, E> ResponseFuture<S, Request>
where
    S: Service<Request, Error = Rejected<E>>,
    Request: Clone,
{
    /// The first response; then every other call is dropped.
    fn poll_calls(self: Pin<&mut Self>, context: &mut Context<'_>) -> Option<S::Response> {
        let mut this = self.project();
        let mut response = None;
        this.calls.retain_mut(|running| {
            if response.is_some() {
                return false;
            }
            match running.call.as_mut().poll(context) {
                Poll::Pending => return true,
                Poll::Ready(Err(error)) => {
                    *this.error = Some(error);
                    this.timer.set(None);
                }
                Poll::Ready(Ok(ready)) => {
                    let begun = running.begun;
                    this.rules.shared.with(|hedge, now| hedge.record(now.saturating_sub(begun)));
                    response = Some(ready);
                }
            }
            false
        });
        if response.is_some() {
            this.calls.clear();
        }
        response
    }

    /// Begins a further call when its time has come; is not ready while it has not, and where none
    /// is to be made.
    fn poll_further(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        let Some(timer) = this.timer.as_mut().as_pin_mut() else { return Poll::Pending };
        ready!(timer.poll(context));
        // A service that is broken now may still answer the calls that it took.
        let usable = ready!(this.to_call.0.poll_ready(context)).is_ok() && this.rules.may_hedge();
        *this.hedges_left = if usable { this.hedges_left.saturating_sub(1) } else { 0 };
        if usable {
            this.calls.push(begin(this.to_call, this.rules));
        }
        let delay = this.rules.shared.with(|hedge, _| hedge.delay());
        this.timer.set(delay.filter(|_| *this.hedges_left > 0).map(sleep));
        Poll::Ready(())
    }
}

fn begin<S, Request>(to_call: &mut (S, Request), rules: &Rules) -> Running<S::Future>
where
    S: Service<Request>,
    Request: Clone,
{
    let (service, request) = to_call;
    let call = Box::pin(service.call(request.clone()));
    Running { call, begun: rules.shared.with(|_, now| now) }
}
