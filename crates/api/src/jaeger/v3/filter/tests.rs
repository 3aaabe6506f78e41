//! Filters as clients write them, and what is wrong with others.

use trunkline_query::expression::lower;

use super::*;

fn told(text: &str) -> String {
    parse(text).map_or_else(|error| error.to_string(), |found| format!("{:?}", lower(&found)))
}

#[test]
fn a_filter_is_read_with_all_its_parts() {
    let text = r#"{"op":"and","args":[
        {"call":{"op":"eq","args":[{"field":{"level":"resource","name":"service"}},{"scalar":{"value":"web"}}]}},
        {"call":{"op":"gt","args":[{"field":{"level":"span","name":"duration"}},{"scalar":{"value":"1.5s"}}]}},
        {"call":{"op":"or","args":[
            {"call":{"op":"ne","args":[{"attr":{"key":"a","level":"span"}},{"scalar":{"value":"1","type":"int"}}]}},
            {"call":{"op":"not","args":[{"call":{"op":"exists","args":[{"attr":{"key":"b"}}]}}]}}]}},
        {"call":{"op":"in","args":[{"field":{"level":"span","name":"kind"}},{"list":{"values":["server"]}}]}},
        {"call":{"op":"some","args":[{"nested":{"level":"event"}},
            {"call":{"op":"regex","args":[{"attr":{"key":"c","level":"event"}},{"scalar":{"value":"x+"}}]}}]}}]}"#;
    let found = parse(text).unwrap();
    assert!(matches!(&found, Predicate::All(parts) if parts.len() == 5), "{found:?}");
    let turned =
        r#"{"op":"lt","args":[{"scalar":{"value":"5"}},{"attr":{"key":"a","level":"span"}}]}"#;
    let plain =
        r#"{"op":"gt","args":[{"attr":{"key":"a","level":"span"}},{"scalar":{"value":5}}]}"#;
    assert_eq!(parse(turned), parse(plain));
}

#[test]
fn what_makes_no_sense_is_refused_with_a_reason() {
    let check = |text: &str, why: &str| assert!(told(text).contains(why), "{}", told(text));
    check("[]", "a call is an object");
    check(r#"{"op":"and","args":[]}"#, "does not take these arguments");
    check(r#"{"op":"xor","args":[]}"#, "unknown filter operator");
    check(r#"{"op":"exists","args":[{"attr":{}}]}"#, "has a key");
    check(r#"{"op":"exists","args":[{"attr":{"key":"a","level":"x"}}]}"#, "unknown filter level");
    check(
        r#"{"op":"exists","args":[{"field":{"level":"span","name":"x"}}]}"#,
        "unknown built-in field",
    );
    check(r#"{"op":"exists","args":[{"attr":{"key":"a"},"field":{}}]}"#, "exactly one of");
    check(r#"{"op":"eq","args":[{"attr":{"kee":"a"}},{"scalar":{"value":"1"}}]}"#, "has no `kee`");
    let field = |name: &str, op: &str, value: &str| {
        format!(
            r#"{{"op":"{op}","args":[{{"field":{{"level":"span","name":"{name}"}}}},{{"scalar":{{"value":"{value}"}}}}]}}"#
        )
    };
    check(&field("duration", "gt", "banana"), "not a duration");
    check(&field("kind", "eq", "sever"), "one of unspecified");
    check(&field("kind", "gt", "server"), "no order");
    check(&field("startTime", "gt", "yesterday"), "not a time");
    check(&field("name", "regex", "("), "regex");
    let mut deep = field("name", "eq", "x");
    for _ in 0..40 {
        deep = format!(r#"{{"op":"not","args":[{{"call":{deep}}}]}}"#);
    }
    check(&deep, "at most 24 levels");
}
