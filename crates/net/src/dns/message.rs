//! Messages of RFC 1035 §4: one question out, its answer in. Everything that is read is bounded.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The longest name, in bytes as people write it (RFC 1035 §3.1).
pub const NAME_BYTES_MAX: usize = 253;

/// Records of one answer that are looked at.
pub const RECORDS_MAX: usize = 512;

/// Compression pointers of one name that are followed; a loop ends there.
const POINTERS_MAX: usize = 16;

/// Aliases of one answer that are followed.
const ALIASES_MAX: usize = 8;

const CNAME: u16 = 5;
const SOA: u16 = 6;
const CLASS_IN: u16 = 1;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// IPv4 addresses.
    A,
    /// IPv6 addresses.
    Aaaa,
    /// Hosts and ports of a service (RFC 2782).
    Srv,
}

impl Kind {
    const fn number(self) -> u16 {
        match self {
            Self::A => 1,
            Self::Aaaa => 28,
            Self::Srv => 33,
        }
    }
}

/// One record that answers the question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// For how many seconds it is good.
    pub ttl: u32,
    /// What it says.
    pub value: Value,
}

/// What a record says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// An address.
    Address(IpAddr),
    /// A host and port of a service.
    Srv {
        /// Lower is used first.
        priority: u16,
        /// Its part of the traffic among those of the same priority.
        weight: u16,
        /// The port.
        port: u16,
        /// The host, without a final dot.
        target: String,
    },
}

/// What a server says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answer {
    /// Response code: 0 for none, 3 for a name that does not exist.
    pub code: u8,
    /// It did not fit; TCP has all of it.
    pub truncated: bool,
    /// What answers the question, aliases followed.
    pub records: Vec<Record>,
    /// For how many seconds the absence of records is good (RFC 2308 §5).
    pub negative_ttl: Option<u32>,
}

/// The bytes are not an answer to the question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the answer is malformed")]
pub struct Malformed;

