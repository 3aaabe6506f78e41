//! `watch` of a service: which changes of its sources start it anew.
//!
//! What is written is lowered to paths and patterns. Whether a command reloads by itself can
//! depend on the scripts of a `package.json`, so it is decided where processes are run.

use std::path::Path;

use trunkline_model::service::{Watch, When};

use super::raw::{RawService, RawWatch};
use crate::decode::{Context, Decode, Shape, Shapes, Spanned};
use crate::defaults;
use crate::node::{Node, Value};

/// `watch`, in its short and long forms.
#[derive(Debug, Clone)]
pub enum WatchForm {
    /// Nothing is watched.
    Off,
    /// With these settings.
    On(RawWatch),
}

impl Decode for WatchForm {
    fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self> {
        let paths = match &node.value {
            Value::Map(_) => return RawWatch::decode(node, context).map(Self::On),
            Value::Bool(false) => return Some(Self::Off),
            Value::Bool(true) => Vec::new(),
            Value::String(word) if word == "off" => return Some(Self::Off),
            Value::String(word) if word == "on" => Vec::new(),
            _ => Vec::<Spanned<String>>::decode(node, context)?,
        };
        let dependants = defaults::WATCH_DEPENDANTS;
        Some(Self::On(RawWatch { paths, ignore: Vec::new(), dependants }))
    }

    fn shape(shapes: &mut Shapes) -> Shape {
        let word = |word, meaning| (word, meaning);
        let path = Shape::Text { what: "path", example: "src" };
        Shape::OneOf(vec![
            Shape::Bool,
            Shape::Choice(vec![word("on", "its folder"), word("off", "nothing")]),
            Shape::List(Box::new(path)),
            RawWatch::shape(shapes),
        ])
    }
}

/// What is watched for a service that is run in `directory`.
pub(super) fn lower(service: &RawService, directory: &Path) -> Watch {
    let own = || vec![directory.to_owned()];
    let dependants = defaults::WATCH_DEPENDANTS;
    let usual = |when| Watch { when, paths: own(), ignore: Vec::new(), dependants };
    match service.watch.as_ref().map(|watch| &watch.value) {
        // Without a folder of its own it would be watched with everybody else's files.
        None if service.path.is_none() => usual(When::Never),
        None => usual(When::Useful),
        Some(WatchForm::Off) => usual(When::Never),
        Some(WatchForm::On(raw)) => Watch {
            when: When::Always,
            paths: if raw.paths.is_empty() {
                own()
            } else {
                raw.paths.iter().map(|path| directory.join(&path.value)).collect()
            },
            ignore: raw.ignore.clone(),
            dependants: raw.dependants,
        },
    }
}
