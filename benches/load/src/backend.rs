//! The service behind every proxy: the same response to every request, as cheaply as possible.

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::LocalSet;

use crate::Failure;
use crate::arguments::Arguments;
use crate::http::Messages;

/// Serves until it is killed.
pub(crate) async fn run(arguments: &Arguments) -> Result<(), Failure> {
    let body: usize = arguments.get("body", 1024)?;
    let listener = TcpListener::bind(("127.0.0.1", arguments.get("port", 0)?)).await?;
    let head =
        format!("HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: {body}\r\n\r\n");
    let response: &'static [u8] = Vec::leak([head.as_bytes(), &vec![b'x'; body]].concat());
    let serve = async {
        loop {
            let (connection, _) = listener.accept().await?;
            connection.set_nodelay(true)?;
            tokio::task::spawn_local(answer(connection, response));
        }
    };
    LocalSet::new().run_until(serve).await
}

async fn answer(mut connection: TcpStream, response: &[u8]) {
    let mut messages = Messages::new();
    while let Ok(Some(_)) = messages.next(&mut connection).await {
        if connection.write_all(response).await.is_err() {
            return;
        }
    }
}
