//! Laws of lines and of the file they go to.

use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use proptest::prelude::*;
use trunkline_model::reason::{Fact, Kind, Reason};
use trunkline_model::record::{Attempt, End, Timings};
use trunkline_model::trace::{SpanId, TraceContext, TraceId};
use trunkline_model::{EndpointId, ListenerId, LogFormat, RouteId};

use super::*;

fn record() -> ExchangeRecord {
    ExchangeRecord {
        start_unix_nanos: 1_767_225_600_123_456_789,
        duration: Duration::from_micros(20_050),
        trace: TraceContext {
            trace: TraceId::new([0xab; 16]).unwrap(),
            span: SpanId::new([0xcd; 8]).unwrap(),
            parent: None,
            sampled: true,
            random: true,
            threshold: None,
        },
        correlation: "c-1".into(),
        peer: "127.0.0.1:4000".parse().unwrap(),
        client: "127.0.0.1".parse().unwrap(),
        listener: ListenerId::new("http"),
        route: Some(RouteId::new("orders-1")),
        method: "GET".into(),
        scheme: "http",
        host: "shop.localhost".into(),
        target: "/api/orders?id=1".into(),
        protocol: "HTTP/1.1",
        user_agent: "curl/8".into(),
        referer: String::new(),
        bytes_received: 0,
        bytes_sent: 12,
        status: 502,
        reason: Some(Reason::new(Kind::Connect).fact("error", Fact::Text("a\"b".into()))),
        attempts: vec![attempt()],
        timings: Timings { queue: Some(Duration::ZERO), ..Timings::default() },
        end: End::Complete,
    }
}

fn formatted(format: &LogFormat, record: &ExchangeRecord) -> String {
    let mut line = String::new();
    line::format(format, record, &mut line);
    line
}

fn attempt() -> Attempt {
    Attempt {
        service: "orders".parse().unwrap(),
        endpoint: EndpointId::new("orders@127.0.0.1:5000"),
        span: SpanId::new([1; 8]).unwrap(),
        offset: Duration::ZERO,
        duration: Duration::from_millis(4),
        connect: Duration::from_millis(1),
        outcome: Err(Kind::Connect),
    }
}

#[test]
fn a_json_line_tells_everything_and_carries_the_ids() {
    assert_eq!(
        formatted(&LogFormat::Json, &record()),
        concat!(
            r#"{"time":"2026-01-01T00:00:00.123456Z","correlation_id":"c-1","#,
            r#""trace_id":"abababababababababababababababab","span_id":"cdcdcdcdcdcdcdcd","sampled":true,"#,
            r#""peer":"127.0.0.1:4000","listener":"http","route":"orders-1","method":"GET","scheme":"http","#,
            r#""host":"shop.localhost","target":"/api/orders?id=1","protocol":"HTTP/1.1","user_agent":"curl/8","#,
            r#""status":502,"bytes_received":0,"bytes_sent":12,"duration_ms":20.050,"queue_ms":0.000,"#,
            r#""end":"complete","termination":"SC--","#,
            r#""reason":"connect","reason_detail":"connect;error=\"a\\\"b\"","#,
            r#""service":"orders","endpoint":"orders@127.0.0.1:5000","attempts":[{"endpoint":"orders@127.0.0.1:5000","#,
            r#""error":"connect","offset_ms":0.000,"connect_ms":1.000,"duration_ms":4.000}]}"#,
            "\n"
        )
    );
}

