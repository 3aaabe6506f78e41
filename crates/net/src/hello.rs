//! The first message of a TLS connection, read without taking part: which host name and which protocols a caller asks for.
//!
//! A `ClientHello` may be spread over several records, and a record over several packets (RFC 8446 §5.1). What is read
//! is bounded by [`HELLO_BYTES_MAX`]; nothing is believed but its own lengths, each of which is checked. With an encrypted
//! inner greeting (ECH) the outer name is told.

/// Bytes of a greeting, record headers included, that are looked at; greetings with post-quantum keys have about 2 KiB.
pub const HELLO_BYTES_MAX: usize = 16 << 10;

const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
const SERVER_NAME: u16 = 0;
const ALPN: u16 = 16;
const RECORD_HEAD_BYTES: usize = 5;
const RECORD_BYTES_MAX: usize = 16 << 10;
/// Version and random.
const FIXED_BYTES: usize = 34;
/// Longest host name (RFC 1035 §2.3.4).
const NAME_BYTES_MAX: usize = 253;

/// What a caller asks for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hello {
    /// The host name, in lower case and without a dot at its end.
    pub server_name: Option<String>,
    /// The first protocol that it offers by ALPN.
    pub alpn: Option<Vec<u8>>,
}

/// How far bytes are a greeting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Greeting {
    /// It is not complete.
    More,
    /// They are none, and no further byte makes them one.
    Other,
    /// It is complete.
    Hello(Hello),
}

/// Looks at the first bytes of a connection.
pub fn greeting(bytes: &[u8]) -> Greeting {
    let bytes = bytes.get(..HELLO_BYTES_MAX).unwrap_or(bytes);
    let full = bytes.len() == HELLO_BYTES_MAX;
    let Some(message) = message(bytes) else {
        return Greeting::Other;
    };
    let mut reader = Reader(&message);
    let kind = reader.byte();
    if kind.is_some_and(|kind| kind != CLIENT_HELLO) {
        return Greeting::Other;
    }
    match reader.sized(3) {
        Some(body) => hello(body).map_or(Greeting::Other, Greeting::Hello),
        None if full => Greeting::Other,
        None => Greeting::More,
    }
}

/// What the records that are there carry of the handshake; `None` if one is something else.
fn message(mut bytes: &[u8]) -> Option<Vec<u8>> {
    let mut message = Vec::new();
    while let Some(kind) = bytes.first() {
        let plausible = *kind == HANDSHAKE && bytes.get(1).is_none_or(|major| *major == 3);
        if !plausible {
            return None;
        }
        let Some((head, rest)) = bytes.split_first_chunk::<RECORD_HEAD_BYTES>() else { break };
        let [.., high, low] = *head;
        let length = usize::from(u16::from_be_bytes([high, low]));
        // An empty record of the handshake is forbidden (RFC 8446 §5.1), and would let the bytes go on for ever.
        if length == 0 || length > RECORD_BYTES_MAX {
            return None;
        }
        let (fragment, behind) = rest.split_at(length.min(rest.len()));
        message.extend_from_slice(fragment);
        if is_whole(&message) {
            break;
        }
        bytes = behind;
    }
    Some(message)
}

/// Whether a handshake message is complete; what follows is no matter of ours.
fn is_whole(message: &[u8]) -> bool {
    let mut reader = Reader(message);
    reader.byte().is_some() && reader.sized(3).is_some()
}

fn hello(body: &[u8]) -> Option<Hello> {
    let mut reader = Reader(body);
    reader.take(FIXED_BYTES)?;
    reader.sized(1)?;
    reader.sized(2)?;
    reader.sized(1)?;
    let mut hello = Hello::default();
    if reader.0.is_empty() {
        return Some(hello);
    }
    let mut extensions = Reader(reader.sized(2)?);
    while !extensions.0.is_empty() {
        let kind = extensions.number(2)?;
        let content = extensions.sized(2)?;
        if kind == usize::from(SERVER_NAME) {
            hello.server_name = Some(server_name(content)?);
        } else if kind == usize::from(ALPN) {
            let mut names = Reader(Reader(content).sized(2)?);
            hello.alpn = Some(names.sized(1)?.to_vec());
        }
    }
    Some(hello)
}

