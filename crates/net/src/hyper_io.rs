//! The three small adapters that let hyper run on tokio: input and output, timers, and where tasks are spawned.
//!
//! hyper is runtime-agnostic and asks for its own traits. They are written here, once, instead of taking `hyper-util`,
//! whose pools and legacy client we do not use. Reads go straight into hyper's buffer, without a copy.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use hyper::rt::{Executor, Read, ReadBufCursor, Sleep, Timer, Write};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use trunkline_rt::Scope;

/// A tokio stream that hyper can read and write.
#[derive(Debug)]
pub struct HyperIo<T>(pub T);

impl<T> HyperIo<T> {
    /// Gives the stream back, for an upgraded connection.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T: AsyncRead + Unpin> Read for HyperIo<T> {
    #[expect(unsafe_code, reason = "hyper's cursor has no safe way to be filled without a copy")]
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        mut cursor: ReadBufCursor<'_>,
    ) -> Poll<std::io::Result<()>> {
        let filled = {
            // SAFETY: `ReadBuf` only ever writes initialized bytes into the slice and never de-initializes any.
            let mut buffer = ReadBuf::uninit(unsafe { cursor.as_mut() });
            match Pin::new(&mut self.0).poll_read(context, &mut buffer) {
                Poll::Ready(Ok(())) => buffer.filled().len(),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return Poll::Pending,
            }
        };
        // SAFETY: `ReadBuf` guarantees that its first `filled` bytes, which are the cursor's, are initialized.
        unsafe { cursor.advance(filled) };
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + Unpin> Write for HyperIo<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(context, slices)
    }
}

/// The other direction: an upgraded hyper connection as a tokio stream.
impl<T: Read + Unpin> AsyncRead for HyperIo<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let filled = {
            let mut target = hyper::rt::ReadBuf::new(buffer.initialize_unfilled());
            match Pin::new(&mut self.0).poll_read(context, target.unfilled()) {
                Poll::Ready(Ok(())) => target.filled().len(),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return Poll::Pending,
            }
        };
        buffer.advance(filled);
        Poll::Ready(Ok(()))
    }
}

impl<T: Write + Unpin> AsyncWrite for HyperIo<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(context, slices)
    }
}

/// hyper's timers on the tokio clock, so that a paused test clock moves them too.
#[derive(Clone, Copy, Debug, Default)]
pub struct HyperTimer;

impl Timer for HyperTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        Box::pin(HyperSleep(Box::pin(tokio::time::sleep(duration))))
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        Box::pin(HyperSleep(Box::pin(tokio::time::sleep_until(deadline.into()))))
    }

    #[expect(clippy::disallowed_methods, reason = "hyper's deadlines are on tokio's clock")]
    fn now(&self) -> Instant {
        tokio::time::Instant::now().into_std()
    }

    fn reset(&self, sleep: &mut Pin<Box<dyn Sleep>>, deadline: Instant) {
        if let Some(sleep) = sleep.as_mut().downcast_mut_pin::<HyperSleep>() {
            sleep.get_mut().0.as_mut().reset(deadline.into());
        } else {
            *sleep = self.sleep_until(deadline);
        }
    }
}

struct HyperSleep(Pin<Box<tokio::time::Sleep>>);

impl Future for HyperSleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.0.as_mut().poll(context)
    }
}

impl Sleep for HyperSleep {}

/// Spawns hyper's tasks on the thread that asks: for workers, whose futures are not `Send`.
#[derive(Clone, Copy, Debug, Default)]
pub struct LocalExecutor;

impl<F> Executor<F> for LocalExecutor
where
    F: Future + 'static,
    F::Output: 'static,
{
    #[expect(clippy::disallowed_methods, reason = "hyper ends these tasks with their connection")]
    fn execute(&self, future: F) {
        tokio::task::spawn_local(future);
    }
}

/// Spawns hyper's tasks in a scope: for management connections, whose exchanges may run on any thread.
#[derive(Clone, Debug)]
pub struct ScopeExecutor(pub Scope);

impl<F> Executor<F> for ScopeExecutor
where
    F: Future + Send + 'static,
{
    fn execute(&self, future: F) {
        self.0.spawn_unlisted("exchange", future.map(|_| ()));
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use bytes::Bytes;
    use http::{Request, Response};
    use http_body_util::{BodyExt, Full};
    use hyper::service::service_fn;

    use super::*;

    /// One HTTP/2 exchange over a pipe on a worker's kind of runtime; the body is larger than every buffer.
    #[test]
    fn a_local_runtime_carries_http2() {
        let builder = &mut tokio::runtime::Builder::new_current_thread();
        let runtime = builder.enable_all().build_local(tokio::runtime::LocalOptions::default());
        runtime.unwrap().block_on(async {
            let (near, far) = tokio::io::duplex(512);
            let service = service_fn(|request: Request<hyper::body::Incoming>| async move {
                let body = request.into_body().collect().await.unwrap().to_bytes();
                Ok::<_, Infallible>(Response::new(Full::new(body)))
            });
            let server = hyper::server::conn::http2::Builder::new(LocalExecutor);
            let serving = server.serve_connection(HyperIo(far), service);
            tokio::task::spawn_local(serving);
            let client = hyper::client::conn::http2::Builder::new(LocalExecutor);
            let (mut sender, connection) = client.handshake(HyperIo(near)).await.unwrap();
            tokio::task::spawn_local(connection);
            let sent = Bytes::from(vec![7; 100_000]);
            let request = Request::new(Full::new(sent.clone()));
            let answer = sender.send_request(request).await.unwrap();
            assert!(answer.into_body().collect().await.unwrap().to_bytes() == sent);
        });
    }

    #[tokio::test(start_paused = true)]
    async fn timers_follow_tokios_clock_and_can_be_moved() {
        let timer = HyperTimer;
        let begin = timer.now();
        let mut sleep = timer.sleep(Duration::from_secs(3_600));
        timer.reset(&mut sleep, begin + Duration::from_secs(5));
        sleep.await;
        assert_eq!((timer.now() - begin).as_secs(), 5);
    }
}
