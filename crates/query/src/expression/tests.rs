//! What predicates mean, and that the store's filter of one takes whatever it takes.

use proptest::prelude::*;
use trunkline_otlp::{Event, Link, Span, Value};
use trunkline_store::source::{Level, Pattern};

use super::*;
use crate::skeleton::tests::span as plain;

fn attribute(place: Place, key: &str) -> Reference {
    Reference::Attribute(place, key.into())
}

fn at(level: Level) -> Reference {
    attribute(Place::At(level), "k")
}

fn any() -> Reference {
    attribute(Place::SpanOrResource, "k")
}

fn untyped(text: &str) -> Constant {
    Constant::Untyped(text.into())
}

fn compare(reference: Reference, how: Comparison, constant: Constant) -> Predicate {
    Predicate::compare(reference, how, constant)
}

fn with(values: &[Value]) -> Span {
    let mut span = plain(1, 0, "web", 100, 200);
    span.attributes = values.iter().map(|value| ("k".into(), value.clone())).collect();
    span
}

#[test]
fn an_untyped_constant_takes_the_type_of_the_value() {
    let equal = |text: &str, value: Value| {
        compare(any(), Comparison::Equal, untyped(text)).takes(&with(&[value]))
    };
    assert!(equal("11", Value::Int(11)) && equal("72.50", Value::Double(72.5)));
    assert!(equal("true", Value::Bool(true)) && equal("a", Value::Text("a".into())));
    assert!(!equal("9", Value::Text("09".into())) && !equal("", Value::Int(0)));
    let greater = |text: &str, value: Value| {
        compare(any(), Comparison::Greater, untyped(text)).takes(&with(&[value]))
    };
    assert!(greater("10", Value::Int(11)) && !greater("10", Value::Int(9)));
    assert!(!greater("10", Value::Text("09".into())) && !greater("10", Value::Text("x".into())));
    assert!(greater("m", Value::Text("n".into())));
}

#[test]
fn what_is_not_there_differs_from_nothing() {
    let differs = compare(any(), Comparison::NotEqual, untyped("1"));
    assert!(!differs.takes(&with(&[])) && differs.takes(&with(&[Value::Int(2)])));
    assert!(!differs.takes(&with(&[Value::Int(2), Value::Int(1)])));
    let none_of = Predicate::NotIn(any(), vec![untyped("1")]);
    assert!(!none_of.takes(&with(&[])) && none_of.takes(&with(&[Value::Int(2)])));
    let not_in = Predicate::Not(Box::new(Predicate::In(any(), vec![untyped("1")])));
    assert!(not_in.takes(&with(&[])));
}

#[test]
fn some_is_about_one_and_the_same_event() {
    let mut span = plain(1, 0, "web", 100, 200);
    let event = |name: &str, value: i64| Event {
        time_unix_nanos: 150,
        name: name.into(),
        attributes: vec![("k".into(), Value::Int(value))],
        dropped_attributes: 0,
    };
    span.events = vec![event("a", 1), event("b", 2)];
    let both = |name: &str, value: &str| {
        Predicate::equal(Reference::Field(Field::EventName), untyped(name))
            .and(Predicate::equal(at(Level::Event), untyped(value)))
    };
    let some = |part: Predicate| Predicate::Some(Nested::Event, Box::new(part));
    assert!(both("a", "2").takes(&span) && !some(both("a", "2")).takes(&span));
    assert!(some(both("a", "1")).takes(&span));
    let since = compare(
        Reference::Field(Field::EventSinceStart),
        Comparison::GreaterOrEqual,
        Constant::Duration(50),
    );
    assert!(some(since).takes(&span));
}

#[test]
fn fields_compare_with_each_other() {
    let field = |field| Operand::Reference(Reference::Field(field));
    let ends_later =
        Predicate::Compare(field(Field::StartTime), Comparison::Less, field(Field::EndTime));
    assert!(ends_later.takes(&with(&[])));
    let id = Predicate::equal(Reference::Field(Field::SpanId), untyped("0000000000000001"));
    assert!(id.takes(&with(&[])));
}

