//! The store of this process: opened beside serving, and closed before another process opens it.
//!
//! Serving does not wait for it. Until it is open, and while another process has it (an upgrade),
//! whoever sends spans is told to come again, and the spans of the proxy wait in memory. A store
//! that cannot be opened is said in the log and tried again: observing never harms serving.

mod inbox;
mod numbers;
mod own;
mod place;
mod rates;
mod sending;
mod source;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use tokio::sync::Notify;
use trunkline_ingest::{Accepted, Intake, Metrics, Protocol, Refused};
use trunkline_model::Telemetry;
use trunkline_model::telemetry::Keep;
use trunkline_rt::{Clock, Policy, Scope, behind};
use trunkline_store::disk::{Disk, Folder, FolderError, Memory};
use trunkline_store::{OpenError, Store};

use crate::exit::chain;

pub(crate) use place::{Place, usual as usual_folder};

/// How often it is looked whether another process has let go of the store.
const IN_USE_EVERY: Duration = Duration::from_millis(100);
/// After how long a store is tried again that could not be opened.
const RETRY_EVERY: Duration = Duration::from_secs(10);
/// When whoever sends spans is to come again.
const COME_AGAIN: Duration = Duration::from_secs(1);

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct Keeping {
    store: ArcSwapOption<Store>,
    own: own::Own,
    addresses: Mutex<rates::Addresses>,
    /// The store's folder; `None` for one in memory.
    folder: Option<PathBuf>,
    /// It was let go of, and is not opened again.
    closed: AtomicBool,
    /// It is being let go of: nobody tends it any more.
    closing: Notify,
    /// What the configuration says of the store.
    kept_as: Mutex<Option<Keep>>,
    /// Counters of what came in: they go on over every change of the configuration.
    metrics: Arc<Metrics>,
    /// By which own spans come in, once there is one.
    intake: ArcSwapOption<Intake>,
    /// What is to be sent on.
    sending: sending::Sending,
    clock: Clock,
    /// Why there is no store, in words; empty while there is one.
    why: Mutex<String>,
}

