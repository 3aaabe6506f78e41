//! `/v1/cache/purge?host=shop.example.com&prefix=/products`: takes stored responses out.

use axum::Json;
use axum::extract::State;
use http::Uri;
use serde_json::{Value, json};

use crate::Wiring;
use crate::parameters::Parameters;
use crate::problem::Problem;

pub(super) async fn purge(State(wiring): State<Wiring>, uri: Uri) -> Result<Json<Value>, Problem> {
    let parameters = Parameters::strict(&uri, &["host", "prefix"])?;
    let host = parameters.one("host")?.map(str::to_ascii_lowercase);
    let prefix = parameters.one("prefix")?.unwrap_or("/");
    if !prefix.starts_with('/') {
        return Err(Problem::bad_request("`prefix` is the beginning of a path")
            .hint("give it as `/products`, or leave it out for everything"));
    }
    let purged = wiring.ops.purge_cache(host.as_deref(), prefix);
    Ok(Json(json!({ "purged": purged })))
}
