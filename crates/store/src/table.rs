//! Spans as columns in memory: the form of the head, and of what is on its way between segments.
//!
//! A span is a row: one place in each of some twenty vectors. Texts are kept once and are numbers
//! everywhere else; lists (attributes, events, links) lie one after the other with their ends.
//! Rows are only added, so a reader that knows how many there were sees a state that was. What
//! owns a table bounds it: see [`Table::bytes`].

mod catalog;
mod convert;
mod counts;
mod duplicates;
mod insert;
mod matching;
mod pairs;
mod sort;
mod sources;
mod texts;

pub(crate) use catalog::{KeyId, OperationId};
pub(crate) use convert::Maker;
pub(crate) use matching::{Matcher, duration_nanos};
pub(crate) use pairs::{Cell, Pairs, Type};
pub(crate) use sources::{Scope, Source, Sources};
pub(crate) use texts::{EMPTY, Id, Texts};

/// Rows of spans.
#[derive(Debug, Default)]
pub(crate) struct Table {
    pub(crate) texts: Texts,
    pub(crate) rows: Rows,
    /// Of each row.
    pub(crate) attributes: Pairs,
    pub(crate) events: Events,
    pub(crate) links: Links,
    /// Processes; rows say which.
    pub(crate) resources: Sources,
    /// Libraries; rows say which.
    pub(crate) scopes: Sources,
}

/// The columns that have one value a row.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    pub(crate) trace: Vec<[u8; 16]>,
    pub(crate) id: Vec<[u8; 8]>,
    /// Zeros: none.
    pub(crate) parent: Vec<[u8; 8]>,
    pub(crate) start: Vec<u64>,
    /// End less start, around the corner where clocks are broken: start and this give the end.
    pub(crate) duration: Vec<u64>,
    pub(crate) name: Vec<Id>,
    pub(crate) trace_state: Vec<Id>,
    pub(crate) status_message: Vec<Id>,
    pub(crate) kind: Vec<u8>,
    pub(crate) status: Vec<u8>,
    pub(crate) flags: Vec<u32>,
    pub(crate) resource: Vec<u32>,
    pub(crate) scope: Vec<u32>,
    /// Attributes, events and links that the span's maker left out.
    pub(crate) dropped: Vec<[u32; 3]>,
    /// Where the row's events end.
    pub(crate) event_end: Vec<u32>,
    /// Where the row's links end.
    pub(crate) link_end: Vec<u32>,
}

/// What happened within spans.
#[derive(Debug, Default)]
pub(crate) struct Events {
    pub(crate) time: Vec<u64>,
    pub(crate) name: Vec<Id>,
    pub(crate) dropped: Vec<u32>,
    pub(crate) attributes: Pairs,
}

/// Spans that spans belong to.
#[derive(Debug, Default)]
pub(crate) struct Links {
    pub(crate) trace: Vec<[u8; 16]>,
    pub(crate) span: Vec<[u8; 8]>,
    pub(crate) trace_state: Vec<Id>,
    pub(crate) flags: Vec<u32>,
    pub(crate) dropped: Vec<u32>,
    pub(crate) attributes: Pairs,
}

impl Rows {
    fn clear(&mut self) {
        self.trace.clear();
        self.id.clear();
        self.parent.clear();
        self.start.clear();
        self.duration.clear();
        self.name.clear();
        self.trace_state.clear();
        self.status_message.clear();
        self.kind.clear();
        self.status.clear();
        self.flags.clear();
        self.resource.clear();
        self.scope.clear();
        self.dropped.clear();
        self.event_end.clear();
        self.link_end.clear();
    }
}

impl Events {
    fn clear(&mut self) {
        let Self { time, name, dropped, attributes } = self;
        time.clear();
        name.clear();
        dropped.clear();
        attributes.clear();
    }
}

impl Links {
    fn clear(&mut self) {
        let Self { trace, span, trace_state, flags, dropped, attributes } = self;
        trace.clear();
        span.clear();
        trace_state.clear();
        flags.clear();
        dropped.clear();
        attributes.clear();
    }
}

/// Bytes of the columns that have one value a row.
const ROW_BYTES: usize = 98;
/// Bytes of an event, without its attributes.
const EVENT_BYTES: usize = 20;
/// Bytes of a link, without its attributes.
const LINK_BYTES: usize = 40;

impl Table {
    /// Rows.
    pub(crate) fn len(&self) -> usize {
        self.rows.start.len()
    }

    /// Bytes of memory that it needs. What vectors reserve beyond that is not counted: it is at
    /// most as much again.
    pub(crate) fn bytes(&self) -> usize {
        self.len() * ROW_BYTES
            + self.events.time.len() * EVENT_BYTES
            + self.links.flags.len() * LINK_BYTES
            + self.texts.bytes()
            + self.attributes.bytes()
            + self.events.attributes.bytes()
            + self.links.attributes.bytes()
            + self.resources.bytes()
            + self.scopes.bytes()
    }

    /// Takes everything out and keeps the memory, for as many spans again: what is given back and
    /// asked for anew by the second has to be zeroed by the system, and is there twice for a while.
    pub(crate) fn clear(&mut self) {
        let Self { texts, rows, attributes, events, links, resources, scopes } = self;
        texts.clear();
        rows.clear();
        attributes.clear();
        events.clear();
        links.clear();
        resources.clear();
        scopes.clear();
    }

    /// The events of a row.
    pub(crate) fn events_of(&self, row: usize) -> std::ops::Range<usize> {
        range(&self.rows.event_end, row)
    }

    /// The links of a row.
    pub(crate) fn links_of(&self, row: usize) -> std::ops::Range<usize> {
        range(&self.rows.link_end, row)
    }

    /// The service of a row.
    pub(crate) fn service(&self, row: usize) -> Id {
        let resource = self.rows.resource.get(row).copied().unwrap_or_default();
        self.resources.get(resource).map_or(EMPTY, |resource| resource.service)
    }
}

/// The part of a list of lists that belongs to `index`, when `ends` says where each one ends.
pub(crate) fn range(ends: &[u32], index: usize) -> std::ops::Range<usize> {
    let start = index.checked_sub(1).and_then(|before| ends.get(before)).copied().unwrap_or(0);
    let end = ends.get(index).copied().unwrap_or(start);
    start as usize..end as usize
}

/// A length that is kept in 32 bits. What owns a table keeps it far below that.
pub(crate) fn short(length: usize) -> u32 {
    u32::try_from(length).expect("tables are bounded far below 4 GiB")
}
