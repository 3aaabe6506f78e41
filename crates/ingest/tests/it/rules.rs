//! Rules before anything is kept: what they take out, what they leave, what they count.

use std::sync::Arc;

use trunkline_ingest::Protocol;
use trunkline_ingest::Surface::OtlpHttp;
use trunkline_ingest::rules::{Action, Rule, RuleCount, Rules};
use trunkline_otlp::wire::{put_bytes, put_message};
use trunkline_otlp::{Attributes, Event, Resource, Span, Status, StatusCode, Value, view, write};
use trunkline_store::source::{Field, Filter, Level, Pattern, Test};

use crate::rig::{Setup, batch, listed, span};

fn rule(name: &str, action: Action) -> Rule {
    Rule { name: name.to_owned(), action }
}

fn keys(keys: &[&str]) -> Vec<String> {
    keys.iter().map(ToString::to_string).collect()
}

fn text(key: &str, value: &str) -> (Arc<str>, Value) {
    (key.into(), Value::Text(value.into()))
}

fn named(pattern: &str) -> Filter {
    let pattern = Pattern::wildcard(pattern).unwrap();
    Filter::Where(Field::Operation, Test::Fits(pattern))
}

/// A span with something to hide everywhere.
fn secretive() -> Span {
    let inner: Attributes = vec![text("email", "a@b.example"), text("city", "Ulm")];
    Span {
        name: "GET /user/a@b.example".into(),
        attributes: vec![
            text("user.email", "a@b.example"),
            text("http.request.header.cookie", "x=1"),
            text("http.method", "GET"),
            ("user".into(), Value::Map(inner)),
            ("to".into(), Value::Array(vec![Value::Text("c@d.example".into()), Value::Int(3)])),
            ("number".into(), Value::Int(4)),
        ],
        events: vec![Event {
            name: "mail to c@d.example".into(),
            attributes: vec![text("exception.message", "no mailbox c@d.example here")],
            ..Event::default()
        }],
        status: Status { code: StatusCode::Error, message: "bounced: c@d.example".into() },
        resource: Arc::new(Resource {
            attributes: vec![text("service.name", "mail"), text("host.ip", "10.1.2.3")],
            ..Resource::default()
        }),
        ..span(1)
    }
}

fn applied(rules: Vec<Rule>, spans: &[Span]) -> Option<(Vec<Span>, usize)> {
    let rules = Rules::new(rules, [7; 32]).unwrap();
    let applied = rules.apply(&write::request(spans)).unwrap()?;
    Some((view::spans(&applied.request).unwrap(), applied.removed.values()))
}

