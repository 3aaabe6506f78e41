//! Whether an outcome is a failure: what only the user of a layer knows.

use super::Rejected;

/// Says of the outcome of a call whether it is a failure: for a breaker one that counts against the
/// service, for a retry one that another attempt may better. Every closure over the outcome is one.
///
/// It is asked outside of every lock, once for each outcome.
pub trait Judge<Response, E> {
    /// Whether it is a failure.
    fn is_failure(&self, outcome: Result<&Response, &Rejected<E>>) -> bool;
}

/// The judge unless another is named: the errors of the service and the ends of its time are
/// failures, responses and [refusals](Rejected::is_refusal) are not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AnyError;

impl<Response, E> Judge<Response, E> for AnyError {
    fn is_failure(&self, outcome: Result<&Response, &Rejected<E>>) -> bool {
        outcome.is_err_and(|rejected| !rejected.is_refusal())
    }
}

impl<Response, E, F> Judge<Response, E> for F
where
    F: Fn(Result<&Response, &Rejected<E>>) -> bool,
{
    fn is_failure(&self, outcome: Result<&Response, &Rejected<E>>) -> bool {
        self(outcome)
    }
}
