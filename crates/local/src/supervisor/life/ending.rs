//! The end of a process: drained and asked, or found dead; and then nothing of it is left.

use std::process::ExitStatus;
use std::time::Duration;

use rustix::process::Signal;
use tokio::time::timeout;
use trunkline_model::endpoint::EndpointState;

use super::{Command, Failure, Fault, Life, words};
use crate::child::Child;
use crate::event::What;
use crate::reap;
use crate::supervisor::board::State;
use crate::supervisor::drain;

/// How a shell exits that may not run a program, or finds none of that name (POSIX.1-2024, Shell
/// Command Language, §2.8.2).
const NO_PROGRAM: [i32; 2] = [126, 127];

impl Life {
    /// Ends the process as asked: drain, SIGTERM, wait, SIGKILL.
    pub(super) async fn finish(&self, child: Child, command: &Command) {
        // For a restart new requests are held from now on; for a stop they are refused.
        let stops = matches!(command, Command::Stop);
        self.publish(if stops { EndpointState::Draining } else { EndpointState::Starting });
        self.set(State::Draining);
        if let Some(ops) = &self.around.deps.ops {
            let name = &self.planned.name;
            let in_flight = ops.in_flight(name.clone()).await;
            if in_flight > 0 {
                self.around.deps.emit(name, What::Draining { in_flight });
                let care = &self.around.deps.care;
                // What is held must still be when the service is back.
                let limit = if stops { care.drain_max } else { care.swap_drain_max };
                tokio::select! {
                    _ = drain::in_flight_zero(ops.as_ref(), name, limit) => {}
                    () = self.hurried() => {}
                }
            }
        }
        self.around.deps.emit(&self.planned.name, What::Stopping);
        self.ask_to_end(&child).await;
        self.clear(child).await;
    }

    /// After a fault: ends what still runs. Says how the try failed.
    pub(super) async fn settle(&self, child: Child, fault: Fault) -> Failure {
        match fault {
            Fault::NotReady(reason) => {
                self.ask_to_end(&child).await;
                self.clear(child).await;
                Failure::of(reason)
            }
            Fault::Exited { ready_since } => {
                let lasted = ready_since.map(|since| self.around.deps.clock.now() - since);
                let settled =
                    lasted.is_some_and(|lasted| lasted >= self.around.deps.care.settled_after);
                let status = self.clear(child).await;
                let is_no_program = |code| NO_PROGRAM.contains(&code);
                let pointless = lasted.is_none()
                    && status.and_then(|status| status.code()).is_some_and(is_no_program);
                let reason = status.map_or_else(|| "exited".to_owned(), words::exited);
                Failure { settled, pointless, ..Failure::of(reason) }
            }
        }
    }

    async fn ask_to_end(&self, child: &Child) {
        child.signal_group(Signal::TERM);
        // Who does not listen is killed by `clear`.
        tokio::select! {
            _ = timeout(self.planned.process.stop_timeout, child.exited()) => {}
            () = self.hurried() => {}
        }
    }

    /// Returns when ending must not wait any more.
    async fn hurried(&self) {
        let mut hurry = self.around.hurry.clone();
        if hurry.wait_for(|hurried| *hurried).await.is_err() {
            std::future::pending().await
        }
    }

    /// Kills what is left of the process group, reaps the process and ends its other descendants.
    async fn clear(&self, child: Child) -> Option<ExitStatus> {
        // SIGKILL makes this short; it still is no work for a runtime's thread.
        let status = tokio::task::spawn_blocking(move || child.reap()).await;
        self.around.board.change(&self.planned.name, |status| status.pid = None);
        let hurried = *self.around.hurry.borrow();
        let grace = if hurried { Duration::ZERO } else { self.around.deps.care.leftovers_grace };
        let run = self.around.deps.run;
        let name = self.planned.name.to_string();
        let left = tokio::task::spawn_blocking(move || reap::service(run, &name, grace)).await;
        let count = left.map_or(0, |left| left.len());
        if count > 0 {
            self.around.deps.emit(&self.planned.name, What::LeftoversEnded { count });
        }
        status.ok().and_then(Result::ok)
    }
}
