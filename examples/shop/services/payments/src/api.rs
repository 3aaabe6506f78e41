//! The JSON API: which request does what, as a function from plain values to plain values.
//!
//! It knows nothing of sockets, so its tests need none.

use std::sync::Mutex;

use serde_json::{json, Value};

use crate::card;
use crate::store::{Charge, Outcome, Store};

/// How many payments a list holds at most.
const LIST_MAX: usize = 50;
/// One million in the currency's main unit: above it somebody has mistaken cents for euros.
const AMOUNT_MAX: u64 = 100_000_000;

/// A request as far as the API reads it.
pub struct Request<'a> {
    pub method: &'a str,
    pub path: &'a str,
    pub idempotency_key: Option<&'a str>,
    pub body: &'a [u8],
}

pub struct Reply {
    pub status: u16,
    pub body: Value,
    /// The answer of an earlier request with the same key was given again.
    pub replayed: bool,
}

pub fn answer(store: &Mutex<Store>, request: &Request) -> Reply {
    // A panic while the lock was held leaves whole payments behind, so the store is still good.
    let mut store = store.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let path = request.path.trim_end_matches('/');
    match (request.method, path) {
        ("GET", "/healthz") => reply(200, json!({ "status": "ok" })),
        ("GET", "/api/payments") => {
            let newest: Vec<Value> = store.newest(LIST_MAX).map(|payment| payment.to_json()).collect();
            reply(200, json!({ "payments": newest }))
        }
        ("POST", "/api/payments") => charge(&mut store, request),
        (_, "/api/payments" | "/healthz") => failure(405, "method_not_allowed", "this path does not take that method"),
        ("GET", path) => match path.strip_prefix("/api/payments/").and_then(|id| store.find(id)) {
            Some(payment) => reply(200, payment.to_json()),
            None => failure(404, "not_found", "there is no such payment"),
        },
        _ => failure(404, "not_found", "there is nothing at this path"),
    }
}

fn charge(store: &mut Store, request: &Request) -> Reply {
    let Some(key) = request
        .idempotency_key
        .filter(|key| !key.is_empty() && key.len() <= 128)
    else {
        return failure(
            400,
            "idempotency_key_missing",
            "send an Idempotency-Key of 1 to 128 characters",
        );
    };
    let charge = match read_charge(request.body) {
        Ok(charge) => charge,
        Err(refused) => return refused,
    };
    match store.charge(key, charge) {
        Outcome::Created(payment) => reply(201, payment.to_json()),
        Outcome::Replayed(payment) => Reply {
            replayed: true,
            ..reply(201, payment.to_json())
        },
        Outcome::Conflict => failure(
            409,
            "idempotency_key_reused",
            "this Idempotency-Key was used for another charge",
        ),
    }
}

fn read_charge(body: &[u8]) -> Result<Charge, Reply> {
    let wrong = |message| failure(400, "bad_request", message);
    let body: Value = serde_json::from_slice(body).map_err(|_| wrong("the body is not JSON"))?;
    let amount_cents = body["amount_cents"]
        .as_u64()
        .filter(|amount| (1..=AMOUNT_MAX).contains(amount))
        .ok_or_else(|| wrong("amount_cents must be a whole number from 1 to 100000000"))?;
    let currency = body["currency"].as_str().unwrap_or("EUR");
    if currency.len() != 3 || !currency.bytes().all(|b| b.is_ascii_uppercase()) {
        return Err(wrong("currency must be three capital letters"));
    }
    let reference = body["reference"].as_str().unwrap_or_default();
    if reference.len() > 64 {
        return Err(wrong("reference must have at most 64 characters"));
    }
    let number = body["card"]["number"]
        .as_str()
        .ok_or_else(|| wrong("card.number is missing"))?;
    let card = card::check(number).map_err(|refusal| match refusal {
        card::Refusal::Invalid => failure(422, "card_invalid", "this is not a valid card number"),
        card::Refusal::Declined => failure(402, "card_declined", "the card was declined"),
    })?;
    Ok(Charge {
        amount_cents,
        currency: currency.to_owned(),
        reference: reference.to_owned(),
        card,
    })
}

fn reply(status: u16, body: Value) -> Reply {
    Reply {
        status,
        body,
        replayed: false,
    }
}

fn failure(status: u16, code: &str, message: &str) -> Reply {
    reply(status, json!({ "error": { "code": code, "message": message } }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn post(store: &Mutex<Store>, key: Option<&str>, body: &str) -> Reply {
        let request = Request {
            method: "POST",
            path: "/api/payments",
            idempotency_key: key,
            body: body.as_bytes(),
        };
        answer(store, &request)
    }

    fn get(store: &Mutex<Store>, path: &str) -> Reply {
        answer(
            store,
            &Request {
                method: "GET",
                path,
                idempotency_key: None,
                body: b"",
            },
        )
    }

    const GOOD: &str = r#"{"amount_cents":1250,"reference":"ord_1","card":{"number":"4242 4242 4242 4242"}}"#;

    #[test]
    fn a_charge_is_made_listed_and_found() {
        let store = Mutex::default();
        let made = post(&store, Some("k1"), GOOD);
        assert_eq!((made.status, made.replayed), (201, false));
        assert_eq!(made.body["card"], json!({ "brand": "visa", "last4": "4242" }));
        assert_eq!(get(&store, "/api/payments").body["payments"][0], made.body);
        assert_eq!(get(&store, "/api/payments/pay_000001").body, made.body);
        assert!(post(&store, Some("k1"), GOOD).replayed);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let store = Mutex::default();
        let check = |key, body: &str, status, code| {
            let reply = post(&store, key, body);
            assert_eq!(
                (reply.status, reply.body["error"]["code"].as_str()),
                (status, Some(code)),
                "{body}"
            );
        };
        check(None, GOOD, 400, "idempotency_key_missing");
        check(Some("k"), "nonsense", 400, "bad_request");
        check(
            Some("k"),
            r#"{"amount_cents":0,"card":{"number":"4242424242424242"}}"#,
            400,
            "bad_request",
        );
        check(
            Some("k"),
            r#"{"amount_cents":1,"card":{"number":"4242424242424241"}}"#,
            422,
            "card_invalid",
        );
        check(
            Some("k"),
            r#"{"amount_cents":1,"card":{"number":"4000000000000002"}}"#,
            402,
            "card_declined",
        );
        assert_eq!(post(&store, Some("k"), GOOD).status, 201);
        check(Some("k"), &GOOD.replace("1250", "1251"), 409, "idempotency_key_reused");
        assert_eq!(get(&store, "/nowhere").status, 404);
    }
}
