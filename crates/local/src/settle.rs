//! Waiting until something has settled: one save of a file is many events.
//!
//! Events only say that it is worth to look; what changed is found by looking. So a single waiting
//! event says all there is to say, however many come.

use std::time::Duration;

use tokio::sync::mpsc;

/// Says that something happened. Cheap to clone; never waits.
#[derive(Clone, Debug)]
pub struct Teller(mpsc::Sender<()>);

/// Hears that something happened, once it is over.
#[derive(Debug)]
pub struct Settled {
    events: mpsc::Receiver<()>,
    pause: Duration,
    pause_max: Duration,
}

/// A pair of the two. Events must pause for `pause`; what goes on without a pause is told after
/// `pause_max` anyway.
pub fn settled(pause: Duration, pause_max: Duration) -> (Teller, Settled) {
    let (sender, events) = mpsc::channel(1);
    (Teller(sender), Settled { events, pause, pause_max })
}

impl Teller {
    /// Something happened.
    pub fn tell(&self) {
        // A full channel says it already.
        let _ = self.0.try_send(());
    }
}

impl Settled {
    /// Waits until something happened and is over; for ever once nobody can tell. Cancel safe, up
    /// to a repeated report.
    pub async fn next(&mut self) {
        if self.events.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
        let settle = async {
            while let Ok(Some(())) = tokio::time::timeout(self.pause, self.events.recv()).await {}
        };
        let _ = tokio::time::timeout(self.pause_max, settle).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn a_burst_is_told_once_after_its_end() {
        let (teller, mut settled) = settled(SECOND, 10 * SECOND);
        let begin = tokio::time::Instant::now();
        let burst = async {
            for _ in 0..4 {
                teller.tell();
                tokio::time::sleep(SECOND / 2).await;
            }
        };
        let ((), ()) = tokio::join!(burst, settled.next());
        assert_eq!(begin.elapsed(), SECOND / 2 * 3 + SECOND);
        assert!(tokio::time::timeout(60 * SECOND, settled.next()).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn what_never_pauses_is_told_all_the_same() {
        let (teller, mut settled) = settled(SECOND, 3 * SECOND);
        let begin = tokio::time::Instant::now();
        let endless = async {
            loop {
                teller.tell();
                tokio::time::sleep(SECOND / 2).await;
            }
        };
        tokio::select! {
            () = endless => {}
            () = settled.next() => {}
        }
        assert_eq!(begin.elapsed(), 3 * SECOND);
    }
}
