//! What can be wrong with a Model that parsed: found by trying, before anything is in force.

use std::fmt;

use trunkline_model::check::BrokenLaw;
use trunkline_model::{ListenerId, Origin, ServiceName};
use trunkline_net::socket::BindError;
use trunkline_net::tls::{ClientTlsError, LoadError, ServerTlsError};

use crate::route::InvalidRoute;

/// One thing that keeps a Model from being served.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// The Model breaks one of its own laws.
    #[error(transparent)]
    Law(#[from] BrokenLaw),
    /// A listener's address cannot be listened on.
    #[error("listener `{listener}` cannot be served: {source}")]
    Bind {
        /// Which listener.
        listener: ListenerId,
        /// Where it was written.
        origin: Origin,
        /// What is wrong.
        source: BindError,
    },
    /// A certificate or its key cannot be used.
    #[error("listener `{listener}` cannot speak TLS: {source}")]
    Certificate {
        /// Which listener.
        listener: ListenerId,
        /// Where the files were named.
        origin: Origin,
        /// What is wrong.
        source: LoadError,
    },
    /// The project's own CA cannot issue a certificate.
    #[error("listener `{listener}` gets no certificate: {source}")]
    Issue {
        /// Which listener.
        listener: ListenerId,
        /// Where it was written.
        origin: Origin,
        /// What is wrong.
        source: crate::secure::IssueError,
    },
    /// TLS settings of a listener do not work together.
    #[error("listener `{listener}` cannot speak TLS: {source}")]
    ServerTls {
        /// Which listener.
        listener: ListenerId,
        /// Where it was written.
        origin: Origin,
        /// What is wrong.
        source: ServerTlsError,
    },
    /// A filter's settings cannot be used.
    #[error("a filter of `{owner}` cannot be used: {source}")]
    Filter {
        /// The listener it belongs to.
        owner: String,
        /// Where that was written.
        origin: Origin,
        /// What is wrong.
        source: trunkline_filters::Invalid,
    },
    /// A route cannot be served.
    #[error("route `{}` cannot be served: {}", .0.id, .0.problem)]
    Route(#[source] InvalidRoute),
    /// TLS towards the store that processes share cannot be spoken.
    #[error("the Redis of `cluster` cannot be spoken to by TLS: {0}")]
    Cluster(#[source] ClientTlsError),
    /// TLS towards a service cannot be spoken.
    #[error("service `{service}` cannot be spoken to by TLS: {source}")]
    UpstreamTls {
        /// Which service.
        service: ServiceName,
        /// Where it was written.
        origin: Origin,
        /// What is wrong.
        source: ClientTlsError,
    },
}

impl PrepareError {
    /// Where the mistake was written, if one place is at fault.
    pub fn origin(&self) -> Option<&Origin> {
        match self {
            Self::Law(_) | Self::Cluster(_) => None,
            Self::Bind { origin, .. }
            | Self::Certificate { origin, .. }
            | Self::Issue { origin, .. }
            | Self::ServerTls { origin, .. }
            | Self::Filter { origin, .. }
            | Self::UpstreamTls { origin, .. } => Some(origin),
            Self::Route(invalid) => Some(&invalid.origin),
        }
    }
}

/// Everything that keeps a Model from being served; never empty.
#[derive(Debug, thiserror::Error)]
pub struct PrepareErrors(pub Vec<PrepareError>);

impl fmt::Display for PrepareErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, error) in self.0.iter().enumerate() {
            if place > 0 {
                f.write_str("; ")?;
            }
            write!(f, "{error}")?;
        }
        Ok(())
    }
}
