//! What a span costs, stage by stage. Run by hand:
//! `cargo test --release -p trunkline-store --lib speed -- --ignored --nocapture`
#![allow(
    clippy::cast_lossless,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::needless_for_each,
    clippy::needless_range_loop,
    clippy::too_many_lines,
    dropping_copy_types,
    reason = "it prints figures for people"
)]

use trunkline_rt::Random;

use crate::source::{Field, Filter, Level, Test};

use super::*;

/// Time of the processor: others use the machine as well.
#[derive(Clone, Copy)]
struct Instant(f64);

impl Instant {
    fn now() -> Self {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
        Self(time.tv_sec as f64 + time.tv_nsec as f64 / 1e9)
    }

    fn seconds(self) -> f64 {
        Self::now().0 - self.0
    }
}

fn below(random: &mut Random, most: u64) -> u64 {
    random.number() % most
}

/// Batches of 512 spans: ten services, ten spans a trace, eleven of 97 keys, a thousand values.
fn batches(count: usize) -> Vec<Vec<u8>> {
    use trunkline_model::trace::{SpanId, TraceId};
    use trunkline_otlp::{Kind, Resource, Scope, Status, StatusCode, Value};
    let mut random = Random::from_seed(7);
    let resources: Vec<_> = (0..10)
        .map(|n| {
            Arc::new(Resource {
                attributes: vec![
                    ("service.name".into(), Value::Text(format!("service-{n}").into())),
                    ("host.name".into(), Value::Text(format!("host-{}", n % 3).into())),
                    ("telemetry.sdk.language".into(), Value::Text("go".into())),
                ],
                ..Resource::default()
            })
        })
        .collect();
    let scope = Arc::new(Scope { name: "bench".into(), version: "1.0".into(), ..Scope::default() });
    let keys: Vec<Arc<str>> = (0..97).map(|n| format!("attribute.key.{n}").into()).collect();
    let values: Vec<Arc<str>> = (0..1000).map(|n| format!("value-{n:04}").into()).collect();
    let mut now = 1_790_000_000_000_000_000_u64;
    let mut all = Vec::new();
    for _ in 0..count {
        let mut spans = Vec::new();
        while spans.len() < 512 {
            let trace: u128 = u128::from(random.number()) << 64 | u128::from(random.number());
            let mut ids: Vec<u64> = Vec::new();
            for n in 0..10 {
                now += 14_000 + below(&mut random, 1_000);
                let id = random.number() | 1;
                let parent = ids.get(below(&mut random, ids.len().max(1) as u64) as usize).copied();
                ids.push(id);
                let attributes = (0..11)
                    .map(|_| {
                        let key = Arc::clone(&keys[below(&mut random, 97) as usize]);
                        let value = Arc::clone(&values[below(&mut random, 1000) as usize]);
                        (key, Value::Text(value))
                    })
                    .collect();
                spans.push(Span {
                    trace: TraceId::new(trace.to_be_bytes()).unwrap(),
                    id: SpanId::new(id.to_be_bytes()).unwrap(),
                    parent: parent.and_then(|id| SpanId::new(id.to_be_bytes())),
                    trace_state: "".into(),
                    flags: 1,
                    name: format!("operation-{n}").into(),
                    kind: Kind::of(1 + n as u64 % 3),
                    start_unix_nanos: now,
                    end_unix_nanos: now + 1_000 + below(&mut random, 50_000_000),
                    attributes,
                    dropped_attributes: 0,
                    events: vec![],
                    dropped_events: 0,
                    links: vec![],
                    dropped_links: 0,
                    status: Status {
                        code: StatusCode::of(if below(&mut random, 50) == 0 { 2 } else { 0 }),
                        message: "".into(),
                    },
                    resource: Arc::clone(&resources[n]),
                    scope: Arc::clone(&scope),
                });
            }
        }
        spans.sort_by_key(|span| span.service().to_owned());
        all.push(otlp::request(&spans));
    }
    all
}

