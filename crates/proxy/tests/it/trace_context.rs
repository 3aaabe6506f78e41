//! W3C Trace Context, level 2, through a gateway: one test for each case of the list that the
//! working group publishes (w3c/trace-context, `test/test.py`, level 2, strict), by its name there.
//! What is sent and what must come of it is that list's; a service with one caller stands in for
//! its harness.

use crate::traced::{Told, Traced};

const TRACE: &str = "12345678901234567890123456789012";
const PARENT: &str = "1234567890123456";
const SAMPLED: &str = "00-12345678901234567890123456789012-1234567890123456-01";
const UNSAMPLED: &str = "00-12345678901234567890123456789012-1234567890123456-00";

/// Each of these must restart the trace.
async fn restarts(values: &[&str]) {
    let mut traced = Traced::start().await;
    for value in values {
        let told = traced.told(&[("traceparent", value), ("tracestate", "foo=1")]).await;
        let parts: Vec<_> = value.split('-').collect();
        assert!(!parts.contains(&told.trace().as_str()), "{value}");
        assert!(told.state().is_empty(), "{value}");
    }
}

/// Each of these must continue the trace.
async fn continues(fields: &[(&str, &str)]) {
    let mut traced = Traced::start().await;
    for (name, value) in fields {
        let told = traced.told(&[(name, value)]).await;
        assert_eq!(told.trace(), TRACE, "{name}: {value}");
        assert_ne!(told.span(), PARENT, "{name}: {value}");
    }
}

/// What comes of these lists, each in so many fields.
async fn state(lists: &[&str]) -> Told {
    let mut traced = Traced::start().await;
    let fields: Vec<_> = std::iter::once(("traceparent", UNSAMPLED))
        .chain(lists.iter().map(|list| ("tracestate", *list)))
        .collect();
    let told = traced.told(&fields).await;
    assert_eq!(told.trace(), TRACE, "a list that is not one changes nothing of the trace");
    told
}

async fn drops(lists: &[&str]) {
    let told = state(lists).await;
    assert!(!told.has("tracestate"), "{lists:?}: {:?}", told.state());
}

async fn keeps(lists: &[&str], expected: &[(&str, &str)]) {
    assert_eq!(state(lists).await.state(), expected, "{lists:?}");
}

#[tokio::test]
async fn both_traceparent_and_tracestate_missing() {
    let mut traced = Traced::start().await;
    let told = traced.told(&[]).await;
    assert!(told.traceparent().random);
    assert!(told.state().is_empty());
}

#[tokio::test]
async fn traceparent_included_tracestate_missing() {
    continues(&[("traceparent", SAMPLED)]).await;
}

#[tokio::test]
async fn traceparent_duplicated() {
    let mut traced = Traced::start().await;
    let other = "00-12345678901234567890123456789011-1234567890123456-01";
    let told = traced.told(&[("traceparent", other), ("traceparent", SAMPLED)]).await;
    assert!(![TRACE, "12345678901234567890123456789011"].contains(&told.trace().as_str()));
}

#[tokio::test]
async fn traceparent_header_name() {
    let mut traced = Traced::start().await;
    for name in ["trace-parent", "trace.parent"] {
        assert_ne!(traced.told(&[(name, SAMPLED)]).await.trace(), TRACE, "{name}");
    }
}

#[tokio::test]
async fn traceparent_header_name_valid_casing() {
    let names = ["TraceParent", "TrAcEpArEnT", "TRACEPARENT"];
    continues(&names.map(|name| (name, SAMPLED))).await;
}

#[tokio::test]
async fn traceparent_version_0x00() {
    let extra = ["01.", "01-what-the-future-will-be-like"];
    let values = extra.map(|flags| format!("00-{TRACE}-{PARENT}-{flags}"));
    restarts(&values.each_ref().map(String::as_str)).await;
}

#[tokio::test]
async fn traceparent_version_0xcc() {
    let value = |flags: &str| format!("cc-{TRACE}-{PARENT}-{flags}");
    let future = value("01-what-the-future-will-be-like");
    continues(&[("traceparent", &value("01")), ("traceparent", &future)]).await;
    restarts(&[&value("01.what-the-future-will-be-like")]).await;
}

#[tokio::test]
async fn traceparent_version_0xff() {
    restarts(&[&format!("ff-{TRACE}-{PARENT}-01")]).await;
}

/// Values with this version in the place of the right one.
async fn versions(versions: &[&str]) {
    let values: Vec<_> = versions.iter().map(|v| format!("{v}-{TRACE}-{PARENT}-01")).collect();
    restarts(&values.iter().map(String::as_str).collect::<Vec<_>>()).await;
}

#[tokio::test]
async fn traceparent_version_illegal_characters() {
    versions(&[".0", "0."]).await;
}

