//! Our own API of stored traces: lists, pictures and numbers.

use std::time::Duration;

use serde_json::{Value, json};
use trunkline_model::ports::Surface::Console;
use trunkline_otlp::{Kind, Span, Value as Of};

use crate::corpus::{self, START, span, text};
use crate::running::{Running, json};
use crate::storage::{encode, stored};

const MS: u64 = 1_000_000;

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// web calls api, which asks a database twice and fails; mail is sent beside it.
fn shop(trace: u64, at: u64, slow: u64) -> Vec<Span> {
    let make = |id, service: &str, name: &str| span(trace, id, service, name);
    let status = |code| [("http.response.status_code", Of::Int(code))];
    vec![
        make(1, "web", "GET /")
            .kind(Kind::Server)
            .at(at, ms(100 + slow))
            .with(&status(502))
            .failed("")
            .0,
        make(2, "web", "call")
            .kind(Kind::Client)
            .child_of(1)
            .at(at + 10 * MS, ms(80 + slow))
            .failed("")
            .0,
        make(3, "api", "POST /pay")
            .kind(Kind::Server)
            .child_of(2)
            .at(at + 12 * MS, ms(70 + slow))
            .failed("")
            .0,
        make(4, "db", "query").kind(Kind::Server).child_of(3).at(at + 20 * MS, ms(10)).0,
        make(5, "db", "query")
            .kind(Kind::Server)
            .child_of(3)
            .at(at + 35 * MS, ms(40 + slow))
            .failed("")
            .event(
                "exception",
                &[("exception.type", text("Timeout")), ("exception.message", text("too slow"))],
            )
            .with(&[("db.statement", text("SELECT 1"))])
            .0,
        make(6, "mail", "send")
            .kind(Kind::Consumer)
            .child_of(1)
            .at(at + 20 * MS, ms(5))
            .with(&[("customer", text("ann"))])
            .0,
    ]
}

fn running() -> Running {
    let mut spans = shop(1, START, 0);
    spans.extend(shop(2, START + 1_000 * MS, 50));
    spans.push(span(3, 1, "cron", "tick").at(START + 2_000 * MS, ms(1)).0);
    stored(&spans)
}

fn id(number: u64) -> String {
    format!("{number:032x}")
}

fn ids(list: &Value) -> Vec<u64> {
    let of = |one: &Value| u64::from_str_radix(one["id"].as_str().unwrap(), 16).unwrap();
    list.as_array().unwrap_or_else(|| panic!("{list}")).iter().map(of).collect()
}

#[tokio::test]
async fn a_list_is_filtered_paged_and_summed_up() {
    let running = running();
    let get = async |query: &str| json(&running.get(Console, &format!("/v1/traces{query}")).await);
    let found = async |query: &str| ids(&get(query).await["traces"]);
    assert_eq!(found("").await, [3, 2, 1]);
    assert_eq!(found("?service=db&service=cron").await, [3, 2, 1]);
    assert_eq!(found("?service=db&status=error&min_duration=80ms").await, [2]);
    assert_eq!(found("?kind=consumer&attribute=customer=ann").await, [2, 1]);
    assert_eq!(found("?attribute=event:exception.type~^Time").await, [2, 1]);
    assert_eq!(found("?attribute=http.response.status_code%3E=500").await, [2, 1]);
    assert_eq!(found("?attribute=!http.response.status_code&operation=tick").await, [3]);
    let filter = r#"{"or":[{"field":"service","value":"cron"},{"field":"duration","op":">","value":"120ms"}]}"#;
    assert_eq!(found(&format!("?filter={}", encode(filter))).await, [3, 2]);
    // What the store's filter cannot say is looked at again.
    let some = r#"{"op":"some","args":[{"nested":{"level":"event"}},{"call":{"op":"eq","args":[
        {"field":{"level":"event","name":"name"}},{"scalar":{"value":"exception"}}]}}]}"#;
    assert_eq!(found(&format!("?filter={}", encode(some))).await, [2, 1]);

    let first = get("?limit=2").await;
    assert_eq!(ids(&first["traces"]), [3, 2]);
    let next = first["next"].as_str().unwrap();
    let last = get(&format!("?limit=2&cursor={next}")).await;
    assert_eq!((ids(&last["traces"]), &last["next"]), (vec![1], &json!(null)));
    let summary = &last["traces"][0];
    assert_eq!(
        (&summary["status"], &summary["failed"], &summary["spans"]),
        (&json!(502), &json!(4), &json!(6))
    );
    assert_eq!(summary["services"], json!(["api", "db", "mail", "web"]));
    assert_eq!(summary["by_service"][1], json!({ "service": "db", "spans": 2, "failed": 1 }));
    assert_eq!(summary["start_unix_nanos"], START.to_string());
}

