//! A [retry](crate::retry) as a layer: calls again what failed, after a wait, within a budget.

mod future;

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tower_layer::Layer;
use tower_service::Service;

pub use self::future::ResponseFuture;
use super::random::Random;
use super::shared::Shared;
use super::{AnyError, Judge, Rejected, take_ready};
use crate::budget::{self, Budget};
use crate::retry::{Attempt, Config, Retry, Step};

/// Makes a call again with a clone of its request while its outcome is a failure, at most
/// [`max_attempts`](Config::max_attempts) times in all (0 is as 1), and after the waits of
/// [`interval`](Config::interval). A refusal that tells when it ends is waited for longer, if need be.
///
/// Without another [judge](Self::failure_if), errors of the service and ends of its time are
/// repeated, and refusals of policies are not: what a breaker refused it would refuse again. Only
/// what may be done twice is to be sent through it. Where nothing further is tried, the outcome of
/// the last attempt stands.
///
/// ```
/// use std::sync::atomic::{AtomicU32, Ordering};
/// use std::time::Duration;
/// use tower::{Service, ServiceBuilder, ServiceExt, service_fn};
/// use trunkline_resilience::interval::Interval;
/// use trunkline_resilience::layer::{Rejected, RetryBudget, RetryLayer};
/// use trunkline_resilience::{budget, retry};
///
/// #[tokio::main(flavor = "current_thread", start_paused = true)]
/// async fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let config = retry::Config {
///         max_attempts: 4,
///         interval: Interval::exponential(Duration::from_millis(100), 2.0),
///         ..retry::Config::default()
///     };
///     let attempts = AtomicU32::new(0);
///     let service = service_fn(|()| {
///         let attempt = attempts.fetch_add(1, Ordering::Relaxed);
///         async move {
///             if attempt < 2 { Err(std::io::Error::other("busy")) } else { Ok("done") }
///         }
///     });
///     let begun = tokio::time::Instant::now();
///     let retry = RetryLayer::new(config).budget(RetryBudget::new(budget::Config::default()));
///     let mut service = ServiceBuilder::new().layer(retry).map_err(Rejected::Inner).service(service);
///     assert_eq!(service.ready().await?.call(()).await?, "done");
///     assert_eq!(begun.elapsed().as_millis(), 100 + 200);
///     Ok(())
/// }
/// ```
#[derive(Debug, Clone)]
pub struct RetryLayer<J = AnyError> {
    rules: Rules<J>,
}

/// The budget of one retry or hedge, or of several together. Clones are the same budget.
#[derive(Debug, Clone)]
pub struct RetryBudget {
    shared: Arc<Shared<Budget>>,
}

/// What all calls of a layer follow.
#[derive(Debug, Clone)]
struct Rules<J> {
    config: Config,
    budget: Option<RetryBudget>,
    random: Arc<Random>,
    judge: J,
}

impl RetryBudget {
    /// A budget without deposits.
    pub fn new(config: budget::Config) -> Self {
        Self { shared: Arc::new(Shared::new(Budget::new(config))) }
    }

    /// Repetitions that are left now.
    pub fn balance(&self) -> u64 {
        self.with(Budget::balance)
    }

    pub(super) fn with<R>(&self, work: impl FnOnce(&mut Budget, Duration) -> R) -> R {
        self.shared.with(work)
    }
}

impl RetryLayer {
    /// Repeats what failed, without a budget.
    pub fn new(config: Config) -> Self {
        let random = Arc::new(Random::default());
        Self { rules: Rules { config, budget: None, random, judge: AnyError } }
    }
}

impl<J> RetryLayer<J> {
    /// Repeats only what the budget allows.
    #[must_use]
    pub fn budget(mut self, budget: RetryBudget) -> Self {
        self.rules.budget = Some(budget);
        self
    }

    /// Says which outcomes are worth another attempt. It sees refusals as well.
    pub fn failure_if<Response, E, F>(self, judge: F) -> RetryLayer<F>
    where
        F: Fn(Result<&Response, &Rejected<E>>) -> bool,
    {
        let Rules { config, budget, random, judge: _ } = self.rules;
        RetryLayer { rules: Rules { config, budget, random, judge } }
    }
}

impl<S, J: Clone> Layer<S> for RetryLayer<J> {
    type Service = RetryService<S, J>;

    fn layer(&self, inner: S) -> Self::Service {
        RetryService { inner, rules: self.rules.clone() }
    }
}

/// A service whose calls are repeated, made by [`RetryLayer`].
#[derive(Debug, Clone)]
pub struct RetryService<S, J = AnyError> {
    inner: S,
    rules: Rules<J>,
}

impl<S, J, Request, E> Service<Request> for RetryService<S, J>
where
    S: Service<Request, Error = Rejected<E>> + Clone,
    J: Judge<S::Response, E> + Clone,
    Request: Clone,
{
    type Response = S::Response;
    type Error = Rejected<E>;
    type Future = ResponseFuture<S, Request, J>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        if let Some(budget) = &self.rules.budget {
            budget.with(Budget::deposit);
        }
        let attempts = Attempts { rules: self.rules.clone(), retry: Retry::default() };
        ResponseFuture::new(take_ready(&mut self.inner), request, attempts)
    }
}

/// The attempts of one call.
struct Attempts<J> {
    rules: Rules<J>,
    retry: Retry,
}

/// What follows on an outcome.
enum Next<Response, E> {
    Again(Duration),
    Done(Result<Response, Rejected<E>>),
}

impl<J> Attempts<J> {
    fn next<Response, E>(&mut self, result: Result<Response, Rejected<E>>) -> Next<Response, E>
    where
        J: Judge<Response, E>,
    {
        let attempt = match (self.rules.judge.is_failure(result.as_ref()), &result) {
            (true, Ok(_)) => Attempt::Unwanted,
            (true, Err(_)) => Attempt::Error,
            (false, Ok(_)) => Attempt::Success,
            (false, Err(_)) => Attempt::Ignored,
        };
        let asked = result.as_ref().err().and_then(Rejected::retry_after);
        let random = self.rules.random.draw();
        let budget_spent = match self.retry.next(&self.rules.config, attempt, asked, random) {
            Step::Again(wait) if self.may_repeat() => return Next::Again(wait),
            Step::Again(_) => true,
            Step::Done(_) => false,
        };
        if attempt == Attempt::Unwanted && self.rules.config.fail_after_max_attempts {
            let attempts = self.retry.failed();
            return Next::Done(Err(Rejected::Retry { attempts, budget_spent }));
        }
        Next::Done(result)
    }

    fn may_repeat(&self) -> bool {
        let budget = self.rules.budget.as_ref();
        budget.is_none_or(|budget| budget.with(Budget::try_withdraw))
    }
}