#[test]
fn words_are_found_whatever_their_case() {
    let words = |words: &[&str], adjacent| Words::new(words, adjacent).unwrap();
    let text = "Our REFUND-policy: ask, and the policy is a refund.";
    assert!(words(&["refund", "Policy"], true).are_in(text));
    assert!(!words(&["policy", "refund"], true).are_in(text));
    assert!(words(&["is", "ask"], false).are_in(text) && !words(&["asks"], false).are_in(text));
    assert!(Words::new(["a b"], true).is_err() && Words::new([""; 0], true).is_err());
}

/// Five hundred words take about as long as one: they are not looked for one after another.
#[test]
fn words_are_found_in_linear_time() {
    let all: Vec<String> = (0..500).map(|at| format!("w{at}")).collect();
    let text = format!("{}{}", "a ".repeat(1 << 18), all.join(" "));
    let almost: Vec<&str> = std::iter::repeat_n("a", 499).chain(["b"]).collect();
    let took = |words: Words, found: bool| {
        let begun = std::time::Instant::now();
        assert_eq!(words.are_in(&text), found);
        begun.elapsed()
    };
    let one = took(Words::new(["w499"], false).unwrap(), true);
    for words in [Words::new(&all, false), Words::new(&all, true)] {
        let many = took(words.unwrap(), true);
        assert!(many < one * 8, "{many:?} against {one:?}");
    }
    let many = took(Words::new(&almost, true).unwrap(), false);
    assert!(many < one * 4, "{many:?} against {one:?}");
}

#[test]
fn what_cannot_be_compared_is_refused() {
    let check = |left: Operand, how, right: Operand| Predicate::Compare(left, how, right).check();
    let field = |field| Operand::Reference(Reference::Field(field));
    let less = Comparison::Less;
    assert!(check(field(Field::Duration), less, field(Field::Name)).is_err());
    assert!(check(field(Field::Kind), less, field(Field::Kind)).is_err());
    assert!(check(field(Field::Name), less, Operand::Constant(Constant::Int(1))).is_err());
    assert!(check(field(Field::Name), less, Operand::Constant(untyped("m"))).is_ok());
    let attribute = || Operand::Reference(any());
    assert!(check(attribute(), less, Operand::Constant(Constant::Duration(1))).is_err());
    let pattern = Pattern::regex("a").unwrap();
    assert!(Predicate::Fits(Reference::Field(Field::Duration), pattern).check().is_err());
    let mut deep = Predicate::default();
    for _ in 0..100 {
        deep = Predicate::Not(Box::new(deep));
    }
    assert_eq!(deep.check(), Err(Invalid::Depth));
    assert_eq!(Predicate::Any(vec![Predicate::default(); 600]).check(), Err(Invalid::Nodes));
    let fits = Predicate::Fits(any(), Pattern::regex("a").unwrap());
    assert_eq!(Predicate::All(vec![fits.clone(); 31]).check(), Ok(()));
    assert_eq!(Predicate::All(vec![fits; 32]).check(), Err(Invalid::Nodes));
    let words = Predicate::Words(any(), Words::new(vec!["a"; 600], false).unwrap());
    assert_eq!(words.check(), Err(Invalid::Nodes));
}

fn constant() -> impl Strategy<Value = Constant> {
    prop_oneof![
        prop::sample::select(vec!["1", "2", "a", "1.0", "", "true"]).prop_map(untyped),
        prop::sample::select(vec!["1", "a"]).prop_map(|text| Constant::Text(text.into())),
        (0_i64..3).prop_map(Constant::Int),
        Just(Constant::Double(1.5)),
        prop::bool::ANY.prop_map(Constant::Bool),
    ]
}

fn reference() -> impl Strategy<Value = Reference> {
    let level = prop::sample::select(vec![
        Place::SpanOrResource,
        Place::At(Level::Any),
        Place::At(Level::Span),
        Place::At(Level::Resource),
        Place::At(Level::Event),
        Place::At(Level::Link),
    ]);
    let field = prop::sample::select(vec![
        Field::Name,
        Field::Service,
        Field::EventName,
        Field::StatusMessage,
        Field::LinkTraceId,
        Field::TraceId,
    ]);
    prop_oneof![
        3 => level.prop_map(|place| attribute(place, "k")),
        1 => field.prop_map(Reference::Field),
    ]
}

