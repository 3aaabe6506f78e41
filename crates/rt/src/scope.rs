//! Supervised tasks: nothing runs that nobody waits for.
//!
//! A [`Scope`] owns the tasks spawned in it and the scopes below it. Its tasks have names that
//! `status` can list; a panic is caught, reported and treated as a failure of that task alone. What
//! a failure means is the task's [`Policy`]: an essential one stops the whole tree, from the root,
//! with that error. Stopping is asked for by [`Scope::stopping`], which tasks watch, and ends with
//! [`Scope::join`], which waits for tasks and child scopes.
//!
//! It is not a runtime: tasks run where `spawn` is called, on any tokio runtime, `LocalRuntime`
//! included.

mod outcome;
mod restart;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use futures_util::FutureExt;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use outcome::caught;
pub(crate) use outcome::message;
pub use outcome::{Failure, Outcome};
pub use restart::Restart;

/// The name of a task.
pub type Name = Cow<'static, str>;

/// What the failure of a task means for its scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Nothing works without it: the whole tree of scopes stops with its error.
    Essential,
    /// The failure is reported, and that is all.
    Best,
}

/// A running task, as `status` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// Scopes from the root to the task, then its name, joined by `/`.
    pub path: String,
    /// How often it was started again.
    pub restarts: u32,
}

/// A group of tasks with one end; cloning gives a further handle to the same group.
#[derive(Clone, Debug)]
pub struct Scope {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    path: String,
    stop: CancellationToken,
    /// The first failure of an essential task in the whole tree, and the token that stops the root.
    root: Arc<Root>,
    running: Mutex<Running>,
    /// A set wakes only who polled it last: those who join take turns.
    joining: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct Root {
    stop: CancellationToken,
    failure: OnceLock<Failure>,
}

#[derive(Debug, Default)]
struct Running {
    set: JoinSet<()>,
    names: BTreeMap<u64, (Name, u32)>,
    next: u64,
    children: Vec<Scope>,
}

impl Scope {
    /// A scope without parent.
    pub fn new(name: impl Into<String>) -> Self {
        let stop = CancellationToken::new();
        let root = Arc::new(Root { stop: stop.clone(), failure: OnceLock::new() });
        Self::with(name.into(), stop, root)
    }

    fn with(path: String, stop: CancellationToken, root: Arc<Root>) -> Self {
        Self {
            inner: Arc::new(Inner {
                path,
                stop,
                root,
                running: Mutex::default(),
                joining: tokio::sync::Mutex::default(),
            }),
        }
    }

    /// A scope below this one: it stops with this one, and this one waits for it.
    #[must_use = "an unused child scope does nothing"]
    pub fn child(&self, name: &str) -> Self {
        let path = format!("{}/{name}", self.inner.path);
        let child = Self::with(path, self.inner.stop.child_token(), Arc::clone(&self.inner.root));
        let mut running = self.running();
        running.children.retain(|child| Arc::strong_count(&child.inner) > 1 || !child.is_idle());
        running.children.push(child.clone());
        child
    }

    /// Starts a task on the current runtime. It returns `()` or a `Result`.
    pub fn spawn<F>(&self, name: impl Into<Name>, policy: Policy, task: F)
    where
        F: Future<Output: Outcome> + Send + 'static,
    {
        let supervised = self.supervise(name.into(), policy, task);
        self.running().set.spawn(supervised);
    }

    /// Like [`Scope::spawn`], for a task that cannot leave the thread of the current
    /// `LocalRuntime`.
    pub fn spawn_local<F>(&self, name: impl Into<Name>, policy: Policy, task: F)
    where
        F: Future<Output: Outcome> + 'static,
    {
        let supervised = self.supervise(name.into(), policy, task);
        self.running().set.spawn_local(supervised);
    }