#[test]
#[ignore = "prints times"]
fn what_a_span_costs() {
    let batches = batches(252);
    let spans = 252 * 520;
    let each = |start: Instant| start.seconds() * 1e6 / f64::from(spans);
    let size: usize = batches.iter().map(Vec::len).sum();
    println!("{spans} spans of {} bytes", size / spans as usize);
    for round in 0..2 {
        println!("round {round}");
        let start = Instant::now();
        batches.iter().for_each(|batch| drop(view::check(batch).unwrap()));
        println!("check    {:.2} us", each(start));
        let start = Instant::now();
        let mut table = Table::default();
        for batch in &batches {
            table.append(batch).unwrap();
        }
        println!("insert   {:.2} us, {} bytes each", each(start), table.bytes() / spans as usize);
        for level in [1, 3] {
            let start = Instant::now();
            let layout = layout_of(&table);
            let mut rows: Vec<u32> = (0..table.len() as u32).collect();
            table.sort(&mut rows);
            println!("sort     {:.2} us", each(start));
            let start = Instant::now();
            let mut bytes = Vec::new();
            let mut writer = SegmentWriter::new(&mut bytes, layout.clone(), level).unwrap();
            writer.group(&table, &rows).unwrap();
            let written = writer.finish().unwrap();
            println!(
                "write {level}  {:.2} us, {:.1} bytes each",
                each(start),
                bytes.len() as f64 / f64::from(spans)
            );
            if round == 1 {
                let of = |column: usize| {
                    let chunk = written.index.groups[0].chunks[column].as_ref();
                    chunk.map_or(0, |chunk| chunk.dictionary + chunk.pages.iter().sum::<u32>())
                        as f64
                        / f64::from(spans)
                };
                let (mut dense, mut rest) = (0.0, 0.0);
                for column in 0..written.index.layout.columns() {
                    if column < crate::segment::layout::FIXED {
                        println!("  column {column}: {:.2}", of(column));
                    } else if column
                        < crate::segment::layout::FIXED + written.index.layout.attributes.len()
                    {
                        dense += of(column);
                    } else {
                        rest += of(column);
                    }
                }
                let index = f64::from(written.place.length) / f64::from(spans);
                let bloom = f64::from(written.index.bloom.length) / f64::from(spans);
                println!("  dense {dense:.2} rest {rest:.2} index {index:.2} bloom {bloom:.2}");
                let end = written.place.offset + u64::from(written.place.length);
                println!("  footer {:.2}", (bytes.len() as u64 - end) as f64 / f64::from(spans));
            }
            let start = Instant::now();
            let back = read_all(&bytes, Parts::All);
            println!("read     {:.2} us", each(start));
            assert_eq!(back.len(), table.len());
            drop(back);
            let file = open(&bytes);
            let start = Instant::now();
            for trace in 0..100 {
                let mut budget = budget();
                let mut reader =
                    GroupReader::new(&file, &written.index, 0, &mut budget).unwrap().unwrap();
                let id =
                    trunkline_model::trace::TraceId::new(table.rows.trace[trace * 999]).unwrap();
                let mut mask = Mask::none(reader.rows());
                reader.find(&[id], |row, _| mask.set(row)).unwrap();
                assert_eq!(mask.count(), 10);
                let mut some = Table::default();
                reader.read(&mask, Parts::All, &mut some).unwrap();
            }
            println!("trace    {:.2} ms", start.seconds() * 10.0);
            let start = Instant::now();
            let mut found = 0;
            for n in 0..97 {
                let mut budget = budget();
                let mut reader =
                    GroupReader::new(&file, &written.index, 0, &mut budget).unwrap().unwrap();
                let filter = Filter::Where(
                    Field::Attribute(Level::Any, format!("attribute.key.{n}").into()),
                    Test::Text("value-0007".into()),
                );
                found += reader.matching(&filter, &(0..=u64::MAX)).unwrap().count();
            }
            println!("search   {:.2} ms a group, found {found}", start.seconds() * 1000.0 / 97.0);
        }
    }
}
