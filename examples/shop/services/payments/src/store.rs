//! Payments in memory, each under the idempotency key of the request that made it.
//!
//! A caller that lost the answer asks again with the same key and gets the first answer: money moves once. The same
//! key with other words is a mistake of the caller and is refused.

use std::collections::{HashMap, VecDeque};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{json, Value};

use crate::card::Card;

/// The newest payments are kept; older ones, and their keys, are forgotten.
pub const PAYMENTS_MAX: usize = 10_000;

/// What a caller asks to be charged. Two requests are the same when all of this is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    pub amount_cents: u64,
    pub currency: String,
    pub reference: String,
    pub card: Card,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    pub id: String,
    pub charge: Charge,
    pub created_ms: u64,
}

/// What became of a charge.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    Created(Payment),
    /// The key was used before for the same charge; this is the payment it made.
    Replayed(Payment),
    /// The key was used before for another charge.
    Conflict,
}

#[derive(Default)]
pub struct Store {
    payments: VecDeque<(String, Payment)>,
    by_key: HashMap<String, Payment>,
    made: u64,
}

impl Store {
    pub fn charge(&mut self, key: &str, charge: Charge) -> Outcome {
        if let Some(earlier) = self.by_key.get(key) {
            return match earlier.charge == charge {
                true => Outcome::Replayed(earlier.clone()),
                false => Outcome::Conflict,
            };
        }
        if self.payments.len() == PAYMENTS_MAX {
            if let Some((oldest_key, _)) = self.payments.pop_front() {
                self.by_key.remove(&oldest_key);
            }
        }
        self.made += 1;
        let payment = Payment {
            id: format!("pay_{:06}", self.made),
            charge,
            created_ms: now_ms(),
        };
        self.payments.push_back((key.to_owned(), payment.clone()));
        self.by_key.insert(key.to_owned(), payment.clone());
        Outcome::Created(payment)
    }

    /// The newest `count` payments, newest first.
    pub fn newest(&self, count: usize) -> impl Iterator<Item = &Payment> {
        self.payments.iter().rev().take(count).map(|(_, payment)| payment)
    }

    pub fn find(&self, id: &str) -> Option<&Payment> {
        self.payments
            .iter()
            .map(|(_, payment)| payment)
            .find(|payment| payment.id == id)
    }
}

impl Payment {
    pub fn to_json(&self) -> Value {
        json!({
            "id": self.id,
            "status": "captured",
            "amount_cents": self.charge.amount_cents,
            "currency": self.charge.currency,
            "reference": self.charge.reference,
            "card": { "brand": self.charge.card.brand, "last4": self.charge.card.last4 },
            "created_ms": self.created_ms,
        })
    }
}

pub fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_millis() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn charge(amount_cents: u64) -> Charge {
        let card = Card {
            brand: "visa",
            last4: "4242".into(),
        };
        Charge {
            amount_cents,
            currency: "EUR".into(),
            reference: "ord_1".into(),
            card,
        }
    }

    #[test]
    fn the_same_key_charges_once() {
        let mut store = Store::default();
        let Outcome::Created(first) = store.charge("k", charge(500)) else {
            panic!("not created")
        };
        assert_eq!(store.charge("k", charge(500)), Outcome::Replayed(first));
        assert_eq!(store.newest(10).count(), 1);
    }

    #[test]
    fn the_same_key_for_another_charge_is_a_conflict() {
        let mut store = Store::default();
        store.charge("k", charge(500));
        assert_eq!(store.charge("k", charge(501)), Outcome::Conflict);
    }

    #[test]
    fn the_store_is_bounded_and_forgets_the_oldest() {
        let mut store = Store::default();
        for n in 0..=PAYMENTS_MAX {
            store.charge(&n.to_string(), charge(1));
        }
        assert_eq!(store.newest(usize::MAX).count(), PAYMENTS_MAX);
        assert!(store.find("pay_000001").is_none());
        assert!(matches!(store.charge("0", charge(1)), Outcome::Created(_)));
    }
}
