//! Whether a predicate makes sense, before anybody is asked.

use super::{Comparison, Constant, Field, Nested, Operand, Place, Predicate, Reference, Sort};

/// Nodes of a predicate at most, each counted by what it costs for a span.
pub const NODES_MAX: usize = 512;
/// A pattern counts as so many nodes: that is about what it costs.
const PATTERN_NODES: usize = 16;
/// Levels of a predicate at most: evaluating one recurses.
pub(super) const DEPTH_MAX: usize = 32;

/// Why a predicate makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// It is too large.
    #[error("a filter has at most {NODES_MAX} parts")]
    Nodes,
    /// It is too deep.
    #[error("a filter has at most {DEPTH_MAX} levels")]
    Depth,
    /// Two values that cannot be compared.
    #[error("{0} and {1} cannot be compared")]
    Sorts(&'static str, &'static str),
    /// A value without an order.
    #[error("there is no order among values of {0}")]
    NoOrder(&'static str),
    /// A pattern or words for something that is no text.
    #[error("{0} is no text")]
    NoText(&'static str),
    /// `some` within `some` of the same.
    #[error("`some` of an event or link cannot be asked within another one of the same")]
    Nested,
}

impl Predicate {
    /// Whether it makes sense.
    ///
    /// # Errors
    /// It does not.
    pub fn check(&self) -> Result<(), Invalid> {
        let mut nodes = 0;
        self.check_at(0, &mut nodes, &[])
    }

    fn check_at(&self, depth: usize, nodes: &mut usize, within: &[Nested]) -> Result<(), Invalid> {
        if depth >= DEPTH_MAX {
            return Err(Invalid::Depth);
        }
        *nodes += match self {
            Self::In(_, list) | Self::NotIn(_, list) => 1 + list.len(),
            Self::Fits(..) => PATTERN_NODES,
            Self::Words(_, words) => words.count(),
            _ => 1,
        };
        if *nodes > NODES_MAX {
            return Err(Invalid::Nodes);
        }
        match self {
            Self::All(parts) | Self::Any(parts) => {
                parts.iter().try_for_each(|part| part.check_at(depth + 1, nodes, within))
            }
            Self::Not(part) => part.check_at(depth + 1, nodes, within),
            Self::Compare(left, how, right) => compare(left, *how, right),
            Self::Fits(reference, _) | Self::Words(reference, _) => text(reference),
            Self::Exists(_) => Ok(()),
            Self::In(reference, list) | Self::NotIn(reference, list) => {
                let left = sort_of_reference(reference);
                list.iter().try_for_each(|one| same(left, sort_of_constant(one)).map(|_| ()))
            }
            Self::Some(nested, _) if within.contains(nested) => Err(Invalid::Nested),
            Self::Some(nested, part) => {
                let within = [within, &[*nested]].concat();
                part.check_at(depth + 1, nodes, &within)
            }
        }
    }
}

/// What is known of a value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Known {
    Anything,
    Text,
    Number,
    Bool,
    Duration,
    Moment,
    Kind,
    Status,
}

impl Known {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Anything => "an attribute",
            Self::Text => "a text",
            Self::Number => "a number",
            Self::Bool => "a boolean",
            Self::Duration => "a duration",
            Self::Moment => "a time",
            Self::Kind => "a span kind",
            Self::Status => "a span status",
        }
    }
}

fn compare(left: &Operand, how: Comparison, right: &Operand) -> Result<(), Invalid> {
    let known = same(sort_of(left), sort_of(right))?;
    if how.is_ordered() && matches!(known, Known::Bool | Known::Kind | Known::Status) {
        return Err(Invalid::NoOrder(known.as_str()));
    }
    // A duration has no written form among attributes: it would be compared with what it is not.
    let times = [Known::Duration, Known::Moment];
    let attribute =
        |operand: &Operand| matches!(operand, Operand::Reference(Reference::Attribute(..)));
    let constant = |operand: &Operand| {
        matches!(operand, Operand::Constant(_)) && times.contains(&sort_of(operand))
    };
    if attribute(left) && constant(right) || attribute(right) && constant(left) {
        return Err(Invalid::Sorts("an attribute", known.as_str()));
    }
    Ok(())
}

fn same(left: Known, right: Known) -> Result<Known, Invalid> {
    match (left, right) {
        (Known::Anything, known) | (known, Known::Anything) => Ok(known),
        (left, right) if left == right => Ok(left),
        (left, right) => Err(Invalid::Sorts(left.as_str(), right.as_str())),
    }
}

fn text(reference: &Reference) -> Result<(), Invalid> {
    match sort_of_reference(reference) {
        known @ (Known::Duration | Known::Moment) => Err(Invalid::NoText(known.as_str())),
        _ => Ok(()),
    }
}

fn sort_of(operand: &Operand) -> Known {
    match operand {
        Operand::Reference(reference) => sort_of_reference(reference),
        Operand::Constant(constant) => sort_of_constant(constant),
    }
}

const fn sort_of_reference(reference: &Reference) -> Known {
    match reference {
        Reference::Attribute(Place::SpanOrResource | Place::At(_), _) => Known::Anything,
        Reference::Field(field) => sort_of_field(*field),
    }
}

const fn sort_of_field(field: Field) -> Known {
    match field.sort() {
        Sort::Text => Known::Text,
        Sort::Duration => Known::Duration,
        Sort::Moment => Known::Moment,
        Sort::Kind => Known::Kind,
        Sort::Status => Known::Status,
    }
}

const fn sort_of_constant(constant: &Constant) -> Known {
    match constant {
        Constant::Untyped(_) => Known::Anything,
        Constant::Text(_) => Known::Text,
        Constant::Int(_) | Constant::Double(_) => Known::Number,
        Constant::Bool(_) => Known::Bool,
        Constant::Duration(_) => Known::Duration,
        Constant::Moment(_) => Known::Moment,
        Constant::Kind(_) => Known::Kind,
        Constant::Status(_) => Known::Status,
    }
}
