//! The service behind every proxy: the same response to every request, as cheaply as possible.

use bytes::Bytes;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::LocalSet;

use crate::Failure;
use crate::arguments::Arguments;
use crate::drive::message;
use crate::http::Messages;

/// Serves until it is killed: HTTP/1.1, or unary gRPC with `--shape grpc`.
pub(crate) async fn run(arguments: &Arguments) -> Result<(), Failure> {
    let body: usize = arguments.get("body", 1024)?;
    let grpc = arguments.text("shape") == Some("grpc");
    let listener = TcpListener::bind(("127.0.0.1", arguments.get("port", 0)?)).await?;
    let head =
        format!("HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: {body}\r\n\r\n");
    let response: &'static [u8] = Vec::leak([head.as_bytes(), &vec![b'x'; body]].concat());
    let serve = async {
        loop {
            let (connection, _) = listener.accept().await?;
            connection.set_nodelay(true)?;
            if grpc {
                // A proxy that leaves is no failure.
                tokio::task::spawn_local(async move { drop(calls(connection).await) });
            } else {
                tokio::task::spawn_local(answer(connection, response));
            }
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

/// Answers each call on this connection when its request is there whole.
async fn calls(connection: TcpStream) -> Result<(), Failure> {
    let mut connection = h2::server::handshake(connection).await?;
    let message = message();
    while let Some(call) = connection.accept().await {
        let (request, mut respond) = call?;
        let message: Bytes = message.clone();
        tokio::task::spawn_local(async move {
            let mut body = request.into_body();
            while let Some(Ok(piece)) = body.data().await {
                let _ = body.flow_control().release_capacity(piece.len());
            }
            let head = http::Response::builder().header("content-type", "application/grpc");
            let mut trailers = http::HeaderMap::new();
            trailers.insert("grpc-status", http::HeaderValue::from_static("0"));
            // The caller may be gone.
            let _ = head.body(()).map(|head| {
                let mut stream = respond.send_response(head, false)?;
                stream.send_data(message, false)?;
                stream.send_trailers(trailers)
            });
        });
    }
    Ok(())
}
