//! The cases by which Jaeger tests its storages: written as OTLP, read by versions 1 and 3 of the
//! query API, from any source of spans.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use trunkline_model::ports::Surface::JaegerQuery;
use trunkline_otlp::{Kind, Span, Value as Of, write};
use trunkline_rt::Clock;
use trunkline_store::{Retention, Store, wal};
use trunkline_testkit::spans::Memory;

use crate::corpus::{self, Case, HOUR, START, span, text, trace_id};
use crate::otlp_json;
use crate::running::{Running, json, serve_stored};

/// Spans in the oracle, which every other source must agree with.
pub(crate) fn stored(spans: &[Span]) -> Running {
    let memory = Memory::default();
    for batch in spans.chunks(100) {
        memory.append(&write::request(batch)).unwrap();
    }
    serve_stored(Arc::new(memory), None)
}

/// Spans in a store: in its head, or, `cut`, in segments and a few of them in the head.
async fn in_store(spans: &[Span], cut: bool) -> Running {
    let config = trunkline_store::Config {
        log: wal::Config::new(wal::Durability::None),
        retention: Retention { age: None, free_bytes: 0, ..Retention::default() },
        ..trunkline_store::Config::default()
    };
    let disk = Arc::new(trunkline_store::disk::Memory::new(1 << 30));
    let store = Store::open(config, disk, Clock::system()).unwrap();
    let batches: Vec<_> = spans.chunks(7).collect();
    for (index, batch) in batches.iter().enumerate() {
        store.append(write::request(*batch).into()).await.unwrap();
        if cut && (index == batches.len() / 2 || index + 2 == batches.len()) {
            let store = Arc::clone(&store);
            tokio::task::spawn_blocking(move || store.flush().unwrap()).await.unwrap();
        }
    }
    serve_stored(store, None)
}

/// Every place where spans can be. What is asked of one is asked of all.
async fn everywhere(spans: &[Span]) -> [Running; 3] {
    [stored(spans), in_store(spans, false).await, in_store(spans, true).await]
}

pub(crate) fn encode(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => {
            char::from(byte).to_string()
        }
        other => format!("%{other:02X}"),
    };
    text.bytes().map(byte).collect()
}

fn query(pairs: &[(&str, String)]) -> String {
    let pair = |(key, value): &(&str, String)| format!("{key}={}", encode(value));
    pairs.iter().map(pair).collect::<Vec<_>>().join("&")
}

fn tags(tags: &[(String, String)]) -> String {
    json!(tags.iter().cloned().collect::<std::collections::BTreeMap<_, _>>()).to_string()
}

fn go(duration: Duration) -> String {
    format!("{}us", duration.as_micros())
}

fn rfc3339(nanos: u64) -> String {
    // Whole seconds of the corpus: 2026-09-21T14:13:20Z is START.
    let seconds = i64::try_from(nanos / 1_000_000_000).unwrap();
    let time = time::OffsetDateTime::from_unix_timestamp(seconds).unwrap();
    time.format(&time::format_description::well_known::Rfc3339).unwrap()
}