#[tokio::test]
async fn traceparent_version_too_long() {
    versions(&["000", "0000"]).await;
}

#[tokio::test]
async fn traceparent_version_too_short() {
    versions(&["0"]).await;
}

/// Values with this trace id in the place of the right one.
async fn trace_ids(ids: &[&str]) {
    let values: Vec<_> = ids.iter().map(|id| format!("00-{id}-{PARENT}-01")).collect();
    restarts(&values.iter().map(String::as_str).collect::<Vec<_>>()).await;
}

#[tokio::test]
async fn traceparent_trace_id_all_zero() {
    trace_ids(&["00000000000000000000000000000000"]).await;
}

#[tokio::test]
async fn traceparent_trace_id_illegal_characters() {
    trace_ids(&[".2345678901234567890123456789012", "1234567890123456789012345678901."]).await;
}

#[tokio::test]
async fn traceparent_trace_id_too_long() {
    let mut traced = Traced::start().await;
    let value = format!("00-{TRACE}3-{PARENT}-01");
    let trace = traced.told(&[("traceparent", &value)]).await.trace();
    assert!(trace != TRACE && trace != format!("{}3", &TRACE[1..]));
}

#[tokio::test]
async fn traceparent_trace_id_too_short() {
    trace_ids(&["1234567890123456789012345678901"]).await;
}

/// Values with this parent id in the place of the right one.
async fn parent_ids(ids: &[&str]) {
    let values: Vec<_> = ids.iter().map(|id| format!("00-{TRACE}-{id}-01")).collect();
    restarts(&values.iter().map(String::as_str).collect::<Vec<_>>()).await;
}

#[tokio::test]
async fn traceparent_parent_id_all_zero() {
    parent_ids(&["0000000000000000"]).await;
}

#[tokio::test]
async fn traceparent_parent_id_illegal_characters() {
    parent_ids(&[".234567890123456", "123456789012345."]).await;
}

#[tokio::test]
async fn traceparent_parent_id_too_long() {
    parent_ids(&["12345678901234567"]).await;
}

#[tokio::test]
async fn traceparent_parent_id_too_short() {
    parent_ids(&["123456789012345"]).await;
}

/// Values with these flags in the place of the right ones.
async fn flags(flags: &[&str]) {
    let values: Vec<_> = flags.iter().map(|f| format!("00-{TRACE}-{PARENT}-{f}")).collect();
    restarts(&values.iter().map(String::as_str).collect::<Vec<_>>()).await;
}

#[tokio::test]
async fn traceparent_trace_flags_illegal_characters() {
    flags(&[".0", "0."]).await;
}

#[tokio::test]
async fn traceparent_trace_flags_too_long() {
    flags(&["001"]).await;
}

#[tokio::test]
async fn traceparent_trace_flags_too_short() {
    flags(&["1"]).await;
}

#[tokio::test]
async fn traceparent_ows_handling() {
    let around = [(" ", ""), ("\t", ""), ("", " "), ("", "\t"), ("\t ", " \t")];
    let values = around.map(|(before, behind)| format!("{before}{SAMPLED}{behind}"));
    continues(&values.each_ref().map(|value| ("traceparent", value.as_str()))).await;
}

#[tokio::test]
async fn tracestate_included_traceparent_missing() {
    let mut traced = Traced::start().await;
    for list in ["foo=1", "foo=1,bar=2"] {
        assert!(traced.told(&[("tracestate", list)]).await.state().is_empty());
    }
}

#[tokio::test]
async fn tracestate_included_traceparent_included() {
    keeps(&["foo=1,bar=2"], &[("foo", "1"), ("bar", "2")]).await;
}

#[tokio::test]
async fn tracestate_header_name() {
    let mut traced = Traced::start().await;
    for name in ["trace-state", "trace.state"] {
        let told = traced.told(&[("traceparent", UNSAMPLED), (name, "foo=1")]).await;
        assert!(told.state().is_empty(), "{name}");
    }
}

#[tokio::test]
async fn tracestate_header_name_valid_casing() {
    let mut traced = Traced::start().await;
    for name in ["TraceState", "TrAcEsTaTe", "TRACESTATE"] {
        let told = traced.told(&[("traceparent", UNSAMPLED), (name, "foo=1")]).await;
        assert_eq!(told.state(), [("foo", "1")], "{name}");
    }
}

#[tokio::test]
async fn tracestate_empty_header() {
    drops(&[""]).await;
    keeps(&["foo=1", ""], &[("foo", "1")]).await;
    keeps(&["", "foo=1"], &[("foo", "1")]).await;
}

#[tokio::test]
async fn tracestate_multiple_headers_different_keys() {
    let members = [("foo", "1"), ("bar", "2"), ("rojo", "1"), ("congo", "2"), ("baz", "3")];
    keeps(&["foo=1,bar=2", "rojo=1,congo=2", "baz=3"], &members).await;
}

