//! `/v1/explain?method=GET&url=https://shop.localhost/api/orders&header=accept:text/html`: which
//! route would take a request, without sending it.

use axum::Json;
use axum::extract::State;
use http::Uri;
use serde_json::{Value, json};
use trunkline_model::ops::{Explanation, Question};
use trunkline_model::{EndpointId, ListenerId};

use super::routes::origin;
use crate::Wiring;
use crate::parameters::{ParameterError, Parameters, invalid};
use crate::problem::Problem;

/// Most header fields of a question.
const HEADERS_MAX: usize = 64;

pub(super) async fn explain(
    State(wiring): State<Wiring>,
    uri: Uri,
) -> Result<Json<Value>, Problem> {
    let question = question(&uri)?;
    let explanation = wiring.ops.explain(question).await;
    Ok(Json(document(&explanation)))
}

fn question(uri: &Uri) -> Result<Question, ParameterError> {
    let parameters = Parameters::strict(uri, &["method", "url", "header"])?;
    let expected = "expected a URL with scheme and host, such as https://shop.localhost/api/orders";
    let text = parameters.one("url")?.unwrap_or_default();
    let url: Uri = text.parse().map_err(|_| invalid("url", text, expected))?;
    let (Some(scheme @ ("http" | "https")), Some(host)) = (url.scheme_str(), url.host()) else {
        return Err(invalid("url", text, expected));
    };
    let headers = parameters.all("header").take(HEADERS_MAX).map(|field| {
        let (name, value) = field
            .split_once(':')
            .ok_or_else(|| invalid("header", field, "expected `name:value`"))?;
        Ok((name.trim().to_ascii_lowercase(), value.trim().to_owned()))
    });
    Ok(Question {
        method: parameters.one("method")?.unwrap_or("GET").to_ascii_uppercase(),
        scheme: scheme.to_owned(),
        host: host.to_ascii_lowercase(),
        target: url.path_and_query().map_or("/", |target| target.as_str()).to_owned(),
        headers: headers.collect::<Result<_, _>>()?,
    })
}

fn document(explanation: &Explanation) -> Value {
    let route = explanation.route.as_ref();
    let route = route.map(|(id, place)| json!({ "id": id.as_str(), "origin": origin(place) }));
    let targets = explanation.targets.iter().map(|(service, percent, endpoints)| {
        let endpoints: Vec<_> = endpoints.iter().map(EndpointId::as_str).collect();
        json!({ "service": service.as_str(), "percent": percent, "endpoints": endpoints })
    });
    let passed_over = explanation.passed_over.iter();
    let passed_over = passed_over.map(|(id, why)| json!({ "route": id.as_str(), "because": why }));
    json!({
        "listener": explanation.listener.as_ref().map(ListenerId::as_str),
        "route": route,
        "filters": explanation.filters,
        "targets": targets.collect::<Vec<_>>(),
        "passed_over": passed_over.collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_read_from_the_query() {
        let uri = "/v1/explain?method=post&url=https%3A%2F%2FShop.localhost%3A8443%2Fa%3Fb%3D1&header=X-A:%201";
        let question = question(&uri.parse().unwrap()).unwrap();
        assert_eq!(question.method, "POST");
        assert_eq!((&*question.scheme, &*question.host), ("https", "shop.localhost"));
        assert_eq!(question.target, "/a?b=1");
        assert_eq!(question.headers, [("x-a".to_owned(), "1".to_owned())]);
    }

    #[test]
    fn a_question_without_a_whole_url_is_refused() {
        for uri in [
            "/",
            "/?url=/a",
            "/?url=ftp://a/",
            "/?url=http://a&url=http://b",
            "/?url=http://a&header=x",
        ] {
            assert!(question(&uri.parse().unwrap()).is_err(), "{uri}");
        }
    }
}