/// The parameters of a case, as version 1 and as version 3 have them.
fn parameters(case: &Case, names: [&'static str; 7], time: [String; 2]) -> String {
    let [from, to] = time;
    let mut pairs = vec![(names[0], from), (names[1], to)];
    pairs.extend(case.service.iter().map(|service| (names[2], service.clone())));
    pairs.extend(case.operation.iter().map(|name| (names[3], name.clone())));
    pairs.extend(case.min.map(|min| (names[4], go(min))));
    pairs.extend(case.max.map(|max| (names[5], go(max))));
    if !case.tags.is_empty() {
        pairs.push((names[6], tags(&case.tags)));
    }
    query(&pairs)
}

pub(crate) const NAMES_OF_3: [&str; 7] = [
    "query.startTimeMin",
    "query.startTimeMax",
    "query.serviceName",
    "query.operationName",
    "query.durationMin",
    "query.durationMax",
    "query.attributes",
];

fn v1(case: &Case) -> String {
    let names = ["start", "end", "service", "operation", "minDuration", "maxDuration", "tags"];
    let time = [START - HOUR, START + HOUR].map(|nanos| (nanos / 1_000).to_string());
    format!("/api/traces?limit=1000&{}", parameters(case, names, time))
}

fn v3(path: &str, case: &Case, names: [&'static str; 7]) -> String {
    let time = [rfc3339(START - HOUR), rfc3339(START + HOUR)];
    format!("{path}?{}", parameters(case, names, time))
}

/// The spans of these traces.
fn spans_of(all: &[Span], traces: &[u64]) -> Vec<Span> {
    let wanted: Vec<_> = traces.iter().map(|trace| trace_id(*trace)).collect();
    all.iter().filter(|span| wanted.contains(&span.trace)).cloned().collect()
}

fn sorted(mut spans: Vec<Span>) -> Vec<Vec<u8>> {
    trunkline_store::source::arrange(&mut spans);
    let mut all: Vec<_> = spans.iter().map(|span| write::request([span])).collect();
    all.sort();
    all
}

fn texts(value: &Value) -> BTreeSet<String> {
    value.as_array().into_iter().flatten().map(|one| one.as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn every_case_finds_its_traces_in_both_versions() {
    let (spans, cases) = corpus::corpus();
    for running in everywhere(&spans).await {
        for case in &cases {
            let caption = case.caption;
            let expect = spans_of(&spans, &case.found);
            let found = json(&running.get(JaegerQuery, &v1(case)).await);
            let ids: BTreeSet<String> = found["data"]
                .as_array()
                .unwrap_or_else(|| panic!("{caption}: {found}"))
                .iter()
                .map(|trace| trace["traceID"].as_str().unwrap().to_owned())
                .collect();
            let wanted = case.found.iter().map(|trace| format!("{trace:016x}")).collect();
            assert_eq!(ids, wanted, "{caption}");
            let count = |trace: &Value| trace["spans"].as_array().unwrap().len();
            let told: usize = found["data"].as_array().unwrap().iter().map(count).sum();
            assert_eq!(told, expect.len(), "{caption}");
            for names in [NAMES_OF_3, NAMES_OF_3.map(snake)] {
                let target = format!("{}&query.rawTraces=true", v3("/api/v3/traces", case, names));
                let response = running.get(JaegerQuery, &target).await;
                if case.found.is_empty() {
                    assert_eq!(response.status, 404, "{caption}");
                    continue;
                }
                assert_eq!(response.status, 200, "{caption}: {}", response.text());
                let result = json(&response)["result"].to_string();
                let read = otlp_json::spans(result.as_bytes()).unwrap();
                assert_eq!(sorted(read), sorted(expect.clone()), "{caption}");
            }
            let target = v3("/api/v3/trace-summaries", case, NAMES_OF_3);
            let found = json(&running.get(JaegerQuery, &target).await);
            let summaries = found["summaries"].as_array().unwrap();
            assert_eq!(summaries.len(), case.found.len(), "{caption}");
            let told: u64 = summaries.iter().map(|one| one["spanCount"].as_u64().unwrap()).sum();
            assert_eq!(told, expect.len() as u64, "{caption}");
        }
    }
}

fn snake(name: &'static str) -> &'static str {
    match name {
        "query.startTimeMin" => "query.start_time_min",
        "query.startTimeMax" => "query.start_time_max",
        "query.serviceName" => "query.service_name",
        "query.operationName" => "query.operation_name",
        "query.durationMin" => "query.duration_min",
        "query.durationMax" => "query.duration_max",
        other => other,
    }
}

#[tokio::test]
async fn parameters_of_version_3_have_two_spellings() {
    let (spans, cases) = corpus::corpus();
    let running = stored(&spans);
    let case = cases.iter().find(|case| case.caption.ends_with("name and duration range")).unwrap();
    let ask = async |names| {
        let target = v3("/api/v3/trace-summaries", case, names);
        json(&running.get(JaegerQuery, &target).await)
    };
    let camel = ask(NAMES_OF_3).await;
    assert_eq!(camel["summaries"].as_array().unwrap().len(), 1);
    assert_eq!(ask(NAMES_OF_3.map(snake)).await, camel);
    // The UI once called operations so.
    let old = NAMES_OF_3.map(|name| match name {
        "query.operationName" => "query.span_name",
        other => snake(other),
    });
    assert_eq!(ask(old).await, camel);
    // Posted, members may be written either way, and attributes as an object.
    let body = json!({ "query": {
        "serviceName": case.service, "operation_name": case.operation,
        "start_time_min": rfc3339(START - HOUR), "startTimeMax": rfc3339(START + HOUR),
        "attributes": case.tags.iter().cloned().collect::<std::collections::BTreeMap<_, _>>(),
        "durationMin": "0.0045s", "duration_max": "5.5ms", "searchDepth": 10, "rawTraces": false,
    } });
    let posted = running.send(JaegerQuery, "POST /api/v3/trace-summaries", &body.to_string()).await;
    assert_eq!(json(&posted), camel);
    let found = running.send(JaegerQuery, "POST /jaeger/api/v3/traces", &body.to_string()).await;
    assert_eq!(found.status, 200, "{}", found.text());
}

#[tokio::test]
async fn services_and_operations_are_those_of_the_spans() {
    for running in everywhere(&corpus::example()).await {
        let get = async |target: &str| json(&running.get(JaegerQuery, target).await);
        let services = BTreeSet::from(["example-1", "example-2", "example-3"].map(str::to_owned));
        assert_eq!(texts(&get("/api/services").await["data"]), services);
        assert_eq!(texts(&get("/api/v3/services").await["services"]), services);
        let operations = json!([
            { "name": "ask", "spanKind": "client" },
            { "name": "internal work", "spanKind": "" },
            { "name": "serve", "spanKind": "server" },
        ]);
        assert_eq!(get("/api/operations?service=example-1").await["data"], operations);
        assert_eq!(get("/api/v3/operations?service=example-1").await["operations"], operations);
        let servers = get("/api/v3/operations?service=example-1&span_kind=server").await;
        assert_eq!(servers["operations"], json!([operations[2]]));
    }
}

#[tokio::test]
async fn a_trace_is_found_by_id_or_is_not_there() {
    for running in everywhere(&corpus::example()).await {
        for target in
            ["/api/traces/11", "/api/traces/AAAAAAAAAAAAAAAAAAAAEQ==", "/api/v3/traces/11"]
        {
            assert_eq!(running.get(JaegerQuery, target).await.status, 200, "{target}");
        }
        for target in ["/api/traces/12", "/api/v3/traces/12"] {
            assert_eq!(running.get(JaegerQuery, target).await.status, 404, "{target}");
        }
    }
}

#[tokio::test]
async fn a_trace_of_more_than_ten_thousand_spans_is_told_whole() {
    let spans = corpus::large(0xa1, 10_008, 0);
    for running in everywhere(&spans).await {
        let found = json(&running.get(JaegerQuery, "/api/traces/a1").await);
        assert_eq!(found["data"][0]["spans"].as_array().unwrap().len(), 10_008);
        let response = running.get(JaegerQuery, "/api/v3/traces/a1?raw_traces=true").await;
        let read = otlp_json::spans(json(&response)["result"].to_string().as_bytes()).unwrap();
        assert_eq!(sorted(read), sorted(spans.clone()));
    }
}

#[tokio::test]
async fn spans_that_share_an_id_are_all_told() {
    let spans = corpus::large(0xd1, 200, 20);
    for running in everywhere(&spans).await {
        let found = json(&running.get(JaegerQuery, "/api/traces/d1").await);
        let told = found["data"][0]["spans"].as_array().unwrap();
        let first = told.iter().filter(|span| span["spanID"] == "0000000000000001").count();
        assert_eq!((told.len(), first), (200, 11));
    }
}

#[tokio::test]
async fn dependencies_are_counted_from_spans() {
    for running in everywhere(&corpus::example()).await {
        let (start, end) = (START - HOUR, START + HOUR);
        let target = format!(
            "/api/dependencies?endTs={}&lookback={}",
            end / 1_000_000,
            2 * HOUR / 1_000_000
        );
        // As Jaeger's memory counts: children of spans of their own service too.
        let links = json!([
            { "parent": "example-1", "child": "example-1", "callCount": 2 },
            { "parent": "example-1", "child": "example-2", "callCount": 1 },
            { "parent": "example-1", "child": "example-3", "callCount": 1 },
        ]);
        let get = async |target: &str| json(&running.get(JaegerQuery, target).await);
        assert_eq!(get(&target).await["data"], links);
        assert_eq!(get(&format!("{target}&service=example-2")).await["data"], json!([links[1]]));
        assert_eq!(get("/api/dependencies?endTs=1000").await["data"], json!([]));
        let interval = query(&[("startTime", rfc3339(start)), ("endTime", rfc3339(end))]);
        let of_3 = get(&format!("/api/v3/dependencies?{interval}")).await;
        assert_eq!(of_3["dependencies"][1]["callCount"], "1");
        let deep = get("/jaeger/analytics/v1/dependencies?service=example-3&start=0&end=0").await;
        assert_eq!(deep, get("/api/deep-dependencies?service=example-3").await);
        let path = &deep["dependencies"][0]["path"];
        assert_eq!(path[1], json!({ "service": "example-3", "operation": "list" }));
        assert_eq!(deep["dependencies"][0]["attributes"][0]["value"], "0000000000000011");
    }
}

#[tokio::test]
async fn a_raw_trace_is_told_as_it_was_stored() {
    let server = span(0x77, 5, "api", "serve").kind(Kind::Server).child_of(1);
    let client = span(0x77, 5, "web", "call").kind(Kind::Client).child_of(1);
    let spans = [
        span(0x77, 1, "web", "root").takes(Duration::from_millis(5)).0,
        client.takes(Duration::from_millis(4)).0,
        server
            .at(START - 1_000_000, Duration::from_millis(2))
            .with(&[("ip", Of::Int(0x0102_0304))])
            .0,
    ];
    for running in everywhere(&spans).await {
        let get = async |target: &str| {
            let found = json(&running.get(JaegerQuery, target).await);
            let spans = found["data"][0]["spans"].as_array().unwrap().clone();
            let served =
                spans.iter().find(|span| span["operationName"] == "serve").unwrap().clone();
            (spans, served)
        };
        let (_, raw) = get("/api/traces/77?raw=true").await;
        assert_eq!((&raw["spanID"], &raw["warnings"]), (&json!("0000000000000005"), &json!(null)));
        assert_eq!(raw["tags"][0]["value"], 0x0102_0304);
        let (_, shown) = get("/api/traces/77").await;
        assert_ne!(shown["spanID"], raw["spanID"]);
        assert_eq!(shown["references"][0]["spanID"], "0000000000000005");
        assert_eq!(shown["startTime"].as_u64().unwrap(), START / 1_000 + 1_000);
        assert_eq!(shown["tags"][0]["value"], "1.2.3.4");
        assert_eq!(shown["warnings"].as_array().unwrap().len(), 1);
    }
}

/// What Jaeger's UI checks of answers of version 3, in the words of its schemas.
fn check_otlp(result: &Value) {
    let hex = |value: &Value, length: usize| {
        let text = value.as_str().unwrap();
        let digits = text.len() == length && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        assert!(digits && text.bytes().any(|byte| byte != b'0'), "{text}");
    };
    let nanos = |value: &Value| assert!(value.as_str().unwrap().parse::<u64>().is_ok(), "{value}");
    for of_resource in result["resourceSpans"].as_array().unwrap() {
        for of_scope in of_resource["scopeSpans"].as_array().unwrap() {
            for span in of_scope["spans"].as_array().unwrap() {
                hex(&span["traceId"], 32);
                hex(&span["spanId"], 16);
                if !span["parentSpanId"].is_null() {
                    hex(&span["parentSpanId"], 16);
                }
                nanos(&span["startTimeUnixNano"]);
                nanos(&span["endTimeUnixNano"]);
                assert!(span["kind"].is_null() || span["kind"].is_u64());
                assert!(span["status"]["code"].is_null() || span["status"]["code"].is_u64());
                for pair in span["attributes"].as_array().into_iter().flatten() {
                    assert_eq!(pair["value"].as_object().unwrap().len(), 1, "{pair}");
                }
            }
        }
    }
}

#[tokio::test]
async fn version_3_has_the_shapes_that_the_ui_demands() {
    let all = [
        ("text", text("é\n\"")),
        ("int", Of::Int(i64::MIN)),
        ("double", Of::Double(0.1)),
        ("bool", Of::Bool(false)),
        ("bytes", Of::Bytes([0xff, 0].into())),
        ("empty", Of::Empty),
        ("list", Of::Array(vec![text("a"), Of::Array(Vec::new())])),
        ("map", Of::Map(vec![("k".into(), Of::Int(1))])),
    ];
    let mut spans = corpus::example();
    spans.push(
        span(0x11, 99, "example-1", "all")
            .with(&all)
            .event("e", &all)
            .link(&all)
            .failed("x")
            .child_of(0xdead)
            .0,
    );
    for running in everywhere(&spans).await {
        let get = async |target: &str| json(&running.get(JaegerQuery, target).await);
        let trace = get("/api/v3/traces/11").await;
        check_otlp(&trace["result"]);
        let time = query(&[
            ("query.startTimeMin", rfc3339(START - HOUR)),
            ("query.startTimeMax", rfc3339(START + HOUR)),
        ]);
        check_otlp(&get(&format!("/api/v3/traces?{time}")).await["result"]);
        let summaries = get(&format!("/api/v3/trace-summaries?{time}")).await;
        assert_eq!(
            summaries,
            json!({ "summaries": [{
                "traceId": "00000000000000000000000000000011",
                "rootServiceName": "example-1",
                "rootOperationName": "internal work",
                "minStartTimeUnixNano": START.to_string(),
                "maxEndTimeUnixNano": (START + 1_000_000).to_string(),
                "spanCount": 6,
                "errorSpanCount": 1,
                "orphanSpanCount": 1,
                "services": [
                    { "name": "example-1", "spanCount": 4, "errorSpanCount": 1 },
                    { "name": "example-2", "spanCount": 1, "errorSpanCount": 0 },
                    { "name": "example-3", "spanCount": 1, "errorSpanCount": 0 },
                ],
            }] })
        );
        let capabilities = get("/api/v3/capabilities").await;
        assert_eq!(capabilities["search"]["withoutServiceName"], true);
    }
}

#[tokio::test]
async fn pages_neither_repeat_nor_skip() {
    let starts = [1, 2, 3, 3, 4];
    let spans: Vec<Span> = (1..)
        .zip(starts)
        .map(|(trace, second)| {
            let start = START + second * 1_000_000_000;
            span(trace, 1, "pages", "op").at(start, Duration::from_millis(1)).0
        })
        .collect();
    for running in everywhere(&spans).await {
        let time = |name: &str| {
            query(&[
                ("query.startTimeMin", rfc3339(START - HOUR)),
                ("query.startTimeMax", rfc3339(START + HOUR)),
                ("query.serviceName", name.to_owned()),
            ])
        };
        let page_of = async |path: &str, name: &str, token: &str| {
            let target = format!(
                "/api/v3/{path}?{}&query.rawTraces=true&query.pagination.pageSize=2&query.pagination.pageToken={token}",
                time(name)
            );
            let response = running.get(JaegerQuery, &target).await;
            (response.status, json(&response))
        };
        let page = async |name: &str, token: &str| page_of("trace-summaries", name, token).await;
        let (mut token, mut whole) = (String::new(), Vec::new());
        for _ in 0..3 {
            let (_, found) = page_of("traces", "pages", &token).await;
            whole.extend(otlp_json::spans(found["result"].to_string().as_bytes()).unwrap());
            token = found["nextPageToken"].as_str().unwrap_or_default().to_owned();
        }
        assert!(token.is_empty() && sorted(whole) == sorted(spans.clone()));
        let (mut token, mut seen) = (String::new(), Vec::new());
        for expected in [2, 2, 1] {
            let (status, found) = page("pages", &token).await;
            assert_eq!(status, 200, "{found}");
            let summaries = found["summaries"].as_array().unwrap();
            assert_eq!(summaries.len(), expected);
            seen.extend(summaries.iter().map(|one| one["traceId"].as_str().unwrap().to_owned()));
            token = found["nextPageToken"].as_str().unwrap_or_default().to_owned();
            assert_eq!(token.is_empty(), expected == 1);
        }
        let newest: Vec<u64> = seen.iter().map(|id| u64::from_str_radix(id, 16).unwrap()).collect();
        assert_eq!((newest[0], newest[3], newest[4]), (5, 2, 1));
        assert_eq!(newest.iter().collect::<BTreeSet<_>>().len(), 5);
        let (_, first) = page("pages", "").await;
        let token = first["nextPageToken"].as_str().unwrap();
        let (status, error) = page("others", token).await;
        assert_eq!(status, 400);
        assert!(error["error"]["message"].as_str().unwrap().contains("different query"), "{error}");
        let (status, error) = page("pages", "not-a-token!").await;
        assert_eq!(status, 400);
        assert!(
            error["error"]["message"].as_str().unwrap().contains("not valid base64"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn errors_of_version_3_have_their_own_shape() {
    let running = stored(&corpus::example());
    let check = async |target: &str, status: u16, message: &str| {
        let response = running.get(JaegerQuery, target).await;
        assert_eq!(response.status, status, "{target}");
        let document = json(&response);
        assert_eq!(document["error"]["httpCode"], status);
        let told = document["error"]["message"].as_str().unwrap();
        assert!(told.contains(message), "{told}");
    };
    let time = "query.startTimeMin=2026-01-01T00:00:00Z&query.startTimeMax=2026-01-01T01:00:00Z";
    check("/api/v3/traces", 400, "query.startTimeMin and query.startTimeMax are required").await;
    check(&format!("/api/v3/traces?{time}"), 404, "No traces found").await;
    check("/api/v3/traces/xyz", 400, "malformed parameter trace_id").await;
    check("/api/v3/traces/1?startTime=abc", 400, "malformed parameter startTime").await;
    check("/api/v3/traces/1?end_time=abc", 400, "malformed parameter end_time").await;
    check("/api/v3/traces/1?raw_traces=foo", 400, "malformed parameter raw_traces").await;
    check("/api/v3/none", 404, "there is no path").await;
    check("/jaeger/api/v3/none", 404, "there is no path").await;
    for (more, message) in [
        ("query.searchDepth=x", "malformed parameter query.searchDepth"),
        ("query.num_traces=-1", "malformed parameter query.num_traces"),
        ("query.durationMin=5", "malformed parameter query.durationMin"),
        ("query.durationMin=5s&query.durationMax=1s", "must not be greater"),
        ("query.attributes=x", "malformed parameter query.attributes"),
        ("query.attributes=%7B%22a%22%3A1%7D", "malformed parameter query.attributes"),
        ("query.filter=%7B%7D", "malformed parameter query.filter"),
        ("query.pagination.pageSize=0", "pageSize must be greater than 0"),
        ("query.pagination.pageToken=a", "pageSize must be greater than 0"),
        ("query.pagination.pageSize=5&query.searchDepth=5", "cannot be combined"),
    ] {
        check(&format!("/api/v3/traces?{time}&{more}"), 400, message).await;
    }
    let many: String = (0..400).map(|at| format!("\"k{at}\":\".*\",")).collect();
    let many = encode(&format!("{{{}}}", many.trim_end_matches(',')));
    check(&format!("/api/v3/traces?{time}&query.attributes={many}"), 400, "at most 64 tags").await;
    let regex = r#"{"call":{"op":"regex","args":[{"attr":{"key":"a"}},{"scalar":{"value":"x"}}]}}"#;
    let many = encode(&format!(r#"{{"op":"or","args":[{}]}}"#, [regex; 20].join(",")));
    check(&format!("/api/v3/traces?{time}&query.filter={many}"), 400, "at most 16 patterns").await;
    let filter = encode(r#"{"op":"exists","args":[{"attr":{"key":"a"}}]}"#);
    let both = format!("/api/v3/traces?{time}&query.filter={filter}&query.serviceName=a");
    check(&both, 400, "cannot be combined").await;
    for body in ["", "{}", r#"{"query":{"service":"a"}}"#, r#"{"query":[]}"#] {
        let response = running.send(JaegerQuery, "POST /api/v3/traces", body).await;
        assert_eq!(response.status, 400, "{body}");
        assert_eq!(json(&response)["error"]["httpCode"], 400);
    }
}

fn attr(level: &str, key: &str) -> Value {
    json!({ "attr": { "level": level, "key": key } })
}

fn field(level: &str, name: &str) -> Value {
    json!({ "field": { "level": level, "name": name } })
}

fn one(value: &str) -> Value {
    json!({ "scalar": { "value": value } })
}

fn op(op: &str, args: &[Value]) -> Value {
    json!({ "op": op, "args": args })
}

fn eq(subject: Value, value: &str) -> Value {
    op("eq", &[subject, one(value)])
}

/// An operator over calls.
fn over(name: &str, calls: &[Value]) -> Value {
    op(name, &calls.iter().map(|call| json!({ "call": call })).collect::<Vec<_>>())
}

/// A filter, and the traces it finds.
type FilterCase = (&'static str, Value, Vec<u64>);

fn cases_of_attributes() -> Vec<FilterCase> {
    vec![
        ("span attribute", eq(attr("span", "zone"), "east"), vec![1]),
        ("process attribute", eq(attr("resource", "zone"), "east"), vec![3]),
        ("library attribute", eq(attr("scope", "zone"), "east"), vec![4]),
        ("event attribute", eq(attr("event", "zone"), "west"), vec![5]),
        ("link attribute", eq(attr("link", "zone"), "west"), vec![4]),
        ("no level: span or process", eq(attr("", "zone"), "east"), vec![1, 3]),
        ("no level: no event", op("exists", &[attr("", "zone")]), vec![1, 3]),
        ("differs, and is there", op("ne", &[attr("span", "code"), one("200")]), vec![2]),
        ("a number, untyped", eq(attr("span", "retries"), "11"), vec![2]),
        ("ordered as numbers", op("gt", &[attr("span", "retries"), one("10")]), vec![2]),
        ("is there", op("exists", &[attr("span", "code")]), vec![1, 2, 3]),
        ("pattern of a value", op("regex", &[attr("span", "code"), one("5..")]), vec![2]),
        (
            "a text, typed",
            op(
                "eq",
                &[
                    attr("span", "retries"),
                    json!({ "scalar": { "value": "09", "type": "string" } }),
                ],
            ),
            vec![4],
        ),
        (
            "words",
            op(
                "phrase",
                &[attr("span", "note"), json!({ "list": { "values": ["refund", "policy"] } })],
            ),
            vec![5],
        ),
    ]
}

fn cases_of_fields() -> Vec<FilterCase> {
    let services = json!({ "list": { "values": ["checkout", "search"] } });
    let (start, end) = (field("span", "startTime"), field("span", "endTime"));
    let duration = || field("span", "duration");
    let third = "00000000000000000000000000000003";
    vec![
        ("service", eq(field("resource", "service"), "checkout"), vec![3]),
        (
            "one of several services",
            op("in", &[field("resource", "service"), services]),
            vec![3, 5],
        ),
        ("operation", eq(field("span", "name"), "GET /cart"), vec![1]),
        ("kind", eq(field("span", "kind"), "consumer"), vec![4]),
        ("status", eq(field("span", "status"), "error"), vec![4]),
        ("pattern of an operation", op("regex", &[field("span", "name"), one("cart")]), vec![1, 2]),
        ("name of an event", eq(field("event", "name"), "exception"), vec![2]),
        ("library field", eq(field("scope", "name"), "tracer"), vec![4]),
        ("link field", eq(field("link", "spanID"), "000000000000f00d"), vec![4]),
        ("id of the trace", eq(field("span", "traceID"), third), vec![3]),
        ("two fields", op("lt", &[start, end]), vec![1, 2, 3, 4, 5]),
        ("exact duration", eq(duration(), "40ms"), vec![3]),
        ("longer", op("gt", &[duration(), one("1s")]), vec![2]),
        ("not longer", op("lte", &[duration(), one("5ms")]), vec![1, 5]),
    ]
}

fn cases_of_combinations() -> Vec<FilterCase> {
    let duration = || field("span", "duration");
    let (least, most) =
        (op("gte", &[duration(), one("5ms")]), op("lte", &[duration(), one("40ms")]));
    let searching = || eq(field("resource", "service"), "search");
    let staged = |stage: &str| eq(attr("resource", "stage"), stage);
    let one_event = [eq(field("event", "name"), "retry"), eq(attr("event", "zone"), "west")];
    let events = json!({ "nested": { "level": "event" } });
    let either = over("or", &[eq(attr("span", "code"), "500"), eq(attr("span", "zone"), "east")]);
    vec![
        ("between", over("and", &[least, most]), vec![3, 5]),
        (
            "one or the other",
            over("or", &[searching(), eq(field("span", "name"), "GET /cart")]),
            vec![1, 5],
        ),
        ("and not", over("and", &[staged("staging"), over("not", &[searching()])]), vec![3]),
        ("and, with or in it", over("and", &[staged("prod"), either]), vec![1, 2]),
        (
            "one and the same event",
            op("some", &[events, json!({ "call": over("and", &one_event) })]),
            vec![],
        ),
    ]
}

#[tokio::test]
async fn every_filter_finds_its_traces() {
    let make = |trace: u64, service: &str, name: &str, millis: u64, stage: &str| {
        let make = span(trace, 1, service, name).takes(Duration::from_millis(millis));
        make.process(&[("stage", text(stage))])
    };
    let spans = [
        make(1, "cart", "GET /cart", 3, "prod").with(&[
            ("zone", text("east")),
            ("code", text("200")),
            ("retries", Of::Int(9)),
        ]),
        make(2, "cart", "POST /cart", 1_500, "prod")
            .with(&[("code", Of::Int(500)), ("retries", Of::Int(11))])
            .event("exception", &[]),
        make(3, "checkout", "pay", 40, "staging")
            .process(&[("zone", text("east"))])
            .with(&[("code", text("200"))]),
        make(4, "worker", "work", 100, "dev")
            .kind(Kind::Consumer)
            .failed("no")
            .library("tracer", "1", &[("zone", text("east"))])
            .with(&[("retries", text("09"))])
            .link(&[("zone", text("west"))]),
        make(5, "search", "find", 5, "staging")
            .with(&[("note", text("The Refund policy of today"))])
            .event("log", &[("zone", text("west"))])
            .event("retry", &[]),
    ];
    let spans: Vec<Span> = spans.into_iter().map(|make| make.0).collect();
    for running in everywhere(&spans).await {
        let cases = [cases_of_attributes(), cases_of_fields(), cases_of_combinations()].concat();
        for (caption, filter, expect) in cases {
            let target = query(&[
                ("query.startTimeMin", rfc3339(START - HOUR)),
                ("query.startTimeMax", rfc3339(START + HOUR)),
                ("query.filter", filter.to_string()),
            ]);
            let found =
                json(&running.get(JaegerQuery, &format!("/api/v3/trace-summaries?{target}")).await);
            let summaries =
                found["summaries"].as_array().unwrap_or_else(|| panic!("{caption}: {found}"));
            let id =
                |one: &Value| u64::from_str_radix(one["traceId"].as_str().unwrap(), 16).unwrap();
            let mut ids: Vec<u64> = summaries.iter().map(id).collect();
            ids.sort_unstable();
            assert_eq!(ids, expect, "{caption}");
        }
    }
}
