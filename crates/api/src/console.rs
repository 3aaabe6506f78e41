//! What the console shows and the command line can ask for too: rates over windows, the graph of
//! calls, the last requests, and a stream of all that.
//!
//! One [`Console`] lives as long as the process. It takes every record, looks at the counters every
//! few seconds (every second while somebody watches) and knows no HTTP; the documents are made in
//! [`control`](crate::control). It is never on the path of a request.

pub(crate) mod book;
mod carried;
pub(crate) mod feed;
mod found;
pub(crate) mod history;
pub(crate) mod page;
pub(crate) mod recent;
pub(crate) mod tally;
mod watching;
pub(crate) mod window;

use std::sync::Arc;
use std::time::Instant;

use trunkline_model::Model;
use trunkline_model::ops::Stats;
use trunkline_model::record::ExchangeRecord;

use crate::Wiring;
use crate::control::watched::Seen;
use book::Book;
use carried::Carried;
use feed::Feed;
use found::Found;
use history::History;
use recent::Recent;

pub(crate) use watching::watch;

/// See the module's documentation.
#[derive(Debug, Default)]
pub struct Console {
    pub(crate) history: History,
    pub(crate) recent: Recent,
    pub(crate) feed: Feed,
    found: Found,
    carried: Carried,
}

impl Console {
    /// Learns which listeners belong to services.
    pub fn learn(&self, model: &Model) {
        self.recent.learn(book::inner_listeners(model));
    }

    /// Keeps what is worth showing of an exchange. What it returns is to be [told](Self::tell) once
    /// its trace can be found.
    #[must_use = "who watches is told by `tell`"]
    pub fn take(&self, record: &ExchangeRecord) -> Option<Taken> {
        self.recent.take(record).map(Taken)
    }

    /// Whether it would keep this request.
    pub fn wants(&self, record: &ExchangeRecord) -> bool {
        self.recent.wants(record)
    }

    /// Tells a request to those who watch.
    pub fn tell(&self, request: Taken) {
        self.feed.hand_in(request.0);
    }

    /// All counters of this moment.
    pub(crate) fn book(&self, stats: &Stats, model: Option<&Model>) -> Book {
        book::book(stats, model, self.found.totals())
    }
}

/// A request that is kept and not told yet.
#[derive(Debug)]
pub struct Taken(Arc<recent::Request>);

/// When counting began.
pub(crate) fn began(now: Instant, stats: &Stats) -> Instant {
    now.checked_sub(stats.uptime).unwrap_or(now)
}

/// Looks at the newest traces and at the counters.
pub(crate) async fn look(wiring: &Wiring) -> Seen {
    let gateway = wiring.commands.instance().project;
    let console = &wiring.console;
    console.found.look(&*wiring.traces, &gateway);
    let seen = Seen::now(wiring).await;
    if let Some(rollups) = wiring.reader.rollups() {
        let now = wiring.clock.wall_nanos();
        console.carried.tell(rollups, &seen.stats, seen.model.as_deref(), &gateway, now);
    }
    console.history.look(seen.now, began(seen.now, &seen.stats), seen.book.clone());
    seen
}
