//! Why there is no answer. What each of these means for a request is the caller's to decide.

use trunkline_resilience::breaker::IllegalTransition;

/// No answer of Redis.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Away {
    /// There is no connection, and this was found without waiting for one. Nothing was done.
    #[error("redis is away")]
    Gone,
    /// The connection broke after the question was sent: nobody knows whether it was done.
    #[error("the connection to redis broke")]
    Lost,
    /// No answer within the timeout: nobody knows whether it was done.
    #[error("redis did not answer in time")]
    Late,
    /// As many questions are open as a link may have. Nothing was done.
    #[error("too many questions to redis are open")]
    Busy,
    /// Redis says no: somebody else's key, a wrong password, a replica. Nothing was done.
    #[error("redis refuses: {0}")]
    Refused(String),
    /// The answer is not one that the script gives.
    #[error("redis gave an answer that makes no sense")]
    Garbled,
}

impl Away {
    /// Whether the question may have been carried out.
    pub const fn is_unknown(&self) -> bool {
        matches!(self, Self::Lost | Self::Late | Self::Garbled)
    }
}

/// An order that was not carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    /// Redis did not answer.
    #[error(transparent)]
    Away(#[from] Away),
    /// The breaker is in a state that has no way to the other.
    #[error(transparent)]
    Illegal(#[from] IllegalTransition),
}
