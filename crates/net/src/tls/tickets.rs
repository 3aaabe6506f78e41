//! Session tickets (RFC 5077, RFC 8446 §4.6.1): a caller keeps its session itself, sealed by keys that only we have.
//!
//! One set of keys serves the whole process and is handed to its successor, so that sessions outlive an upgrade. A key
//! seals for [`ROTATE_EVERY`] and opens for as long as its youngest ticket lasts. What a ticket was made for (the
//! listener and whom it lets in) is bound into the seal: a session of a listener that asks for no certificate is worth
//! nothing at one that does, nor after its roots or revocations have changed.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::rand;
use rustls::server::ProducesTickets;

/// How long a key seals new tickets.
pub const ROTATE_EVERY: Duration = Duration::from_hours(6);
/// How long a ticket can be used.
pub const TICKET_LIFE: Duration = Duration::from_hours(12);
/// Keys that are kept: the one that seals, and those whose tickets still last.
pub const KEYS_MAX: usize = 4;
/// Bytes of a ticket that are looked at.
const TICKET_BYTES_MAX: usize = 64 << 10;

const NAME_LEN: usize = 16;
const SECRET_LEN: usize = 32;

/// A key as plain data, for the process that takes over.
#[derive(Clone, PartialEq, Eq)]
pub struct ExportedKey {
    /// Stands in front of each ticket.
    pub name: [u8; NAME_LEN],
    /// The key of AES-256-GCM.
    pub secret: [u8; SECRET_LEN],
    /// When it began to seal.
    pub made: SystemTime,
}

impl fmt::Debug for ExportedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The secret opens sessions: it is never shown.
        f.debug_struct("ExportedKey").field("made", &self.made).finish_non_exhaustive()
    }
}

struct TicketKey {
    exported: ExportedKey,
    seal: LessSafeKey,
}

/// The keys of all tickets of this process, the one that seals first.
pub struct TicketKeys(ArcSwap<Vec<Arc<TicketKey>>>);

impl fmt::Debug for TicketKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TicketKeys").field("keys", &self.0.load().len()).finish()
    }
}

impl TicketKeys {
    /// Keys with a fresh one. Without randomness there is none, and sessions are not resumed.
    pub fn new(now: SystemTime) -> Arc<Self> {
        Arc::new(Self(ArcSwap::from_pointee(TicketKey::fresh(now).into_iter().collect())))
    }

    /// Makes a new key when the current one has sealed for long enough, and forgets those whose tickets are over.
    pub fn rotate(&self, now: SystemTime) {
        let keys = self.0.load();
        let age = |key: &TicketKey| now.duration_since(key.exported.made).unwrap_or_default();
        if keys.first().is_some_and(|key| age(key) < ROTATE_EVERY) {
            return;
        }
        let kept = keys.iter().filter(|key| age(key) < ROTATE_EVERY + TICKET_LIFE).cloned();
        let next = TicketKey::fresh(now).into_iter().chain(kept).take(KEYS_MAX).collect();
        self.0.store(Arc::new(next));
    }

    /// All keys, the one that seals first.
    pub fn export(&self) -> Vec<ExportedKey> {
        self.0.load().iter().map(|key| key.exported.clone()).collect()
    }

    /// Goes on with the keys of an earlier process: they come first, so that the tickets of both can be opened while
    /// both serve.
    pub fn import(&self, keys: &[ExportedKey]) {
        let theirs = keys.iter().filter_map(TicketKey::new).map(Arc::new);
        let ours = self.0.load();
        let all: Vec<_> = theirs.chain(ours.iter().cloned()).take(KEYS_MAX).collect();
        self.0.store(Arc::new(all));
    }

    /// The tickets of one listener; `context` says what they were made for.
    pub fn bound_to(self: &Arc<Self>, context: [u8; 32]) -> Arc<dyn ProducesTickets> {
        Arc::new(Tickets { keys: Arc::clone(self), context })
    }
}

impl TicketKey {
    fn fresh(now: SystemTime) -> Option<Arc<Self>> {
        let mut exported = ExportedKey { name: [0; NAME_LEN], secret: [0; SECRET_LEN], made: now };
        rand::fill(&mut exported.name).ok()?;
        rand::fill(&mut exported.secret).ok()?;
        Self::new(&exported).map(Arc::new)
    }

    fn new(exported: &ExportedKey) -> Option<Self> {
        let key = UnboundKey::new(&AES_256_GCM, &exported.secret).ok()?;
        Some(Self { exported: exported.clone(), seal: LessSafeKey::new(key) })
    }
}

