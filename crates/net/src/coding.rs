//! Compressed bodies and messages, taken apart within bounds.
//!
//! A few kilobytes can stand for gigabytes. What comes out is therefore limited in size and in
//! proportion to what came in, and is counted while it grows, against a `Memory` that all share.
//! Several gzip members or zstd frames in a row are one body (RFC 1952 §2.2, RFC 8878 §3).
//! Compressing answers of the gateway is the business of `filters`.

use std::io::{self, Read};

use bytes::Bytes;
use flate2::Compression;
use flate2::read::{MultiGzDecoder, ZlibDecoder};
use flate2::write::GzEncoder;

use crate::memory::{Exhausted, Held};

/// How bytes are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Coding {
    /// gzip (RFC 1952).
    Gzip,
    /// zlib (RFC 1950), which HTTP calls `deflate`.
    Deflate,
    /// Zstandard (RFC 8878).
    Zstd,
}

impl Coding {
    /// The coding of this name in `content-encoding` or `grpc-encoding`.
    pub fn named(name: &str) -> Option<Self> {
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        match name {
            _ if is("gzip") || is("x-gzip") => Some(Self::Gzip),
            _ if is("deflate") => Some(Self::Deflate),
            _ if is("zstd") => Some(Self::Zstd),
            _ => None,
        }
    }
}

/// How much may come out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// At most so many bytes.
    pub bytes_max: usize,
    /// At most so many bytes for each that came in. What is smaller than [`SMALL_BYTES`] may be
    /// more: a short text of equal letters is no attack.
    pub ratio_max: usize,
}

/// Below this, no proportion is asked for.
pub const SMALL_BYTES: usize = 64 << 10;
/// Largest window of zstd that is accepted, as a power of two: 8 MiB, which every decoder is to
/// support (RFC 8878 §3.1.1.1.2).
const ZSTD_WINDOW_LOG_MAX: u32 = 23;
/// Bytes taken out at a time.
const CHUNK_BYTES: usize = 32 << 10;

/// Why something was not taken apart.
#[derive(Debug, thiserror::Error)]
pub enum Undecoded {
    /// It is not what it says it is.
    #[error("the compressed data are broken")]
    Broken(#[source] io::Error),
    /// More comes out than may.
    #[error("the data are larger than {0} bytes when they are decompressed")]
    TooLarge(usize),
    /// It grows beyond all proportion.
    #[error("the data grow more than {0} times when they are decompressed")]
    TooDense(usize),
    /// There is no room at the moment.
    #[error(transparent)]
    Exhausted(#[from] Exhausted),
}

/// Decompresses. `held` grows with what comes out, before it is there.
pub fn decode(
    coding: Coding,
    bytes: &[u8],
    limits: Limits,
    held: &mut Held,
) -> Result<Bytes, Undecoded> {
    match coding {
        Coding::Gzip => drain(MultiGzDecoder::new(bytes), bytes.len(), limits, held),
        Coding::Deflate => drain(ZlibDecoder::new(bytes), bytes.len(), limits, held),
        Coding::Zstd => {
            let mut decoder = zstd::Decoder::with_buffer(bytes).map_err(Undecoded::Broken)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG_MAX).map_err(Undecoded::Broken)?;
            drain(decoder, bytes.len(), limits, held)
        }
    }
}

/// Like [`decode`], for async callers: what takes long is done on the pool for blocking work.
pub async fn decode_aside(
    coding: Coding,
    bytes: Bytes,
    limits: Limits,
    held: &mut Held,
) -> Result<Bytes, Undecoded> {
    if bytes.len() <= SMALL_BYTES {
        return decode(coding, &bytes, limits, held);
    }
    let mut taken = held.take();
    let work = tokio::task::spawn_blocking(move || {
        let decoded = decode(coding, &bytes, limits, &mut taken);
        (decoded, taken)
    });
    let (decoded, taken) =
        work.await.map_err(|error| Undecoded::Broken(io::Error::other(error)))?;
    *held = taken;
    decoded
}

fn drain(
    mut decoder: impl Read,
    came_in: usize,
    limits: Limits,
    held: &mut Held,
) -> Result<Bytes, Undecoded> {
    let dense = came_in.saturating_mul(limits.ratio_max).max(SMALL_BYTES);
    let mut out = Vec::new();
    loop {
        let filled = out.len();
        held.grow(CHUNK_BYTES)?;
        let chunk = decoder.by_ref().take(CHUNK_BYTES as u64).read_to_end(&mut out);
        if chunk.map_err(Undecoded::Broken)? == 0 {
            break;
        }
        if out.len() > limits.bytes_max {
            return Err(Undecoded::TooLarge(limits.bytes_max));
        }
        if out.len() > dense {
            return Err(Undecoded::TooDense(limits.ratio_max));
        }
        let spare = CHUNK_BYTES - (out.len() - filled);
        held.shrink_to(held.bytes() - spare);
    }
    held.shrink_to(held.bytes() - CHUNK_BYTES);
    Ok(out.into())
}

/// Compresses with gzip, fast: for what is sent on.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 4), Compression::fast());
    // Writing into memory does not fail.
    let _ = encoder.write_all(bytes);
    encoder.finish().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::Memory;

