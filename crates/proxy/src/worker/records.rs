//! Where the records of a worker's exchanges go, and where it finds those that it can fill again.

use std::cell::RefCell;
use std::sync::Arc;

use trunkline_model::record::{ExchangeRecord, RecordSink};
use trunkline_rt::ring::{Reader, Writer, ring};

use crate::limits;

/// The worker's side.
pub(crate) struct Records {
    sink: Arc<dyn RecordSink>,
    told: Writer<Box<ExchangeRecord>>,
    given_back: Reader<Box<ExchangeRecord>>,
    /// What nobody wanted never leaves the worker: it is the one that is still in its cache.
    #[expect(clippy::vec_box, reason = "records go from hand to hand as boxes")]
    unwanted: RefCell<Vec<Box<ExchangeRecord>>>,
}

/// The management side.
#[derive(Debug)]
pub(crate) struct Told {
    told: Reader<Box<ExchangeRecord>>,
    give_back: Writer<Box<ExchangeRecord>>,
}

/// Both sides, for a sink.
pub(crate) fn records(sink: Arc<dyn RecordSink>) -> (Records, Told) {
    let (writer, told) = ring(limits::RECORDS_MAX);
    let (give_back, given_back) = ring(limits::RECORDS_SPARE_MAX);
    let records = Records { sink, told: writer, given_back, unwanted: RefCell::default() };
    (records, Told { told, give_back })
}

impl Records {
    /// A record of another exchange, to be filled again.
    pub(crate) fn spare(&self) -> Option<Box<ExchangeRecord>> {
        self.unwanted.borrow_mut().pop().or_else(|| self.given_back.pop())
    }

    /// Hands a record over, if anybody wants it.
    pub(crate) fn tell(&self, mut record: Box<ExchangeRecord>) {
        if self.sink.wants(&record) {
            self.told.push(record);
            return;
        }
        trim(&mut record);
        let mut unwanted = self.unwanted.borrow_mut();
        if unwanted.len() < limits::RECORDS_SPARE_MAX {
            unwanted.push(record);
        }
    }
}

impl std::fmt::Debug for Records {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Records").finish_non_exhaustive()
    }
}

impl Told {
    /// Looks at what the worker has recorded, at most [`limits::RECORDS_READ_MAX`] at a time, and
    /// gives the records back to it. Returns how many they were.
    pub(crate) fn read(&self, mut look: impl FnMut(&ExchangeRecord)) -> usize {
        let mut count = 0;
        for mut record in self.told.drain(limits::RECORDS_READ_MAX) {
            look(&record);
            trim(&mut record);
            // A worker that has enough of them needs no more.
            let _ = self.give_back.push(record);
            count += 1;
        }
        count
    }

    /// Records that found the ring full.
    pub(crate) fn dropped(&self) -> u64 {
        self.told.dropped()
    }
}

/// Empties a record and bounds the room that it keeps. Ids are let go here and not when it is filled
/// again, so that whatever they were the last of is freed on the side that read it.
fn trim(record: &mut ExchangeRecord) {
    let ExchangeRecord { correlation, method, host, target, user_agent, referer, .. } = record;
    for text in [correlation, method, host, target, user_agent, referer] {
        text.clear();
        text.shrink_to(limits::SPARE_TEXT_BYTES_MAX);
    }
    record.attempts.clear();
    record.attempts.shrink_to(limits::SPARE_ATTEMPTS_MAX);
    record.reason = None;
    record.route = None;
}
