//! Handing over to a new process: the old one's side, from the decision to the moment where the
//! other serves.

use trunkline_api::commands::{Refused, Upgraded};
use trunkline_rt::Policy;

use super::Node;
use crate::exit::chain;
use crate::upgrade::{Giver, UpgradeError};

impl Node {
    /// Hands everything over; after any failure this process serves on.
    pub(super) async fn upgrade(&mut self) -> Result<Upgraded, Refused> {
        if self.local.is_some() {
            let because =
                "`up` owns the processes of the services; end it and start it with the new binary";
            return Err(Refused::NotHere { command: "upgrade", because });
        }
        self.hand_over().await.map_err(|error| {
            tracing::error!(error = %chain(&error), "upgrade failed; this process goes on");
            Refused::Failed { command: "upgrade", reason: chain(&error) }
        })
    }

    async fn hand_over(&mut self) -> Result<Upgraded, UpgradeError> {
        let program = self.run.take_next_binary().unwrap_or_else(|| self.program.clone());
        let (listener, path) =
            self.run.listen_takeover().map_err(|error| std::io::Error::other(chain(&error)))?;
        let mut giver = Giver::begin(&program, self.arguments.clone(), listener, path).await?;
        let lock = self.run.lock().try_clone_to_owned()?;
        giver.offer(lock, self.parts.listening()?).await?;
        let proxy = &self.parts.proxy;
        let handed = async {
            proxy.pause_accepting().await.map_err(|error| std::io::Error::other(chain(&error)))?;
            giver.release(proxy.export_state().into()).await
        };
        if let Err(error) = handed.await {
            if let Err(error) = proxy.resume_accepting().await {
                tracing::error!(error = %chain(&error), "a worker did not accept again");
            }
            return Err(error);
        }
        self.run.hand_over();
        self.manager.handed_over(giver.pid);
        // Commands that come from now on are for the other one; those being carried out are answered.
        self.parts.surfaces_scope.stop();
        // The other one opens it as soon as it is let go. Whoever asked for the upgrade does not wait
        // for a disk.
        let keeping = std::sync::Arc::clone(&self.parts.keeping);
        self.parts.scope.spawn("let go of the store", Policy::Best, async move {
            keeping.close().await;
            Ok::<_, std::convert::Infallible>(())
        });
        tracing::info!(pid = giver.pid, version = %giver.version, "handed over");
        Ok(Upgraded { pid: giver.pid, version: giver.version.clone() })
    }
}