fn how() -> impl Strategy<Value = Comparison> {
    prop::sample::select(vec![
        Comparison::Equal,
        Comparison::NotEqual,
        Comparison::Greater,
        Comparison::GreaterOrEqual,
        Comparison::Less,
        Comparison::LessOrEqual,
    ])
}

fn predicate() -> impl Strategy<Value = Predicate> {
    let duration = (0_i64..4).prop_map(|nanos| Constant::Duration(nanos * 50));
    let leaf = prop_oneof![
        4 => (reference(), how(), constant()).prop_map(|(r, h, c)| compare(r, h, c)),
        1 => (how(), duration)
            .prop_map(|(h, d)| compare(Reference::Field(Field::Duration), h, d)),
        1 => (reference(), how(), reference()).prop_map(|(a, h, b)| {
            Predicate::Compare(Operand::Reference(a), h, Operand::Reference(b))
        }),
        1 => (constant(), how(), reference()).prop_map(|(a, h, b)| {
            Predicate::Compare(Operand::Constant(a), h, Operand::Reference(b))
        }),
        1 => reference().prop_map(Predicate::Exists),
        1 => (reference(), prop::sample::select(vec!["1", "a|b", "^$", "."]))
            .prop_map(|(r, p)| Predicate::Fits(r, Pattern::regex(p).unwrap())),
        1 => (reference(), prop::collection::vec(constant(), 1..3), prop::bool::ANY)
            .prop_map(|(r, list, not)| {
                if not { Predicate::NotIn(r, list) } else { Predicate::In(r, list) }
            }),
        1 => reference().prop_map(|r| Predicate::Words(r, Words::new(["a"], false).unwrap())),
    ];
    leaf.prop_recursive(4, 16, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Predicate::All),
            prop::collection::vec(inner.clone(), 0..3).prop_map(Predicate::Any),
            inner.clone().prop_map(|part| Predicate::Not(Box::new(part))),
            (prop::sample::select(vec![Nested::Event, Nested::Link]), inner)
                .prop_map(|(nested, part)| Predicate::Some(nested, Box::new(part))),
        ]
    })
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        prop::sample::select(vec!["1", "2", "a", "b", "1.0", ""])
            .prop_map(|text| Value::Text(text.into())),
        (0_i64..3).prop_map(Value::Int),
        prop::sample::select(vec![1.0, 1.5]).prop_map(Value::Double),
        prop::bool::ANY.prop_map(Value::Bool),
        Just(Value::Empty),
    ]
}

fn attributes() -> impl Strategy<Value = trunkline_otlp::Attributes> {
    prop::collection::vec(value().prop_map(|value| ("k".into(), value)), 0..3)
}

fn span() -> impl Strategy<Value = Span> {
    let name = prop::sample::select(vec!["", "a", "1"]);
    let event = (name.clone(), attributes());
    let parts = (
        name.clone(),
        name,
        attributes(),
        attributes(),
        prop::collection::vec(event, 0..3),
        prop::collection::vec(attributes(), 0..2),
        0_u64..4,
    );
    parts.prop_map(|(name, message, own, resource, events, links, length)| {
        let mut span = plain(1, 0, "a", 100, 100 + length * 50);
        span.name = name.into();
        span.status.message = message.into();
        span.attributes = own;
        let mut process = (*span.resource).clone();
        process.attributes.extend(resource);
        span.resource = Arc::new(process);
        span.events = events
            .into_iter()
            .map(|(name, attributes)| Event { name: name.into(), attributes, ..Event::default() })
            .collect();
        let link = |attributes| Link {
            trace: span.trace,
            span: span.id,
            trace_state: "".into(),
            attributes,
            dropped_attributes: 0,
            flags: 0,
        };
        span.links = links.into_iter().map(link).collect();
        span
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]
    #[test]
    fn the_stores_filter_takes_whatever_the_predicate_takes(
        predicate in predicate(),
        span in span(),
    ) {
        let lowered = lower(&predicate);
        let (wanted, found) = (predicate.takes(&span), lowered.filter.takes(&span));
        prop_assert!(found || !wanted, "{lowered:?} leaves out what is taken");
        prop_assert!(!lowered.exact || found == wanted, "{lowered:?} is not exact");
    }
}
