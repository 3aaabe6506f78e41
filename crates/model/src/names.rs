//! Names and ids: newtypes, so that a route can never be looked up as a service.
//!
//! A *name* is written by a person and checked here; an *id* is derived and stable. Ids never come
//! from a position in a file: moving a route must not lose its counters.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// Longest accepted name, in bytes: a DNS label (RFC 1035 §2.3.4).
pub const NAME_BYTES_MAX: usize = 63;

/// Why a text is not a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// The text is empty.
    #[error("a name cannot be empty")]
    Empty,
    /// The text is longer than [`NAME_BYTES_MAX`].
    #[error("a name has at most {NAME_BYTES_MAX} characters, this one has {0}")]
    TooLong(usize),
    /// A character that a DNS label does not have.
    #[error("a name has lower-case letters, digits and inner hyphens only, not `{0}`")]
    Character(char),
}

/// Checks a DNS label: it becomes part of host names, environment variables and identities.
fn check_label(text: &str) -> Result<(), InvalidName> {
    if text.is_empty() {
        return Err(InvalidName::Empty);
    }
    if text.len() > NAME_BYTES_MAX {
        return Err(InvalidName::TooLong(text.len()));
    }
    if let Some(bad) =
        text.chars().find(|c| !(c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '-'))
    {
        return Err(InvalidName::Character(bad));
    }
    if text.starts_with('-') || text.ends_with('-') {
        return Err(InvalidName::Character('-'));
    }
    Ok(())
}

macro_rules! text_newtype {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The text of it.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

macro_rules! label_newtype {
    ($(#[$doc:meta])* $name:ident) => {
        text_newtype!($(#[$doc])* $name);

        impl FromStr for $name {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, InvalidName> {
                check_label(text)?;
                Ok(Self(Arc::from(text)))
            }
        }
    };
}

macro_rules! derived_newtype {
    ($(#[$doc:meta])* $name:ident) => {
        text_newtype!($(#[$doc])* $name);

        impl $name {
            /// Takes an id that was derived earlier. Ids are opaque: any text is one.
            pub fn new(text: impl AsRef<str>) -> Self {
                Self(Arc::from(text.as_ref()))
            }
        }
    };
}

label_newtype!(
    /// The project: first label of its host names (`shop` in `https://shop.localhost`).
    ProjectName
);
label_newtype!(
    /// A service, as people, routes and other services call it.
    ServiceName
);
derived_newtype!(
    /// A listener: `http`, `https`, or the name its dialect gives it.
    ListenerId
);
derived_newtype!(
    /// A route: derived from file, listener and match, never from its position.
    RouteId
);
derived_newtype!(
    /// An endpoint: its service and address, so that its health outlives a reload.
    EndpointId
);

impl RouteId {
    /// Derives the id of a route from what makes it that route: `readable` (a short text for
    /// people, such as `orders`) and the parts that identify it.
    pub fn derive(readable: &str, parts: &[&str]) -> Self {
        let mut hash = Fnv64::new();
        for part in parts {
            hash.write(part.as_bytes());
            hash.write(&[0]);
        }
        Self::new(format!("{readable}-{:08x}", hash.finish()))
    }
}

/// FNV-1a, 64 bit: ids must be the same on every machine and in every version, which the standard
/// library's hasher does not promise. Not for hostile keys.
struct Fnv64(u64);

impl Fnv64 {
    fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    /// Both halves folded into 32 bits: eight hex digits that people can copy.
    fn finish(&self) -> u64 {
        (self.0 ^ (self.0 >> 32)) & 0xffff_ffff
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_dns_labels() {
        assert!("orders-v2".parse::<ServiceName>().is_ok());
        assert_eq!("".parse::<ServiceName>(), Err(InvalidName::Empty));
        assert_eq!("Orders".parse::<ServiceName>(), Err(InvalidName::Character('O')));
        assert_eq!("-a".parse::<ServiceName>(), Err(InvalidName::Character('-')));
        assert_eq!("a".repeat(64).parse::<ServiceName>(), Err(InvalidName::TooLong(64)));
    }

    #[test]
    fn route_ids_depend_on_their_parts_and_their_borders() {
        let id = RouteId::derive("orders", &["ab", "c"]);
        assert_eq!(id, RouteId::derive("orders", &["ab", "c"]));
        assert_ne!(id, RouteId::derive("orders", &["a", "bc"]));
        assert!(id.as_str().starts_with("orders-"));
    }
}
