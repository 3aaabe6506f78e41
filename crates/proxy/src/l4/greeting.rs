//! What the caller of a relayed connection asks for: read, not answered, and passed on as it came.

use std::future::poll_fn;
use std::time::Duration;

use trunkline_net::buffer::Buffer;
use trunkline_net::hello::{Greeting, HELLO_BYTES_MAX, Hello, greeting};
use trunkline_net::stream::Stream;

/// Least room for one read; most greetings need one or two.
const ROOM_BYTES: usize = 2 << 10;

/// What was read of a connection before it was known where it goes.
#[derive(Debug, Default)]
pub(super) struct Greeted {
    /// To be passed on first.
    pub(super) read: Buffer,
    /// What it asks for; `None` if it does not begin with TLS, or did not in time.
    pub(super) hello: Option<Hello>,
    /// The caller left without a byte.
    pub(super) gone: bool,
}

/// Reads until it is certain what the connection is, at most for `limit`. A caller that waits for
/// the service to speak first says nothing: it is passed on when the time is over.
pub(super) async fn greet(caller: &mut Stream, limit: Duration) -> std::io::Result<Greeted> {
    let mut greeted = Greeted::default();
    match tokio::time::timeout(limit, read(caller, &mut greeted)).await {
        Ok(Err(error)) => Err(error),
        Ok(Ok(())) | Err(_) => Ok(greeted),
    }
}

async fn read(caller: &mut Stream, greeted: &mut Greeted) -> std::io::Result<()> {
    loop {
        let filled = poll_fn(|cx| greeted.read.poll_fill(caller, cx, ROOM_BYTES)).await?;
        if filled == 0 {
            greeted.gone = greeted.read.is_empty();
            return Ok(());
        }
        match greeting(greeted.read.data()) {
            Greeting::More if greeted.read.len() < HELLO_BYTES_MAX => {}
            Greeting::More | Greeting::Other => return Ok(()),
            Greeting::Hello(hello) => {
                greeted.hello = Some(hello);
                return Ok(());
            }
        }
    }
}
