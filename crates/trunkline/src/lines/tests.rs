//! Lines as real libraries write them.

use super::*;

#[track_caller]
fn check(text: &str, level: Option<Level>, message: &str, trace: Option<&str>, fields: &str) {
    let record = Record::of(text);
    let shown: Vec<_> =
        record.fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(
        (record.level, record.message.as_str(), record.trace.as_deref(), shown.join(" ").as_str()),
        (level, message, trace, fields),
        "{text}"
    );
}

#[test]
fn json_of_many_libraries_is_read() {
    let pino = r#"{"level":40,"time":1700000000000,"pid":7,"hostname":"x","reqId":"r1","msg":"slow query","ms":212}"#;
    check(pino, Some(Level::Warn), "slow query", None, "ms=212");
    let zap =
        r#"{"level":"error","ts":1700000000.1,"msg":"no stock","error":"sold out","sku":"a 1"}"#;
    check(zap, Some(Level::Error), "no stock", None, "error=sold out sku=a 1");
    let google =
        r#"{"severity":"WARNING","message":"m","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736"}"#;
    check(google, Some(Level::Warn), "m", Some("4bf92f3577b34da6a3ce929d0e0e4736"), "");
    let elastic = r#"{"@timestamp":"2026-01-01T00:00:00Z","log.level":"INFO","message":"m","trace":{"id":"ab12"},"span":{"id":"1"}}"#;
    check(elastic, Some(Level::Info), "m", Some("ab12"), "");
    let pino_error = r#"{"level":50,"err":{"type":"Error","message":"boom","stack":"Error: boom\n at"},"msg":"failed"}"#;
    check(pino_error, Some(Level::Error), "failed", None, "err=boom");
    let structlog = r#"{"event":"started","level":"info","port":1,"none":null}"#;
    check(structlog, Some(Level::Info), "started", None, "port=1");
}

#[test]
fn logfmt_is_read_and_other_text_with_equal_signs_is_not() {
    let slog = r#"time=2026-01-01T00:00:00Z level=INFO msg="hello \"you\"" user=7"#;
    check(slog, Some(Level::Info), "hello \"you\"", None, "user=7");
    let text = "listening on a=b";
    check(text, None, text, None, "");
    check("a=1 b=2", None, "a=1 b=2", None, "");
}

#[test]
fn plain_text_is_its_own_message_and_tells_its_level_when_it_can() {
    let spring = "2026-01-01T00:00:00.000Z  WARN 1 --- [main] o.s.Thing : careful";
    check(spring, Some(Level::Warn), spring, None, "");
    check("ERROR:root:no", Some(Level::Error), "ERROR:root:no", None, "");
    check("Error: boom", Some(Level::Error), "Error: boom", None, "");
    check("ValueError: x", Some(Level::Error), "ValueError: x", None, "");
    let words = "an error and a WARNING that come after so many words ERROR";
    check("no level here", None, "no level here", None, "");
    assert_eq!(Record::of(words).level, Some(Level::Warn));
    check("\u{1b}[32m\u{1b}[1mready\u{1b}[0m \u{1b}[2J", None, "ready \u{1b}[2J", None, "");
    for broken in ["{", "{\"a\":", "{}x", "=", "a=\"", "\u{1b}[", "\u{1b}[9"] {
        check(broken, None, broken, None, "");
    }
}

#[test]
fn a_stack_trace_goes_with_its_error() {
    let mut sieve = Sieve::new(Some(Level::Warn));
    let lines = ["GET /", "Error: boom", "    at a.js:1", "ok", "    more"];
    let taken: Vec<_> =
        lines.into_iter().filter(|line| sieve.takes("web", &Record::of(line))).collect();
    assert_eq!(taken, ["Error: boom", "    at a.js:1"]);
}
