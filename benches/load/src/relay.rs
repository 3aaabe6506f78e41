//! The least that any proxy must do: move bytes between two sockets, knowing nothing of what they mean.

use tokio::net::{TcpListener, TcpStream};
use tokio::task::LocalSet;

use crate::Failure;
use crate::arguments::Arguments;

/// Relays until it is killed.
pub(crate) async fn run(arguments: &Arguments) -> Result<(), Failure> {
    let listener = TcpListener::bind(("127.0.0.1", arguments.get("port", 0)?)).await?;
    let to: u16 = arguments.get("to", 0)?;
    let serve = async {
        loop {
            let (near, _) = listener.accept().await?;
            tokio::task::spawn_local(relay(near, to));
        }
    };
    LocalSet::new().run_until(serve).await
}

async fn relay(mut near: TcpStream, to: u16) {
    let Ok(mut far) = TcpStream::connect(("127.0.0.1", to)).await else {
        return;
    };
    let _ = (near.set_nodelay(true), far.set_nodelay(true));
    // Either side may go at any time: that is the end of a connection, not a failure.
    let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
}
