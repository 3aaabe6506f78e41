//! Sequences of the rate limiter, the retry and the bulkhead.

use std::fmt::Write as _;
use std::time::Duration;

use trunkline_resilience::bulkhead::{self, Bulkhead, Entry};
use trunkline_resilience::interval::Interval;
use trunkline_resilience::rate_limiter::{self, Cycles, Reservation};
use trunkline_resilience::retry::{self, Attempt, Ended, Retry, Step};

use super::{Dice, Sequence};

fn done(line: &str, seen: &str) -> Sequence {
    Sequence { line: line.trim_end().to_owned(), seen: seen.trim_end().to_owned() }
}

pub(crate) fn limiter(dice: &mut Dice) -> Sequence {
    let config = rate_limiter::Config {
        limit_for_period: u32::try_from(dice.between(1, 8)).unwrap(),
        limit_refresh_period: Duration::from_nanos(dice.between(1, 1_000)),
        timeout_duration: Duration::from_nanos(dice.between(0, 3_000)),
    };
    let (mut limiter, mut now) = (Cycles::new(config, Duration::ZERO), Duration::ZERO);
    let mut line = format!(
        "limiter {} {} {} | ",
        config.limit_for_period,
        config.limit_refresh_period.as_nanos(),
        config.timeout_duration.as_nanos()
    );
    let mut seen = String::new();
    // Draining there takes away what was left after the last call, as it was then: a debt is
    // forgiven, and what time has brought since stays.
    let mut drains_alike = true;
    // Another limit holds there for the cycles since the last call as well.
    let mut settled = true;
    for _ in 0..dice.between(5, 60) {
        let choice = dice.between(0, 11);
        let alike = drains_alike && limiter.available(now) >= 0;
        drains_alike = choice < 6;
        settled = choice < 6 || settled && !(6..9).contains(&choice);
        let returned = match choice {
            0..6 => {
                let permits = u32::try_from(dice.between(1, 5)).unwrap();
                let _ = write!(line, "p{permits} ");
                match limiter.reserve(permits, now) {
                    Reservation::After(wait) => wait.as_nanos().to_string(),
                    Reservation::Refused(_) => "-1".to_owned(),
                }
            }
            6..9 => {
                let nanos = dice.between(0, 2_500);
                now += Duration::from_nanos(nanos);
                let _ = write!(line, "t{nanos} ");
                "t".to_owned()
            }
            9 if alike => {
                limiter.drain(now);
                line.push_str("d ");
                "-".to_owned()
            }
            10 if settled => {
                let limit_for_period = u32::try_from(dice.between(1, 8)).unwrap();
                limiter.change(rate_limiter::Config { limit_for_period, ..*limiter.config() }, now);
                let _ = write!(line, "l{limit_for_period} ");
                "-".to_owned()
            }
            11 => {
                let nanos = dice.between(0, 3_000);
                let timeout_duration = Duration::from_nanos(nanos);
                limiter.change(rate_limiter::Config { timeout_duration, ..*limiter.config() }, now);
                let _ = write!(line, "o{nanos} ");
                "-".to_owned()
            }
            _ => {
                line.push_str("t0 ");
                "t".to_owned()
            }
        };
        let _ = write!(seen, "{returned}/{} ", limiter.available(now));
    }
    done(&line, &seen)
}

pub(crate) fn retry(dice: &mut Dice) -> Sequence {
    let multiplier = dice.one_of(&[1.0, 1.5, 2.0, 7.3]);
    let initial = dice.between(1, 700);
    let max = initial + dice.between(0, 5_000);
    let factor = dice.one_of(&[0.0, 0.0, 0.1, 0.5, 1.0]);
    let seed = dice.between(0, u64::from(u32::MAX));
    let mut random = JavaRandom::new(seed);
    let config = retry::Config {
        max_attempts: u32::try_from(dice.between(1, 6)).unwrap(),
        interval: Interval {
            max: (multiplier > 1.0).then_some(Duration::from_millis(max)),
            randomization_factor: factor,
            ..Interval::exponential(Duration::from_millis(initial), multiplier)
        },
        fail_after_max_attempts: false,
    };
    let mut line = format!(
        "retry {} {initial} {multiplier:?} {max} {factor:?} {seed} | ",
        config.max_attempts
    );
    let (mut seen, mut ends) = (String::new(), [0_u32; 4]);
    for _ in 0..dice.between(2, 20) {
        let letters: String =
            (0..dice.between(1, 8)).map(|_| dice.one_of(&['e', 'e', 'u', 'u', 's', 'i'])).collect();
        let (mut call, mut waits, mut letter) = (Retry::default(), String::new(), letters.chars());
        let returned = loop {
            let how = letter.next().unwrap_or('s');
            let attempt = match how {
                'e' => Attempt::Error,
                'u' => Attempt::Unwanted,
                'i' => Attempt::Ignored,
                _ => Attempt::Success,
            };
            let mut drawn = random;
            match call.next(&config, attempt, None, drawn.number()) {
                Step::Again(wait) => {
                    // Only a wait draws a number there.
                    random = if factor > 0.0 { drawn } else { random };
                    let _ = write!(waits, ",{}", wait.as_millis());
                }
                Step::Done(ended) => {
                    let place = match ended {
                        Ended::SuccessfulWithoutRetry => 0,
                        Ended::SuccessfulWithRetry => 1,
                        Ended::FailedWithoutRetry => 2,
                        Ended::FailedWithRetry => 3,
                    };
                    ends[place] += 1;
                    break if matches!(how, 'e' | 'i') { "x" } else { "r" };
                }
            }
        };
        let _ = write!(line, "{letters} ");
        let [good, late, bad, spent] = ends;
        let _ = write!(seen, "{returned}/{good}/{late}/{bad}/{spent}{waits} ");
    }
    done(&line, &seen)
}

/// What `Math.random` returns from a seed on: the generator that `java.util.Random` documents.
#[derive(Clone, Copy)]
struct JavaRandom(u64);

impl JavaRandom {
    const MULTIPLIER: u64 = 0x5_DEEC_E66D;
    const MASK: u64 = (1 << 48) - 1;

    fn new(seed: u64) -> Self {
        Self((seed ^ Self::MULTIPLIER) & Self::MASK)
    }

    fn bits(&mut self, count: u32) -> u64 {
        self.0 = self.0.wrapping_mul(Self::MULTIPLIER).wrapping_add(0xB) & Self::MASK;
        self.0 >> (48 - count)
    }

    #[expect(clippy::cast_precision_loss, reason = "53 bits are exact")]
    fn number(&mut self) -> f64 {
        let (high, low) = (self.bits(26), self.bits(27));
        ((high << 27) + low) as f64 / (1_u64 << 53) as f64
    }
}

pub(crate) fn bulkhead(dice: &mut Dice) -> Sequence {
    let max = u32::try_from(dice.between(1, 6)).unwrap();
    let config = bulkhead::Config { max_concurrent_calls: max, ..bulkhead::Config::default() };
    let mut bulkhead: Bulkhead<()> = Bulkhead::new(config);
    let (mut line, mut seen) = (format!("bulkhead {max} | "), String::new());
    for _ in 0..dice.between(5, 60) {
        let returned = if dice.chance(60) {
            line.push_str("a ");
            if bulkhead.enter(0, || ()) == Entry::Permitted { "1" } else { "0" }
        } else {
            line.push_str("l ");
            if bulkhead.running() > 0 {
                assert!(bulkhead.leave().is_none());
            }
            "-"
        };
        let _ = write!(seen, "{returned}/{} ", bulkhead.available());
    }
    done(&line, &seen)
}
