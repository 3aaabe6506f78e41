use super::*;
use trunkline_model::reason::{Fact, Reason};
use trunkline_net::http::Version;

fn reference() -> SpanId {
    "00f067aa0ba902b7".parse().unwrap()
}

fn reason() -> Reason {
    Reason::new(Kind::Connect)
        .about(&"orders".parse().unwrap())
        .fact("attempts", Fact::Number(2))
        .fact("error", Fact::Text("<b>\"refused\"\n".into()))
}

fn request(method: &str, fields: &[(&str, &str)]) -> Head {
    let mut head = Head::request(method, "/", Version::Http11);
    for (name, value) in fields {
        head.append(name, value.as_bytes());
    }
    head
}

fn answered(request: &Head, reasons: Reasons) -> (Head, String) {
    let (head, body) = answer(&Reply::because(reason()), request, reference(), reasons);
    let text = match body {
        Body::Full(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
        _ => String::new(),
    };
    (head, text)
}

#[test]
fn json_is_a_problem_document_with_the_facts() {
    let (head, body) = answered(&request("GET", &[]), Reasons::Full);
    assert_eq!(head.status(), 502);
    assert_eq!(head.get_text("content-type"), Some("application/problem+json"));
    assert_eq!(
        head.get_text(HEADER),
        Some(r#"connect;service="orders";attempts=2;error="<b>\"refused\"?""#)
    );
    assert_eq!(
        body,
        concat!(
            r#"{"type":"about:blank","title":"Bad Gateway","status":502,"#,
            r#""detail":"the service could not be reached","#,
            r#""reason":{"kind":"connect","service":"orders","attempts":2,"#,
            r#""error":"<b>\"refused\"\n"},"reference":"00f067aa0ba902b7"}"#,
            "\n"
        )
    );
    assert_eq!(head.get_text("content-length"), Some(body.len().to_string().as_str()));
}

#[test]
fn pages_escape_what_came_from_outside() {
    let (head, body) = answered(&request("GET", &[("accept", "text/html")]), Reasons::Full);
    assert!(head.get_text("content-type").unwrap().starts_with("text/html"));
    assert!(head.has("content-security-policy"));
    assert!(body.contains("&lt;b&gt;") && !body.contains("<b>"));
}

#[test]
fn with_ids_only_nothing_but_the_reference_is_told() {
    for accept in ["text/html", "text/plain", "application/json"] {
        let (head, body) = answered(&request("GET", &[("accept", accept)]), Reasons::Id);
        assert_eq!(head.get_text(HEADER), Some("id;ref=\"00f067aa0ba902b7\""));
        assert!(body.contains("00f067aa0ba902b7"));
        assert!(!body.contains("orders") && !body.contains("reached") && !body.contains("refused"));
    }
    let (head, _) =
        answered(&request("POST", &[("content-type", "application/grpc")]), Reasons::Id);
    assert_eq!(head.get_text("grpc-message"), Some("reference 00f067aa0ba902b7"));
}

#[test]
fn grpc_calls_get_grpc_statuses() {
    let call = request("POST", &[("content-type", "application/grpc+proto")]);
    let (head, body) = answered(&call, Reasons::Full);
    assert_eq!((head.status(), body.as_str()), (200, ""));
    assert_eq!(head.get_text("grpc-status"), Some("14"));
    assert_eq!(head.get_text("content-type"), Some("application/grpc+proto"));
    let message = head.get_text("grpc-message").unwrap();
    assert!(message.starts_with("the service could not be reached"));
    assert!(head.get_text(HEADER).unwrap().starts_with("connect;"));
    assert!(!head.has("content-length"));
    let other = request("POST", &[("content-type", "application/grpcish")]);
    assert_eq!(answered(&other, Reasons::Full).0.status(), 502);
}

#[test]
fn head_requests_get_the_head_alone() {
    let (head, body) = answered(&request("HEAD", &[]), Reasons::Full);
    assert!(body.is_empty());
    assert_ne!(head.get_text("content-length"), Some("0"));
}

#[test]
fn callers_are_told_when_to_try_again() {
    let reply = Reply::because(Reason::new(Kind::Starting));
    let (head, _) = answer(&reply, &request("GET", &[]), reference(), Reasons::Full);
    assert_eq!(head.get_text("retry-after"), Some("1"));
    assert_eq!(head.get_text("cache-control"), Some("no-store"));
    assert!(!answered(&request("GET", &[]), Reasons::Full).0.has("retry-after"));
}

#[test]
fn redirects_carry_their_location_even_to_grpc_callers() {
    let call = request("POST", &[("content-type", "application/grpc")]);
    let reply = Reply::redirect(308, "https://a.test/x");
    let (head, _) = answer(&reply, &call, reference(), Reasons::Full);
    assert_eq!(head.status(), 308);
    assert_eq!(head.get_text("location"), Some("https://a.test/x"));
    assert_eq!(head.get_text(HEADER), Some("redirect"));
}

#[test]
fn statuses_without_content_have_none() {
    let reply = Reply::given(204, Some("text/plain".parse().unwrap()), Bytes::from("x"));
    let (head, body) = answer(&reply, &request("GET", &[]), reference(), Reasons::Full);
    assert!(matches!(body, Body::Empty));
    assert!(!head.has("content-length"));
}
