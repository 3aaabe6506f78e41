//! The body of a request, read and decompressed within bounds.

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, header};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use trunkline_net::coding::{self, Coding, Undecoded};
use trunkline_net::memory::Held;

use super::Refusal;
use crate::limits::Limits;

/// Reads and decompresses a body.
pub(super) async fn read(
    headers: &HeaderMap,
    body: Incoming,
    limits: &Limits,
    held: &mut Held,
) -> Result<Bytes, Refusal> {
    let coding = coding(headers)?;
    let whole = collect(body, limits.body_bytes_max, held);
    let whole = tokio::time::timeout(limits.read_limit, whole).await;
    let whole = whole.map_err(|_| Refusal::Slow)??;
    let Some(coding) = coding else { return Ok(whole) };
    let decoded = coding::decode_aside(coding, whole, limits.decoded, held).await;
    let decoded = decoded.map_err(|error| match error {
        Undecoded::Broken(_) => Refusal::Malformed(error.to_string()),
        Undecoded::TooLarge(_) | Undecoded::TooDense(_) => Refusal::TooLarge(error.to_string()),
        Undecoded::Exhausted(_) => Refusal::Busy,
    })?;
    held.shrink_to(decoded.len());
    Ok(decoded)
}

fn coding(headers: &HeaderMap) -> Result<Option<Coding>, Refusal> {
    let Some(name) = headers.get(header::CONTENT_ENCODING) else { return Ok(None) };
    let name = name.to_str().unwrap_or_default().trim();
    if name.is_empty() || name.eq_ignore_ascii_case("identity") {
        return Ok(None);
    }
    Coding::named(name).map(Some).ok_or_else(|| Refusal::Encoding(name.to_owned()))
}

async fn collect(mut body: Incoming, bytes_max: usize, held: &mut Held) -> Result<Bytes, Refusal> {
    let too_large = || Refusal::TooLarge(format!("the body is larger than {bytes_max} bytes"));
    if body.size_hint().lower() > bytes_max as u64 {
        return Err(too_large());
    }
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Refusal::BrokeOff)?.into_data() else { continue };
        if whole.len() + data.len() > bytes_max {
            return Err(too_large());
        }
        held.grow(data.len()).map_err(|_| Refusal::Busy)?;
        if whole.is_empty() && body.is_end_stream() {
            return Ok(data);
        }
        whole.extend_from_slice(&data);
    }
    Ok(whole.freeze())
}
