//! The same questions while nothing runs: the file is read and its compiled routes are asked.
//!
//! What is known only of a run (endpoints, processes) is left out, and the document says so.

use serde_json::Value;
use trunkline_api::commands::Configuration;
use trunkline_api::explain::{Known, document, question};
use trunkline_model::Model;

use super::{Request, path};
use crate::cli::Context;
use crate::exit::{Failure, chain};
use crate::loader::{find_nearest, tell};
use crate::place;
use crate::texts::Texts;
use crate::up::Ports;

/// A file, read as `up` would.
pub(super) struct File {
    pub(super) model: Model,
    pub(super) configuration: Configuration,
}

/// Answers from the file. `not_running` is told where there is no file either.
pub(super) fn explain(
    mut request: Request,
    not_running: Failure,
    context: &Context,
) -> Result<Value, Failure> {
    let file = read(not_running, context)?;
    if request.url.starts_with('/') {
        request.url = gateway(&file.model) + &request.url;
    }
    let uri = path(&request).parse().map_err(Failure::usage)?;
    let question = question(&uri).map_err(|error| Failure::usage(chain(&error)))?;
    let told = trunkline_proxy::explain::of_model(&file.model, question.clone());
    let told = told.map_err(|wrong| {
        let wrong: Vec<_> = wrong.iter().map(|error| chain(error)).collect();
        Failure::usage(wrong.join("\n"))
    })?;
    let known = Known {
        model: &file.model,
        configuration: Some(&file.configuration),
        stats: None,
        processes: &[],
    };
    Ok(document(&question, &told, &known))
}

/// Where the gateway of a file would be.
fn gateway(model: &Model) -> String {
    let host = model.domains.first().map_or("localhost", String::as_str);
    let mut outer = model.listeners.iter().filter(|listener| listener.caller.is_none());
    let secure = outer.any(|listener| listener.tls.is_some());
    format!("{}://{host}", if secure { "https" } else { "http" })
}

/// Reads the nearest file.
pub(super) fn read(not_running: Failure, context: &Context) -> Result<File, Failure> {
    if find_nearest(&context.globals.dir)?.is_none() {
        return Err(not_running);
    }
    let loader = place::laptop(&context.globals)?;
    let main_file = loader.main_file()?;
    let directory = main_file.parent().map(std::path::PathBuf::from).unwrap_or_default();
    let ports = Ports::new(directory);
    let loader = loader.shaped(move |model| ports.shape(model));
    let loaded = loader.load();
    tell(&loaded, &context.printer)?;
    let model = loaded.model.clone().ok_or_else(|| Failure::new("the file has no model"))?;
    let configuration = Texts::of(&loaded, loader.overlay(), 0).configuration(&model);
    Ok(File { model: std::sync::Arc::unwrap_or_clone(model), configuration })
}
