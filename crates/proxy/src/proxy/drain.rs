//! Ending: a graceful drain of everything, and pausing for an upgrade.

use std::os::fd::OwnedFd;

use tokio::sync::oneshot;
use trunkline_rt::drain::{Deadlines, Drained};

use super::{CommitError, Proxy};
use crate::worker::{self, Command};

impl Proxy {
    /// Drains every listener by its own times, or by `deadlines` where they are given, and ends
    /// the workers. Returns how many connections had to be cut.
    pub async fn drain(&self, deadlines: Option<Deadlines>) -> usize {
        let leaving: Vec<_> = {
            let mut running = self.running();
            running.draining = true;
            let listening = running.listening.iter_mut();
            listening.map(|(address, one)| one.leaves(*address)).collect()
        };
        let ends = leaving.into_iter().map(|mut leaving| {
            leaving.deadlines = deadlines.unwrap_or(leaving.deadlines);
            self.end(leaving)
        });
        let ends = futures_util::future::join_all(ends).await;
        self.stop().await;
        ends.iter().map(|end| if let Drained::Forced(left) = end { *left } else { 0 }).sum()
    }

    /// Cuts everything off at once, whatever a running drain waits for.
    pub fn force(&self) {
        self.running().listening.values().for_each(|listening| listening.drain.force());
    }

    async fn stop(&self) {
        for worker in &self.inner.workers {
            // A worker that is gone has stopped.
            let _ = worker.commands.send(Command::Stop).await;
        }
        let threads = self.inner.workers.iter().filter_map(worker::Handle::take_thread);
        for thread in threads {
            // Its last records are in the ring once it has ended.
            let _ = tokio::task::spawn_blocking(move || thread.join()).await;
        }
        self.inner.scope.stop();
    }

    /// Stops accepting on every socket; connections wait in the sockets' queues, for this process
    /// or for the one that holds the sockets next. What is open goes on.
    pub async fn pause_accepting(&self) -> Result<(), CommitError> {
        self.set_accepting(false).await
    }

    /// Accepts again.
    pub async fn resume_accepting(&self) -> Result<(), CommitError> {
        self.set_accepting(true).await
    }

    async fn set_accepting(&self, yes: bool) -> Result<(), CommitError> {
        for index in 0..self.inner.workers.len() {
            let (done, answer) = oneshot::channel();
            self.tell(index, Command::Accept(yes, done)).await?;
            answer.await.map_err(|_| CommitError::WorkerGone(index))?;
        }
        Ok(())
    }

    /// Further handles of every listening socket, for the next process.
    pub fn listening_fds(&self) -> std::io::Result<Vec<OwnedFd>> {
        let running = self.running();
        let descriptors = running.sockets().flat_map(trunkline_net::socket::Bound::descriptors);
        descriptors.map(|descriptor| descriptor.try_clone_to_owned()).collect()
    }
}