    /// Like [`Scope::spawn_local`], for tasks of which there may be very many: they are waited for
    /// and dropped with the others, and not listed one by one.
    pub fn spawn_local_unlisted<F>(&self, name: &'static str, task: F)
    where
        F: Future<Output: Outcome> + 'static,
    {
        let supervised = self.supervise_unlisted(name, task);
        let mut running = self.running();
        while running.set.try_join_next().is_some() {}
        running.set.spawn_local(supervised);
    }

    /// Like [`Scope::spawn_local_unlisted`], for tasks that may run on any thread.
    pub fn spawn_unlisted<F>(&self, name: &'static str, task: F)
    where
        F: Future<Output: Outcome> + Send + 'static,
    {
        let supervised = self.supervise_unlisted(name, task);
        let mut running = self.running();
        while running.set.try_join_next().is_some() {}
        running.set.spawn(supervised);
    }

    fn supervise_unlisted<F: Future<Output: Outcome>>(
        &self,
        name: &'static str,
        task: F,
    ) -> impl Future<Output = ()> + use<F> {
        let scope = self.clone();
        caught(task).map(move |result| {
            if let Err(reason) = result {
                tracing::warn!(task = scope.task_path(name), error = reason, "task failed");
            }
        })
    }

    /// Starts a task that is made anew after each failure, until it ends well, or fails for good.
    pub fn spawn_restarting<F>(
        &self,
        name: impl Into<Name>,
        restart: Restart,
        make: impl FnMut() -> F + Send + 'static,
    ) where
        F: Future<Output: Outcome> + Send + 'static,
    {
        let name = name.into();
        let id = self.register(name.clone());
        let scope = self.clone();
        let again = {
            let (scope, name) = (self.clone(), name.clone());
            move |restarts, failure: &Failure| {
                tracing::warn!(task = %name, restarts, error = %failure, "task failed and is started again");
                scope.count_restart(id);
            }
        };
        let supervised = async move {
            let stop = scope.inner.stop.clone();
            let task = scope.task_path(&name);
            let result = restart::run(&task, restart, make, again, stop).await;
            scope.finish(id, restart.then, result);
        };
        self.running().set.spawn(supervised);
    }

    fn supervise<F: Future<Output: Outcome>>(
        &self,
        name: Name,
        policy: Policy,
        task: F,
    ) -> impl Future<Output = ()> + use<F> {
        let id = self.register(name.clone());
        let scope = self.clone();
        // Combinators and no async block, which would hold the task twice: there may be very many.
        caught(task).map(move |result| {
            let failed = |reason| Failure { task: scope.task_path(&name), reason };
            scope.finish(id, policy, result.map_err(failed));
        })
    }

    fn task_path(&self, name: &str) -> String {
        format!("{}/{name}", self.inner.path)
    }

    fn register(&self, name: impl Into<Name>) -> u64 {
        let mut running = self.running();
        // Ended tasks leave their (empty) result in the set until somebody takes it.
        while running.set.try_join_next().is_some() {}
        let id = running.next;
        running.next += 1;
        running.names.insert(id, (name.into(), 0));
        id
    }

    fn count_restart(&self, id: u64) {
        if let Some((_, restarts)) = self.running().names.get_mut(&id) {
            *restarts += 1;
        }
    }

    fn finish(&self, id: u64, policy: Policy, result: Result<(), Failure>) {
        self.running().names.remove(&id);
        let Err(failure) = result else { return };
        match policy {
            Policy::Best => {
                tracing::warn!(task = %failure.task, error = %failure.reason, "task failed");
            }
            Policy::Essential => {
                tracing::error!(task = %failure.task, error = %failure.reason, "essential task failed");
                let _ = self.inner.root.failure.set(failure);
                self.inner.root.stop.cancel();
            }
        }
    }

    /// Waits until this scope was told to stop. Tasks select on it.
    pub async fn stopping(&self) {
        self.inner.stop.cancelled().await;
    }

    /// Whether this scope was told to stop.
    pub fn is_stopping(&self) -> bool {
        self.inner.stop.is_cancelled()
    }

    /// Tells this scope and all below it to stop; does not wait.
    pub fn stop(&self) {
        self.inner.stop.cancel();
    }

    /// Waits for every task and child scope, those started meanwhile included. Returns the failure
    /// that stopped the tree, if one did. Must not be called by a task of this scope. Cancel safe:
    /// what was not waited for stays in the scope, and `tasks` still names it.
    pub async fn join(&self) -> Result<(), Failure> {
        let _turn = self.inner.joining.lock().await;
        loop {
            // The set stays in its place, so that giving up here loses no task.
            while poll_fn(|context| self.running().set.poll_join_next(context)).await.is_some() {}
            let Some(child) = self.running().children.first().cloned() else {
                break;
            };
            // The failure, if any, is the root's and is returned below.
            let _ = Box::pin(child.join()).await;
            let ended = |other: &Self| Arc::ptr_eq(&other.inner, &child.inner);
            self.running().children.retain(|other| !ended(other));
        }
        self.inner.root.failure.get().cloned().map_or(Ok(()), Err)
    }

    /// Drops every task at its next await, here and below; [`Scope::join`] then returns soon.
    pub fn abort(&self) {
        self.stop();
        let mut running = self.running();
        running.set.abort_all();
        running.names.clear();
        running.children.iter().for_each(Self::abort);
    }

    /// The tasks that run now, here and below, in the order they were started.
    pub fn tasks(&self) -> Vec<Task> {
        let running = self.running();
        let own = running
            .names
            .values()
            .map(|(name, restarts)| Task { path: self.task_path(name), restarts: *restarts });
        own.chain(running.children.iter().flat_map(Self::tasks)).collect()
    }

    fn is_idle(&self) -> bool {
        let running = self.running();
        running.names.is_empty() && running.children.iter().all(Self::is_idle)
    }

    fn running(&self) -> MutexGuard<'_, Running> {
        self.inner.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;

    #[tokio::test]
    async fn two_may_wait_for_the_same_end() {
        let scope = Scope::new("root");
        let worker = scope.child("worker");
        let ends = worker.clone();
        worker.spawn("task", Policy::Best, async move { ends.stopping().await });
        let [one, other] =
            [worker, scope.clone()].map(|scope| tokio::spawn(async move { scope.join().await }));
        tokio::task::yield_now().await;
        scope.stop();
        let both = async { (one.await.unwrap(), other.await.unwrap()) };
        let ended = tokio::time::timeout(Duration::from_secs(5), both).await;
        assert_eq!(ended, Ok((Ok(()), Ok(()))));
    }

    #[tokio::test]
    async fn a_parent_waits_for_tasks_of_its_children() {
        let scope = Scope::new("root");
        let done = Arc::new(AtomicU32::new(0));
        for scope in [scope.clone(), scope.child("a"), scope.child("b").child("c")] {
            let done = Arc::clone(&done);
            scope.clone().spawn("task", Policy::Best, async move {
                scope.stopping().await;
                tokio::task::yield_now().await;
                done.fetch_add(1, Ordering::Relaxed);
            });
        }
        let paths: Vec<_> = scope.tasks().into_iter().map(|task| task.path).collect();
        assert_eq!(paths, ["root/task", "root/a/task", "root/b/c/task"]);
        scope.stop();
        assert_eq!(scope.join().await, Ok(()));
        assert_eq!(done.load(Ordering::Relaxed), 3);
        assert_eq!(scope.tasks(), []);
    }

    #[tokio::test]
    async fn who_gives_up_waiting_can_still_name_and_abort_what_is_left() {
        let scope = Scope::new("root");
        scope.child("deaf").spawn("task", Policy::Best, std::future::pending::<()>());
        scope.spawn("deaf", Policy::Best, std::future::pending::<()>());
        let patience = Duration::from_millis(10);
        assert!(tokio::time::timeout(patience, scope.join()).await.is_err());
        let paths: Vec<_> = scope.tasks().into_iter().map(|task| task.path).collect();
        assert_eq!(paths, ["root/deaf", "root/deaf/task"]);
        scope.abort();
        assert_eq!(scope.join().await, Ok(()));
    }

    #[tokio::test]
    async fn a_panic_ends_only_its_task() {
        let scope = Scope::new("root");
        scope.spawn("bad", Policy::Best, async { assert_eq!(1, 2, "broken") });
        assert_eq!(scope.join().await, Ok(()));
        assert!(!scope.is_stopping());
    }

    #[tokio::test]
    async fn an_essential_failure_stops_the_tree_from_the_root() {
        let scope = Scope::new("root");
        let bystander = scope.clone();
        scope.spawn("bystander", Policy::Best, async move {
            bystander.stopping().await;
        });
        let child = scope.child("listeners");
        child.spawn(":443", Policy::Essential, async { Err::<(), _>("address in use") });
        let failure = scope.join().await.unwrap_err();
        assert_eq!(failure.to_string(), "root/listeners/:443: address in use");
    }

    #[tokio::test]
    async fn an_essential_task_may_end_well() {
        let scope = Scope::new("root");
        scope.spawn("once", Policy::Essential, async { Ok::<(), String>(()) });
        assert_eq!(scope.join().await, Ok(()));
        assert!(!scope.is_stopping());
    }

    #[tokio::test]
    async fn a_restarting_task_fails_for_good_when_its_tries_are_spent() {
        let scope = Scope::new("root");
        let tries = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&tries);
        let backoff = trunkline_resilience::backoff::Config::new(
            Duration::from_millis(1),
            Duration::from_millis(4),
        );
        let restart = Restart { backoff, failures_max: 3, then: Policy::Essential };
        scope.spawn_restarting("poller", restart, move || {
            let counted = Arc::clone(&counted);
            async move {
                counted.fetch_add(1, Ordering::Relaxed);
                Err::<(), _>("no luck")
            }
        });
        assert_eq!(scope.join().await.unwrap_err().to_string(), "root/poller: no luck");
        assert_eq!(tries.load(Ordering::Relaxed), 3);
    }

    #[test]
    fn tasks_that_cannot_leave_their_thread_run_on_a_local_runtime() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build_local(tokio::runtime::LocalOptions::default());
        let scope = Scope::new("worker");
        let shared = std::rc::Rc::new(std::cell::Cell::new(0));
        runtime.unwrap().block_on(async {
            let counted = std::rc::Rc::clone(&shared);
            scope.spawn_local("connection", Policy::Best, async move { counted.set(1) });
            scope.join().await.unwrap();
        });
        assert_eq!(shared.get(), 1);
    }

    #[tokio::test]
    async fn abort_ends_what_does_not_listen() {
        let scope = Scope::new("root");
        scope.child("deaf").spawn("task", Policy::Essential, std::future::pending::<()>());
        scope.abort();
        assert_eq!(scope.join().await, Ok(()));
    }
}
