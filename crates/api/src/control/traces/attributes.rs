//! What there is to ask for: services, operations, keys of attributes and their values.

use std::cmp::Reverse;

use axum::extract::State;
use axum::response::Response;
use http::Uri;
use serde_json::json;
use trunkline_query::reader::Values;
use trunkline_store::source::{KnownKey, Level};

use super::answer;
use super::asked::{level, level_word};
use crate::Wiring;
use crate::control::SCHEMA;
use crate::parameters::{Parameters, invalid};
use crate::problem::Problem;

/// Keys in an answer when nothing is asked for.
const KEYS_DEFAULT: usize = 200;
/// Values in an answer when nothing is asked for.
const VALUES_DEFAULT: usize = 50;
/// Keys or values in an answer at most.
const LIMIT_MAX: usize = 1_000;

/// `/v1/traces/services`.
pub(super) async fn services(State(wiring): State<Wiring>, uri: Uri) -> Result<Response, Problem> {
    Parameters::strict(&uri, &[])?;
    let services = wiring.reader.services().await?;
    let names: Vec<&str> = services.iter().map(|name| &**name).collect();
    Ok(answer(json!({ "schema": SCHEMA, "services": names }).to_string()))
}

/// `/v1/traces/operations?service=`.
pub(super) async fn operations(
    State(wiring): State<Wiring>,
    uri: Uri,
) -> Result<Response, Problem> {
    let parameters = Parameters::strict(&uri, &["service"])?;
    let service = parameters.one("service")?.map(str::to_owned);
    let found = wiring.reader.operations(service).await?;
    let operations: Vec<_> =
        found.iter().map(|one| json!({ "name": &*one.name, "kind": one.kind.as_str() })).collect();
    Ok(answer(json!({ "schema": SCHEMA, "operations": operations }).to_string()))
}

/// `/v1/attributes`.
pub(super) async fn attributes(
    State(wiring): State<Wiring>,
    uri: Uri,
) -> Result<Response, Problem> {
    let parameters = Parameters::strict(&uri, &["match", "level", "limit", "key", "prefix"])?;
    let at = match parameters.one("level")? {
        None => Level::Any,
        Some(word) => level(word).ok_or_else(|| {
            invalid("level", word, "expected any, resource, scope, span, event or link")
        })?,
    };
    let limit = parameters.parsed::<usize>("limit", "expected a number")?;
    if let Some(key) = parameters.one("key")? {
        let limit = limit.unwrap_or(VALUES_DEFAULT).clamp(1, LIMIT_MAX);
        let prefix = parameters.one("prefix")?.unwrap_or_default().to_owned();
        return values(&wiring, Values { level: at, key: key.to_owned(), prefix, limit }).await;
    }
    let text = parameters.one("match")?.unwrap_or_default().to_lowercase();
    keys(&wiring, at, &text, limit.unwrap_or(KEYS_DEFAULT).clamp(1, LIMIT_MAX)).await
}

async fn keys(
    wiring: &Wiring,
    level: Level,
    text: &str,
    limit: usize,
) -> Result<Response, Problem> {
    let mut keys = wiring.reader.keys().await?;
    let wanted = |known: &KnownKey| {
        (level == Level::Any || known.level == level) && known.key.to_lowercase().contains(text)
    };
    keys.retain(wanted);
    keys.sort_by(|a, b| (Reverse(a.count), &a.key).cmp(&(Reverse(b.count), &b.key)));
    let truncated = keys.len() > limit;
    let keys: Vec<_> = keys
        .iter()
        .take(limit)
        .map(|known| {
            json!({
                "key": &*known.key, "level": level_word(known.level), "type": known.kind,
                "count": known.count,
            })
        })
        .collect();
    Ok(answer(json!({ "schema": SCHEMA, "keys": keys, "truncated": truncated }).to_string()))
}

async fn values(wiring: &Wiring, wanted: Values) -> Result<Response, Problem> {
    let Values { level, key, limit, .. } = wanted.clone();
    // One more than is wanted tells whether there are more.
    let mut found = wiring.reader.values(Values { limit: limit + 1, ..wanted }).await?;
    let truncated = found.len() > limit;
    found.truncate(limit);
    let values: Vec<&str> = found.iter().map(|value| &**value).collect();
    let document = json!({
        "schema": SCHEMA, "key": key, "level": level_word(level), "values": values,
        "truncated": truncated,
    });
    Ok(answer(document.to_string()))
}
