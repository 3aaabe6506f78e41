//! What the handshake of a WebSocket has over HTTP/1.1 and not over HTTP/2 (RFC 8441 §5): a key, and
//! the proof that it was read (RFC 6455 §1.3).

use aws_lc_rs::digest;
use trunkline_net::http::Head;

/// What the proof is made with (RFC 6455 §1.3).
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// A key of these bytes; it is no secret.
pub(crate) fn key(random: [u8; 16]) -> String {
    base64(&random)
}

/// The proof that a key was read.
pub(crate) fn proof(key: &[u8]) -> String {
    let proof = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, &[key, GUID].concat());
    base64(proof.as_ref())
}

/// Whether a request asks for one, as HTTP/1.1 does.
pub(crate) fn is_asked_for(head: &Head) -> bool {
    head.has_element("upgrade", "websocket")
}

/// Whether a field belongs to the handshake over HTTP/1.1 alone.
pub(crate) fn is_of_http1(name: &[u8]) -> bool {
    let names: [&[u8]; 4] =
        [b"connection", b"upgrade", b"sec-websocket-key", b"sec-websocket-accept"];
    names.iter().any(|known| name.eq_ignore_ascii_case(known))
}

fn base64(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let bits = three.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte));
        let bits = bits << (8 * (3 - three.len()));
        for place in 0..4 {
            let letter = ALPHABET.get((bits >> (18 - 6 * place) & 63) as usize);
            let letter = letter.filter(|_| place <= three.len()).unwrap_or(&b'=');
            text.push(char::from(*letter));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_proofs_are_those_of_the_standard() {
        let key = key(*b"the sample nonce");
        assert_eq!(key, "dGhlIHNhbXBsZSBub25jZQ==");
        assert_eq!(proof(key.as_bytes()), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn base64_pads() {
        let text = |bytes: &[u8]| base64(bytes);
        assert_eq!(
            [text(b""), text(b"f"), text(b"fo"), text(b"foo")],
            ["", "Zg==", "Zm8=", "Zm9v"]
        );
    }
}
