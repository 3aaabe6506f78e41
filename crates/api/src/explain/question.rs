//! A question about a request, read from the parameters of `/v1/explain`.

use http::Uri;
use trunkline_model::ops::Question;

use crate::parameters::{ParameterError, Parameters, invalid};

/// Most header fields of a question.
const HEADERS_MAX: usize = 64;

/// Reads a question from the parameters of a request.
pub fn question(uri: &Uri) -> Result<Question, ParameterError> {
    let parameters = Parameters::strict(uri, &["method", "url", "header", "from"])?;
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
    let caller = parameters.one("from")?.map(|name| {
        name.parse().map_err(|_| invalid("from", name, "expected the name of a service"))
    });
    Ok(Question {
        method: parameters.one("method")?.unwrap_or("GET").to_ascii_uppercase(),
        scheme: scheme.to_owned(),
        host: host.to_ascii_lowercase(),
        port: url.port_u16(),
        caller: caller.transpose()?,
        target: url.path_and_query().map_or("/", |target| target.as_str()).to_owned(),
        headers: headers.collect::<Result<_, _>>()?,
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
