//! What an ACME authority is answered while it checks that a name is ours: by HTTP (RFC 8555 §8.3) and by a
//! certificate (RFC 8737).
//!
//! One bounded register for the process: listeners look here, whoever orders certificates writes here. An entry is
//! gone when its order is over; where there is none, looking costs one load.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use arc_swap::ArcSwap;
use rustls::sign::CertifiedKey;

/// The protocol that an authority offers, and nothing else.
pub const ALPN: &[u8] = b"acme-tls/1";
/// Where an authority asks by HTTP; its token follows.
pub const PATH: &str = "/.well-known/acme-challenge/";
/// Challenges that are answered at a time.
pub const CHALLENGES_MAX: usize = 256;

#[derive(Debug, Clone, Default)]
struct Register {
    /// By token.
    texts: HashMap<String, Arc<str>>,
    /// By host name, lower case.
    certificates: HashMap<String, Arc<CertifiedKey>>,
}

static REGISTER: LazyLock<ArcSwap<Register>> = LazyLock::new(ArcSwap::default);

/// The answer to the token of a request, if it is one of ours.
pub fn text(token: &str) -> Option<Arc<str>> {
    REGISTER.load().texts.get(token).cloned()
}

/// The certificate that answers for a host name.
pub fn certificate(name: &str) -> Option<Arc<CertifiedKey>> {
    REGISTER.load().certificates.get(&name.to_ascii_lowercase()).cloned()
}

/// An answer in the register, taken out when it is dropped.
#[derive(Debug)]
pub struct Answer(Key);

#[derive(Debug, Clone)]
enum Key {
    Token(String),
    Name(String),
}

impl Answer {
    /// Answers a token by HTTP. `None` when the register is full.
    pub fn by_text(token: &str, text: &str) -> Option<Self> {
        let text = Arc::from(text);
        put(|register| register.texts.insert(token.to_owned(), Arc::clone(&text)).is_some())
            .then(|| Self(Key::Token(token.to_owned())))
    }

    /// Answers for a name by a certificate. `None` when the register is full.
    pub fn by_certificate(name: &str, key: &Arc<CertifiedKey>) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        put(|register| register.certificates.insert(name.clone(), Arc::clone(key)).is_some())
            .then(|| Self(Key::Name(name.clone())))
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        REGISTER.rcu(|register| {
            let mut next = Register::clone(register);
            match &self.0 {
                Key::Token(token) => drop(next.texts.remove(token)),
                Key::Name(name) => drop(next.certificates.remove(name)),
            }
            next
        });
    }
}

fn put(insert: impl Fn(&mut Register) -> bool) -> bool {
    let mut fits = false;
    REGISTER.rcu(|register| {
        fits = register.texts.len() + register.certificates.len() < CHALLENGES_MAX;
        let mut next = Register::clone(register);
        if fits {
            insert(&mut next);
        }
        next
    });
    fits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_given_as_long_as_it_is_held() {
        let held = Answer::by_text("token-1", "token-1.thumb").unwrap();
        assert_eq!(text("token-1").as_deref(), Some("token-1.thumb"));
        drop(held);
        assert_eq!(text("token-1"), None);
    }
}
