//! `fallback`: a stale answer, another service, an answer.

use trunkline_model::ServiceName;
use trunkline_model::service::policies::{Fallback, Instead};

use super::raw::RawFallback;
use crate::decode::Spanned;
use crate::diagnostic::{Diagnostic, Diagnostics, codes};

/// The policy, if it says anything.
pub(super) fn lower(
    written: &Spanned<RawFallback>,
    diagnostics: &mut Diagnostics,
) -> Option<Fallback> {
    let raw = &written.value;
    let stale = raw.stale.map(|stale| stale.value.0);
    if (raw.to.is_some() && raw.respond.is_some())
        || (raw.to.is_none() && raw.respond.is_none() && stale.is_none())
    {
        diagnostics.push(
            Diagnostic::new(codes::CONFLICT, "a fallback has either `to` or `respond`")
                .at(written.span, "one of the two, and `stale` before it")
                .hint("write `fallback: { respond: { status: 200, body: '[]' } }`"),
        );
        return None;
    }
    Some(Fallback { stale, instead: instead(raw, diagnostics) })
}

fn instead(raw: &RawFallback, diagnostics: &mut Diagnostics) -> Option<Instead> {
    if let Some(Spanned { value: raw, .. }) = &raw.respond {
        return Some(Instead::Respond {
            status: raw.status,
            content_type: raw.content_type.clone(),
            body: raw.body.clone(),
        });
    }
    let to = raw.to.as_ref()?;
    match to.value.parse::<ServiceName>() {
        Ok(service) => Some(Instead::Service(service)),
        Err(error) => {
            let wrong = Diagnostic::new(codes::BAD_VALUE, error.to_string());
            diagnostics.push(wrong.at(to.span, "not a name for a service"));
            None
        }
    }
}
