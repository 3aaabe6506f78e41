//! Unary gRPC on HTTP/2 with prior knowledge: what a call is on the wire, without a gRPC library.
//!
//! A connection carries eight calls at a time, as a client's channel does; see [`STREAMS`].

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Instant;

use bytes::Bytes;
use h2::client::SendRequest;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::{Plan, Seen, Timetable};
use crate::Failure;

/// Calls at a time on one connection.
const STREAMS: usize = 8;

/// A message of 100 bytes behind its prefix: not compressed, length in 4 bytes (gRPC over HTTP/2, "Length-Prefixed-Message").
pub(crate) fn message() -> Bytes {
    let mut bytes = vec![0, 0, 0, 0, 100];
    bytes.resize(105, b'x');
    Bytes::from(bytes)
}

/// Uses one connection until the time is over or it breaks.
pub(super) async fn connection(
    plan: &Plan,
    table: &Timetable,
    seen: &Rc<RefCell<Seen>>,
) -> Result<(), Failure> {
    let stream = TcpStream::connect(("127.0.0.1", plan.port)).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = h2::client::handshake(stream).await?;
    let mut tasks = JoinSet::new();
    tasks.spawn_local(async move { Ok(connection.await?) });
    let mut left = STREAMS;
    for _ in 0..STREAMS {
        tasks.spawn_local(calls(sender.clone(), *table, seen.clone()));
    }
    drop(sender);
    // The connection itself ends last when all is well.
    while let Some(ended) = tasks.join_next().await {
        ended??;
        left = left.saturating_sub(1);
        if left == 0 {
            break;
        }
    }
    Ok(())
}

/// One call after the other.
async fn calls(
    mut sender: SendRequest<Bytes>,
    table: Timetable,
    seen: Rc<RefCell<Seen>>,
) -> Result<(), Failure> {
    let message = message();
    loop {
        let due = Instant::now();
        if due >= table.end {
            return Ok(());
        }
        let head = http::Request::post("http://bench.localhost/bench.Bench/Unary")
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(())?;
        sender = sender.ready().await?;
        let (answer, mut body) = sender.send_request(head, false)?;
        body.send_data(message.clone(), true)?;
        let (head, mut body) = answer.await?.into_parts();
        while let Some(piece) = body.data().await {
            let length = piece?.len();
            body.flow_control().release_capacity(length)?;
        }
        let trailers = body.trailers().await?;
        let status = trailers.as_ref().and_then(|trailers| trailers.get("grpc-status"));
        let good = head.status == 200 && status.is_some_and(|status| status == "0");
        seen.borrow_mut().answer(due, good, &table);
    }
}
