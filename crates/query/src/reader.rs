//! The door to stored telemetry for everything that asks: off the workers, few at a time, each
//! question with a budget and ended when nobody waits for it any more.
//!
//! Questions run on tokio's pool for work that blocks, which has a lower priority than workers. Of
//! those that find no place, a bounded number waits for a bounded time; all others are told to come
//! again. The skeletons of the traces that were looked at last are kept for a moment, so that
//! paging through a large one does not read it again.

mod kept;
mod pool;
mod rates;
mod whole;

use std::sync::Arc;
use std::time::Duration;

use trunkline_model::trace::TraceId;
use trunkline_rt::Clock;
use trunkline_store::source::{
    Budget, Found, KnownKey, Level, Limits, Operation, QueryError, SpanSource, Spent, Summary,
};

use crate::adjust;
use crate::red::{Rollups, TooFine};
use crate::search::{self, Query};
use crate::skeleton::Skeleton;
use crate::trace::Trace;

use kept::Kept;
use pool::Pool;
use whole::{assembled, keep_first, load};

pub use whole::Room;

/// How much questions may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config {
    /// What one question may cost.
    pub limits: Limits,
    /// Bytes that whole traces may cost, unpacked: they are in memory at one time.
    pub trace_bytes_max: u64,
    /// Questions that run at one time.
    pub running_max: usize,
    /// Questions that wait for a place.
    pub waiting_max: usize,
    /// How long one waits for a place.
    pub wait: Duration,
    /// Spans of an answer with several traces; one trace is answered whole.
    pub answer_spans_max: usize,
    /// Memory of the skeletons that are kept, in bytes.
    pub kept_bytes_max: usize,
    /// Corrections of traces.
    pub adjust: adjust::Config,
}

impl Default for Config {
    /// A question on half of the CPUs, at least two and at most four; 64 wait for up to 5 s; 512 MiB for
    /// whole traces; 50 000 spans of several traces; 32 MiB of skeletons.
    fn default() -> Self {
        let cpus = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self {
            limits: Limits::default(),
            trace_bytes_max: 512 << 20,
            running_max: (cpus / 2).clamp(2, 4),
            waiting_max: 64,
            wait: Duration::from_secs(5),
            answer_spans_max: 50_000,
            kept_bytes_max: 32 << 20,
            adjust: adjust::Config::default(),
        }
    }
}

/// Why a question was not answered.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Others are being answered, and enough wait.
    #[error("too many questions are asked at once: ask again in a moment")]
    Busy,
    /// It cost too much, or could not be read.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// It would have too many points.
    #[error(transparent)]
    TooFine(#[from] TooFine),
    /// Nobody keeps rollups.
    #[error("rates are not kept here")]
    NoRollups,
    /// A defect: the answer could not be computed.
    #[error("the question could not be answered: {0}")]
    Failed(String),
}

impl Error {
    /// Whether the question was too expensive.
    pub const fn spent(&self) -> Option<Spent> {
        match self {
            Self::Query(QueryError::Budget(spent)) => Some(*spent),
            _ => None,
        }
    }
}

/// See the module's documentation.
pub struct Reader {
    source: Arc<dyn SpanSource>,
    rollups: Option<Arc<dyn Rollups>>,
    clock: Clock,
    config: Config,
    pool: Pool,
    /// Places for those who have whole traces in memory.
    whole: Pool,
    kept: Kept,
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").field("config", &self.config).finish_non_exhaustive()
    }
}

/// Values of a key that are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Values {
    /// Where the key stands.
    pub level: Level,
    /// The key.
    pub key: String,
    /// How the values begin.
    pub prefix: String,
    /// At most so many.
    pub limit: usize,
}

impl Reader {
    /// A reader of these spans, and of these rollups if somebody keeps some.
    pub fn new(
        config: Config,
        source: Arc<dyn SpanSource>,
        rollups: Option<Arc<dyn Rollups>>,
        clock: Clock,
    ) -> Arc<Self> {
        let pool = Pool::new(config.running_max, config.waiting_max, config.wait);
        let whole = Pool::new(config.running_max, config.waiting_max, config.wait);
        let kept = Kept::new(config.kept_bytes_max);
        Arc::new(Self { source, rollups, clock, config, pool, whole, kept })
    }

