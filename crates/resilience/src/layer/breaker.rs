//! A [circuit breaker](crate::breaker) as a layer: refuses calls without making them while too many
//! fail or are slow.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use super::shared::Shared;
use super::{AnyError, ENDED, Judge, Rejected};
use crate::breaker::{
    Breaker, Config, IllegalTransition, Invalid, Metrics, NotPermitted, Outcome, Permit, State,
};

/// Keeps calls away from a service that fails. A call counts from the moment it is made until its
/// response is there; one that is dropped before gives its permit back and counts as nothing.
///
/// Refusals of policies further in are not results of the service: the judge is not asked about
/// them, and they count as nothing either.
///
/// ```
/// use tower::{Service, ServiceBuilder, ServiceExt, service_fn};
/// use trunkline_resilience::breaker::{Config, State, Window};
/// use trunkline_resilience::layer::{CircuitBreakerLayer, Rejected};
///
/// #[tokio::main(flavor = "current_thread", start_paused = true)]
/// async fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let config = Config { window: Window::Calls(2), minimum_calls: 2, ..Config::default() };
///     let breaker = CircuitBreakerLayer::new(config)?
///         .failure_if(|outcome: Result<&u16, &Rejected<std::io::Error>>| {
///             outcome.map_or(true, |status| *status >= 500)
///         });
///     let mut service = ServiceBuilder::new()
///         .layer(breaker.clone())
///         .map_err(Rejected::Inner)
///         .service(service_fn(|()| async { Ok(503) }));
///     for _ in 0..2 {
///         assert_eq!(service.ready().await?.call(()).await?, 503);
///     }
///     assert_eq!(breaker.state(), State::Open);
///     let refused = service.ready().await?.call(()).await.unwrap_err();
///     assert_eq!(refused.to_string(), "the circuit breaker is OPEN");
///     assert_eq!(refused.retry_after(), Some(std::time::Duration::from_secs(60)));
///     Ok(())
/// }
/// ```
#[derive(Debug, Clone)]
pub struct CircuitBreakerLayer<J = AnyError> {
    shared: Arc<Shared<Breaker>>,
    judge: J,
}

impl CircuitBreakerLayer {
    /// A breaker in its initial state, for which every error of the service is a failure.
    ///
    /// # Errors
    /// A configuration that no breaker can have.
    pub fn new(config: Config) -> Result<Self, Invalid> {
        let breaker = Breaker::new(config, Duration::ZERO)?;
        Ok(Self { shared: Arc::new(Shared::new(breaker)), judge: AnyError })
    }
}

impl<J> CircuitBreakerLayer<J> {
    /// Says which outcomes are failures; all others are successes.
    pub fn failure_if<Response, E, F>(self, judge: F) -> CircuitBreakerLayer<F>
    where
        F: Fn(Result<&Response, &Rejected<E>>) -> bool,
    {
        CircuitBreakerLayer { shared: self.shared, judge }
    }

    /// The state now.
    pub fn state(&self) -> State {
        self.shared.with(|breaker, now| breaker.state(now, &mut |_| ()))
    }

    /// What is known of the calls now.
    pub fn metrics(&self) -> Metrics {
        self.shared.with(Breaker::metrics)
    }

    /// Goes to another state because somebody says so.
    ///
    /// # Errors
    /// There is no way from the present state to that one.
    pub fn transition_to(&self, state: State) -> Result<(), IllegalTransition> {
        self.shared.with(|breaker, now| breaker.transition_to(state, now, &mut |_| ()))
    }
}

impl<S, J: Clone> Layer<S> for CircuitBreakerLayer<J> {
    type Service = CircuitBreakerService<S, J>;

    fn layer(&self, inner: S) -> Self::Service {
        let (shared, judge) = (Arc::clone(&self.shared), self.judge.clone());
        CircuitBreakerService { inner, shared, judge }
    }
}