#[test]
fn a_clf_line_is_what_log_readers_expect_with_our_ids_behind_it() {
    assert_eq!(
        formatted(&LogFormat::Clf, &record()),
        concat!(
            r#"127.0.0.1 - - [01/Jan/2026:00:00:00 +0000] "GET /api/orders?id=1 HTTP/1.1" 502 12 "c-1" "#,
            "abababababababababababababababab\n"
        )
    );
    let gone =
        ExchangeRecord { status: 0, bytes_sent: 0, target: "/\u{1b}[2J\"é".into(), ..record() };
    assert!(
        formatted(&LogFormat::Clf, &gone)
            .contains(r#""GET /\x1b[2J\"\xc3\xa9 HTTP/1.1" - - "c-1""#)
    );
}

#[test]
fn a_combined_line_names_referer_and_user_agent() {
    let referred = ExchangeRecord { referer: "http://a/\"".into(), ..record() };
    assert_eq!(
        formatted(&LogFormat::Combined, &referred),
        concat!(
            r#"127.0.0.1 - - [01/Jan/2026:00:00:00 +0000] "GET /api/orders?id=1 HTTP/1.1" 502 12 "#,
            r#""http://a/\"" "curl/8""#,
            "\n"
        )
    );
}

#[test]
fn an_httplog_line_is_read_by_readers_of_haproxys_logs() {
    let check = |record: &ExchangeRecord, expect: &str| {
        assert_eq!(formatted(&LogFormat::Httplog, record).trim_end(), expect);
    };
    check(
        &record(),
        concat!(
            r"127.0.0.1:4000 [01/Jan/2026:00:00:00.123] http orders/orders@127.0.0.1:5000 ",
            r#"-1/0/-1/-1/20 502 12 - - SC-- 0/0/0/0/0 0/0 "GET /api/orders?id=1 HTTP/1.1""#
        ),
    );
    let millis = |n| Some(Duration::from_millis(n));
    let timings =
        Timings { head: millis(1), queue: millis(2), connect: millis(3), response: millis(4) };
    let fine = ExchangeRecord { status: 200, reason: None, timings, ..record() };
    check(
        &fine,
        concat!(
            r"127.0.0.1:4000 [01/Jan/2026:00:00:00.123] http orders/orders@127.0.0.1:5000 ",
            r#"1/2/3/4/20 200 12 - - ---- 0/0/0/0/0 0/0 "GET /api/orders?id=1 HTTP/1.1""#
        ),
    );
}

#[test]
fn a_template_is_filled_in_by_either_kind_of_names() {
    let check = |template: &str, expect: &str| {
        let format = LogFormat::Template(template.parse().unwrap());
        assert_eq!(formatted(&format, &record()).trim_end(), expect);
    };
    check(
        "{client} {path}{query} {termination_short} {retries}",
        "127.0.0.1 /api/orders?id=1 SC 0",
    );
    check("%ci:%cp [%tr] %ft %b", "127.0.0.1:4000 [01/Jan/2026:00:00:00.123] http orders");
    check("%TR/%Tw/%Tc/%Tr/%Ta %ST %B %CC %CS %tsc", "-1/0/-1/-1/20 502 12 - - SC--");
}

#[test]
fn a_sampled_log_keeps_failures_in_any_case() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("access.log");
    let lines = trunkline_model::LogLines {
        format: LogFormat::Json,
        sample: Share::NONE,
        always: "status >= 500 or duration > 1s".parse().unwrap(),
    };
    let log = AccessLog::open(Target::File(path.clone()), lines).unwrap();
    log.write(&record());
    log.write(&ExchangeRecord { status: 200, ..record() });
    log.write(&ExchangeRecord { status: 200, duration: Duration::from_secs(2), ..record() });
    log.flush();
    assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 2);
}

#[test]
fn the_letters_of_an_end_say_who_and_when() {
    let check = |record: ExchangeRecord, expect: &str| {
        assert_eq!(record.termination().to_string(), expect);
    };
    let begun = Timings { queue: Some(Duration::ZERO), ..Timings::default() };
    let answered =
        Timings { connect: Some(Duration::ZERO), response: Some(Duration::ZERO), ..begun };
    let own = |kind| ExchangeRecord { reason: Some(Reason::new(kind)), ..record() };
    check(own(Kind::NoRoute), "PR");
    check(own(Kind::CallerTimeout), "cR");
    check(own(Kind::ConnectTimeout), "sC");
    check(own(Kind::AttemptTimeout), "sH");
    check(own(Kind::UpstreamReset), "SH");
    check(own(Kind::Starting), "sQ");
    check(own(Kind::Redirect), "LR");
    let ended =
        |end, timings, status| ExchangeRecord { reason: None, end, timings, status, ..record() };
    check(ended(End::Complete, answered, 200), "--");
    check(ended(End::CallerGone, answered, 200), "CD");
    check(ended(End::CallerGone, begun, 0), "CC");
    check(ended(End::CallerGone, Timings::default(), 0), "CR");
    check(ended(End::ServiceBroke, answered, 200), "SD");
    check(ended(End::Idle, answered, 200), "sD");
    check(ended(End::Cut, answered, 200), "KD");
}

