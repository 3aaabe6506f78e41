//! What the values of a column are, and how deep they lie.

use super::{EVENT, FIXED, Fixed, LINK, Layout, List, PAIR};
use crate::table::Type;

/// How values of a column are made up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Physical {
    /// A length, then bytes.
    Text,
    /// So many bytes.
    Id(usize),
    Int,
    Long,
    Double,
    Bool,
}

/// What a column is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) physical: Physical,
    pub(crate) repetition_max: u32,
    pub(crate) definition_max: u32,
}

impl Shape {
    /// Of a column with a value in each row.
    pub(crate) const fn every(physical: Physical) -> Self {
        Self { physical, repetition_max: 0, definition_max: 0 }
    }

    /// Of a column with values in some rows.
    pub(crate) const fn some(physical: Physical) -> Self {
        Self { physical, repetition_max: 0, definition_max: 1 }
    }

    /// Of a column of attributes.
    pub(crate) const fn dense(kind: Type) -> Self {
        Self::some(match kind {
            Type::Bool => Physical::Bool,
            Type::Int => Physical::Long,
            Type::Double => Physical::Double,
            _ => Physical::Text,
        })
    }

    /// Of a column of events or links.
    pub(crate) const fn element(physical: Physical) -> Self {
        Self { physical, repetition_max: 1, definition_max: 1 }
    }

    /// Of a column of pairs whose lists lie so deep: the n-th of its four.
    pub(crate) const fn pair(depth: u32, nth: usize) -> Self {
        let optional = if nth >= 2 { 1 } else { 0 };
        Self { physical: Physical::Text, repetition_max: depth, definition_max: depth + optional }
    }
}

impl Layout {
    /// The shape of a column that we read.
    pub(crate) fn shape(&self, column: usize) -> Option<Shape> {
        use Physical::{Id, Int, Long, Text};
        const EVENT_COLUMNS: [Physical; EVENT] = [Long, Text, Int];
        const LINK_COLUMNS: [Physical; LINK] = [Id(16), Id(8), Text, Int, Int];
        if column < FIXED {
            return Some(fixed(column));
        }
        if let Some(dense) = self.attributes.get(column - FIXED) {
            return Some(Shape::dense(dense.kind));
        }
        let within = |list: List, length: usize| {
            column.checked_sub(self.list(list)).filter(|nth| *nth < length)
        };
        if let Some(nth) = within(List::Attributes, PAIR) {
            return Some(Shape::pair(1, nth));
        }
        if let Some(nth) = within(List::Events, EVENT + PAIR) {
            let event = EVENT_COLUMNS.get(nth).copied().map(Shape::element);
            return event.or(Some(Shape::pair(2, nth.saturating_sub(EVENT))));
        }
        if let Some(nth) = within(List::Links, LINK + PAIR) {
            let link = LINK_COLUMNS.get(nth).copied().map(Shape::element);
            return link.or(Some(Shape::pair(2, nth.saturating_sub(LINK))));
        }
        None
    }
}

const fn fixed(column: usize) -> Shape {
    const TRACE: usize = Fixed::TraceId as usize;
    const SPAN: usize = Fixed::SpanId as usize;
    const PARENT: usize = Fixed::ParentSpanId as usize;
    const STATE: usize = Fixed::TraceState as usize;
    const NAME: usize = Fixed::Name as usize;
    const KIND: usize = Fixed::Kind as usize;
    const START: usize = Fixed::Start as usize;
    const DURATION: usize = Fixed::Duration as usize;
    const STATUS: usize = Fixed::Status as usize;
    const MESSAGE: usize = Fixed::StatusMessage as usize;
    const SERVICE: usize = Fixed::Service as usize;
    match column {
        TRACE => Shape::every(Physical::Id(16)),
        SPAN => Shape::every(Physical::Id(8)),
        PARENT => Shape::some(Physical::Id(8)),
        STATE | MESSAGE => Shape::some(Physical::Text),
        NAME | KIND | STATUS | SERVICE => Shape::every(Physical::Text),
        START | DURATION => Shape::every(Physical::Long),
        _ => Shape::every(Physical::Int),
    }
}