/// The question as bytes; `None` for a name that cannot be asked for.
pub(super) fn question(id: u16, name: &str, kind: Kind) -> Option<Vec<u8>> {
    let name = name.trim_end_matches('.');
    if name.is_empty() || name.len() > NAME_BYTES_MAX {
        return None;
    }
    let mut bytes = Vec::with_capacity(name.len() + 18);
    bytes.extend_from_slice(&id.to_be_bytes());
    // Recursion is desired; one question.
    bytes.extend_from_slice(&[1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    for label in name.split('.') {
        let length = u8::try_from(label.len()).ok().filter(|length| (1..=63).contains(length))?;
        bytes.push(length);
        bytes.extend_from_slice(label.as_bytes());
    }
    bytes.push(0);
    bytes.extend_from_slice(&kind.number().to_be_bytes());
    bytes.extend_from_slice(&CLASS_IN.to_be_bytes());
    Some(bytes)
}

/// Reads the answer to this question.
pub(super) fn answer(bytes: &[u8], id: u16, name: &str, kind: Kind) -> Result<Answer, Malformed> {
    let mut reader = Reader { bytes, at: 0 };
    let (found, flags) = (reader.number()?, reader.number()?);
    let [questions, answers, authorities] = [reader.number()?, reader.number()?, reader.number()?];
    reader.number()?;
    let is_answer = flags & 0x8000 != 0;
    if found != id || !is_answer || questions != 1 {
        return Err(Malformed);
    }
    let asked = reader.name()?;
    let same = asked.eq_ignore_ascii_case(name.trim_end_matches('.'));
    if !same || reader.number()? != kind.number() || reader.number()? != CLASS_IN {
        return Err(Malformed);
    }
    let mut answer = Answer {
        code: u8::try_from(flags & 0xf).unwrap_or(u8::MAX),
        truncated: flags & 0x0200 != 0,
        ..Answer::default()
    };
    if answer.truncated {
        // What of it arrived is asked for again, as a whole.
        return Ok(answer);
    }
    let mut owner = asked.to_ascii_lowercase();
    let mut alias_ttl = u32::MAX;
    let mut aliases = 0;
    for _ in 0..usize::from(answers).min(RECORDS_MAX) {
        let raw = reader.record()?;
        if raw.class != CLASS_IN || raw.owner.to_ascii_lowercase() != owner {
            continue;
        }
        if raw.kind == CNAME && aliases < ALIASES_MAX {
            aliases += 1;
            alias_ttl = alias_ttl.min(raw.ttl);
            owner = Reader { bytes, at: raw.data }.name()?.to_ascii_lowercase();
        } else if raw.kind == kind.number() {
            let value = raw.value(bytes, kind)?;
            answer.records.push(Record { ttl: raw.ttl.min(alias_ttl), value });
        }
    }
    if answer.records.is_empty() && usize::from(answers) <= RECORDS_MAX {
        answer.negative_ttl = reader.negative_ttl(authorities);
    }
    Ok(answer)
}

struct Raw {
    owner: String,
    kind: u16,
    class: u16,
    ttl: u32,
    data: usize,
    length: usize,
}

impl Raw {
    fn value(&self, bytes: &[u8], kind: Kind) -> Result<Value, Malformed> {
        let data = bytes.get(self.data..self.data + self.length).ok_or(Malformed)?;
        Ok(match kind {
            Kind::A => {
                let octets: [u8; 4] = data.try_into().map_err(|_| Malformed)?;
                Value::Address(Ipv4Addr::from(octets).into())
            }
            Kind::Aaaa => {
                let octets: [u8; 16] = data.try_into().map_err(|_| Malformed)?;
                Value::Address(Ipv6Addr::from(octets).into())
            }
            Kind::Srv => {
                let mut reader = Reader { bytes, at: self.data };
                Value::Srv {
                    priority: reader.number()?,
                    weight: reader.number()?,
                    port: reader.number()?,
                    target: reader.name()?,
                }
            }
        })
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn number(&mut self) -> Result<u16, Malformed> {
        let bytes = self.bytes.get(self.at..).and_then(<[u8]>::first_chunk::<2>);
        self.at += 2;
        bytes.map(|bytes| u16::from_be_bytes(*bytes)).ok_or(Malformed)
    }

    fn number32(&mut self) -> Result<u32, Malformed> {
        Ok((u32::from(self.number()?) << 16) | u32::from(self.number()?))
    }

    /// A name, with its compression pointers followed; the reader stands behind it.
    fn name(&mut self) -> Result<String, Malformed> {
        let mut name = String::new();
        let (mut at, mut behind, mut pointers) = (self.at, None, 0);
        loop {
            let length = usize::from(*self.bytes.get(at).ok_or(Malformed)?);
            match length {
                0 => break,
                1..=63 => {
                    let label = self.bytes.get(at + 1..=at + length).ok_or(Malformed)?;
                    if !name.is_empty() {
                        name.push('.');
                    }
                    // Names that are not text are nobody's host.
                    name.push_str(std::str::from_utf8(label).map_err(|_| Malformed)?);
                    at += length + 1;
                }
                192..=255 if pointers < POINTERS_MAX => {
                    let low = usize::from(*self.bytes.get(at + 1).ok_or(Malformed)?);
                    behind.get_or_insert(at + 2);
                    at = ((length & 0x3f) << 8) | low;
                    pointers += 1;
                }
                _ => return Err(Malformed),
            }
            if name.len() > NAME_BYTES_MAX {
                return Err(Malformed);
            }
        }
        self.at = behind.unwrap_or(at + 1);
        Ok(name)
    }

    fn record(&mut self) -> Result<Raw, Malformed> {
        let owner = self.name()?;
        let (kind, class, ttl) = (self.number()?, self.number()?, self.number32()?);
        let length = usize::from(self.number()?);
        let data = self.at;
        self.at += length;
        if self.at > self.bytes.len() {
            return Err(Malformed);
        }
        Ok(Raw { owner, kind, class, ttl, data, length })
    }

    /// The lesser of the TTL of the zone's SOA and its `MINIMUM` (RFC 2308 §5).
    fn negative_ttl(&mut self, authorities: u16) -> Option<u32> {
        for _ in 0..usize::from(authorities).min(RECORDS_MAX) {
            let raw = self.record().ok()?;
            if raw.kind == SOA {
                let minimum = raw.length.checked_sub(4)?;
                let mut reader = Reader { bytes: self.bytes, at: raw.data + minimum };
                return Some(reader.number32().ok()?.min(raw.ttl));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `a.test` is an alias of `b.test`, which has an address; both names are compressed.
    fn aliased() -> Vec<u8> {
        let mut bytes = question(7, "a.test", Kind::A).unwrap();
        bytes[2..8].copy_from_slice(&[0x81, 0x80, 0, 1, 0, 2]);
        bytes.extend_from_slice(&[0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 30, 0, 4, 1, b'b', 0xc0, 14]);
        let b = u8::try_from(bytes.len() - 4).unwrap();
        bytes.extend_from_slice(&[0xc0, b, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 10, 0, 0, 7]);
        bytes
    }

    #[test]
    fn aliases_are_followed_and_the_shorter_ttl_counts() {
        let read = answer(&aliased(), 7, "A.test.", Kind::A).unwrap();
        let value = Value::Address([10, 0, 0, 7].into());
        assert_eq!(read.records, [Record { ttl: 30, value }]);
    }

    #[test]
    fn an_answer_to_another_question_is_none() {
        for (id, name, kind) in
            [(8, "a.test", Kind::A), (7, "b.test", Kind::A), (7, "a.test", Kind::Srv)]
        {
            assert_eq!(answer(&aliased(), id, name, kind), Err(Malformed));
        }
        assert_eq!(
            answer(&question(7, "a.test", Kind::A).unwrap(), 7, "a.test", Kind::A),
            Err(Malformed)
        );
    }

    #[test]
    fn names_that_cannot_be_are_not_asked_for() {
        let long = ["x"; 130].join(".");
        for name in ["", ".", "a..b", &"x".repeat(64), &long] {
            assert_eq!(question(1, name, Kind::A), None, "{name}");
        }
    }

    #[test]
    fn a_loop_of_pointers_ends() {
        let mut bytes = question(7, "a.test", Kind::A).unwrap();
        bytes[2..8].copy_from_slice(&[0x81, 0x80, 0, 1, 0, 1]);
        let at = u8::try_from(bytes.len()).unwrap();
        bytes.extend_from_slice(&[0xc0, at]);
        assert_eq!(answer(&bytes, 7, "a.test", Kind::A), Err(Malformed));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), cut in 0_usize..60) {
            let _ = answer(&bytes, 7, "a.test", Kind::A);
            let mut real = aliased();
            let at = cut.min(real.len() - 1);
            real[at] ^= bytes.first().copied().unwrap_or(1);
            let _ = answer(&real, 7, "a.test", Kind::A);
            real.truncate(at);
            let _ = answer(&real, 7, "a.test", Kind::A);
        }
    }
}
