//! The texts of the configuration in force, kept for those who ask what is in force and why.
//!
//! Texts are kept as they were read; masks and places are made when somebody asks. What is too large
//! to be kept is named without its text.

use std::sync::Arc;

use trunkline_api::commands::{Configuration, File, Object, Setting};
use trunkline_config::Loaded;
use trunkline_config::masking::masked;
use trunkline_config::settings::{self, Written};
use trunkline_model::Model;

/// Bytes kept of all texts together.
const BYTES_MAX: usize = 2 * 1024 * 1024;

/// The texts of one load.
#[derive(Debug)]
pub(crate) struct Texts {
    loaded_unix_nanos: u64,
    overlay: Option<String>,
    files: Vec<(String, Option<Arc<str>>)>,
}

impl Texts {
    /// The texts of this load, with the overlay that it was asked for.
    pub(crate) fn of(loaded: &Loaded, overlay: Option<&str>, now_unix_nanos: u64) -> Self {
        let mut left = BYTES_MAX;
        let keep = |file: &trunkline_config::source::SourceFile| {
            let rest = left.checked_sub(file.text.len());
            left = rest.unwrap_or(left);
            (file.path.display().to_string(), rest.map(|_| Arc::clone(&file.text)))
        };
        Self {
            loaded_unix_nanos: now_unix_nanos,
            overlay: overlay.map(str::to_owned),
            files: loaded.sources.iter().map(keep).collect(),
        }
    }

    /// What is told of them and of the Model that they became. It parses: not for a task.
    pub(crate) fn configuration(&self, model: &Model) -> Configuration {
        let kept = self.files.iter().filter_map(|(name, text)| Some((&**name, &**text.as_ref()?)));
        let written = Written::read(kept, self.overlay.as_deref());
        // A listener of a service's calls has nothing that somebody wrote.
        let listeners = model.listeners.iter().filter(|listener| listener.caller.is_none());
        let listeners = listeners.map(|listener| {
            (Object::Listener(listener.id.clone()), own(written.listener(listener)))
        });
        let services = model
            .services
            .iter()
            .map(|service| (Object::Service(service.name.clone()), own(written.service(service))));
        let routes = model.routes.iter().filter_map(|route| {
            let settings = settings::route(route);
            (!settings.is_empty()).then(|| (Object::Route(route.id.clone()), own(settings)))
        });
        let file = |(name, text): &(String, Option<Arc<str>>)| File {
            name: name.clone(),
            text: text.as_deref().map(masked),
        };
        Configuration {
            loaded_unix_nanos: self.loaded_unix_nanos,
            files: self.files.iter().map(file).collect(),
            settings: listeners.chain(routes).chain(services).collect(),
        }
    }
}

fn own(settings: Vec<settings::Setting>) -> Vec<Setting> {
    let setting = |setting: settings::Setting| Setting {
        key: setting.key.to_owned(),
        value: setting.value,
        origin: setting.origin,
    };
    settings.into_iter().map(setting).collect()
}