#[tokio::test]
async fn an_overview_tells_what_traces_have_in_common() {
    let running = running();
    let query = "/v1/traces?limit=1&overview=100&facet=customer&facet=resource:service.name";
    let document = json(&running.get(Console, query).await);
    assert_eq!(document["traces"].as_array().unwrap().len(), 1);
    let overview = &document["overview"];
    assert_eq!((&overview["traces"], &overview["more"]), (&json!(3), &json!(false)));
    let bars = overview["histogram"].as_array().unwrap();
    let count: u64 = bars.iter().map(|bar| bar["traces"].as_u64().unwrap()).sum();
    assert_eq!(count, 3);
    assert_eq!(ids(&overview["points"]), [3, 2, 1]);
    assert_eq!(overview["points"][1]["offset_ms"], 1_000.0);
    assert_eq!(overview["durations"]["max_ms"], 150.0);
    let facets = &overview["facets"];
    assert_eq!(facets["status"][0], json!({ "value": "failed", "traces": 2 }));
    assert_eq!(facets["entrances"][0]["name"], "GET /");
    let customers = &facets["attributes"][0];
    assert_eq!(customers["values"], json!([{ "value": "ann", "traces": 2, "failed": 2 }]));
    assert_eq!(facets["attributes"][1]["level"], "resource");
}

