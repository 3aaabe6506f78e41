//! A flat list of filters and how it is run.
//!
//! Requests pass the list from its first filter to its last, responses from its last to its first:
//! the filter that is nearest to the caller sees a request first and its response last. With two
//! chains, the listener's and the route's, the listener's is the outer one: it runs first on
//! requests and last on responses. Answers that Trunkline makes itself pass the response hooks
//! too, so that a redirect carries HSTS; a filter that answers *them* is ignored there, or two
//! filters could answer each other for ever.

use trunkline_model::filter as settings;
use trunkline_net::http::Exchange;

use crate::{Filter, Hooks, Invalid, Reply, Verdict};

/// A flat list of filters.
#[derive(Debug, Clone, Default)]
pub struct Chain {
    /// The filters, in the order that their dialect defines.
    pub filters: Vec<Filter>,
}

impl Chain {
    /// Compiles every filter, or tells everything that is wrong.
    pub fn compile(settings: &[settings::Filter]) -> Result<Self, Vec<Invalid>> {
        let mut chain = Self::default();
        let mut wrong = Vec::new();
        for setting in settings {
            match Filter::compile(setting) {
                Ok(filter) => chain.filters.push(filter),
                Err(invalid) => wrong.push(invalid),
            }
        }
        if wrong.is_empty() { Ok(chain) } else { Err(wrong) }
    }

    /// Whether there is no filter.
    pub fn is_empty(&self) -> bool {
        self.filters.is_empty()
    }

    /// Names of the filters, in order.
    pub fn names(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.filters.iter().map(Filter::name)
    }

    /// Whether responses are stored and answered from.
    pub fn caches(&self) -> bool {
        self.filters.iter().any(|filter| matches!(filter, Filter::Cache))
    }

    /// The codings by which responses are to be compressed, if they are.
    pub fn codings(&self) -> Option<&[settings::Coding]> {
        self.filters.iter().find_map(|filter| match filter {
            Filter::Compress(codings) => Some(codings.as_slice()),
            _ => None,
        })
    }

    /// Runs the request hooks. `Some` is the answer of the filter that stopped the chain.
    ///
    /// Nothing is allocated and nothing waits unless a filter does. A filter that asked for another
    /// route tells so through [`Exchange::reroute`], which the caller looks at afterwards.
    pub async fn run_request(&self, exchange: &mut Exchange) -> Option<Reply> {
        for filter in &self.filters {
            if let Some(reply) = settle(filter.on_request(exchange)).await {
                return Some(reply);
            }
        }
        None
    }

    /// Runs the response hooks. `Some` is an answer that takes the place of the response.
    pub async fn run_response(&self, exchange: &mut Exchange) -> Option<Reply> {
        for filter in self.filters.iter().rev() {
            if let Some(reply) = settle(filter.on_response(exchange)).await {
                return Some(reply);
            }
        }
        None
    }
}

/// Waits for as long as a filter wants to.
pub(crate) async fn settle(mut verdict: Verdict<'_>) -> Option<Reply> {
    loop {
        verdict = match verdict {
            Verdict::Continue => return None,
            Verdict::Respond(reply) => return Some(reply),
            Verdict::Wait(future) => future.await,
        };
    }
}
