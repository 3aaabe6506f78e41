//! One message of a call: a flag, a length, and its bytes, compressed perhaps.

use std::time::Duration;

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use http_body::Body;
use http_body_util::BodyExt as _;

use super::status::{Code, Status};
use crate::coding::{self, Coding, Undecoded};
use crate::memory::{Exhausted, Held};

/// Bytes before each message.
pub(super) const PREFIX_BYTES: usize = 5;
/// Room that a length alone is believed to need; the rest is taken as it arrives.
const BELIEVED_BYTES: usize = 64 << 10;
/// When to come again if there is no room at the moment.
const RETRY: Duration = Duration::from_secs(1);

/// How much a message may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Largest message as it is sent, in bytes.
    pub message_bytes_max: usize,
    /// What may come out of a compressed one.
    pub decoded: coding::Limits,
    /// How long a message may take to arrive.
    pub read_limit: Duration,
    /// How long a call may take when its caller sets no time; and how long its answer may wait to be
    /// taken, whatever the caller says.
    pub call_limit: Duration,
}

/// Reads the only message of a call, to the end of the request.
pub(super) async fn read<B>(
    body: B,
    coding: Option<Coding>,
    limits: &Limits,
    held: &mut Held,
) -> Result<Bytes, Status>
where
    B: Body<Data = Bytes> + Unpin,
{
    let late = |_| Status::new(Code::DeadlineExceeded, "the message took too long to arrive");
    let whole = collect(body, limits.message_bytes_max, held);
    let mut whole = tokio::time::timeout(limits.read_limit, whole).await.map_err(late)??;
    if whole.len() < PREFIX_BYTES {
        return Err(Status::new(Code::Internal, "the call has no message"));
    }
    let (flag, length) = (whole.get_u8(), whole.get_u32() as usize);
    if length > limits.message_bytes_max {
        return Err(too_large(limits.message_bytes_max));
    }
    match whole.len().cmp(&length) {
        std::cmp::Ordering::Less => return Err(Status::new(Code::Internal, "the message is cut")),
        std::cmp::Ordering::Greater => {
            return Err(Status::new(Code::Unimplemented, "the call has more than one message"));
        }
        std::cmp::Ordering::Equal => {}
    }
    match (flag, coding) {
        (0, _) => Ok(whole),
        (1, Some(coding)) => {
            let decoded = coding::decode_aside(coding, whole, limits.decoded, held);
            decoded.await.map_err(|error| undecoded(&error))
        }
        (1, None) => Err(Status::new(
            Code::Internal,
            "the message is compressed, and grpc-encoding says not how",
        )),
        _ => Err(Status::new(Code::Internal, "the message has an unknown flag")),
    }
}

async fn collect<B>(mut body: B, bytes_max: usize, held: &mut Held) -> Result<Bytes, Status>
where
    B: Body<Data = Bytes> + Unpin,
{
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Status::new(Code::Cancelled, "the call broke off"))?;
        let Ok(data) = frame.into_data() else { continue };
        held.grow(data.len()).map_err(exhausted)?;
        if whole.len() + data.len() > bytes_max.saturating_add(PREFIX_BYTES) {
            return Err(too_large(bytes_max));
        }
        if whole.is_empty() && body.is_end_stream() {
            return Ok(data);
        }
        let began = whole.is_empty();
        whole.extend_from_slice(&data);
        if began && let Some([_, a, b, c, d]) = whole.first_chunk().copied() {
            let announced = u32::from_be_bytes([a, b, c, d]) as usize;
            if announced > bytes_max {
                return Err(too_large(bytes_max));
            }
            whole.reserve(announced.min(BELIEVED_BYTES));
        }
    }
    Ok(whole.freeze())
}

fn too_large(bytes_max: usize) -> Status {
    Status::new(Code::ResourceExhausted, format!("the message is larger than {bytes_max} bytes"))
}

/// A server that has no room at the moment is unavailable; what is exhausted for good is another
/// code.
pub(super) fn exhausted(error: Exhausted) -> Status {
    Status::new(Code::Unavailable, error.to_string()).retry_after(RETRY)
}

fn undecoded(error: &Undecoded) -> Status {
    match error {
        Undecoded::Broken(_) => Status::new(Code::Internal, error.to_string()),
        Undecoded::TooLarge(_) | Undecoded::TooDense(_) => {
            Status::new(Code::ResourceExhausted, error.to_string())
        }
        Undecoded::Exhausted(error) => exhausted(*error),
    }
}

/// A message with its flag and length before it.
pub(super) fn frame(message: &[u8], compressed: bool) -> Result<Bytes, Status> {
    let mut framed = BytesMut::with_capacity(PREFIX_BYTES + message.len());
    framed.put_slice(&prefix(message.len(), compressed)?);
    framed.put_slice(message);
    Ok(framed.freeze())
}

/// The flag and the length that come before a message.
pub(super) fn prefix(length: usize, compressed: bool) -> Result<[u8; PREFIX_BYTES], Status> {
    let length = u32::try_from(length)
        .map_err(|_| Status::new(Code::Internal, "the message is larger than gRPC can carry"))?;
    let [a, b, c, d] = length.to_be_bytes();
    Ok([u8::from(compressed), a, b, c, d])
}
