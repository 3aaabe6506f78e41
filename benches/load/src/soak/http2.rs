//! A caller that speaks HTTP/2 with prior knowledge.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use h2::client::SendRequest;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::callers::{LIMIT, REST, Table};
use super::seen::Board;

/// How often a request that was not processed is sent again.
const TRIES: u32 = 3;

/// Why a request has no good answer.
enum Trouble {
    /// The peer said that it did not look at it (RFC 9113 §8.7).
    NotProcessed,
    Failed(String),
}

impl From<h2::Error> for Trouble {
    fn from(error: h2::Error) -> Self {
        let refused = error.reason() == Some(h2::Reason::REFUSED_STREAM);
        // h2 reports a stream beyond the last one of a GOAWAY as that GOAWAY.
        let left =
            error.is_go_away() && error.is_remote() && error.reason() == Some(h2::Reason::NO_ERROR);
        if refused || left { Self::NotProcessed } else { Self::Failed(error.to_string()) }
    }
}

pub(super) async fn caller(port: u16, number: u32, mut table: Table, board: Arc<Board>) {
    let mut tasks = JoinSet::new();
    let mut open: Option<SendRequest<Bytes>> = None;
    let mut count = 0_u64;
    while !board.is_stopped() {
        table.next().await;
        count += 1;
        let sender = match open.take() {
            // A connection that is going away takes no more requests: that costs none.
            Some(sender) => sender.ready().await.ok(),
            None => None,
        };
        let sender = match sender {
            Some(sender) => sender,
            None => match connect(port).await {
                Ok(sender) => sender,
                Err(words) => {
                    board.failed(board.phase(), format!("http2: connect: {words}"));
                    sleep(REST).await;
                    continue;
                }
            },
        };
        open = Some(sender.clone());
        let path = format!("/http2/{number}/{count}");
        tasks.spawn_local(counted(port, sender, path, Arc::clone(&board)));
        while tasks.try_join_next().is_some() {}
    }
    while tasks.join_next().await.is_some() {}
}

async fn connect(port: u16) -> Result<SendRequest<Bytes>, String> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await;
    let stream = stream.map_err(|error| error.to_string())?;
    // Without it the soak is slower, not wrong.
    let _ = stream.set_nodelay(true);
    let (sender, connection) =
        h2::client::handshake(stream).await.map_err(|error| error.to_string())?;
    // Its end shows in the requests it had.
    tokio::task::spawn_local(async move { drop(connection.await) });
    sender.ready().await.map_err(|error| error.to_string())
}

async fn counted(port: u16, sender: SendRequest<Bytes>, path: String, board: Arc<Board>) {
    let (phase, begun) = (board.phase(), Instant::now());
    let whole = async {
        let mut last = request(sender, &path).await;
        for _ in 1..TRIES {
            if !matches!(last, Err(Trouble::NotProcessed)) {
                break;
            }
            board.sent_again(phase);
            last = request(connect(port).await.map_err(Trouble::Failed)?, &path).await;
        }
        last
    };
    match timeout(LIMIT, whole).await {
        Ok(Ok(())) => board.answered(phase, Some(begun.elapsed())),
        Ok(Err(Trouble::Failed(words))) => board.failed(phase, format!("http2: {words}")),
        Ok(Err(Trouble::NotProcessed)) => {
            board.failed(phase, format!("http2: not processed {TRIES} times"));
        }
        Err(_) => board.failed(phase, format!("http2: no answer within {LIMIT:?}")),
    }
}

async fn request(mut sender: SendRequest<Bytes>, path: &str) -> Result<(), Trouble> {
    let head = http::Request::get(format!("http://soak.localhost{path}")).body(());
    let head = head.map_err(|error| Trouble::Failed(error.to_string()))?;
    let (answer, _) = sender.send_request(head, true)?;
    let (head, mut stream) = answer.await?.into_parts();
    let mut body = Vec::new();
    while let Some(data) = stream.data().await {
        let data = data?;
        // Room for more; the connection may be over, which the next data would tell.
        let _ = stream.flow_control().release_capacity(data.len());
        body.extend_from_slice(&data);
    }
    if head.status != 200 {
        let reason = head.headers.get("x-trunkline-reason");
        return Err(Trouble::Failed(format!("status {}: {reason:?}", head.status)));
    }
    if body != path.as_bytes() {
        return Err(Trouble::Failed("another answer than expected".to_owned()));
    }
    Ok(())
}