#[tokio::test]
async fn a_trace_is_told_with_all_that_is_known() {
    let running = running();
    let trace = json(&running.get(Console, &format!("/v1/traces/{}", id(1))).await);
    assert_eq!(
        (&trace["span_count"], &trace["truncated"], &trace["failed"]),
        (&json!(6), &json!(false), &json!(4))
    );
    let cause = &trace["causes"][0];
    assert_eq!(
        (&cause["service"], &cause["message"], &cause["exception"]),
        (&json!("db"), &json!("too slow"), &json!("Timeout"))
    );
    assert_eq!(cause["path"].as_array().unwrap().len(), 4);
    let names: Vec<_> = trace["spans"]
        .as_array()
        .unwrap()
        .iter()
        .map(|span| span["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["GET /", "call", "POST /pay", "query", "query", "send"]);
    let slow = &trace["spans"][4];
    assert_eq!(
        (&slow["depth"], &slow["critical"], &slow["self_ms"]),
        (&json!(3), &json!(true), &json!(40.0))
    );
    assert_eq!(slow["events"][0]["attributes"]["exception.type"], "Timeout");
    let resource = slow["resource"].as_u64().unwrap();
    assert_eq!(trace["resources"][usize::try_from(resource).unwrap()]["service"], "db");

    let one =
        json(&running.get(Console, &format!("/v1/traces/{}/spans/0000000000000005", id(1))).await);
    assert_eq!((&one["resource"]["service"], &one["critical_ms"]), (&json!("db"), &json!(40.0)));
    assert_eq!(one["ancestors"][0]["name"], "GET /");
    let status = async |path: &str| running.get(Console, path).await.status;
    assert_eq!(status(&format!("/v1/traces/{}/spans/0000000000000009", id(1))).await, 404);
    assert_eq!(status(&format!("/v1/traces/{}/spans/9", id(1))).await, 400);
    assert_eq!(status(&format!("/v1/traces/{}?format=zip", id(1))).await, 400);
    let raw = json(&running.get(Console, &format!("/v1/traces/{}?raw=true", id(1))).await);
    assert_eq!(raw["span_count"], 6);
}

#[tokio::test]
async fn whoever_wants_a_whole_trace_waits_for_room() {
    use trunkline_model::ports::Surface::JaegerQuery;
    let running = running();
    let mut rooms = Vec::new();
    for _ in 0..trunkline_query::reader::Config::default().running_max {
        rooms.push(running.wiring.reader.room().await.unwrap());
    }
    let hex = id(1);
    let whole = [
        (Console, format!("/v1/traces/{hex}")),
        (Console, format!("/v1/traces/{hex}?raw=true")),
        (Console, format!("/v1/traces/{hex}?format=otlp")),
        (Console, format!("/v1/traces/{hex}/spans/0000000000000005")),
        (Console, format!("/v1/traces/{hex}/waterfall?q=a")),
        (Console, format!("/v1/traces/{hex}/table?q=a")),
        (Console, format!("/v1/traces/{hex}/statistics?by=attribute:customer")),
        (JaegerQuery, format!("/api/traces/{hex}")),
        (JaegerQuery, "/api/traces?service=web&start=0".to_owned()),
        (JaegerQuery, format!("/api/v3/traces/{hex}")),
        (JaegerQuery, "/api/deep-dependencies?service=web".to_owned()),
    ];
    let asked = whole.iter().map(|(surface, path)| running.get(*surface, path));
    for ((_, path), response) in whole.iter().zip(futures_util::future::join_all(asked).await) {
        assert_eq!(response.status, 503, "{path}");
    }
    let list = running.get(Console, &format!("/v1/traces/{hex}/waterfall")).await;
    assert_eq!(list.status, 200, "a skeleton is small");
    drop(rooms);
    for (surface, path) in &whole {
        assert_eq!(running.get(*surface, path).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn a_waterfall_is_folded_and_paged() {
    let running = running();
    let path = format!("/v1/traces/{}/waterfall", id(1));
    let get = async |query: &str| json(&running.get(Console, &format!("{path}{query}")).await);
    let whole = get("?minimap=true").await;
    assert_eq!(
        (&whole["rows_total"], &whole["spans"], &whole["depth_max"]),
        (&json!(6), &json!(6), &json!(3))
    );
    assert_eq!(whole["failed_rows"], json!([0, 1, 2, 4]));
    assert_eq!(whole["minimap"].as_array().unwrap().len(), 6);
    assert_eq!(whole["rows"][0]["critical"], json!([[0.0, 10.0], [90.0, 100.0]]));
    assert_eq!(
        whole["services"][1],
        json!({ "service": "db", "spans": 2, "failed": 1, "self_ms": 50.0, "critical_ms": 50.0 })
    );
    let folded = get("?collapsed=0000000000000002&q=select").await;
    assert_eq!(folded["rows_total"], 3);
    let row = &folded["rows"][1];
    assert_eq!(
        (&row["collapsed"], &row["descendants"], &row["failed_below"]),
        (&json!(true), &json!(3), &json!(2))
    );
    assert_eq!(folded["matches"], json!({ "count": 1, "rows": [1] }));
    let page = get("?from=4&rows=1").await;
    assert_eq!(
        (&page["from"], &page["rows"][0]["row"], &page["rows"][0]["id"]),
        (&json!(4), &json!(4), &json!("0000000000000005"))
    );
    let focused = get("?collapse_depth=1&focus=0000000000000005&rows=2").await;
    assert_eq!(focused["focus"]["row"], 4);
    let critical = get("?critical=true").await;
    assert_eq!(critical["rows_total"], 5);
    let body = json!({ "collapsed": ["0000000000000002"], "rows": 1 }).to_string();
    let posted = json(&running.send(Console, &format!("POST {path}"), &body).await);
    assert_eq!((&posted["rows_total"], posted["rows"].as_array().unwrap().len()), (&json!(3), 1));
    assert_eq!(running.send(Console, &format!("POST {path}"), "{\"folded\":[]}").await.status, 400);
    assert_eq!(running.get(Console, &format!("{path}?collapsed=x")).await.status, 400);
    let long = format!("{path}?q={}", "x".repeat(257));
    assert_eq!(running.get(Console, &long).await.status, 400);
}

#[tokio::test]
async fn the_spans_of_a_trace_are_listed_sorted_and_filtered() {
    let running = running();
    let path = format!("/v1/traces/{}/table", id(1));
    let get = async |query: &str| json(&running.get(Console, &format!("{path}{query}")).await);
    let names = |page: &Value| -> Vec<String> {
        let rows = page["rows"].as_array().unwrap_or_else(|| panic!("{page}"));
        rows.iter().map(|row| row["name"].as_str().unwrap().to_owned()).collect()
    };
    let longest = get("?sort=-duration&rows=3").await;
    assert_eq!(names(&longest), ["GET /", "call", "POST /pay"]);
    assert_eq!((&longest["total"], &longest["from"]), (&json!(6), &json!(0)));
    let next = get("?sort=-duration&rows=3&from=3").await;
    assert_eq!(names(&next), ["query", "query", "send"]);
    assert_eq!(
        (&next["rows"][0]["row"], &next["rows"][0]["duration_ms"]),
        (&json!(3), &json!(40.0))
    );
    assert_eq!(names(&get("?sort=name&service=db&failed").await), ["query"]);
    assert_eq!(names(&get("?q=ANN").await), ["send"]);
    assert_eq!(names(&get("?sort=-self&rows=1").await), ["query"]);
    for wrong in ["?sort=colour", "?sort=--start", "?rows=many", "?order=start"] {
        assert_eq!(running.get(Console, &format!("{path}{wrong}")).await.status, 400, "{wrong}");
    }
    assert_eq!(running.get(Console, &format!("/v1/traces/{}/table", id(9))).await.status, 404);
}

#[tokio::test]
async fn a_large_trace_opens_by_its_first_page() {
    let spans = corpus::large(0xa1, 25_000, 0);
    let running = stored(&spans);
    let path = format!("/v1/traces/{}/waterfall?rows=50", id(0xa1));
    let first = json(&running.get(Console, &path).await);
    assert_eq!((&first["spans"], first["rows"].as_array().unwrap().len()), (&json!(25_000), 50));
    let whole = json(&running.get(Console, &format!("/v1/traces/{}", id(0xa1))).await);
    assert_eq!((&whole["truncated"], &whole["span_count"]), (&json!(true), &json!(25_000)));
    assert_eq!(whole["spans"].as_array().unwrap().len(), 20_000);
}

#[tokio::test]
async fn paths_flames_numbers_and_differences_are_computed() {
    let running = running();
    let get = async |path: &str| json(&running.get(Console, path).await);
    let path = get(&format!("/v1/traces/{}/critical-path", id(1))).await;
    assert_eq!(
        (&path["critical_ms"], &path["services"][0]["service"]),
        (&json!(100.0), &json!("db"))
    );
    assert_eq!(path["segments"].as_array().unwrap().len(), 9);
    let flame = get(&format!("/v1/traces/{}/flame", id(1))).await;
    assert_eq!(
        (&flame["frames"][0]["name"], &flame["frames"][0]["width"]),
        (&json!("GET /"), &json!(1.0))
    );
    let merged =
        flame["frames"].as_array().unwrap().iter().find(|frame| frame["service"] == "db").unwrap();
    assert_eq!((&merged["spans"], &merged["total_ms"]), (&json!(2), &json!(50.0)));
    let numbers = get(&format!("/v1/traces/{}/statistics", id(1))).await;
    assert_eq!(
        (&numbers["rows"][0]["service"], &numbers["rows"][0]["name"]),
        (&json!("db"), &json!("query"))
    );
    assert_eq!(numbers["rows"][0]["p50_ms"], 10.0);
    let by_customer = get(&format!("/v1/traces/{}/statistics?by=attribute:customer", id(1))).await;
    let ann =
        by_customer["rows"].as_array().unwrap().iter().find(|row| row["value"] == "ann").unwrap();
    assert_eq!(ann["spans"], 1);
    let found = get(&format!("/v1/traces/compare?a={}&b={}", id(1), id(2))).await;
    let slower: Vec<_> = found["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|node| node["change"] == "slower")
        .collect();
    assert_eq!(slower.len(), 4);
    assert_eq!(found["services"][0]["service"], "db");
    assert_eq!(found["services"][0]["delta_ms"], 50.0);
    let status = async |path: &str| running.get(Console, path).await.status;
    assert_eq!(status(&format!("/v1/traces/compare?a={}", id(1))).await, 400);
    assert_eq!(status(&format!("/v1/traces/compare?a={}&b={}", id(1), id(9))).await, 404);
    assert_eq!(status(&format!("/v1/traces/{}/statistics?by=colour", id(1))).await, 400);
    assert_eq!(status(&format!("/v1/traces/{}/flame", id(9))).await, 404);
}

#[tokio::test]
async fn what_there_is_to_ask_for_is_listed() {
    let running = running();
    let get = async |path: &str| json(&running.get(Console, path).await);
    assert_eq!(
        get("/v1/traces/services").await["services"],
        json!(["api", "cron", "db", "mail", "web"])
    );
    assert_eq!(
        get("/v1/traces/operations?service=mail").await["operations"],
        json!([{ "name": "send", "kind": "consumer" }])
    );
    let keys = get("/v1/attributes?match=EXCEPTION&level=event").await;
    assert_eq!(
        keys["keys"][0],
        json!({ "key": "exception.message", "level": "event", "type": "string", "count": 2 })
    );
    let values = get("/v1/attributes?key=service.name&prefix=c&limit=1").await;
    assert_eq!((&values["values"], &values["truncated"]), (&json!(["cron"]), &json!(false)));
    let many = get("/v1/attributes?key=service.name&limit=2").await;
    assert_eq!((&many["values"], &many["truncated"]), (&json!(["api", "cron"]), &json!(true)));
    let calls = get("/v1/dependencies?since=2020-01-01T00:00:00Z&service=db").await;
    assert_eq!((&calls["exact"], &calls["edges"][0]["calls"]), (&json!(true), &json!(4)));
    assert_eq!(calls["edges"][0]["kind"], "call");
    assert_eq!(running.get(Console, "/v1/attributes?level=x").await.status, 400);
    assert_eq!(running.get(Console, "/v1/dependencies?since=1h&until=2h").await.status, 400);
}
