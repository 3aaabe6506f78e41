//! From what a script answers to what it means. Anything else is [`Away::Garbled`], never a panic.

use std::time::Duration;

use redis::Value;
use trunkline_resilience::breaker::{IllegalTransition, Metrics, State};

use crate::away::{Away, OrderError};
use crate::verdict::{
    Admission, BreakerStanding, Change, Lease, Permit, Refusal, Standing, Verdict,
};

/// What `admit.lua` answers.
pub(crate) fn admission(answer: Value, lease: Lease) -> Result<Admission, Away> {
    let mut words = Words::new(answer)?;
    let (kind, first, second) = (words.next::<u8>()?, words.next::<u64>()?, words.next::<u64>()?);
    let report = words.report()?;
    let number = |number| u32::try_from(number).map_err(|_| Away::Garbled);
    let verdict = match kind {
        0 => Verdict::Admitted {
            permit: Permit { epoch: first, lease },
            wait: Duration::from_micros(second),
        },
        1 => Verdict::Breaker(report.as_ref().ok_or(Away::Garbled)?.refusal()),
        2 => Verdict::Rate { limit: number(first)?, retry_after: Duration::from_micros(second) },
        3 => Verdict::Bulkhead { max: number(first)?, running: number(second)? },
        _ => return Err(Away::Garbled),
    };
    Ok(Admission { verdict, change: report.and_then(|report| report.change()) })
}

/// What `done.lua` answers.
pub(crate) fn change(answer: Value) -> Result<Option<Change>, Away> {
    Ok(Words::new(answer)?.whole_report()?.and_then(|report| report.change()))
}

/// What `order.lua` answers to an order to enter the state `to`.
pub(crate) fn obeyed(answer: Value, to: State) -> Result<Option<Change>, OrderError> {
    let mut words = Words::new(answer)?;
    if words.next::<u8>()? == 0 {
        return Err(IllegalTransition { from: words.state()?, to }.into());
    }
    Ok(words.report()?.and_then(|report| report.change()))
}

/// What `look.lua` answers.
pub(crate) fn standing(answer: Value) -> Result<Standing, Away> {
    let mut words = Words::new(answer)?;
    let report = words.report()?;
    let trials_left = words.next::<i64>()?;
    let rate_left = words.next::<i64>()?;
    // -1 is also what a limiter may have left; whether there is one, the caller knows.
    let running = words.next::<i64>()?;
    let breaker = report.map(|report| BreakerStanding {
        state: report.to,
        metrics: report.metrics,
        retry_after: report.retry_after,
        trials_left: u32::try_from(trials_left).ok(),
    });
    Ok(Standing { breaker, rate_left: Some(rate_left), running: u32::try_from(running).ok() })
}

/// Whether a script answers yes.
pub(crate) fn yes(answer: &Value) -> Result<bool, Away> {
    match answer {
        Value::Int(number) => Ok(*number != 0),
        _ => Err(Away::Garbled),
    }
}

/// What `report` in `breaker.lua` tells.
struct Report {
    from: State,
    to: State,
    /// 1: the failure rate reached its threshold, 2: the slow call rate, 3: both.
    exceeded: u8,
    metrics: Metrics,
    retry_after: Option<Duration>,
}

impl Report {
    fn change(&self) -> Option<Change> {
        let reached = |bit, rate| (self.exceeded & bit != 0).then_some(rate);
        (self.from != self.to || self.exceeded != 0).then(|| Change {
            from: self.from,
            to: self.to,
            failure_rate: reached(1, self.metrics.failure_rate),
            slow_call_rate: reached(2, self.metrics.slow_call_rate),
        })
    }

    fn refusal(&self) -> Refusal {
        Refusal {
            state: self.to,
            failure_rate: self.metrics.failure_rate,
            slow_call_rate: self.metrics.slow_call_rate,
            buffered: self.metrics.buffered,
            retry_after: self.retry_after,
        }
    }
}

/// The parts of an answer, in order.
struct Words(std::vec::IntoIter<Value>);

impl Words {
    fn new(answer: Value) -> Result<Self, Away> {
        match answer {
            Value::Array(words) => Ok(Self(words.into_iter())),
            _ => Err(Away::Garbled),
        }
    }

    fn next<T: TryFrom<i64>>(&mut self) -> Result<T, Away> {
        match self.0.next() {
            Some(Value::Int(number)) => T::try_from(number).map_err(|_| Away::Garbled),
            _ => Err(Away::Garbled),
        }
    }

    fn state(&mut self) -> Result<State, Away> {
        let index = self.next::<usize>()?;
        State::ALL.get(index).copied().ok_or(Away::Garbled)
    }

    /// A rate in percent: a text, because a script's numbers lose their decimals on the way.
    fn rate(&mut self) -> Result<f32, Away> {
        match self.0.next() {
            Some(Value::BulkString(text)) => {
                let text = std::str::from_utf8(&text).ok();
                text.and_then(|text| text.parse().ok()).ok_or(Away::Garbled)
            }
            _ => Err(Away::Garbled),
        }
    }

    /// A report that is a part of the answer; `None` where it is empty.
    fn report(&mut self) -> Result<Option<Report>, Away> {
        Self::new(self.0.next().ok_or(Away::Garbled)?)?.whole_report()
    }

    /// All that is left as a report.
    fn whole_report(mut self) -> Result<Option<Report>, Away> {
        if self.0.len() == 0 {
            return Ok(None);
        }
        let (from, to, exceeded) = (self.state()?, self.state()?, self.next()?);
        let metrics = Metrics {
            failure_rate: self.rate()?,
            slow_call_rate: self.rate()?,
            buffered: self.next()?,
            failed: self.next()?,
            slow: self.next()?,
            slow_failed: self.next()?,
            not_permitted: self.next()?,
        };
        let wait = self.next::<i64>()?;
        let retry_after = u64::try_from(wait).ok().map(Duration::from_micros);
        Ok(Some(Report { from, to, exceeded, metrics, retry_after }))
    }
}