    const LIMITS: Limits = Limits { bytes_max: 1 << 20, ratio_max: 100 };

    fn check(coding: Coding, bytes: &[u8]) -> Result<Bytes, String> {
        let memory = Memory::new(64 << 20);
        let mut held = memory.hold();
        let decoded = decode(coding, bytes, LIMITS, &mut held).map_err(|error| error.to_string());
        if let Ok(decoded) = &decoded {
            assert_eq!(held.bytes(), decoded.len());
        }
        drop(held);
        assert_eq!(memory.used(), 0);
        decoded
    }

    #[test]
    fn members_in_a_row_are_one_body() {
        let mut two = gzip(b"one ");
        two.extend(gzip(b"two"));
        assert_eq!(check(Coding::Gzip, &two).unwrap(), "one two");
        let mut two = zstd::encode_all(&b"one "[..], 1).unwrap();
        two.extend(zstd::encode_all(&b"two"[..], 1).unwrap());
        assert_eq!(check(Coding::Zstd, &two).unwrap(), "one two");
    }

    #[test]
    fn bombs_are_refused_by_size_and_by_proportion() {
        let noise: Vec<u8> =
            (0..600_000_u32).flat_map(|n| n.wrapping_mul(0x9e37_79b9).to_le_bytes()).collect();
        assert_eq!(
            check(Coding::Gzip, &gzip(&noise)).unwrap_err(),
            "the data are larger than 1048576 bytes when they are decompressed"
        );
        let zeros = vec![0; 900_000];
        let dense = "the data grow more than 100 times when they are decompressed";
        assert_eq!(check(Coding::Gzip, &gzip(&zeros)).unwrap_err(), dense);
        let bomb = zstd::encode_all(zeros.as_slice(), 1).unwrap();
        assert_eq!(check(Coding::Zstd, &bomb).unwrap_err(), dense);
        assert_eq!(check(Coding::Gzip, &gzip(&zeros[..60_000])).unwrap().len(), 60_000);
    }

    #[test]
    fn what_is_broken_or_cut_is_refused() {
        let whole = gzip(b"hello hello hello");
        for coding in [Coding::Gzip, Coding::Deflate, Coding::Zstd] {
            assert!(check(coding, b"no such thing").is_err());
        }
        for end in 1..whole.len() {
            assert!(check(Coding::Gzip, &whole[..end]).is_err());
        }
    }

    #[test]
    fn nothing_grows_beyond_the_memory_of_all() {
        let memory = Memory::new(CHUNK_BYTES);
        let mut held = memory.hold();
        let bytes = gzip(&vec![7; 50_000]);
        let refused = decode(Coding::Gzip, &bytes, LIMITS, &mut held);
        assert!(matches!(refused, Err(Undecoded::Exhausted(Exhausted))));
    }
}