proptest! {
    #[test]
    fn no_text_forges_a_line_or_exceeds_the_limit(target in ".{0,3000}", agent in any::<String>(), attempts in 0..40_usize) {
        let hostile = ExchangeRecord {
            host: agent.clone(),
            correlation: target.clone(),
            user_agent: "\u{0}".repeat(2_048),
            target,
            attempts: vec![attempt(); attempts],
            ..record()
        };
        let all = "{request}".repeat(40);
        let template = LogFormat::Template(all.parse().unwrap());
        for format in [LogFormat::Json, LogFormat::Clf, LogFormat::Combined, LogFormat::Httplog, template] {
            let line = formatted(&format, &hostile);
            prop_assert!(line.len() <= LINE_BYTES_MAX);
            prop_assert!(line.ends_with('\n'));
            prop_assert!(!line.trim_end_matches('\n').chars().any(char::is_control));
        }
    }
}

fn lines(path: &Path) -> usize {
    std::fs::read_to_string(path).unwrap_or_default().lines().count()
}

fn open(path: &Path) -> AccessLog {
    AccessLog::open(Target::File(path.to_owned()), LogFormat::Json).unwrap()
}

#[test]
fn lines_arrive_without_being_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("access.log");
    let log = open(&path);
    log.write(&record());
    trunkline_testkit::wait::until_blocking("the line is there", || lines(&path) == 1);
    (0..2_000).for_each(|_| log.write(&record()));
    drop(log);
    assert_eq!(lines(&path), 2_001);
}

#[test]
fn a_file_that_was_moved_away_is_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let (path, moved) = (folder.path().join("access.log"), folder.path().join("access.log.1"));
    let log = open(&path);
    log.write(&record());
    log.flush();
    std::fs::rename(&path, &moved).unwrap();
    log.write(&record());
    log.flush();
    assert_eq!((lines(&moved), lines(&path)), (1, 1));
}

#[test]
fn a_reopen_writes_what_is_buffered_to_the_old_file() {
    let folder = tempfile::tempdir().unwrap();
    let (path, moved) = (folder.path().join("access.log"), folder.path().join("access.log.1"));
    let log = open(&path);
    std::fs::rename(&path, &moved).unwrap();
    log.write(&record());
    log.reopen();
    log.flush();
    assert_eq!((lines(&moved), path.exists()), (1, true));
    log.write(&record());
    log.flush();
    assert_eq!((lines(&moved), lines(&path)), (1, 1));
}

#[test]
fn a_full_disk_loses_lines_and_counts_them() {
    let log = open(Path::new("/dev/full"));
    (0..10).for_each(|_| log.write(&record()));
    log.flush();
    assert_eq!(log.dropped(), 10);
}

#[test]
fn a_file_that_cannot_be_opened_is_told_at_once() {
    let error = AccessLog::open(Target::File("/dev/null/x".into()), LogFormat::Json).unwrap_err();
    assert_eq!(error.to_string(), "the access log `/dev/null/x` cannot be opened");
}

/// A stream that writes nothing until it is let go.
struct Stuck(Receiver<()>);

fn stuck() -> (SyncSender<()>, Stuck) {
    let (go, wait) = sync_channel(0);
    (go, Stuck(wait))
}

impl Write for Stuck {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // An error means that the test is over.
        let _ = self.0.recv();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_stuck_reader_blocks_nobody_and_memory_stays_bounded() {
    let (go, stream) = stuck();
    let log = AccessLog::open(Target::Stream(Box::new(stream)), LogFormat::Json).unwrap();
    let line = formatted(&LogFormat::Json, &record()).len();
    let written = 3 * BUFFER_BYTES_MAX / line;
    (0..written).for_each(|_| log.write(&record()));
    assert!(log.dropped() > 0);
    assert!(log.shared.lock().buffer.len() <= BUFFER_BYTES_MAX);
    // Neither does the end wait for it.
    drop(log);
    drop(go);
}
