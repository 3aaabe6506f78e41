//! Compressed responses: whether one is worth it and allowed, and the coder of its bytes.
//!
//! The coding is negotiated by Accept-Encoding (RFC 9110 §12.5.3). A response that could be coded
//! says so in Vary whether it is or not, or caches would give one caller's form to another. A coded
//! response is another representation: its strong `ETag` becomes a weak one, and byte ranges, lengths
//! and digests of the service no longer fit.
//!
//! The coder does no IO: who carries the body decides when it is flushed, so that slow streams are
//! not held back.

mod coder;

use std::io;

use bytes::Bytes;
use trunkline_model::filter::Coding;
use trunkline_net::http::{Exchange, Head};

use coder::Coder;

/// Bodies that are known to be smaller stay as they are: they fit into one packet anyway.
const SMALLEST: u64 = 1024;
/// Media types that shrink, besides `text/*`, `*+json` and `*+xml`.
const TYPES: [&str; 8] = [
    "application/javascript",
    "application/json",
    "application/wasm",
    "application/x-ndjson",
    "application/xml",
    "font/otf",
    "font/ttf",
    "image/bmp",
];
/// Fields that speak about bytes which coding changes.
const DIGESTS: [&str; 4] = ["content-digest", "content-md5", "digest", "repr-digest"];

/// Codes one body.
#[derive(Debug)]
pub struct Encoder(Coder);

impl Encoder {
    /// Edits the head of a response that is to be coded, or says by `None` that its body stays.
    /// `codings` may be used, the one that is liked best first; `length` is that of the body where it
    /// is known; `room` whether another coder may run.
    pub fn negotiate(
        exchange: &mut Exchange,
        codings: &[Coding],
        length: Option<u64>,
        room: bool,
    ) -> Option<Self> {
        let Exchange { request, response, .. } = exchange;
        let response = response.as_mut()?;
        if !may_be_coded(response) || length.is_some_and(|length| length < SMALLEST) {
            return None;
        }
        if !response.has_element("vary", "accept-encoding") && !response.has_element("vary", "*") {
            response.append("vary", b"Accept-Encoding");
        }
        if !room || request.method() == "HEAD" {
            return None;
        }
        let coding = wanted(request, codings)?;
        let coder = Coder::new(coding)?;
        response.set("content-encoding", coding.as_str().as_bytes());
        response.remove("content-length");
        response.remove("accept-ranges");
        let strong = response.get("etag").filter(|tag| tag.starts_with(b"\""));
        if let Some(weak) = strong.map(|tag| [b"W/", tag].concat()) {
            response.set("etag", &weak);
        }
        Some(Self(coder))
    }

    /// Takes bytes in.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write(bytes)
    }

    /// Makes everything that was taken in readable for the caller.
    pub fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }

    /// Writes the end of the coded form.
    pub fn finish(&mut self) -> io::Result<()> {
        self.0.finish()
    }

    /// Bytes that wait to be taken.
    pub fn ready(&self) -> usize {
        self.0.coded().len()
    }

    /// The coded bytes so far.
    pub fn take(&mut self) -> Bytes {
        Bytes::from(self.0.take())
    }
}

fn may_be_coded(response: &Head) -> bool {
    let has_body = response.status() >= 200 && !matches!(response.status(), 204 | 205 | 206 | 304);
    has_body
        && !response.has("content-encoding")
        && !response.has("content-range")
        && !response.has_element("cache-control", "no-transform")
        && !DIGESTS.iter().any(|name| response.has(name))
        && response.get_text("content-type").is_some_and(shrinks)
}

fn shrinks(media_type: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence.starts_with("text/")
        || essence.ends_with("+json")
        || essence.ends_with("+xml")
        || TYPES.contains(&essence.as_str())
}

/// The coding that the caller likes best among these, if it likes one no less than the plain form;
/// of several that it likes as much, the first.
fn wanted(request: &Head, codings: &[Coding]) -> Option<Coding> {
    let (mut named, mut any, mut identity) = ([None; 3], None, None);
    for field in request.get_all("accept-encoding") {
        for element in std::str::from_utf8(field).ok()?.split(',') {
            let mut parts = element.split(';').map(str::trim);
            let word = parts.next().unwrap_or_default().to_ascii_lowercase();
            let quality = parts.next().map_or(1.0, quality);
            match word.as_str() {
                "*" => any = Some(quality),
                "identity" => identity = Some(quality),
                word => {
                    let word = word.strip_prefix("x-").unwrap_or(word);
                    let place = codings.iter().position(|coding| coding.as_str() == word);
                    if let Some(place) = place.and_then(|place| named.get_mut(place)) {
                        *place = Some(quality);
                    }
                }
            }
        }
    }
    let weight = |quality: Option<f32>| quality.or(any).unwrap_or(0.0);
    let mut best: Option<(Coding, f32)> = None;
    for (coding, quality) in codings.iter().zip(named) {
        let weight = weight(quality);
        if weight > best.map_or(0.0, |(_, best)| best) {
            best = Some((*coding, weight));
        }
    }
    best.filter(|(_, weight)| identity.is_none_or(|plain| *weight >= plain))
        .map(|(coding, _)| coding)
}

/// A weight; one that cannot be read wants nothing.
fn quality(parameter: &str) -> f32 {
    let value = parameter.strip_prefix("q=").or_else(|| parameter.strip_prefix("Q="));
    let value = value.and_then(|value| value.trim().parse().ok());
    value.filter(|value| (0.0..=1.0).contains(value)).unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use trunkline_net::http::Version;

    use super::*;

    fn asks(accept: &str) -> Option<Coding> {
        let mut request = Head::request("GET", "/", Version::Http11);
        request.set("accept-encoding", accept.as_bytes());
        wanted(&request, &[Coding::Zstd, Coding::Brotli, Coding::Gzip])
    }

    #[test]
    fn the_coding_is_what_the_caller_weighs_highest() {
        let (gzip, brotli, zstd) = (Some(Coding::Gzip), Some(Coding::Brotli), Some(Coding::Zstd));
        for (accept, expect) in [
            ("gzip", gzip),
            ("br;q=0.4, GZIP;q=0.5", gzip),
            ("gzip, deflate, br", brotli),
            ("gzip, deflate, br, zstd", zstd),
            ("*", zstd),
            ("*, zstd;q=0", brotli),
            ("x-gzip, identity;q=0", gzip),
            ("gzip ; q=1.0, *;q=0", gzip),
            ("", None),
            ("deflate", None),
            ("gzip;q=0", None),
            ("gzip;q=0.1, identity", None),
            ("gzip;q=nan", None),
        ] {
            assert_eq!(asks(accept), expect, "{accept}");
        }
        assert_eq!(wanted(&Head::request("GET", "/", Version::Http11), &[Coding::Gzip]), None);
    }

    #[test]
    fn what_must_not_or_need_not_be_coded_stays() {
        let response = |status, fields: &[(&str, &str)]| {
            let mut head = Head::response(status, Version::Http11);
            head.set("content-type", b"text/html; charset=utf-8");
            for (name, value) in fields {
                head.set(name, value.as_bytes());
            }
            may_be_coded(&head)
        };
        assert!(response(200, &[]) && response(404, &[("content-type", "application/x+json")]));
        for status in [101, 204, 206, 304] {
            assert!(!response(status, &[]), "{status}");
        }
        for field in [
            ("content-encoding", "br"),
            ("cache-control", "public, no-transform"),
            ("content-type", "application/grpc"),
            ("content-type", "image/png"),
            ("content-digest", "sha-256=:AA==:"),
        ] {
            assert!(!response(200, &[field]), "{field:?}");
        }
    }
}