/// A service behind a breaker, made by [`CircuitBreakerLayer`].
#[derive(Debug, Clone)]
pub struct CircuitBreakerService<S, J = AnyError> {
    inner: S,
    shared: Arc<Shared<Breaker>>,
    judge: J,
}

impl<S, J, Request, E> Service<Request> for CircuitBreakerService<S, J>
where
    S: Service<Request, Error = Rejected<E>>,
    J: Judge<S::Response, E> + Clone,
{
    type Response = S::Response;
    type Error = Rejected<E>;
    type Future = ResponseFuture<S::Future, J, E>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let stage = match Trial::begin(&self.shared) {
            Ok(trial) => {
                let call = self.inner.call(request);
                Stage::Called { call, trial, judge: self.judge.clone() }
            }
            Err(rejected) => Stage::Refused { rejected: Some(rejected) },
        };
        ResponseFuture { stage }
    }
}

pin_project! {
    /// The response of a call through a breaker. Dropping it gives the permit back.
    pub struct ResponseFuture<F, J, E> {
        #[pin]
        stage: Stage<F, J, E>,
    }
}

pin_project! {
    #[project = StageProjection]
    enum Stage<F, J, E> {
        Refused { rejected: Option<Rejected<E>> },
        // The call is dropped before its permit is given back.
        Called { #[pin] call: F, trial: Trial, judge: J },
    }
}

impl<F, J, Response, E> Future for ResponseFuture<F, J, E>
where
    F: Future<Output = Result<Response, Rejected<E>>>,
    J: Judge<Response, E>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().stage.project() {
            StageProjection::Refused { rejected } => {
                Poll::Ready(Err(rejected.take().expect(ENDED)))
            }
            StageProjection::Called { call, trial, judge } => {
                let result = ready!(call.poll(context));
                trial.end(judge_outcome(judge, &result));
                Poll::Ready(result)
            }
        }
    }
}

fn judge_outcome<Response, E>(
    judge: &impl Judge<Response, E>,
    result: &Result<Response, Rejected<E>>,
) -> Outcome {
    match result {
        Err(rejected) if rejected.is_refusal() => Outcome::Ignored,
        result if judge.is_failure(result.as_ref()) => Outcome::Error,
        _ => Outcome::Success,
    }
}

/// A call that the breaker let pass, with the permit for it.
struct Trial {
    shared: Arc<Shared<Breaker>>,
    permit: Option<Permit>,
    begun: Duration,
}

impl Trial {
    fn begin<E>(shared: &Arc<Shared<Breaker>>) -> Result<Self, Rejected<E>> {
        let (permit, begun) = shared.with(|breaker, now| {
            let permit = breaker.try_acquire(now, &mut |_| ());
            permit.map(|permit| (permit, now)).map_err(|refused| refuse(breaker, refused, now))
        })?;
        Ok(Self { shared: Arc::clone(shared), permit: Some(permit), begun })
    }

    fn end(&mut self, outcome: Outcome) {
        let Some(permit) = self.permit.take() else { return };
        self.shared.with(|breaker, now| {
            let took = now.saturating_sub(self.begun);
            breaker.on_result(permit, outcome, took, now, &mut |_| ());
        });
    }
}

impl Drop for Trial {
    fn drop(&mut self) {
        if let Some(permit) = self.permit.take() {
            self.shared.with(|breaker, _| breaker.release(permit));
        }
    }
}

fn refuse<E>(breaker: &mut Breaker, refused: NotPermitted, now: Duration) -> Rejected<E> {
    let metrics = breaker.metrics(now);
    let known = |rate: f32| (rate >= 0.0).then_some(rate);
    Rejected::CircuitBreaker {
        state: refused.state,
        failure_rate: known(metrics.failure_rate),
        slow_call_rate: known(metrics.slow_call_rate),
        retry_after: refused.retry_at.map(|at| at.saturating_sub(now)),
    }
}