/// Why a store is not open.
#[derive(Debug, thiserror::Error)]
enum NotOpen {
    #[error(transparent)]
    Folder(#[from] FolderError),
    #[error(transparent)]
    Store(#[from] OpenError),
    #[error("opening it failed: {0}")]
    Panicked(String),
}

impl Keeping {
    /// Opens the store of this place in the background and tends it until the scope stops.
    pub(crate) fn start(
        place: Place,
        keep: Option<Keep>,
        clock: &Clock,
        scope: &Scope,
    ) -> Arc<Self> {
        let keeping = Arc::new(Self {
            store: ArcSwapOption::empty(),
            own: own::Own::default(),
            addresses: Mutex::default(),
            folder: place.folder.clone(),
            closed: AtomicBool::new(false),
            closing: Notify::new(),
            kept_as: Mutex::new(keep),
            metrics: Arc::default(),
            intake: ArcSwapOption::empty(),
            sending: sending::Sending::new(&place),
            clock: clock.clone(),
            why: Mutex::new("it is being opened".to_owned()),
        });
        let (tended, stopping) = (Arc::clone(&keeping), scope.clone());
        scope.spawn("store", Policy::Best, async move {
            tokio::select! {
                () = stopping.stopping() => {}
                () = tended.open_and_tend(&place) => {}
            }
            tended.close().await;
            Ok::<_, std::convert::Infallible>(())
        });
        let (flushed, stopping) = (Arc::clone(&keeping), scope.clone());
        scope.spawn("own spans", Policy::Best, async move {
            own::flush_until(&flushed, stopping.stopping()).await;
            Ok::<_, std::convert::Infallible>(())
        });
        let (collected, stopping) = (Arc::clone(&keeping), scope.clone());
        scope.spawn("left spans", Policy::Best, async move {
            inbox::collect_until(&collected, stopping.stopping()).await;
            Ok::<_, std::convert::Infallible>(())
        });
        keeping
    }

    /// The store, once it is open.
    pub(crate) fn store(&self) -> Option<Arc<Store>> {
        self.store.load_full()
    }

    /// Why there is none.
    pub(crate) fn why_not(&self) -> String {
        self.why.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Lets go of the store: what waits is written. Nothing is taken from then on.
    pub(crate) async fn close(&self) {
        own::flush(self).await;
        self.closed.store(true, Ordering::SeqCst);
        self.tell("it was handed over");
        self.closing.notify_one();
        self.let_go().await;
    }

    /// Follows a change of the configuration, as far as that is possible while the store is open: says
    /// what counts only from the next start on.
    pub(crate) fn follow(&self, telemetry: &Telemetry) -> Option<&'static str> {
        let mut wanted = self.kept_as.lock().unwrap_or_else(PoisonError::into_inner);
        let former = std::mem::replace(&mut *wanted, telemetry.keep.clone());
        drop(wanted);
        if let (Some(store), Some(keep)) = (self.store(), &telemetry.keep) {
            store.replace_retention(place::retention(keep));
        }
        let without = |keep: &Option<Keep>| {
            keep.clone().map(|keep| (keep.path, keep.durability, keep.memory, keep.sampling))
        };
        (without(&former) != without(&telemetry.keep)).then_some(
            "`telemetry.store` counts from the next start or upgrade on, but for `retention`",
        )
    }

    fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    async fn let_go(&self) {
        if let Some(store) = self.store.swap(None) {
            // It writes what waits.
            if let Err(error) = tokio::task::spawn_blocking(move || store.close()).await {
                tracing::error!(%error, "closing the store failed");
            }
        }
    }

    async fn open_and_tend(&self, place: &Place) {
        let store = self.open(place).await;
        self.teach(store.rollups());
        self.sending.begin(&store);
        let keep = self.kept_as.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(keep) = keep {
            // A reload may have come while it was being opened.
            store.replace_retention(place::retention(&keep));
        }
        self.store.store(Some(Arc::clone(&store)));
        self.tell("");
        if self.is_closed() {
            // It was let go of while it was being opened.
            return self.let_go().await;
        }
        loop {
            tokio::select! {
                () = self.closing.notified() => return,
                () = store.due() => {}
            }
            let due = Arc::clone(&store);
            match behind::run("store", move || due.maintain()).await {
                Ok(Ok(())) => {}
                // The store waits before it says again that something is due.
                Ok(Err(error)) => {
                    tracing::error!(error = %chain(&error), "tending the store failed")
                }
                Err(error) => {
                    tracing::error!(error = %chain(&error), "tending the store failed");
                    tokio::time::sleep(RETRY_EVERY).await;
                }
            }
        }
    }

    /// Tries until it is open.
    async fn open(&self, place: &Place) -> Arc<Store> {
        let mut told = false;
        loop {
            if self.is_closed() {
                std::future::pending::<()>().await;
            }
            let (wanted, clock) = (place.clone(), self.clock.clone());
            let opened = tokio::task::spawn_blocking(move || open(&wanted, clock)).await;
            let error = match opened {
                Ok(Ok(store)) => return store,
                Ok(Err(error)) => error,
                Err(error) => NotOpen::Panicked(error.to_string()),
            };
            let in_use = matches!(error, NotOpen::Folder(FolderError::InUse { .. }));
            let error = chain(&error);
            if in_use {
                tracing::debug!(error, "the store is not open yet");
            } else if !std::mem::replace(&mut told, true) {
                tracing::error!(error, "spans are not kept: the store cannot be opened");
            }
            self.tell(&error);
            tokio::time::sleep(if in_use { IN_USE_EVERY } else { RETRY_EVERY }).await;
        }
    }

    fn tell(&self, why: &str) {
        why.clone_into(&mut self.why.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Opens it; reads what the log has.
fn open(place: &Place, clock: Clock) -> Result<Arc<Store>, NotOpen> {
    let disk: Arc<dyn Disk> = match &place.folder {
        Some(folder) => Arc::new(Folder::open(folder)?),
        None => Arc::new(Memory::new(place::MEMORY_BYTES_MAX)),
    };
    Ok(Store::open(place.config.clone(), disk, clock)?)
}

impl Keeping {
    /// Lets own spans come in by the same door as all others: rules are for them too.
    pub(crate) fn take_by(&self, intake: &Arc<Intake>) {
        self.intake.store(Some(Arc::clone(intake)));
    }

    /// Counters of what comes in.
    pub(crate) const fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    /// The store's folder, if it has one.
    pub(crate) fn folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }

    /// Takes a batch of own spans in.
    async fn take_in(&self, batch: Bytes) -> Result<(), Refused> {
        match self.intake.load_full() {
            Some(intake) => intake.take(Protocol::Own, batch, 0).await.map(drop),
            None => Err(Refused::Unavailable { retry_after: COME_AGAIN }),
        }
    }

    /// Keeps a batch.
    pub(crate) async fn keep(&self, batch: Bytes) -> Result<Accepted, Refused> {
        let store = self.store().ok_or(Refused::Unavailable { retry_after: COME_AGAIN })?;
        let kept = store.append(batch.clone()).await;
        let accepted = kept.map_err(|refused| in_words_of_ingest(&refused))?;
        self.sending.push(batch);
        Ok(Accepted { spans: accepted.spans })
    }
}

fn in_words_of_ingest(refused: &trunkline_store::Refused) -> Refused {
    use trunkline_store::Refused as Store;
    let retry_after = refused.retry_after().unwrap_or(COME_AGAIN);
    match refused {
        Store::Malformed(malformed) => Refused::Invalid(*malformed),
        Store::TooLarge { .. } => Refused::TooLarge,
        Store::Full { .. } => Refused::Full { retry_after },
        Store::Busy { .. } | Store::Behind { .. } => Refused::Busy { retry_after },
        Store::Failing { .. } | Store::Closed => Refused::Unavailable { retry_after },
    }
}