#[test]
fn keys_are_deleted_hashed_and_masked_wherever_they_stand() {
    let rules = vec![
        rule("delete", Action::Delete(keys(&["http.request.header.*", "host.ip"]))),
        rule("hash", Action::Hash(keys(&["user.email"]))),
        rule("mask", Action::Mask { keys: keys(&["exception.*", "number"]), with: "***".into() }),
    ];
    let (spans, values) = applied(rules, &[secretive()]).unwrap();
    insta::assert_snapshot!(listed(&spans[0].attributes).join("\n"), @r#"
    http.method=GET
    number=***
    to=Array([Text("c@d.example"), Int(3)])
    user.email=3c2bcbae87efb8ba34068e6efacf2f92
    user=Map([("email", Text("3c2bcbae87efb8ba34068e6efacf2f92")), ("city", Text("Ulm"))])
    "#);
    assert_eq!(listed(&spans[0].resource.attributes), ["service.name=mail"]);
    assert_eq!(listed(&spans[0].events[0].attributes), ["exception.message=***"]);
    assert_eq!(values, 6);
}

#[test]
fn a_pattern_is_replaced_in_every_text() {
    let pattern = r"([a-z])[a-z]*@[a-z.]+".to_owned();
    let rules = vec![rule("mail", Action::Replace { pattern, with: "$1…".into() })];
    let (spans, values) = applied(rules, &[secretive()]).unwrap();
    let span = &spans[0];
    assert_eq!((&*span.name, &*span.status.message), ("GET /user/a…", "bounced: c…"));
    assert_eq!(&*span.events[0].name, "mail to c…");
    assert_eq!(listed(&span.events[0].attributes), ["exception.message=no mailbox c… here"]);
    insta::assert_snapshot!(listed(&span.attributes).join("\n"), @r#"
    http.method=GET
    http.request.header.cookie=x=1
    number=Int(4)
    to=Array([Text("c…"), Int(3)])
    user.email=a…
    user=Map([("email", Text("a…")), ("city", Text("Ulm"))])
    "#);
    assert_eq!(values, 7);
}

#[test]
fn what_no_rule_touches_stays_byte_for_byte() {
    let rules = vec![
        rule("key", Action::Delete(keys(&["password"]))),
        rule("value", Action::Replace { pattern: "zzz".into(), with: String::new() }),
        rule("drop", Action::Drop(named("nothing"))),
    ];
    assert_eq!(applied(rules, &[secretive(), span(2)]), None);
    // In a touched batch, fields that nobody knows stay.
    let mut request = Vec::new();
    put_message(&mut request, 1, |resource| {
        put_message(resource, 2, |scope| {
            put_message(scope, 2, |into| {
                write::span(into, &secretive());
                put_bytes(into, 99, b"future");
            });
            put_bytes(scope, 98, b"future");
        });
        put_bytes(resource, 97, b"future");
    });
    let rules = Rules::new(vec![rule("n", Action::Delete(keys(&["number"])))], [0; 32]).unwrap();
    let applied = rules.apply(&request).unwrap().unwrap();
    let mut expected = secretive();
    expected.attributes.pop();
    expected.resource = Arc::default();
    assert_eq!(view::spans(&applied.request).unwrap(), [expected]);
    let times = applied.request.windows(6).filter(|window| window == b"future").count();
    assert_eq!(times, 3);
}

#[test]
fn an_expression_that_is_none_is_told_with_its_rule() {
    let rules = vec![rule("odd", Action::Replace { pattern: "(".into(), with: String::new() })];
    let error = Rules::new(rules, [0; 32]).unwrap_err();
    assert_eq!(error.to_string(), "the rule `odd` has an expression that is none");
}

#[tokio::test]
async fn each_removal_is_counted_once_by_its_rule_when_the_batch_is_kept() {
    let rules = vec![
        rule("health", Action::Drop(named("span 2"))),
        rule("numbers", Action::Delete(keys(&["number"]))),
        rule("more", Action::Drop(named("span *"))),
    ];
    let setup = Setup { rules, ..Setup::default() };
    let rig = setup.start();
    let post = "POST /v1/traces\ncontent-type: application/x-protobuf";
    let counted = |health, more| {
        let count = |name: &str, spans| RuleCount { rule: name.into(), spans, values: 0 };
        [count("health", health), count("numbers", 0), count("more", more)]
    };
    rig.send(OtlpHttp, post, batch(3)).await;
    assert_eq!(rig.intake.rules().counts(), counted(1, 2));
    assert!(rig.kept.batches().is_empty(), "nothing is left to keep");
    assert_eq!(rig.metrics.of(Protocol::OtlpHttp).dropped_spans.get(), 3);
    // Replaced rules begin to count anew, and see spans as they came.
    let only = Filter::Where(
        Field::Attribute(Level::Span, "number".into()),
        Test::Between { min: Some(2.0), max: None },
    );
    let rules =
        vec![rule("numbers", Action::Delete(keys(&["number"]))), rule("large", Action::Drop(only))];
    rig.intake.replace_rules(Rules::new(rules, [7; 32]).unwrap());
    rig.kept.refuse(Some(trunkline_ingest::Refused::TooLarge));
    rig.send(OtlpHttp, post, batch(3)).await;
    assert!(rig.intake.rules().counts().iter().all(|count| count.spans + count.values == 0));
    rig.kept.refuse(None);
    rig.send(OtlpHttp, post, batch(3)).await;
    let spans = rig.kept.spans();
    assert_eq!((spans.len(), &spans[0].attributes[..]), (1, &[][..]));
    let counts: Vec<_> = rig.intake.rules().counts().iter().map(|c| (c.spans, c.values)).collect();
    assert_eq!(counts, [(0, 1), (2, 0)]);
}
