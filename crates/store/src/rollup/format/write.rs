//! Writes a rollup.

use std::collections::BTreeMap;

use trunkline_otlp::wire::put_varint;
use trunkline_rt::metrics::Sparse;

use super::VERSION;
use super::bytes::put_text;
use crate::rollup::cell::{Cell, EdgeCell};
use crate::rollup::period::{Recorder, Rollup, SeriesKey};
use crate::rollup::weight::FRACTION_BITS;

/// Below this length, compression saves nothing.
const COMPRESSED_FROM: usize = 128;
/// Names and small numbers: more effort saves a few percent of it.
const LEVEL: i32 = 3;

/// The bytes of a rollup.
pub fn write(rollup: &Rollup) -> Vec<u8> {
    let mut body = Vec::with_capacity(64 * rollup.len());
    let services = rollup.series.keys().map(|key| &*key.service);
    let nodes = rollup.edges.keys().flat_map(|key| [&*key.caller, &*key.callee]);
    let mut names: BTreeMap<&str, u64> = services.chain(nodes).map(|name| (name, 0)).collect();
    put_varint(&mut body, names.len() as u64);
    for (number, (name, place)) in (0..).zip(&mut names) {
        *place = number;
        put_text(&mut body, name);
    }
    let number = |name: &str| names.get(name).copied().unwrap_or_default();
    series(&mut body, rollup, &number);
    put_varint(&mut body, rollup.edges.len() as u64);
    for (key, cell) in &rollup.edges {
        put_varint(&mut body, number(&key.caller));
        put_varint(&mut body, number(&key.callee));
        body.push(key.kind as u8 * 2 + key.recorder as u8);
        put_edge(&mut body, cell);
    }
    enclose(&body)
}

/// Version, compression, length and body.
fn enclose(body: &[u8]) -> Vec<u8> {
    let mut whole = vec![VERSION, 0];
    put_varint(&mut whole, body.len() as u64);
    let packed =
        (body.len() >= COMPRESSED_FROM).then(|| zstd::bulk::compress(body, LEVEL).ok()).flatten();
    match packed.filter(|packed| packed.len() < body.len()) {
        Some(packed) => {
            if let Some(compression) = whole.get_mut(1) {
                *compression = 1;
            }
            whole.extend_from_slice(&packed);
        }
        None => whole.extend_from_slice(body),
    }
    whole
}

fn series(body: &mut Vec<u8>, rollup: &Rollup, number: &dyn Fn(&str) -> u64) {
    let all: Vec<(&SeriesKey, &Cell)> = rollup.series.iter().collect();
    let groups =
        || all.chunk_by(|(a, _), (b, _)| a.service == b.service && a.recorder == b.recorder);
    put_varint(body, groups().count() as u64);
    let mut block = Vec::new();
    for group in groups() {
        let Some((first, _)) = group.first() else { continue };
        put_varint(body, number(&first.service));
        body.push(match first.recorder {
            Recorder::Own => 0,
            Recorder::Proxy => 1,
        });
        block.clear();
        operations(&mut block, group);
        put_varint(body, block.len() as u64);
        body.extend_from_slice(&block);
    }
}

fn operations(block: &mut Vec<u8>, group: &[(&SeriesKey, &Cell)]) {
    let operations = || group.chunk_by(|(a, _), (b, _)| a.operation == b.operation);
    put_varint(block, operations().count() as u64);
    for operation in operations() {
        let Some((first, _)) = operation.first() else { continue };
        put_text(block, &first.operation);
        put_varint(block, operation.len() as u64);
        for (key, cell) in operation {
            block.push(key.kind as u8 * 3 + key.status as u8);
            put_varint(block, cell.spans);
            put_varint(block, cell.bytes);
            put_varint(block, cell.sum_micros);
            put_histogram(block, &cell.latency);
        }
    }
}

fn put_edge(into: &mut Vec<u8>, cell: &EdgeCell) {
    put_varint(into, cell.seen);
    put_weight(into, cell.calls);
    put_weight(into, cell.failed);
    for (sum, histogram) in [(cell.caller_micros, &cell.caller), (cell.callee_micros, &cell.callee)]
    {
        put_varint(into, sum);
        put_histogram(into, histogram);
    }
}

fn put_histogram(into: &mut Vec<u8>, histogram: &Sparse) {
    put_varint(into, histogram.iter().len() as u64);
    for (bucket, weight) in histogram.iter() {
        into.push(bucket);
        put_weight(into, weight);
    }
}

/// Most weights are whole calls, and few: one byte.
pub(super) fn put_weight(into: &mut Vec<u8>, fixed: u64) {
    let fraction = fixed & ((1 << FRACTION_BITS) - 1);
    put_varint(into, (fixed >> FRACTION_BITS) * 2 + u64::from(fraction != 0));
    if let Some(fraction) = u16::try_from(fraction).ok().filter(|fraction| *fraction != 0) {
        into.extend_from_slice(&fraction.to_le_bytes());
    }
}
