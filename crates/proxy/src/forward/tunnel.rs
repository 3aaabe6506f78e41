//! After a `101`: bytes both ways between caller and service, whatever they mean.
//!
//! Each direction ends by itself (half-close). The tunnel ends when both did, when nothing moved
//! in either direction for the idle limit, or when a drain forces it.

use std::io;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::oneshot;
use trunkline_net::stream::Stream;

use crate::limits::TUNNEL_BUFFER_BYTES;

/// A side of a tunnel that may come: a connection is handed over once its head is sent.
#[derive(Debug)]
pub(crate) struct Upgrade(oneshot::Receiver<Side>);

/// A connection that became a side of a tunnel.
#[derive(Debug)]
pub(crate) struct Side {
    pub(crate) stream: Stream,
    /// What was read of it before the switch.
    pub(crate) read: Bytes,
}

impl Upgrade {
    /// A side that comes by the channel.
    pub(crate) fn channel() -> (oneshot::Sender<Side>, Self) {
        let (sender, receiver) = oneshot::channel();
        (sender, Self(receiver))
    }
}

/// What a tunnel carried.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Carried {
    pub(crate) to_service: u64,
    pub(crate) to_caller: u64,
}

/// Joins both connections until the tunnel ends.
pub(crate) async fn tunnel(caller: Upgrade, service: Upgrade, idle: Duration) -> Carried {
    let carried = Rc::new(std::cell::Cell::new(Carried::default()));
    let (Ok(caller), Ok(service)) = (caller.0.await, service.0.await) else {
        return Carried::default();
    };
    join(caller, service, idle, &carried).await;
    carried.get()
}

async fn join(caller: Side, service: Side, idle: Duration, carried: &std::cell::Cell<Carried>) {
    let (caller_in, caller_out) = tokio::io::split(caller.stream);
    let (service_in, service_out) = tokio::io::split(service.stream);
    let moved = tokio::sync::Notify::new();
    let up = copy((caller.read, caller_in), service_out, |count| {
        let mut sum = carried.get();
        sum.to_service += count;
        carried.set(sum);
        moved.notify_one();
    });
    let down = copy((service.read, service_in), caller_out, |count| {
        let mut sum = carried.get();
        sum.to_caller += count;
        carried.set(sum);
        moved.notify_one();
    });
    let quiet = async { while tokio::time::timeout(idle, moved.notified()).await.is_ok() {} };
    tokio::select! {
        both = async { tokio::try_join!(up, down) } => {
            if let Err(error) = both {
                tracing::debug!(%error, "tunnel broke");
            }
        }
        () = quiet => {}
    }
}

async fn copy<R, W>((read, mut from): (Bytes, R), mut to: W, moved: impl Fn(u64)) -> io::Result<()>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    if !read.is_empty() {
        to.write_all(&read).await?;
        to.flush().await?;
        moved(read.len() as u64);
    }
    let mut buffer = vec![0; TUNNEL_BUFFER_BYTES];
    loop {
        let count = from.read(&mut buffer).await?;
        if count == 0 {
            return to.shutdown().await;
        }
        to.write_all(buffer.get(..count).unwrap_or_default()).await?;
        to.flush().await?;
        moved(count as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[tokio::test]
    async fn a_half_closed_tunnel_still_carries_the_answer() {
        let (mut caller, near) = Stream::pair(64);
        let (far, mut service) = Stream::pair(64);
        let carried = std::cell::Cell::new(Carried::default());
        let side = |stream| Side { stream, read: Bytes::new() };
        let ends = async {
            caller.write_all(b"ask").await.unwrap();
            caller.shutdown().await.unwrap();
            let mut asked = Vec::new();
            service.read_to_end(&mut asked).await.unwrap();
            service.write_all(b"answer").await.unwrap();
            service.shutdown().await.unwrap();
            let mut answer = Vec::new();
            caller.read_to_end(&mut answer).await.unwrap();
            (asked, answer)
        };
        let idle = Duration::from_secs(5);
        let (got, ()) = tokio::join!(ends, join(side(near), side(far), idle, &carried));
        assert_eq!(got, (b"ask".to_vec(), b"answer".to_vec()));
        assert_eq!(carried.get(), Carried { to_service: 3, to_caller: 6 });
    }
}
