//! HTTP/1.1 as callers speak it: request after request on one connection, or a connection for each.

use std::cell::RefCell;
use std::time::Instant;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

use super::timer::Timer;
use super::{Plan, Seen, Shape, Timetable};
use crate::Failure;
use crate::http::Messages;

/// Uses one connection until the time is over or it breaks; with `close`, one for each request.
pub(super) async fn connection(
    plan: &Plan,
    table: &Timetable,
    number: usize,
    seen: &RefCell<Seen>,
) -> Result<(), Failure> {
    let mut turns = Turns::new(plan, table, number)?;
    if plan.shape == Shape::Close {
        let mut messages = Messages::new();
        while let Some(due) = turns.next().await? {
            let mut stream = open(plan.port).await?;
            stream.write_all(turns.request()).await?;
            let status = messages.next(&mut stream).await?.ok_or("no answer")?;
            // The proxy ends it, as it was asked to.
            if stream.read(&mut [0; 16]).await? > 0 {
                return Err("more than one answer".into());
            }
            seen.borrow_mut().answer(due, status == 200, table);
        }
        return Ok(());
    }
    let stream = open(plan.port).await?;
    match &plan.tls {
        Some(client) => exchange(client.secure(stream).await?, turns, seen).await,
        None => exchange(stream, turns, seen).await,
    }
}

async fn open(port: u16) -> Result<TcpStream, Failure> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

async fn exchange(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    mut turns: Turns<'_>,
    seen: &RefCell<Seen>,
) -> Result<(), Failure> {
    let mut messages = Messages::new();
    while let Some(due) = turns.next().await? {
        stream.write_all(turns.request()).await?;
        let status = messages.next(&mut stream).await?.ok_or("the connection ended")?;
        seen.borrow_mut().answer(due, status == 200, turns.table);
    }
    Ok(())
}

/// When the requests of a connection are due, and which one is next.
struct Turns<'a> {
    plan: &'a Plan,
    table: &'a Timetable,
    timer: Option<Timer>,
    due: Instant,
    number: usize,
}

impl<'a> Turns<'a> {
    fn new(plan: &'a Plan, table: &'a Timetable, number: usize) -> Result<Self, Failure> {
        let mut due = table.begin;
        if let Some(every) = table.every {
            // A connection that replaces a broken one takes the timetable up where it is.
            let late = Instant::now().saturating_duration_since(due).as_nanos();
            let missed = late / every.as_nanos().max(1);
            due += every * u32::try_from(missed).unwrap_or(u32::MAX);
        }
        let timer = table.every.map(|_| Timer::new()).transpose()?;
        // Connections begin far from each other, and each comes by everything in time.
        Ok(Self { plan, table, timer, due, number: number * 977 })
    }

    /// Waits for the next turn; `None` when the time is over.
    async fn next(&mut self) -> Result<Option<Instant>, Failure> {
        let due = match (&mut self.timer, self.table.every) {
            (Some(timer), Some(every)) => {
                timer.wait_until(self.due).await?;
                let due = self.due;
                self.due += every;
                due
            }
            _ => Instant::now(),
        };
        self.number = self.number.wrapping_add(1);
        Ok((due < self.table.end).then_some(due))
    }

    fn request(&self) -> &'a [u8] {
        let requests = &self.plan.requests;
        requests.get(self.number % requests.len().max(1)).map_or(&[], Vec::as_slice)
    }
}
