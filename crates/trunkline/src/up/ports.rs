//! The ports that one run of `up` gives: to services that wrote none, and to the listeners that
//! calls between services come in at.
//!
//! The listeners must be part of the Model before it is prepared, the services' ports are chosen
//! after that; both from one book, which is opened with the first Model, because where it is kept
//! depends on the project's name.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use trunkline_local::outbound;
use trunkline_local::plan::{Moved, PortBook};
use trunkline_local::state::{self, StateFolder};
use trunkline_model::Model;

use crate::environment;
use crate::exit::chain;

/// See the module's documentation. Clones share the book.
#[derive(Clone)]
pub(crate) struct Ports {
    directory: PathBuf,
    open: Arc<Mutex<Option<Open>>>,
}

struct Open {
    book: PortBook,
    /// Where choices are remembered.
    file: PathBuf,
}

impl Ports {
    /// The ports of the project in `directory`.
    pub(crate) fn new(directory: PathBuf) -> Self {
        Self { directory, open: Arc::default() }
    }

    /// The Model with listeners for calls between services. Without a free port it stays as it is:
    /// services then call each other directly.
    pub(crate) fn shape(&self, model: Model) -> Model {
        let plain = model.clone();
        match self.with_book(&plain, |book| outbound::with_listeners(model, book)) {
            Some(Ok(shaped)) => shaped,
            Some(Err(error)) => {
                tracing::warn!(error = %chain(&error), "calls between services are direct");
                plain
            }
            None => {
                tracing::warn!("there is no home folder to remember ports in: calls are direct");
                plain
            }
        }
    }

    /// Chooses by `choose`. `None` if there is nowhere to remember.
    pub(crate) fn with_book<T>(
        &self,
        model: &Model,
        choose: impl FnOnce(&mut PortBook) -> T,
    ) -> Option<T> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.is_none() {
            let base = state::base(environment::read)?;
            let folder = StateFolder::of(&base, model.name.as_str(), &self.directory);
            let book = PortBook::load(&folder.ports(), &folder.path().to_string_lossy());
            *open = Some(Open { book, file: folder.ports() });
        }
        open.as_mut().map(|open| choose(&mut open.book))
    }

    /// The services that listen elsewhere than their file says.
    pub(crate) fn moved(&self) -> BTreeMap<String, Moved> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.as_ref().map(|open| open.book.moved().clone()).unwrap_or_default()
    }

    /// Remembers what was chosen so far, in a folder that exists by now.
    pub(crate) fn remember(&self) {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Err(error)) = open.as_ref().map(|open| open.book.store(&open.file)) {
            tracing::warn!(error = %chain(&error), "chosen ports are not remembered");
        }
    }
}
