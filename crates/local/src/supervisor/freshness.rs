//! Whether a service that runs is made of its sources as they are now.
//!
//! A task looks at the sources whenever something happened in their folders and has settled. A
//! life asks here what to do: nothing, while what runs (or was built) has the sources' fingerprint.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::watch;
use trunkline_model::ServiceName;
use trunkline_rt::{Policy, Scope};

use super::Deps;
use crate::event::What;
use crate::plan::Planned;
use crate::settle::{Settled, settled};
use crate::sources::{Look, Sources, Subscription, Unwatched, Watcher};

/// Sources must be left alone for so long before something is made of them.
const PAUSE: Duration = Duration::from_millis(300);
/// Sources that never are left alone are looked at after this long anyway.
const PAUSE_MAX: Duration = Duration::from_secs(2);
/// How often folders that cannot be watched are looked at.
const POLL: Duration = Duration::from_secs(2);
/// How long a start waits for the first look.
const LOOK_MAX: Duration = Duration::from_millis(500);
/// So many starts in a row that each wrote sources are a circle.
const OWN_WRITES_MAX: u32 = 3;
/// A service writes no more files than this when it starts; more are a checkout of other sources.
const OWN_FILES_MAX: usize = 16;
/// A file's time is that of the kernel's last tick, which may be so long ago (`HZ=100`): what is
/// written right after a service was found ready can look older than that.
const TICK: Duration = Duration::from_millis(10);
/// Changed files that are told.
const TOLD_MAX: usize = 3;

/// What a life knows of its sources.
pub(super) struct Freshness {
    now: watch::Receiver<Sight>,
    /// The sources that the running process, or the one started next, is made of.
    made_of: Option<u64>,
    /// The sources that were acted on last: only others are worth to act on.
    seen: Option<u64>,
    /// What was built to be started.
    built: Built,
    watching: Watching,
    /// How often in a row all that changed was written while the service started.
    own_writes: u32,
}

/// Whether there is something built to start.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Built {
    Nothing,
    /// It was built of these sources; `None` where they are not watched.
    Of(Option<u64>),
}

/// The sources as they were seen last.
#[derive(Clone, Debug, Default)]
struct Sight {
    /// `None` before the first look, and where sources are not watched.
    fingerprint: Option<u64>,
    changed: Vec<PathBuf>,
}

/// Ends the task that looks when it is dropped.
struct Watching(Option<Scope>);

impl Drop for Watching {
    fn drop(&mut self) {
        if let Some(scope) = &self.0 {
            scope.stop();
        }
    }
}

impl Freshness {
    /// Watches the sources of a service, if they are to be watched, in a scope below `scope`.
    /// `others` are the folders of other services.
    pub(super) fn watch(
        scope: &Scope,
        deps: &Deps,
        watcher: &Watcher,
        (planned, others): (&Planned, &[PathBuf]),
    ) -> Self {
        let (sight, now) = watch::channel(Sight::default());
        let sources = Sources::of(&planned.process, others);
        let watching = sources.map(|sources| {
            let (teller, events) = settled(PAUSE, PAUSE_MAX);
            let scope = scope.child("sources");
            let task = Looking {
                service: planned.name.clone(),
                deps: deps.clone(),
                sources: Arc::new(Mutex::new((sources, watcher.subscribe(teller)))),
                events,
                sight,
            };
            let stops = scope.clone();
            scope.spawn("look", Policy::Best, async move {
                tokio::select! {
                    () = stops.stopping() => {}
                    () = task.run() => {}
                }
            });
            scope
        });
        Self {
            now,
            made_of: None,
            seen: None,
            built: Built::Nothing,
            watching: Watching(watching),
            own_writes: 0,
        }
    }

    /// Waits for the first look, so that what is made of the sources is known to be of these; not
    /// for long, because a start is waited for.
    pub(super) async fn look(&mut self) {
        if self.watching.0.is_some() {
            let _ = tokio::time::timeout(LOOK_MAX, self.differs_from(None)).await;
        }
    }

    /// Whether what is built was built of the sources as they are now.
    pub(super) fn is_built(&self) -> bool {
        matches!(self.built, Built::Of(of) if of.is_none() || of == self.fingerprint())
    }

    /// A build of the sources as they were at `fingerprint` succeeded.
    pub(super) fn set_built(&mut self, fingerprint: Option<u64>) {
        self.built = Built::Of(fingerprint);
    }

    /// What was built is not what is to be started.
    pub(super) fn forget_built(&mut self) {
        self.built = Built::Nothing;
    }

    /// Sources are not watched, so what is built may be of former ones.
    pub(super) fn doubt(&mut self) {
        if self.fingerprint().is_none() {
            self.forget_built();
        }
    }

    /// A process is started: of what was built, or of the sources themselves.
    pub(super) fn set_started(&mut self) {
        self.made_of = match self.built {
            Built::Of(sources) => sources,
            Built::Nothing => self.fingerprint(),
        };
        self.seen = self.made_of;
    }

    /// The sources as they were at `fingerprint` were acted on.
    pub(super) fn set_seen(&mut self, fingerprint: Option<u64>) {
        self.seen = fingerprint;
    }

    /// What runs was found to be made of the sources as they are. Not of those seen now: they may
    /// have changed since, which then is still to be acted on.
    pub(super) fn set_renewed(&mut self) {
        self.seen = self.made_of;
    }

    /// The sources as they are now.
    pub(super) fn fingerprint(&self) -> Option<u64> {
        self.now.borrow().fingerprint
    }

