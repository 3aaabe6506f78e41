//! A part of the rig: opens connections, uses each once, and keeps them open until its input ends.

use std::path::Path;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::Failure;
use crate::arguments::Arguments;
use crate::http::Messages;
use crate::identity::Client;

const REQUEST: &[u8] = b"GET /bench HTTP/1.1\r\nHost: bench.localhost\r\n\r\n";

/// Either kind of connection.
trait Held: AsyncRead + AsyncWrite + Unpin {}
impl<T: AsyncRead + AsyncWrite + Unpin> Held for T {}

/// Prints `held` when all connections are open and idle.
pub(crate) async fn run(arguments: &Arguments) -> Result<(), Failure> {
    let port: u16 = arguments.get("to", 0)?;
    let count: u32 = arguments.get("connections", 10_000)?;
    let tls = arguments.text("tls").map(|root| Client::new(Path::new(root))).transpose()?;
    let mut messages = Messages::new();
    let mut held: Vec<Box<dyn Held>> = Vec::new();
    for number in 0..count {
        let stream = TcpStream::connect(("127.0.0.1", port)).await;
        let stream = stream.map_err(|error| format!("connection {number}: {error}"))?;
        let mut stream: Box<dyn Held> = match &tls {
            Some(client) => Box::new(client.secure(stream).await?),
            None => Box::new(stream),
        };
        stream.write_all(REQUEST).await?;
        let status = messages.next(&mut stream).await?;
        if status != Some(200) {
            return Err(format!("connection {number}: status {status:?}").into());
        }
        held.push(stream);
    }
    println!("held");
    tokio::io::stdin().read_to_end(&mut Vec::new()).await?;
    Ok(())
}