/// See [`TicketKeys::bound_to`].
#[derive(Debug)]
struct Tickets {
    keys: Arc<TicketKeys>,
    context: [u8; 32],
}

impl ProducesTickets for Tickets {
    fn enabled(&self) -> bool {
        true
    }

    fn lifetime(&self) -> u32 {
        u32::try_from(TICKET_LIFE.as_secs()).unwrap_or(u32::MAX)
    }

    /// Name of the key, nonce, sealed session with its tag. A random nonce is safe for 2^32 tickets of one key: a key
    /// would have to seal 190 000 a second.
    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        let keys = self.keys.0.load();
        let key = keys.first()?;
        let mut nonce = [0; NONCE_LEN];
        rand::fill(&mut nonce).ok()?;
        let mut ticket = Vec::with_capacity(NAME_LEN + NONCE_LEN + plain.len() + 16);
        ticket.extend_from_slice(&key.exported.name);
        ticket.extend_from_slice(&nonce);
        ticket.extend_from_slice(plain);
        let sealed = ticket.get_mut(NAME_LEN + NONCE_LEN..)?;
        let nonce = Nonce::assume_unique_for_key(nonce);
        let tag =
            key.seal.seal_in_place_separate_tag(nonce, Aad::from(self.context), sealed).ok()?;
        ticket.extend_from_slice(tag.as_ref());
        Some(ticket)
    }

    fn decrypt(&self, ticket: &[u8]) -> Option<Vec<u8>> {
        if ticket.len() > TICKET_BYTES_MAX {
            return None;
        }
        let (name, rest) = ticket.split_at_checked(NAME_LEN)?;
        let (nonce, sealed) = rest.split_at_checked(NONCE_LEN)?;
        let keys = self.keys.0.load();
        let key = keys.iter().find(|key| key.exported.name == *name)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut session = sealed.to_vec();
        let length =
            key.seal.open_in_place(nonce, Aad::from(self.context), &mut session).ok()?.len();
        session.truncate(length);
        Some(session)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_hours(1_000)
    }

    #[test]
    fn a_ticket_opens_only_for_what_it_was_made_for() {
        let keys = TicketKeys::new(now());
        let (one, other) = (keys.bound_to([1; 32]), keys.bound_to([2; 32]));
        let ticket = one.encrypt(b"session").unwrap();
        assert_eq!(one.decrypt(&ticket).as_deref(), Some(b"session".as_slice()));
        assert_eq!(other.decrypt(&ticket), None);
        for place in 0..ticket.len() {
            let mut forged = ticket.clone();
            forged[place] ^= 1;
            assert_eq!(one.decrypt(&forged), None, "{place}");
            assert_eq!(one.decrypt(&ticket[..place]), None, "{place}");
        }
    }

    #[test]
    fn tickets_outlive_their_key_by_their_own_life_and_no_longer() {
        let keys = TicketKeys::new(now());
        let tickets = keys.bound_to([0; 32]);
        let first = tickets.encrypt(b"x").unwrap();
        keys.rotate(now() + ROTATE_EVERY - Duration::from_secs(1));
        assert_eq!(keys.export().len(), 1);
        keys.rotate(now() + ROTATE_EVERY);
        assert_eq!(keys.export().len(), 2);
        assert!(tickets.encrypt(b"x").unwrap()[..NAME_LEN] != first[..NAME_LEN]);
        keys.rotate(now() + ROTATE_EVERY * 2);
        assert!(tickets.decrypt(&first).is_some());
        keys.rotate(now() + ROTATE_EVERY + TICKET_LIFE);
        assert!(tickets.decrypt(&first).is_none());
        for hour in 0..200 {
            keys.rotate(now() + Duration::from_hours(hour * 6));
            assert!(keys.export().len() <= KEYS_MAX);
        }
    }

    #[test]
    fn a_successor_opens_the_tickets_of_its_predecessor_and_the_other_way_round() {
        let (old, new) = (TicketKeys::new(now()), TicketKeys::new(now()));
        let before = old.bound_to([7; 32]).encrypt(b"x").unwrap();
        assert!(new.bound_to([7; 32]).decrypt(&before).is_none());
        new.import(&old.export());
        assert!(new.bound_to([7; 32]).decrypt(&before).is_some());
        let after = new.bound_to([7; 32]).encrypt(b"x").unwrap();
        assert!(old.bound_to([7; 32]).decrypt(&after).is_some(), "both serve for a while");
        assert!(!format!("{:?}", old.export()).contains("secret"));
    }
}