    /// Waits until the sources are others than `from`; returns at once if they are. Cancel safe.
    pub(super) async fn differs_from(&mut self, from: Option<u64>) {
        let other = |sight: &Sight| sight.fingerprint.is_some() && sight.fingerprint != from;
        if self.now.wait_for(other).await.is_err() {
            // Nobody looks.
            std::future::pending::<()>().await;
        }
    }

    /// Whether what changed last is what the service itself writes when it is built and starts, between
    /// `from` and `to`: starting it anew for that would never end. Once may be chance, a few times is not.
    pub(super) fn is_own_writing(&mut self, from: SystemTime, to: SystemTime) -> bool {
        let written = |path: &PathBuf| {
            let modified = std::fs::metadata(path).and_then(|file| file.modified());
            modified.is_ok_and(|at| from <= at && at + TICK <= to)
        };
        let changed = self.now.borrow().changed.clone();
        let own = changed.len() <= OWN_FILES_MAX && changed.iter().all(written);
        if own {
            self.own_writes += 1;
        } else if self.own_writes < OWN_WRITES_MAX {
            self.own_writes = 0;
        }
        own && self.own_writes >= OWN_WRITES_MAX
    }

    /// What changed to the sources as they were at `fingerprint` does not matter to what runs.
    pub(super) fn disregard(&mut self, fingerprint: Option<u64>) {
        self.made_of = fingerprint;
        self.seen = self.made_of;
        if self.built != Built::Nothing {
            self.built = Built::Of(self.made_of);
        }
    }

    /// Waits until the sources are others than were acted on last. Cancel safe.
    pub(super) async fn stale(&mut self) {
        if self.seen.is_none() {
            // Started before the first look, which shows what it was made of.
            self.differs_from(None).await;
            self.seen = self.fingerprint();
            self.made_of = self.made_of.or(self.seen);
            if self.built == Built::Of(None) {
                self.built = Built::Of(self.seen);
            }
        }
        self.differs_from(self.seen).await;
    }

    /// Whether what runs is made of the sources as they are now.
    pub(super) fn is_fresh(&self) -> bool {
        self.made_of.is_none() || self.made_of == self.fingerprint()
    }

    /// The files that changed last, relative to `directory`, and how many more there are.
    pub(super) fn changed(&self, directory: &Path) -> (Vec<String>, usize) {
        let sight = self.now.borrow();
        let directory = std::path::absolute(directory).unwrap_or_default();
        let shown =
            |path: &PathBuf| path.strip_prefix(&directory).unwrap_or(path).display().to_string();
        let told: Vec<_> = sight.changed.iter().take(TOLD_MAX).map(shown).collect();
        let more = sight.changed.len().saturating_sub(told.len());
        (told, more)
    }
}

/// Why changes are noticed late or not at all.
enum Problem {
    Unwatched(Unwatched),
    TooMany,
}

impl Problem {
    /// What happened and what may help, for people.
    fn words(&self) -> (String, Option<String>) {
        match self {
            Self::TooMany => (
                "it has more files than are watched".to_owned(),
                Some(
                    "name what its sources are in `watch`, or leave the rest out by `.gitignore`"
                        .to_owned(),
                ),
            ),
            Self::Unwatched(error) => {
                let every = POLL.as_secs();
                let reason = format!("{error}; its sources are looked at every {every} s instead");
                let hint = matches!(error, Unwatched::Limit).then(|| {
                    "raise the limits: `sudo sysctl fs.inotify.max_user_watches=524288 \
                     fs.inotify.max_user_instances=512`"
                        .to_owned()
                });
                (reason, hint)
            }
        }
    }
}

/// The task that looks.
struct Looking {
    service: ServiceName,
    deps: Deps,
    sources: Arc<Mutex<(Sources, Subscription)>>,
    events: Settled,
    sight: watch::Sender<Sight>,
}

impl Looking {
    async fn run(mut self) {
        let mut warned = BTreeSet::new();
        loop {
            let Some((look, problem)) = self.look().await else { return };
            let polls = problem.is_some();
            let too_many = look.too_many.then_some(Problem::TooMany);
            for problem in problem.map(Problem::Unwatched).into_iter().chain(too_many) {
                let (reason, hint) = problem.words();
                if warned.insert(reason.clone()) {
                    self.deps.emit(&self.service, What::NotWatched { reason, hint });
                }
            }
            self.tell(look);
            tokio::select! {
                () = self.events.next() => {}
                () = tokio::time::sleep(POLL), if polls => {}
            }
        }
    }

    /// Looks, and watches the folders that were found: twice where those are new, because what
    /// happened in them before they were watched was not reported.
    async fn look(&self) -> Option<(Look, Option<Unwatched>)> {
        let sources = Arc::clone(&self.sources);
        let looked = tokio::task::spawn_blocking(move || {
            let mut both = sources.lock().unwrap_or_else(PoisonError::into_inner);
            let (sources, subscription) = &mut *both;
            let mut look = sources.look();
            let (fresh, followed) = subscription.follow(&look.folders);
            if fresh {
                let again = sources.look();
                look.changed.extend(again.changed.iter().cloned());
                look = Look { changed: look.changed, ..again };
            }
            (look, followed.err())
        });
        looked.await.ok()
    }

    fn tell(&self, look: Look) {
        let Look { fingerprint, changed, .. } = look;
        self.sight.send_if_modified(|sight| {
            let other = sight.fingerprint != Some(fingerprint);
            if other {
                *sight = Sight { fingerprint: Some(fingerprint), changed };
            }
            other
        });
    }
}
