//! A few bytes of other protocols that tell whether their server is there.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{Place, connect};

/// Bytes of an answer that are looked at.
const LOOK_BYTES: usize = 64;

/// `PING`. A server that wants a password first answers as well, and is there.
pub(super) async fn redis(place: &Place) -> Result<(), String> {
    let answer = exchange(place, b"PING\r\n").await?;
    if answer.starts_with(b"+PONG") || answer.starts_with(b"-NOAUTH") {
        return Ok(());
    }
    Err(format!("PING was answered by `{}`", shown(&answer)))
}

/// `SSLRequest`, which is answered by one byte before anybody logs in (PostgreSQL's protocol 3.0).
pub(super) async fn postgres(place: &Place) -> Result<(), String> {
    // The question comes before TLS: the connection is plain in any case.
    let mut stream = connect(place).await?;
    let answer = ask(&mut stream, &[0, 0, 0, 8, 4, 210, 22, 47]).await?;
    match answer.first() {
        Some(b'S' | b'N') => Ok(()),
        _ => Err(format!("the request for TLS was answered by `{}`", shown(&answer))),
    }
}

/// The greeting of RFC 5321 §4.2.
pub(super) async fn smtp(place: &Place) -> Result<(), String> {
    let mut stream = place.open().await?;
    let greeting = read(&mut stream).await?;
    // A server that is not told goodbye writes it into its log, every time.
    let _ = stream.write_all(b"QUIT\r\n").await;
    if greeting.starts_with(b"220") {
        return Ok(());
    }
    Err(format!("the greeting is `{}`", shown(&greeting)))
}

async fn exchange(place: &Place, question: &[u8]) -> Result<Vec<u8>, String> {
    ask(&mut place.open().await?, question).await
}

async fn ask(
    stream: &mut (impl AsyncReadExt + AsyncWriteExt + Unpin),
    question: &[u8],
) -> Result<Vec<u8>, String> {
    stream.write_all(question).await.map_err(|error| error.to_string())?;
    stream.flush().await.map_err(|error| error.to_string())?;
    read(stream).await
}

async fn read(stream: &mut (impl AsyncReadExt + Unpin)) -> Result<Vec<u8>, String> {
    let mut answer = vec![0; LOOK_BYTES];
    let length = stream.read(&mut answer).await.map_err(|error| error.to_string())?;
    answer.truncate(length);
    if answer.is_empty() { Err("the connection was closed".to_owned()) } else { Ok(answer) }
}

fn shown(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).lines().next().unwrap_or_default().chars().take(40).collect()
}
