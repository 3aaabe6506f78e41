//! Every built-in filter as one enum, so that a chain calls its filters without indirection.

use trunkline_model::filter as settings;
use trunkline_net::http::Exchange;

use crate::{
    AcmeChallenge, HeaderEdits, Hooks, RedirectToHttps, RewritePath, SecureHeaders, Verdict,
};

/// A filter that is ready to run.
#[derive(Debug, Clone)]
pub enum Filter {
    /// Edits of the request's head.
    RequestHeaders(HeaderEdits),
    /// Edits of the response's head.
    ResponseHeaders(HeaderEdits),
    /// Response headers that browsers protect their users by.
    SecureHeaders(SecureHeaders),
    /// Another path for the service.
    RewritePath(RewritePath),
    /// Answers an ACME authority.
    AcmeChallenge(AcmeChallenge),
    /// Plain HTTP goes to HTTPS.
    RedirectToHttps(RedirectToHttps),
    /// Compressed responses. What it does is in [`crate::Encoder`]: it has a state per body.
    Compress(Vec<settings::Coding>),
    /// Stored responses. What it does needs the proxy's own: services, time and memory.
    Cache,
}

/// Why settings cannot become a filter.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Invalid {
    /// A pattern that the `regex` crate refuses, or whose program would be too large.
    #[error("`{pattern}` is not a regular expression that can be used")]
    Regex {
        /// The pattern.
        pattern: String,
        /// What is wrong with it.
        #[source]
        source: regex::Error,
    },
    /// A path that would make an unsendable request.
    #[error("`{0}` cannot stand in a path: use visible ASCII, `%` escapes, no `?` and no `#`")]
    Path(String),
}

impl Filter {
    /// Makes a filter of its settings.
    pub fn compile(settings: &settings::Filter) -> Result<Self, Invalid> {
        Ok(match settings {
            settings::Filter::RequestHeaders(edits) => {
                Self::RequestHeaders(HeaderEdits::new(edits.clone()))
            }
            settings::Filter::ResponseHeaders(edits) => {
                Self::ResponseHeaders(HeaderEdits::new(edits.clone()))
            }
            settings::Filter::SecureHeaders { hsts } => {
                Self::SecureHeaders(SecureHeaders::new(*hsts))
            }
            settings::Filter::RewritePath(rewrite) => {
                Self::RewritePath(RewritePath::compile(rewrite)?)
            }
            settings::Filter::AcmeChallenge => Self::AcmeChallenge(AcmeChallenge),
            settings::Filter::RedirectToHttps { port } => {
                Self::RedirectToHttps(RedirectToHttps { port: *port })
            }
            settings::Filter::Compress(codings) => Self::Compress(codings.clone()),
            settings::Filter::Cache => Self::Cache,
        })
    }

    /// Its name for people, logs and explanations.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::RequestHeaders(_) => "request_headers",
            Self::ResponseHeaders(_) => "response_headers",
            Self::SecureHeaders(_) => "secure_headers",
            Self::RewritePath(_) => "rewrite_path",
            Self::AcmeChallenge(_) => "acme_challenge",
            Self::RedirectToHttps(_) => "redirect_to_https",
            Self::Compress(_) => "compress",
            Self::Cache => "cache",
        }
    }
}

impl Hooks for Filter {
    fn on_request<'a>(&'a self, exchange: &'a mut Exchange) -> Verdict<'a> {
        match self {
            Self::RequestHeaders(edits) => {
                edits.apply(&mut exchange.request);
                Verdict::Continue
            }
            Self::RewritePath(rewrite) => rewrite.on_request(exchange),
            Self::AcmeChallenge(challenge) => challenge.on_request(exchange),
            Self::RedirectToHttps(redirect) => redirect.on_request(exchange),
            Self::ResponseHeaders(_) | Self::SecureHeaders(_) | Self::Compress(_) | Self::Cache => {
                Verdict::Continue
            }
        }
    }

    fn on_response<'a>(&'a self, exchange: &'a mut Exchange) -> Verdict<'a> {
        match self {
            Self::ResponseHeaders(edits) => {
                if let Some(response) = &mut exchange.response {
                    edits.apply(response);
                }
                Verdict::Continue
            }
            Self::SecureHeaders(secure) => secure.on_response(exchange),
            Self::RequestHeaders(_)
            | Self::RewritePath(_)
            | Self::AcmeChallenge(_)
            | Self::RedirectToHttps(_)
            | Self::Compress(_)
            | Self::Cache => Verdict::Continue,
        }
    }
}
