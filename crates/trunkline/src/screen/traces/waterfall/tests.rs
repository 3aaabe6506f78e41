//! Lines of a drawn trace, on paper and on terminals of any width.

use serde_json::json;

use super::*;

fn row(id: &str, depth: usize, times: (f64, f64), critical: &[(f64, f64)], more: &Value) -> Value {
    let mut row = json!({
        "id": id, "service": "web", "name": "GET /", "depth": depth, "offset_ms": times.0,
        "duration_ms": times.1, "failed": false, "critical": critical,
    });
    if let (Value::Object(row), Value::Object(more)) = (&mut row, more) {
        row.extend(more.clone());
    }
    row
}

fn trace(rows: &[Value]) -> Waterfall {
    let total = rows.len();
    serde_json::from_value(json!({
        "id": "4f2a", "start": "2026-01-31T12:00:00.000Z", "duration_ms": 100.0, "spans": total, "failed": 1,
        "depth_max": 2, "services": [{}], "rows_total": total, "from": 0, "rows": rows, "warnings": [],
        "causes": [{ "service": "bank", "name": "charge", "message": "no\nsuch", "exception": "Gone" }],
    }))
    .unwrap()
}

fn three() -> Waterfall {
    trace(&[
        row("a", 0, (0.0, 100.0), &[(0.0, 10.0), (70.0, 100.0)], &json!({})),
        row("b", 1, (10.0, 20.0), &[], &json!({ "failed": true })),
        row(
            "c",
            1,
            (10.0, 60.0),
            &[(10.0, 70.0)],
            &json!({ "collapsed": true, "descendants": 7, "failed_below": 2 }),
        ),
    ])
}

fn attributes() -> Attributes {
    let of = |id: &str, value: Value| json!({ "id": id, "attributes": value });
    let failed = json!({ "http.response.status_code": 503, "error.type": "timeout" });
    let spans =
        json!({ "spans": [of("b", failed), of("a", json!({ "http.response.status_code": 200 }))] });
    serde_json::from_value(spans).unwrap()
}

fn lines(trace: &Waterfall, paint: Paint) -> Vec<String> {
    let drawing = Drawing::new(trace, &attributes(), paint);
    let text = drawing.head(trace) + &drawing.rows(trace) + &drawing.foot(trace, None);
    text.lines().map(str::to_owned).collect()
}

#[test]
fn a_waterfall_shows_who_waited_for_whom() {
    let expected = [
        "trace 4f2a · 12:00:00.000 · 100ms · 3 spans · 1 service · 1 failed",
        "  ✗ bank charge · Gone: no",
        "",
        "  web GET /               ━━━━────────────────────────━━━━━━━━━━━━     100ms  200",
        "    web GET /             ····────────····························  ✗   20ms  503 timeout",
        "    ▸ web GET / (+7, ✗2)  ····━━━━━━━━━━━━━━━━━━━━━━━━············      60ms",
        "",
        "  ━ the trace waited for it   ─ it ran beside that",
    ];
    assert_eq!(lines(&three(), Paint::new(false)), expected);
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    let mut long = three();
    long.rows[1].name = "a".repeat(300);
    long.rows[2].service = "世界".repeat(40);
    long.rows[2].depth = 4_000;
    for columns in [40, 60, 80, 100, 200] {
        let paint = Paint::new(false).within(Some(columns));
        let drawing = Drawing::new(&long, &attributes(), paint);
        for line in drawing.rows(&long).lines() {
            assert!(cells(line) <= columns, "{} cells of {columns}: {line}", cells(line));
            assert!(line.contains('━') || line.contains('─'), "{line}");
        }
    }
}

#[test]
fn odd_times_are_drawn_within_the_axis() {
    let odd = [(-5.0, 1.0), (99.9, 500.0), (1e300, 0.0), (0.0, f64::MAX), (50.0, 0.0)];
    let rows = odd.iter().map(|times| row("x", 0, *times, &[(times.0, times.0)], &json!({})));
    let trace = trace(&rows.collect::<Vec<_>>());
    let drawing = Drawing::new(&trace, &Attributes::default(), Paint::new(false));
    for row in &trace.rows {
        let bar = drawing.bar(row);
        assert_eq!(cells(&bar), BAR_CELLS);
        assert!(bar.contains('━'), "{bar}");
    }
}

#[test]
fn what_is_not_shown_is_told_with_the_way_to_it() {
    let mut trace = three();
    (trace.rows_total, trace.spans) = (500, 10_000);
    let drawing = Drawing::new(&trace, &Attributes::default(), Paint::new(false));
    let foot = drawing.foot(&trace, Some(2));
    assert!(foot.contains("… 497 rows more: trunkline traces 4f2a --from 3"), "{foot}");
    assert!(
        foot.contains("9500 spans are folded, from depth 2 on: --depth 3 opens more"),
        "{foot}"
    );
}

#[test]
fn names_cannot_move_the_cursor() {
    let mut trace = three();
    trace.rows[0].name = "\u{1b}[2J\u{202e}evil".into();
    trace.id = "\u{1b}]0;x\u{7}".into();
    let text = lines(&trace, Paint::new(false)).join("\n");
    assert!(!text.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{text:?}");
}