/// The one name of type host name (RFC 6066 §3).
fn server_name(content: &[u8]) -> Option<String> {
    let mut names = Reader(Reader(content).sized(2)?);
    if names.byte()? != 0 {
        return None;
    }
    let name = names.sized(2)?;
    let name = name.strip_suffix(b".").unwrap_or(name);
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    let sane = (1..=NAME_BYTES_MAX).contains(&name.len()) && name.iter().all(plain);
    let text = std::str::from_utf8(name).ok().filter(|_| sane)?;
    Some(text.to_ascii_lowercase())
}

/// Bytes that are taken from the front.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    /// A number of so many bytes, at most three.
    fn number(&mut self, bytes: usize) -> Option<usize> {
        let taken = self.take(bytes)?;
        Some(taken.iter().fold(0, |number, byte| (number << 8) | usize::from(*byte)))
    }

    /// As many bytes as a number of `bytes` bytes in front of them says.
    fn sized(&mut self, bytes: usize) -> Option<&'a [u8]> {
        let length = self.number(bytes)?;
        self.take(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What rustls says first.
    fn spoken(name: &str, alpn: &[&[u8]]) -> Vec<u8> {
        let settings = crate::tls::ClientSettings {
            skip_verify: true,
            alpn: alpn.iter().map(|name| name.to_vec()).collect(),
            ..crate::tls::ClientSettings::default()
        };
        let config = crate::tls::client_config(&settings).unwrap();
        let name = crate::tls::server_name(name).unwrap();
        let mut connection = rustls::ClientConnection::new(config, name).unwrap();
        let mut bytes = Vec::new();
        connection.write_tls(&mut bytes).unwrap();
        bytes
    }

    /// The same message in records of at most so many bytes.
    fn fragmented(bytes: &[u8], size: usize) -> Vec<u8> {
        let mut out = Vec::new();
        for part in bytes[RECORD_HEAD_BYTES..].chunks(size) {
            out.extend_from_slice(&bytes[..3]);
            out.extend_from_slice(&u16::try_from(part.len()).unwrap().to_be_bytes());
            out.extend_from_slice(part);
        }
        out
    }

    #[test]
    fn name_and_protocol_are_read_however_the_greeting_is_cut() {
        let whole = spoken("Shop.Example.com", &[b"h2", b"http/1.1"]);
        let expect = Greeting::Hello(Hello {
            server_name: Some("shop.example.com".into()),
            alpn: Some(b"h2".to_vec()),
        });
        for bytes in [whole.clone(), fragmented(&whole, 50), fragmented(&whole, 1)] {
            assert_eq!(greeting(&bytes), expect);
            for end in 0..bytes.len() {
                assert_eq!(greeting(&bytes[..end]), Greeting::More, "{end} of {}", bytes.len());
            }
            let mut longer = bytes.clone();
            longer.extend_from_slice(b"what follows");
            assert_eq!(greeting(&longer), expect);
        }
    }

    #[test]
    fn a_greeting_without_a_name_is_one() {
        let bytes = spoken("192.0.2.1", &[]);
        assert_eq!(greeting(&bytes), Greeting::Hello(Hello::default()));
    }

    #[test]
    fn anything_else_is_told_apart_at_once() {
        for bytes in
            [&b"GET / HTTP/1.1"[..], b"\x16\x02", b"\x16\x03\x01\0\0", b"\x15\x03\x01\0\x02"]
        {
            assert_eq!(greeting(bytes), Greeting::Other, "{bytes:?}");
        }
        let other_message = [22, 3, 1, 0, 4, 2, 0, 0, 0];
        assert_eq!(greeting(&other_message), Greeting::Other);
        assert_eq!(greeting(&[22; HELLO_BYTES_MAX]), Greeting::Other);
    }

    #[test]
    fn a_greeting_that_never_ends_is_given_up() {
        let mut bytes = vec![22, 3, 1, 0x3f, 0xff, 1, 0xff, 0xff, 0xff];
        bytes.resize(5 + 0x3fff, 0);
        bytes.extend_from_slice(&[22, 3, 1, 0x3f, 0xff]);
        bytes.resize(HELLO_BYTES_MAX, 0);
        assert_eq!(greeting(&bytes), Greeting::Other);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(
            bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..512),
            place in 0_usize..400,
        ) {
            greeting(&bytes);
            let mut broken = spoken("shop.example.com", &[b"h2"]);
            let end = (place + bytes.len()).min(broken.len());
            if let Some(part) = broken.get_mut(place.min(end)..end) {
                let count = part.len();
                part.copy_from_slice(&bytes[..count]);
            }
            greeting(&broken);
        }
    }
}
