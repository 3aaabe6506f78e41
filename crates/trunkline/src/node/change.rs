//! Another configuration: read, prepared beside the one in force, then swapped in as a whole.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use trunkline_api::Commands;
use trunkline_api::commands::{Refused, Reloaded};
use trunkline_model::Model;
use trunkline_proxy::{Plan, PrepareErrors};

use super::Node;
use crate::exit::chain;
use crate::loader::plain_messages;
use crate::texts::Texts;
use crate::wiring::Parts;

/// A clock that jumps must not delay a renewal for long.
const RENEWAL_LOOK_MAX: Duration = Duration::from_mins(1);

/// What a file looks like from outside; a change of it is worth a reload.
pub(super) type Print = (PathBuf, Option<(i64, i64, u64, u64)>);

/// What these files look like now.
pub(super) fn prints(files: &[PathBuf]) -> Vec<Print> {
    let print = |path: &PathBuf| {
        let found = fs::metadata(path)
            .ok()
            .map(|file| (file.mtime(), file.mtime_nsec(), file.ino(), file.size()));
        (path.clone(), found)
    };
    files.iter().map(print).collect()
}

/// Prepares a Model; everything that is wrong is told, each with its place.
pub(super) async fn prepare(parts: &Parts, model: &Arc<Model>) -> Result<Plan, Vec<String>> {
    let (proxy, issuer, now) = (parts.proxy.clone(), Arc::clone(&parts.issuer), parts.clock.wall());
    let model = Arc::clone(model);
    // Compiling and signing take CPU, and reading certificates blocks.
    let prepared = tokio::task::spawn_blocking(move || {
        issuer.cover(&model, now).map_err(|problem| vec![problem])?;
        proxy.prepare(model).map_err(|errors| messages(&errors))
    });
    prepared.await.unwrap_or_else(|error| Err(vec![error.to_string()]))
}

fn messages(errors: &PrepareErrors) -> Vec<String> {
    let message = |error: &trunkline_proxy::PrepareError| match error.origin() {
        Some(origin) => format!("{}\n  --> {origin}", chain(error)),
        None => chain(error),
    };
    errors.0.iter().map(message).collect()
}

impl Node {
    /// Reads the configuration again and puts it in force; the former one stays when it is wrong.
    pub(super) async fn reload(&mut self) -> Result<Reloaded, Refused> {
        self.manager.reloading();
        let done = self.read_again().await;
        self.manager.ready(match &done {
            Ok(_) => "serving",
            Err(_) => "serving; the last configuration that was read is not in force",
        });
        done
    }

    async fn read_again(&mut self) -> Result<Reloaded, Refused> {
        let loader = self.loader.clone();
        let failed = |reason: String| Refused::Failed { command: "reload", reason };
        let loaded = tokio::task::spawn_blocking(move || loader.load()).await;
        let loaded = loaded.map_err(|error| failed(error.to_string()))?;
        self.seen = prints(&loaded.watched);
        self.watch.files(loaded.watched.iter().map(PathBuf::as_path));
        let Some(model) = loaded.model.clone() else {
            return Err(Refused::Invalid(plain_messages(&loaded)));
        };
        let former = self.parts.switchboard.model();
        let changed = former.as_deref() != Some(&*model);
        let plan = prepare(&self.parts, &model).await.map_err(Refused::Invalid)?;
        self.parts
            .records
            .follow(&model, self.local.is_none())
            .map_err(|failure| failed(failure.message))?;
        let generation =
            self.parts.proxy.commit(plan).await.map_err(|error| failed(chain(&error)))?;
        if let Some(socket) = &self.socket {
            self.parts
                .rebind_surfaces(&model, socket)
                .map_err(|failure| failed(failure.message))?;
        }
        let texts = Texts::of(&loaded, self.loader.overlay(), self.parts.clock.wall_nanos());
        self.parts.switchboard.set_texts(texts);
        self.parts.switchboard.in_force(Arc::clone(&model), self.parts.urls(&model));
        if let Some(local) = &mut self.local {
            local.follow(&model).await.map_err(failed)?;
        }
        Ok(Reloaded { generation, changed, warnings: plain_messages(&loaded) })
    }

    /// Reloads for a reason that nobody waits for: the log tells how it went.
    pub(super) async fn reload_and_tell(&mut self, because: &str) {
        match self.reload().await {
            Ok(done) => {
                for warning in &done.warnings {
                    tracing::warn!("{warning}");
                }
                tracing::info!(
                    generation = done.generation,
                    changed = done.changed,
                    because,
                    "configuration is in force"
                );
            }
            Err(Refused::Invalid(problems)) => {
                for problem in &problems {
                    tracing::error!("{problem}");
                }
                tracing::error!(
                    errors = problems.len(),
                    because,
                    "configuration is wrong; the former one stays in force"
                );
            }
            Err(error) => tracing::error!(%error, because, "configuration was not read again"),
        }
    }

    /// Time until a certificate of the project's CA should be renewed.
    pub(super) fn renewal(&self) -> Duration {
        let due = self
            .parts
            .issuer
            .renew_at()
            .map(|at| at.duration_since(self.parts.clock.wall()).unwrap_or_default());
        // Not at once again, should the renewal fail.
        due.map_or(RENEWAL_LOOK_MAX, |due| due.clamp(Duration::from_secs(1), RENEWAL_LOOK_MAX))
    }

    /// Renews certificates that are due, by preparing the same Model again.
    pub(super) async fn renew(&mut self) {
        let now = self.parts.clock.wall();
        if self.parts.issuer.renew_at().is_none_or(|at| now < at) {
            return;
        }
        let Some(model) = self.parts.switchboard.model() else {
            return;
        };
        match prepare(&self.parts, &model).await {
            Ok(plan) => match self.parts.proxy.commit(plan).await {
                Ok(_) => tracing::info!("certificates are renewed"),
                Err(error) => {
                    tracing::error!(error = %chain(&error), "certificates were not renewed");
                }
            },
            Err(problems) => tracing::error!(?problems, "certificates were not renewed"),
        }
    }
}