#[tokio::test]
async fn tracestate_duplicated_keys() {
    for lists in [&["foo=1,foo=1"][..], &["foo=1,foo=2"], &["foo=1", "foo=1"], &["foo=1", "foo=2"]]
    {
        drops(lists).await;
    }
}

#[tokio::test]
async fn tracestate_all_allowed_characters() {
    let key = "abcdefghijklmnopqrstuvwxyz0123456789_-*/";
    let value: String = (' '..='~').filter(|c| !matches!(c, ',' | '=')).collect();
    keeps(&[&format!("{key}={value}")], &[(key, &value)]).await;
    let key = format!("{key}@a-z0-9_-*/");
    keeps(&[&format!("{key}={value}")], &[(&key, &value)]).await;
}

#[tokio::test]
async fn tracestate_ows_handling() {
    let three = [("foo", "1"), ("bar", "2"), ("baz", "3")];
    keeps(&["foo=1 \t , \t bar=2, \t baz=3"], &three).await;
    keeps(&["foo=1\t \t,\t \tbar=2,\t \tbaz=3"], &three).await;
    for list in [" foo=1", "\tfoo=1", "foo=1 ", "foo=1\t", "\t foo=1 \t"] {
        keeps(&[list], &[("foo", "1")]).await;
    }
}

#[tokio::test]
async fn tracestate_key_illegal_characters() {
    for list in ["foo =1", "FOO=1", "foo.bar=1"] {
        drops(&[list]).await;
    }
}

#[tokio::test]
async fn tracestate_key_illegal_vendor_format() {
    drops(&["@foo=1,bar=2"]).await;
    for key in ["foo@", "foo@@bar", "foo@bar@baz"] {
        keeps(&[&format!("{key}=1,bar=2")], &[(key, "1"), ("bar", "2")]).await;
    }
}

#[tokio::test]
async fn tracestate_member_count_limit() {
    let list = |numbers: std::ops::RangeInclusive<u32>| {
        numbers.map(|n| format!("bar{n:02}={n:02}")).collect::<Vec<_>>().join(",")
    };
    let (first, second, third) = (list(1..=10), list(11..=20), list(21..=30));
    let told = state(&[&first, &second, &third, &list(31..=32)]).await;
    assert_eq!((told.state().len(), told.state()[0]), (32, ("bar01", "01")));
    drops(&[&first, &second, &third, &list(31..=33)]).await;
}

#[tokio::test]
async fn tracestate_key_length_limit() {
    for key in [
        "z".repeat(256),
        format!("{}@{}", "t".repeat(241), "v".repeat(14)),
        format!("{}@v", "t".repeat(242)),
        format!("t@{}", "v".repeat(15)),
    ] {
        keeps(&["foo=1", &format!("{key}=1")], &[("foo", "1"), (&key, "1")]).await;
    }
    drops(&["foo=1", &format!("{}=1", "z".repeat(257))]).await;
}

#[tokio::test]
async fn tracestate_value_illegal_characters() {
    drops(&["foo=bar=baz"]).await;
    drops(&["foo=,bar=3"]).await;
}

/// The traces and the spans that three services are told.
async fn three(fields: &[(&str, &str)]) -> (Vec<String>, Vec<String>) {
    let mut traced = Traced::start().await;
    let (mut traces, mut spans) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        let told = traced.told(fields).await;
        traces.push(told.trace());
        spans.push(told.span());
    }
    spans.sort();
    spans.dedup();
    assert_eq!(spans.len(), 3);
    (traces, spans)
}

#[tokio::test]
async fn multiple_requests_with_valid_traceparent() {
    let (traces, _) = three(&[("traceparent", SAMPLED)]).await;
    assert_eq!(traces, [TRACE; 3]);
}

#[tokio::test]
async fn multiple_requests_without_traceparent() {
    let (mut traces, _) = three(&[]).await;
    traces.sort();
    traces.dedup();
    assert_eq!(traces.len(), 3, "each caller of a gateway starts a trace of its own");
}

#[tokio::test]
async fn multiple_requests_with_illegal_traceparent() {
    let illegal = "00-00000000000000000000000000000000-1234567890123456-01";
    let (traces, _) = three(&[("traceparent", illegal)]).await;
    assert!(!traces.contains(&"00000000000000000000000000000000".to_owned()));
}

#[tokio::test]
async fn propagates_random_flag() {
    let mut traced = Traced::start().await;
    for (flags, random) in [("02", true), ("03", true), ("00", false), ("01", false)] {
        let value = format!("00-{TRACE}-{PARENT}-{flags}");
        let told = traced.told(&[("traceparent", &value)]).await;
        assert_eq!((told.trace().as_str(), told.traceparent().random), (TRACE, random));
        assert_ne!(told.span(), PARENT);
    }
}
