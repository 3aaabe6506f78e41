//! What the service manager above us is told: that we serve, reload, end, or are somebody else now.
//!
//! Without one (`NOTIFY_SOCKET` is not set) nothing is said. The watchdog is fed only while every
//! worker answers: a process that is there and serves nobody is restarted. Sockets that the manager
//! opened become listeners, by name or by address.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use trunkline_model::Model;
use trunkline_model::ops::{Ops as _, SessionFilter};
use trunkline_net::socket::Bound;
use trunkline_net::systemd::{self, Passed};
use trunkline_proxy::Proxy;
use trunkline_rt::{Policy, Scope};

use crate::environment;
use crate::exit::chain;

/// What is said to the service manager; nothing if there is none.
#[derive(Debug, Clone, Default)]
pub(crate) struct Notices {
    told: Option<Arc<systemd::Notifier>>,
}

impl Notices {
    /// The one that the environment names.
    pub(crate) fn find() -> Self {
        let Some(socket) = environment::notify_socket() else {
            return Self::default();
        };
        match systemd::Notifier::at(&socket) {
            Ok(notifier) => Self { told: Some(Arc::new(notifier)) },
            Err(error) => {
                tracing::warn!(?socket, %error, "the service manager cannot be told anything");
                Self::default()
            }
        }
    }

    /// Requests are served.
    pub(crate) fn ready(&self, status: &str) {
        let pid = std::process::id();
        self.say(&format!("READY=1\nMAINPID={pid}\nSTATUS={status}\n"));
    }

    /// Another configuration is being read; `ready` ends that, however it went.
    pub(crate) fn reloading(&self) {
        self.say(&format!("RELOADING=1\nMONOTONIC_USEC={}\n", systemd::monotonic_micros()));
    }

    /// The process drains and ends.
    pub(crate) fn stopping(&self) {
        self.say("STOPPING=1\nSTATUS=draining\n");
    }

    /// Another process serves in our place: only we can say so, because we are still the main one.
    pub(crate) fn handed_over(&self, pid: u32) {
        self.say(&format!("MAINPID={pid}\nSTATUS=handed over to process {pid}\n"));
    }

    fn say(&self, lines: &str) {
        let Some(manager) = &self.told else { return };
        if let Err(error) = manager.say(lines) {
            tracing::debug!(%error, "the service manager was not told");
        }
    }

    /// Gives signs of life for as long as every worker does. A successor is not the process that
    /// `WATCHDOG_PID` names, and is watched all the same.
    pub(crate) fn feed_watchdog(&self, scope: &Scope, proxy: &Proxy, successor: bool) {
        let Some((micros, pid)) = environment::watchdog() else {
            return;
        };
        let ours = successor || pid.is_none_or(|pid| pid == std::process::id());
        if self.told.is_none() || !ours {
            return;
        }
        let pause = Duration::from_micros(micros) / 2;
        let (manager, proxy, ended) = (self.clone(), proxy.clone(), scope.clone());
        scope.spawn("watchdog", Policy::Best, async move {
            loop {
                // Each worker has to answer it, within the time that is left for that.
                let answered = proxy.sessions(SessionFilter::default(), 1);
                if tokio::time::timeout(pause, answered).await.is_ok() {
                    manager.say("WATCHDOG=1\n");
                } else {
                    tracing::error!("a worker does not answer");
                }
                tokio::select! {
                    () = ended.stopping() => return,
                    () = tokio::time::sleep(pause) => {}
                }
            }
        });
    }
}

/// The sockets that the manager opened for this process.
pub(crate) fn passed() -> Vec<Passed> {
    let [pid, count, names] = environment::passed_sockets();
    systemd::take_passed(&pid, &count, &names)
}

/// Gives each socket its listener: the one of its name, else the one of its address. One that no
/// listener wants is closed, and the log says so.
pub(crate) fn assign(passed: Vec<Passed>, model: &Model) -> Vec<Bound> {
    let mut assigned = Vec::new();
    for Passed { name, descriptor } in passed {
        let adopted = match named(&name, model) {
            Some(wanted) => Bound::adopt_for(descriptor, wanted),
            None => Bound::adopt(vec![descriptor]).and_then(|mut bound| {
                bound.pop().ok_or(trunkline_net::socket::AdoptError::NotListening)
            }),
        };
        match adopted {
            Ok(bound) if wanted(model).any(|address| address == bound.address()) => {
                assigned.push(bound);
            }
            Ok(bound) => {
                let address = bound.address();
                tracing::warn!(name, %address, "a socket of the service manager belongs to no listener");
            }
            Err(error) => {
                tracing::warn!(name, error = %chain(&error), "a socket of the service manager is not used");
            }
        }
    }
    assigned
}

/// The address of the listener, or of the surface, of this name.
fn named(name: &str, model: &Model) -> Option<SocketAddr> {
    let management = &model.management;
    let listener = model.listeners.iter().find(|listener| listener.id.as_str() == name);
    listener.map(|listener| listener.address).or(match name {
        "control" | "console" => management.control,
        "metrics" => management.metrics,
        "jaeger" => management.jaeger,
        _ => None,
    })
}

fn wanted(model: &Model) -> impl Iterator<Item = SocketAddr> {
    let management = &model.management;
    let surfaces = [management.control, management.metrics, management.jaeger];
    let listeners = model.listeners.iter().map(|listener| listener.address);
    listeners.chain(surfaces.into_iter().flatten())
}
