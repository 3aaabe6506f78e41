//! Jaeger's agent protocol: a datagram is the call `emitBatch`, which nobody answers.
//!
//! What cannot be kept is lost, and counted: a sender of datagrams neither waits nor asks.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use tokio::net::UdpSocket;
use trunkline_net::memory::Memory;
use trunkline_rt::Scope;

use super::thrift::read_call;
use crate::intake::Intake;
use crate::metrics::{Protocol, Reason};
use crate::thrift::{Flavor, Reader};

/// Larger than any datagram.
const DATAGRAM_BYTES_MAX: usize = 64 << 10;
/// How long batches under way have when the receiver is told to stop.
const STOP_GRACE: Duration = Duration::from_secs(2);
/// Rest after a failed receive, so that a broken socket does not burn CPU.
const REST: Duration = Duration::from_millis(50);

/// A receiver of datagrams.
pub(crate) struct Datagrams {
    pub(crate) intake: Arc<Intake>,
    pub(crate) protocol: Protocol,
    pub(crate) flavor: Flavor,
    pub(crate) memory: Arc<Memory>,
    /// Batches under way at a time.
    pub(crate) under_way_max: usize,
}

type UnderWay = FuturesUnordered<BoxFuture<'static, ()>>;

impl Datagrams {
    /// Receives until the scope stops.
    pub(crate) async fn run(self, socket: UdpSocket, scope: Scope) {
        let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
        let mut under_way = UnderWay::new();
        loop {
            tokio::select! {
                () = scope.stopping() => break,
                Some(()) = under_way.next() => {}
                received = socket.recv(&mut buffer) => match received {
                    Ok(length) => self.take(buffer.get(..length).unwrap_or_default(), &under_way),
                    Err(error) => {
                        tracing::debug!(%error, "datagram not received");
                        tokio::time::sleep(REST).await;
                    }
                },
            }
        }
        let rest = async { while under_way.next().await.is_some() {} };
        // What is not kept by then is lost, as datagrams may be.
        let _ = tokio::time::timeout(STOP_GRACE, rest).await;
    }

    fn take(&self, datagram: &[u8], under_way: &UnderWay) {
        let refuse = |reason| self.intake.metrics().refused(self.protocol, reason);
        let read = match read_call(&mut Reader::new(datagram, self.flavor)) {
            Ok(Some(read)) => read,
            Ok(None) => return refuse(Reason::Unsupported),
            Err(error) => {
                tracing::debug!(%error, "datagram is no batch");
                return refuse(Reason::Malformed);
            }
        };
        let mut held = self.memory.hold();
        if under_way.len() >= self.under_way_max || held.grow(read.request.len()).is_err() {
            return refuse(Reason::Busy);
        }
        let (intake, protocol) = (Arc::clone(&self.intake), self.protocol);
        under_way.push(Box::pin(async move {
            let taken = intake.take(protocol, read.request.into(), read.rejected).await;
            drop(held);
            if let Err(error) = taken {
                tracing::debug!(%error, "spans of a datagram are lost");
            }
        }));
    }
}
