//! The loop that sends on: several requests at a time, reported in order.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesOrdered;
use trunkline_otlp::view;
use trunkline_resilience::backoff;
use trunkline_rt::{Random, Scope};

use super::send::{Destination, Outcome};
use super::{Backlog, Config, Entry, Mark};
use crate::metrics::Metrics;
use crate::otlp::rewrite::retain;

/// Sends on what waits.
pub struct Forwarder {
    backlog: Arc<dyn Backlog>,
    config: Config,
    metrics: Arc<Metrics>,
}

impl std::fmt::Debug for Forwarder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Forwarder").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Forwarder {
    /// Sends on what waits in `backlog`.
    pub fn new(backlog: Arc<dyn Backlog>, config: Config, metrics: Arc<Metrics>) -> Self {
        Self { backlog, config, metrics }
    }

    /// Runs until the scope stops. What is under way then is not reported, and is sent again after
    /// the next start if the backlog outlives the process.
    pub async fn run(self, scope: Scope) {
        let sender = Arc::new(Sender {
            destination: Destination::new(&self.config, &scope.child("connections")),
            backoff: self.config.backoff,
            retry_after_max: self.config.retry_after_max,
            metrics: Arc::clone(&self.metrics),
        });
        let mut under_way = FuturesOrdered::new();
        let mut last = None;
        let mut reading = self.backlog.read(last, self.config.request_bytes);
        loop {
            let free = under_way.len() < self.config.in_flight.max(1);
            tokio::select! {
                biased;
                () = scope.stopping() => return,
                Some(mark) = under_way.next() => self.backlog.done(mark),
                entries = &mut reading, if free => {
                    last = entries.last().map(|entry| entry.mark).or(last);
                    reading = self.backlog.read(last, self.config.request_bytes);
                    if let Some(mark) = last.filter(|_| !entries.is_empty()) {
                        under_way.push_back(Arc::clone(&sender).deliver(entries, mark));
                    }
                }
            }
        }
    }
}

struct Sender {
    destination: Destination,
    backoff: backoff::Config,
    retry_after_max: Duration,
    metrics: Arc<Metrics>,
}

impl Sender {
    /// Sends entries as one request, until that is settled.
    fn deliver(self: Arc<Self>, entries: Vec<Entry>, mark: Mark) -> BoxFuture<'static, Mark> {
        Box::pin(async move {
            let batches = entries.len() as u64;
            self.settle(joined(entries)).await;
            self.metrics.forwarded_batches.add(batches);
            mark
        })
    }

    /// Tries until the receiver takes it or rejects it for good. What is too large goes in halves.
    async fn settle(&self, batch: Bytes) {
        let mut rest = vec![batch];
        while let Some(batch) = rest.pop() {
            let spans = view::check(&batch).map_or(0, |counts| counts.spans);
            match self.persist(&batch).await {
                Outcome::Taken { rejected } => {
                    self.metrics.forwarded_spans.add((spans as u64).saturating_sub(rejected));
                    self.metrics.forward_rejected_spans.add(rejected);
                }
                Outcome::TooLarge if spans > 1 => {
                    let (first, second) = halves(&batch, spans);
                    rest.extend([second, first]);
                }
                Outcome::TooLarge => self.reject(spans, "it is larger than the receiver takes"),
                Outcome::Never { why } => self.reject(spans, &why),
                Outcome::Again { .. } => {}
            }
        }
    }

    fn reject(&self, spans: usize, why: &str) {
        tracing::warn!(spans, error = why, "spans are not sent on: the receiver rejects them");
        self.metrics.forward_rejected_spans.add(spans as u64);
    }

    /// Tries again and again while that is right.
    async fn persist(&self, batch: &Bytes) -> Outcome {
        let mut random = Random::from_system();
        let mut attempt = 0;
        loop {
            let outcome = self.destination.send(batch).await;
            let Outcome::Again { after, why } = outcome else {
                if attempt > 0 {
                    tracing::info!(attempts = attempt, "spans are sent on again");
                }
                return outcome;
            };
            self.metrics.forward_failures.increment();
            if attempt == 0 {
                tracing::warn!(error = why, "spans are not sent on at the moment");
            }
            let own = self.backoff.delay(attempt, random.number());
            let delay = after.map_or(own, |after| after.min(self.retry_after_max).max(own));
            tokio::time::sleep(delay).await;
            attempt = attempt.saturating_add(1);
        }
    }
}

/// Batches in a row are one batch: their repeated field goes on.
fn joined(mut entries: Vec<Entry>) -> Bytes {
    if entries.len() == 1
        && let Some(only) = entries.pop()
    {
        return only.batch;
    }
    let mut all = BytesMut::with_capacity(entries.iter().map(|entry| entry.batch.len()).sum());
    for entry in entries {
        all.extend_from_slice(&entry.batch);
    }
    all.freeze()
}

/// The first half of the spans, and the second.
fn halves(batch: &Bytes, spans: usize) -> (Bytes, Bytes) {
    let half = |first: bool| {
        let mut index = 0;
        let kept = retain(batch, |_| {
            index += 1;
            (index <= spans / 2) == first
        });
        // It was read to its end before.
        Bytes::from(kept.unwrap_or_default())
    };
    (half(true), half(false))
}
