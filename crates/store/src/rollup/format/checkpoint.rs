//! What a restart goes on from: up to where the log is counted, and who waits for the other side.

use std::collections::BTreeMap;
use std::sync::Arc;

use trunkline_model::trace::{SpanId, TraceId};
use trunkline_otlp::Kind;
use trunkline_otlp::wire::put_varint;

use super::bytes::{Reader, put_text};
use super::read::weight;
use super::write::put_weight;
use super::{Unreadable, VERSION};
use crate::rollup::Mark;
use crate::rollup::accumulate::Checkpoint;
use crate::rollup::pairs::{Kept, Side};
use crate::rollup::period::EdgeKind;
use crate::rollup::weight::Weight;

/// What is kept with every commit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in crate::rollup) struct State {
    /// Number of the commit, from 1.
    pub(in crate::rollup) sequence: u64,
    /// Every frame of the log up to here is counted in what is kept, and no other.
    pub(in crate::rollup) mark: Mark,
    pub(in crate::rollup) checkpoint: Checkpoint,
}

const FAILED: u8 = 1;
const CALLS: u8 = 2;
const PEER: u8 = 4;

/// The bytes of a state.
pub(in crate::rollup) fn write_state(state: &State) -> Vec<u8> {
    let mut into = vec![VERSION];
    for number in [state.sequence, state.mark.file, state.mark.offset] {
        put_varint(&mut into, number);
    }
    put_varint(&mut into, state.checkpoint.names.len() as u64);
    for (id, name) in &state.checkpoint.names {
        put_varint(&mut into, u64::from(*id));
        put_text(&mut into, name);
    }
    put_varint(&mut into, state.checkpoint.sides.len() as u64);
    for Kept { until, key: (trace, span), calls, side } in &state.checkpoint.sides {
        into.extend_from_slice(trace.bytes());
        into.extend_from_slice(span.bytes());
        let flag = |yes, flag| if yes { flag } else { 0 };
        into.push(
            flag(side.failed, FAILED) | flag(*calls, CALLS) | flag(side.peer.is_some(), PEER),
        );
        into.push(side.kind as u8);
        put_varint(&mut into, *until);
        put_varint(&mut into, u64::from(side.node));
        put_weight(&mut into, side.weight.fixed());
        put_varint(&mut into, side.micros);
        put_varint(&mut into, side.end);
        if let Some((kind, node)) = side.peer {
            into.push(kind as u8);
            put_varint(&mut into, u64::from(node));
        }
    }
    into
}

/// Reads a state.
///
/// # Errors
/// It is damaged, or of a newer version.
pub(in crate::rollup) fn read_state(bytes: &[u8]) -> Result<State, Unreadable> {
    let mut reader = Reader(bytes);
    match reader.byte()? {
        VERSION => {}
        newer if newer > VERSION => return Err(Unreadable::Newer(newer)),
        _ => return Err(Unreadable::Damaged),
    }
    let sequence = reader.varint()?;
    let mark = Mark { file: reader.varint()?, offset: reader.varint()? };
    let mut names = BTreeMap::new();
    for _ in 0..reader.count()? {
        let id = node(&mut reader)?;
        names.insert(id, Arc::from(reader.text()?));
    }
    let sides = (0..reader.count()?).map(|_| kept(&mut reader)).collect::<Result<_, _>>()?;
    if !reader.is_empty() {
        return Err(Unreadable::Damaged);
    }
    Ok(State { sequence, mark, checkpoint: Checkpoint { names, sides } })
}

fn node(reader: &mut Reader<'_>) -> Result<u32, Unreadable> {
    u32::try_from(reader.varint()?).map_err(|_| Unreadable::Damaged)
}

fn kept(reader: &mut Reader<'_>) -> Result<Kept, Unreadable> {
    let trace = TraceId::new(reader.array()?).ok_or(Unreadable::Damaged)?;
    let span = SpanId::new(reader.array()?).ok_or(Unreadable::Damaged)?;
    let (flags, kind) = (reader.byte()?, Kind::of(u64::from(reader.byte()?)));
    let until = reader.varint()?;
    let (node_of, weight) = (node(reader)?, Weight::from_fixed(weight(reader)?));
    let (micros, end) = (reader.varint()?, reader.varint()?);
    let peer = if flags & PEER != 0 {
        let kind = EdgeKind::of(reader.byte()?).ok_or(Unreadable::Damaged)?;
        Some((kind, node(reader)?))
    } else {
        None
    };
    let failed = flags & FAILED != 0;
    let side = Side { node: node_of, kind, failed, weight, micros, end, peer };
    Ok(Kept { until, key: (trace, span), calls: flags & CALLS != 0, side })
}
