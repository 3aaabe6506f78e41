//! An answer that Trunkline makes itself, before it has a form.

use bytes::Bytes;
use trunkline_model::filter::{HeaderName, HeaderText};
use trunkline_model::reason::{Kind, Reason};

/// An answer that Trunkline makes itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// Status: the reason's, unless the configuration says otherwise.
    pub status: u16,
    /// Why.
    pub reason: Reason,
    /// Further header fields, such as `location`.
    pub headers: Vec<(HeaderName, HeaderText)>,
    /// Body.
    pub content: Content,
}

/// The body of a reply.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// Says why, in the form that the caller prefers.
    Explained,
    /// Exactly this.
    Given {
        /// Media type.
        content_type: HeaderText,
        /// The body.
        body: Bytes,
    },
    /// Nothing.
    Empty,
}

impl Reply {
    /// The answer that says why, with the reason's own status.
    pub fn because(reason: Reason) -> Self {
        Self {
            status: reason.kind.status(),
            reason,
            headers: Vec::new(),
            content: Content::Explained,
        }
    }

    /// Sends the caller to `location`, an absolute URL or a path. What cannot stand in a field
    /// value becomes a refusal instead.
    pub fn redirect(status: u16, location: &str) -> Self {
        let name = "location".parse::<HeaderName>();
        let (Ok(name), Ok(value)) = (name, location.parse::<HeaderText>()) else {
            return Self::because(Reason::new(Kind::BadRequest));
        };
        Self {
            status,
            reason: Reason::new(Kind::Redirect),
            headers: vec![(name, value)],
            content: Content::Explained,
        }
    }

    /// An answer written in the configuration; without a media type it has no body.
    pub fn given(status: u16, content_type: Option<HeaderText>, body: Bytes) -> Self {
        Self {
            status,
            reason: Reason::new(Kind::Respond),
            headers: Vec::new(),
            content: match content_type {
                Some(content_type) => Content::Given { content_type, body },
                None => Content::Empty,
            },
        }
    }
}