    /// The clock that budgets are measured by.
    pub const fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Who keeps rollups, for what needs no query.
    pub fn rollups(&self) -> Option<&dyn Rollups> {
        self.rollups.as_deref()
    }

    /// Whether rates are kept.
    pub const fn has_rollups(&self) -> bool {
        self.rollups.is_some()
    }

    /// Asks anything: `question` runs on the pool, with a budget that ends when the returned future
    /// is dropped.
    ///
    /// # Errors
    /// There is no place, or the question has an error.
    pub async fn ask<T, F>(&self, question: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(&dyn SpanSource, &mut Budget) -> Result<T, QueryError> + Send + 'static,
    {
        self.ask_within(self.config.limits, question).await
    }

    /// Asks for whole traces, which are in memory at one time.
    async fn ask_traces<T, F>(&self, question: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(&dyn SpanSource, &mut Budget) -> Result<T, QueryError> + Send + 'static,
    {
        let limits = self.config.limits;
        let bytes = limits.bytes.min(self.config.trace_bytes_max);
        self.ask_within(Limits { bytes, ..limits }, question).await
    }

    async fn ask_within<T, F>(&self, limits: Limits, question: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(&dyn SpanSource, &mut Budget) -> Result<T, QueryError> + Send + 'static,
    {
        let source = Arc::clone(&self.source);
        let budget = Budget::new(&self.clock, limits);
        self.pool.run(budget, move |budget| question(&*source, budget)).await?.map_err(Error::from)
    }

    /// Computes something large, such as the text of an answer, where questions are answered. The
    /// budget ends when the returned future is dropped: whoever works on much looks at it, best by
    /// [`paced`](crate::paced).
    ///
    /// # Errors
    /// There is no place, or it costs too much: what came of it is thrown away then.
    pub async fn compute<T, F>(&self, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(&mut Budget) -> T + Send + 'static,
    {
        let budget = Budget::new(&self.clock, self.config.limits);
        let computed = self.pool.run(budget, move |budget| {
            let computed = work(budget);
            budget.spend(0, 0).map(|()| computed)
        });
        computed.await?.map_err(|spent| QueryError::from(spent).into())
    }

    /// A place for whole traces: to be had before they are asked for, and kept until what is made of
    /// them is there. Else all who wait to make something of theirs would have them in memory.
    ///
    /// # Errors
    /// There is no place.
    pub async fn room(&self) -> Result<Room, Error> {
        Ok(Room { _place: self.whole.place().await? })
    }

    /// The services that have spans, by name.
    ///
    /// # Errors
    /// See [`Reader::ask`].
    pub async fn services(&self) -> Result<Vec<Arc<str>>, Error> {
        self.ask(|source, budget| source.services(budget)).await
    }

    /// The operations of a service, or of all.
    ///
    /// # Errors
    /// See [`Reader::ask`].
    pub async fn operations(&self, service: Option<String>) -> Result<Vec<Operation>, Error> {
        self.ask(move |source, budget| source.operations(service.as_deref(), budget)).await
    }

    /// The keys of attributes.
    ///
    /// # Errors
    /// See [`Reader::ask`].
    pub async fn keys(&self) -> Result<Vec<KnownKey>, Error> {
        self.ask(|source, budget| source.keys(budget)).await
    }

    /// Values of a key.
    ///
    /// # Errors
    /// See [`Reader::ask`].
    pub async fn values(&self, wanted: Values) -> Result<Vec<Arc<str>>, Error> {
        self.ask(move |source, budget| {
            let Values { level, key, prefix, limit } = &wanted;
            source.values(*level, key, prefix, *limit, budget)
        })
        .await
    }

    /// One trace, adjusted unless it is wanted `raw`; `None` when it is not there.
    ///
    /// # Errors
    /// See [`Reader::ask`].
    pub async fn trace(&self, id: TraceId, raw: bool) -> Result<Option<Trace>, Error> {
        let adjust = self.config.adjust;
        self.ask_traces(move |source, budget| {
            let spans = source.traces(&[id], budget)?.pop().unwrap_or_default();
            Ok(assembled(spans, raw, &adjust))
        })
        .await
    }

    /// The skeleton of a trace; `None` when it is not there.
    ///
    /// # Errors
    /// See [`Reader::ask`].
    pub async fn skeleton(&self, id: TraceId) -> Result<Option<Arc<Skeleton>>, Error> {
        if let Some(known) = self.kept.get(id, self.clock.now()) {
            return Ok(Some(known));
        }
        Ok(self.trace_and_skeleton(id).await?.map(|(_, skeleton)| skeleton))
    }

    /// A trace, its spans in pre-order, and its skeleton; `None` when it is not there.
    ///
    /// # Errors
    /// See [`Reader::ask`].
    pub async fn trace_and_skeleton(
        &self,
        id: TraceId,
    ) -> Result<Option<(Trace, Arc<Skeleton>)>, Error> {
        let adjust = self.config.adjust;
        let built = self.ask_traces(move |source, budget| {
            let spans = source.traces(&[id], budget)?.pop().unwrap_or_default();
            Ok(assembled(spans, false, &adjust).map(|mut trace| {
                let skeleton = Arc::new(Skeleton::of(&mut trace));
                (trace, skeleton)
            }))
        });
        let built = built.await?;
        if let Some((_, skeleton)) = &built {
            self.kept.put(skeleton, self.clock.now(), self.clock.wall_nanos());
        }
        Ok(built)
    }

    /// The traces with these ids that are there, in their order; of more than an answer may have or
    /// may cost, the first ones, and whether those are all.
    ///
    /// # Errors
    /// See [`Reader::ask`].
    pub async fn traces(&self, ids: Vec<TraceId>, raw: bool) -> Result<(Vec<Trace>, bool), Error> {
        let (traces, seen) = self.first_traces(&ids, raw).await?;
        Ok((traces, seen == ids.len()))
    }

    /// The first of these traces, and of how many of the ids they are.
    async fn first_traces(&self, ids: &[TraceId], raw: bool) -> Result<(Vec<Trace>, usize), Error> {
        let (config, ids) = (self.config, ids.to_vec());
        self.ask_traces(move |source, budget| load(source, &ids, raw, &config, budget)).await
    }

    /// What a search finds.
    ///
    /// # Errors
    /// See [`Reader::ask`].
    pub async fn find(&self, query: Query) -> Result<Found, Error> {
        self.ask(move |source, budget| search::find(source, &query, budget)).await
    }

    /// The traces that a search finds; of more than an answer may have or may cost, the newest ones,
    /// as a partial answer whose next page has the others. Finding and reading are two questions:
    /// what was found is not lost when finding it took everything.
    ///
    /// # Errors
    /// See [`Reader::ask`].
    pub async fn find_traces(&self, query: Query, raw: bool) -> Result<(Vec<Trace>, Found), Error> {
        let mut found = self.find(query).await?;
        let ids: Vec<TraceId> = found.hits.iter().map(|hit| hit.trace).collect();
        let (traces, seen) = self.first_traces(&ids, raw).await?;
        keep_first(&mut found, seen);
        Ok((traces, found))
    }

    /// The summaries of what a search finds; of more than they may cost, the newest ones, as a
    /// partial answer whose next page has the others.
    ///
    /// # Errors
    /// See [`Reader::ask`].
    pub async fn find_summaries(&self, query: Query) -> Result<(Vec<Summary>, Found), Error> {
        let mut found = self.find(query).await?;
        let hits = found.hits.clone();
        let summed_up = self.ask(move |source, budget| search::summaries(source, &hits, budget));
        let (summaries, seen) = summed_up.await?;
        keep_first(&mut found, seen);
        Ok((summaries, found))
    }
}
