//! The one way of every batch: checked, stripped of spans without ids, through the rules, to the sink.
//!
//! Counters move when a batch is kept and not before: a sender that is refused sends the same spans
//! again, and each is to be counted once.

use std::sync::Arc;

use arc_swap::ArcSwap;
use bytes::Bytes;
use trunkline_otlp::view;

use crate::metrics::{Metrics, Protocol, Reason};
use crate::otlp::rewrite;
use crate::rules::{Removed, Rules};
use crate::sink::{Refused, Sink};

/// Larger batches are looked through on the pool for blocking work.
const ASIDE_BYTES: usize = 256 << 10;

/// When to come again if there is no room at the moment.
pub(crate) const RETRY: std::time::Duration = std::time::Duration::from_secs(1);

/// What became of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Taken {
    /// Spans that are kept, or were dropped by a rule.
    pub accepted: usize,
    /// Spans without valid ids, which are not kept.
    pub rejected: usize,
}

/// The way in.
pub struct Intake {
    sink: Arc<dyn Sink>,
    rules: ArcSwap<Rules>,
    metrics: Arc<Metrics>,
}

impl std::fmt::Debug for Intake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Intake").field("rules", &self.rules).finish_non_exhaustive()
    }
}

/// A batch that is ready to be kept.
struct Ready {
    batch: Bytes,
    spans: usize,
    invalid: usize,
    removed: Removed,
}

impl Intake {
    /// The way to `sink`.
    pub fn new(sink: Arc<dyn Sink>, rules: Arc<Rules>, metrics: Arc<Metrics>) -> Arc<Self> {
        Arc::new(Self { sink, rules: ArcSwap::new(rules), metrics })
    }

    /// Replaces the rules; batches under way go on with those they began with.
    pub fn replace_rules(&self, rules: Arc<Rules>) {
        self.rules.store(rules);
    }

    /// The rules in force.
    pub fn rules(&self) -> Arc<Rules> {
        self.rules.load_full()
    }

    /// The counters.
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    /// Takes a batch: the bytes of an `ExportTraceServiceRequest`. `rejected` spans were left out of
    /// it already when it was translated.
    pub async fn take(
        &self,
        protocol: Protocol,
        batch: Bytes,
        rejected: usize,
    ) -> Result<Taken, Refused> {
        let taken = self.keep(protocol, batch, rejected).await;
        if let Err(refused) = &taken {
            self.metrics.refused(protocol, reason(refused));
        }
        taken
    }

    async fn keep(
        &self,
        protocol: Protocol,
        batch: Bytes,
        rejected: usize,
    ) -> Result<Taken, Refused> {
        let (rules, bytes) = (self.rules.load_full(), batch.len());
        let ready = aside(bytes, {
            let rules = Arc::clone(&rules);
            move || prepare(batch, &rules)
        })
        .await??;
        if ready.spans > 0 {
            self.sink.append(ready.batch).await?;
        }
        rules.count(&ready.removed);
        let (rejected, dropped) = (rejected + ready.invalid, ready.removed.spans());
        let counters = self.metrics.of(protocol);
        counters.batches.increment();
        counters.bytes.add(bytes as u64);
        counters.spans.add(ready.spans as u64);
        counters.rejected_spans.add(rejected as u64);
        counters.dropped_spans.add(dropped as u64);
        Ok(Taken { accepted: ready.spans + dropped, rejected })
    }
}

fn prepare(batch: Bytes, rules: &Rules) -> Result<Ready, Refused> {
    let counts = view::check(&batch)?;
    let mut batch = batch;
    if counts.invalid > 0 {
        batch = rewrite::without_invalid(&batch)?.into();
    }
    let mut removed = Removed::default();
    if let Some(applied) = rules.apply(&batch)? {
        batch = applied.request.into();
        removed = applied.removed;
    }
    let spans = counts.spans - removed.spans();
    Ok(Ready { batch, spans, invalid: counts.invalid, removed })
}

/// Does work of this size here, or on the pool for blocking work.
pub(crate) async fn aside<T: Send + 'static>(
    bytes: usize,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Refused> {
    if bytes <= ASIDE_BYTES {
        return Ok(work());
    }
    let done = tokio::task::spawn_blocking(work).await;
    // It panicked, or the runtime ends.
    done.map_err(|_| Refused::Unavailable { retry_after: RETRY })
}

pub(crate) const fn reason(refused: &Refused) -> Reason {
    match refused {
        Refused::Busy { .. } => Reason::Busy,
        Refused::Full { .. } | Refused::Unavailable { .. } => Reason::Unavailable,
        Refused::TooLarge => Reason::TooLarge,
        Refused::Invalid(_) => Reason::Malformed,
    }
}

/// When a refused sender may come again, if coming again is right.
pub(crate) const fn retry_after(refused: &Refused) -> Option<std::time::Duration> {
    match refused {
        Refused::Busy { retry_after }
        | Refused::Full { retry_after }
        | Refused::Unavailable { retry_after } => Some(*retry_after),
        Refused::TooLarge | Refused::Invalid(_) => None,
    }
}

/// A refusal in the words of gRPC: OTLP asks for `UNAVAILABLE` wherever coming again is right.
pub(crate) fn status(refused: &Refused) -> trunkline_net::grpc::Status {
    use trunkline_net::grpc::{Code, Status};
    let code = match refused {
        Refused::Busy { .. } | Refused::Full { .. } | Refused::Unavailable { .. } => {
            Code::Unavailable
        }
        Refused::TooLarge => Code::ResourceExhausted,
        Refused::Invalid(_) => Code::InvalidArgument,
    };
    let status = Status::new(code, refused.to_string());
    match retry_after(refused) {
        Some(after) => status.retry_after(after),
        None => status,
    }
}

/// Why a call was refused before the intake saw it.
pub(crate) const fn reason_of(status: &trunkline_net::grpc::Status) -> Reason {
    use trunkline_net::grpc::Code;
    match status.code {
        Code::ResourceExhausted => Reason::TooLarge,
        Code::Unimplemented => Reason::Unsupported,
        Code::Unauthenticated => Reason::Forbidden,
        Code::Unavailable => Reason::Busy,
        Code::Cancelled | Code::DeadlineExceeded => Reason::Unfinished,
        _ => Reason::Malformed,
    }
}
