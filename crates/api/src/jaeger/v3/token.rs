//! The token of a page: the last hit of the page before, bound to the search that gave it out.
//!
//! It holds no state here: any process answers it at any time. It protects from mistakes, not from
//! intent: whoever makes one up gets a page that they could have had anyway.

use trunkline_model::trace::TraceId;
use trunkline_otlp::json::base64;
use trunkline_query::search::Query;
use trunkline_store::source::Hit;

use super::super::ids::from_base64;

const VERSION: u8 = 1;

/// Why a token is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(in super::super) enum Invalid {
    #[error("invalid page token: not valid base64 of a token")]
    Form,
    #[error("invalid page token: it belongs to a different query")]
    Query,
}

/// What tells searches apart, whatever their pages: FNV-1a of what they look for.
pub(super) fn fingerprint(query: &Query) -> u64 {
    let mut text = format!("{:?} {:?}", query.start_unix_nanos, query.predicate);
    text.push_str(env!("CARGO_PKG_VERSION"));
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

pub(super) fn write(last: Hit, fingerprint: u64) -> String {
    let mut bytes = vec![VERSION];
    bytes.extend_from_slice(&fingerprint.to_be_bytes());
    bytes.extend_from_slice(&last.start_unix_nanos.to_be_bytes());
    bytes.extend_from_slice(last.trace.bytes());
    base64(&bytes).replace('+', "-").replace('/', "_").trim_end_matches('=').to_owned()
}

pub(super) fn read(token: &str, fingerprint: u64) -> Result<Hit, Invalid> {
    let bytes = from_base64(token).ok_or(Invalid::Form)?;
    let rest = bytes.strip_prefix(&[VERSION]).ok_or(Invalid::Form)?;
    let (query, rest) = rest.split_first_chunk::<8>().ok_or(Invalid::Form)?;
    let (start, rest) = rest.split_first_chunk::<8>().ok_or(Invalid::Form)?;
    let trace: [u8; 16] = rest.try_into().map_err(|_| Invalid::Form)?;
    if u64::from_be_bytes(*query) != fingerprint {
        return Err(Invalid::Query);
    }
    let trace = TraceId::new(trace).ok_or(Invalid::Form)?;
    Ok(Hit { start_unix_nanos: u64::from_be_bytes(*start), trace })
}
