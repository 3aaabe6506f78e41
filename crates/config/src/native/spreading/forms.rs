//! Short and long forms: `balance: maglev` or `balance: { by: maglev, hash: path }`.

use trunkline_model::units::Share;

use super::raw::{BalanceWord, HashWord, RawBalance, RawEndpoint, RawHash, RawSlowStart};
use crate::decode::{Context, Decode, Period, Shape, Shapes, Spanned};
use crate::defaults;
use crate::node::{Node, Value};

/// How an endpoint is picked.
#[derive(Debug, Clone)]
pub struct BalanceForm(pub RawBalance);

impl BalanceForm {
    /// This algorithm, and nothing else said.
    pub fn by(by: BalanceWord) -> Self {
        Self(RawBalance { by, hash: None, load_max: None, panic: defaults::PANIC })
    }
}

impl Decode for BalanceForm {
    fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self> {
        match &node.value {
            Value::Map(_) => RawBalance::decode(node, context).map(Self),
            _ => BalanceWord::decode(node, context).map(Self::by),
        }
    }

    fn shape(shapes: &mut Shapes) -> Shape {
        Shape::OneOf(vec![BalanceWord::shape(shapes), RawBalance::shape(shapes)])
    }
}

/// What is hashed.
#[derive(Debug, Clone)]
pub struct HashForm(pub RawHash);

impl Decode for HashForm {
    fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self> {
        match &node.value {
            Value::Map(_) => RawHash::decode(node, context).map(Self),
            _ => HashWord::decode(node, context).map(|on| Self(RawHash { on, name: None })),
        }
    }

    fn shape(shapes: &mut Shapes) -> Shape {
        Shape::OneOf(vec![HashWord::shape(shapes), RawHash::shape(shapes)])
    }
}

/// How endpoints that have just come up are given traffic.
#[derive(Debug, Clone)]
pub struct SlowStartForm(pub RawSlowStart);

impl Decode for SlowStartForm {
    fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self> {
        let (aggression, least): (u32, Share) =
            (defaults::SLOW_START_AGGRESSION, defaults::SLOW_START_LEAST);
        match &node.value {
            Value::Map(_) => RawSlowStart::decode(node, context).map(Self),
            _ => Period::decode(node, context)
                .map(|window| Self(RawSlowStart { window, aggression, least })),
        }
    }

    fn shape(shapes: &mut Shapes) -> Shape {
        Shape::OneOf(vec![Period::shape(shapes), RawSlowStart::shape(shapes)])
    }
}

/// An address of a service.
#[derive(Debug, Clone)]
pub struct EndpointForm(pub RawEndpoint);

impl Decode for EndpointForm {
    fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self> {
        match &node.value {
            Value::Map(_) => RawEndpoint::decode(node, context).map(Self),
            _ => Spanned::decode(node, context).map(|address| {
                Self(RawEndpoint {
                    address,
                    weight: defaults::WEIGHT,
                    priority: defaults::ENDPOINT_PRIORITY,
                    backup: defaults::BACKUP,
                    zone: None,
                    max_connections: None,
                })
            }),
        }
    }

    fn shape(shapes: &mut Shapes) -> Shape {
        let address = Shape::Text { what: "address", example: "10.0.0.7:8080" };
        Shape::OneOf(vec![address, RawEndpoint::shape(shapes)])
    }
}
