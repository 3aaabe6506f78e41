//! What differs from Resilience4j on purpose: each row of `docs/reference/resilience4j.md`, shown.
//!
//! The same sequence through both ends differently. What Resilience4j shows was seen with its
//! driver, and is asked again where there is Java, so that the list cannot outlive a defect there.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use trunkline_resilience::breaker::{Breaker, Config, OpenWait, Outcome, State, Window};

use crate::driven::replay;
use crate::resilience4j::{driver, through_java};

/// A row of the list, a sequence, and how it ends there.
struct Difference {
    row: &'static str,
    line: &'static str,
    theirs: &'static str,
    ours: Ours,
}

enum Ours {
    /// How the same sequence ends here.
    Ends(&'static str),
    /// The file and the test, or the generated words, that show what happens here.
    Test(&'static str, &'static str),
}

use Ours::{Ends, Test};

const DIFFERENCES: [Difference; 20] = [
    Difference {
        row: "HALF_OPEN",
        line: "breaker 50 100 1000000000 calls 1 1 1000 1.0 1000 1 default OPEN false CLOSED | \
               a0 e0:0 t1000000001 a1 t3600000000000",
        theirs: "t/HALF_OPEN/0/0/0/0/0/bf800000/bf800000",
        ours: Ends("t/OPEN/0/0/0/0/0/bf800000/bf800000,STATE_TRANSITION:HALF_OPEN>OPEN"),
    },
    Difference {
        row: "permits of HALF_OPEN",
        line: "breaker 50 100 1000000000 calls 1 1 1000 1.0 1000 1 0 OPEN false CLOSED | \
               a0 a1 e0:0 t1000000001 a2 i1:0 a3",
        theirs: "1/HALF_OPEN/0/0/0/0/0/bf800000/bf800000",
        ours: Ends("0/HALF_OPEN/0/0/0/0/1/bf800000/bf800000,NOT_PERMITTED"),
    },
    Difference {
        row: "results that come late",
        line: "breaker 50 100 1000000000 calls 1 1 1000 1.0 1000 1 0 OPEN false CLOSED | \
               a0 a1 e0:0 t1000000001 a2 e1:0",
        theirs: "-/OPEN/1/1/0/0/0/42c80000/0,ERROR,STATE_TRANSITION:HALF_OPEN>OPEN",
        ours: Ends("-/HALF_OPEN/0/0/0/0/0/bf800000/bf800000,ERROR"),
    },
    Difference {
        row: "OPEN after DISABLED or FORCED_OPEN",
        line: "breaker 50 100 1000000000 calls 1 1 1000 1.0 1000 1 0 OPEN false DISABLED | \
               a0 SOPEN e0:0",
        theirs: "defect/OPEN/1/1/0/0/0/42c80000/0,ERROR",
        ours: Ends("-/OPEN/0/0/0/0/0/bf800000/bf800000,ERROR"),
    },
    Difference {
        row: "OPEN after DISABLED or FORCED_OPEN",
        line: "breaker 50 100 1000000000 calls 1 1 1000 1.0 1000 1 0 OPEN false CLOSED | \
               a0 SFORCED_OPEN SOPEN e0:0",
        theirs: "defect/OPEN/1/1/0/0/0/42c80000/0,ERROR",
        ours: Ends("-/OPEN/0/0/0/0/0/bf800000/bf800000,ERROR"),
    },
    Difference {
        row: "RESET",
        line: "breaker 50 100 1000000000 calls 1 1 1000 1.0 1000 1 1000 OPEN false CLOSED | \
               a0 e0:0 t1000000001 a1 R t1000000000",
        theirs: "t/OPEN/0/0/0/0/0/bf800000/bf800000,STATE_TRANSITION:CLOSED>OPEN",
        ours: Ends("t/CLOSED/0/0/0/0/0/bf800000/bf800000"),
    },
    Difference {
        row: "NOT_PERMITTED",
        line: "breaker 50 100 1000000000 calls 1 1 1000 1.0 1000 1 0 OPEN false CLOSED | \
               g a0 e0:0 t1000000001 a1",
        theirs: "0/HALF_OPEN/0/0/0/0/1/bf800000/bf800000,\
                 STATE_TRANSITION:OPEN>HALF_OPEN,NOT_PERMITTED,NOT_PERMITTED",
        ours: Ends("1/HALF_OPEN/0/0/0/0/0/bf800000/bf800000,STATE_TRANSITION:OPEN>HALF_OPEN"),
    },
    Difference {
        row: "timers",
        line: "breaker 50 100 1000000000 calls 1 1 1000 1.0 1000 1 0 OPEN true CLOSED | \
               a0 e0:0 t1000000000",
        theirs: "t/HALF_OPEN/0/0/0/0/0/bf800000/bf800000,STATE_TRANSITION:OPEN>HALF_OPEN",
        ours: Test("crates/resilience/tests/it/differences.rs", "a_timer_ends_with_the_next_look"),
    },
    Difference {
        row: "rate limiter, default",
        line: "limiter default | p50 t500 p50 t500 p50",
        theirs: "0/0 t/50 0/0 t/50 0/0",
        ours: Ends("0/0 t/0 999999500/-50 t/-50 1999999000/-100"),
    },
    Difference {
        row: "rate limiter, wait",
        line: "limiter 1 1000000 80000 | p1 w1",
        theirs: "0:slept/0",
        ours: Ends("0:at-once/0"),
    },
    Difference {
        row: "rate limiter, draining",
        line: "limiter 2 1000 5000 | p2 p1 d",
        theirs: "-/0",
        ours: Ends("-/-1"),
    },
    Difference {
        row: "rate limiter, draining",
        line: "limiter 2 1000 5000 | p2 t1000 d",
        theirs: "-/2",
        ours: Ends("-/0"),
    },
    Difference {
        row: "rate limiter, another limit",
        line: "limiter 1 1000 5000 | p1 t1000 l5",
        theirs: "-/5",
        ours: Ends("-/1"),
    },
    Difference {
        row: "rate limiter, another limit",
        line: "limiter 5 1000 5000 | p1 t1000 l1",
        theirs: "-/1",
        ours: Ends("-/5"),
    },
    Difference {
        row: "bulkhead, smaller limit",
        line: "bulkhead 2 | a a c1 f",
        theirs: "waits/0 done/0",
        ours: Ends("done/0 done/0"),
    },
    Difference {
        row: "bulkhead and breaker",
        line: "breaker 50 100 1000000000 calls 1 1 1000 1.0 1000 1 0 OPEN false CLOSED | B",
        theirs: "full/OPEN/1/1/0/0/0/42c80000/0,\
                 ERROR,FAILURE_RATE_EXCEEDED:42c80000,STATE_TRANSITION:CLOSED>OPEN",
        ours: Test("crates/proxy/tests/it/policies.rs", "a_full_bulkhead_opens_no_breaker"),
    },
    Difference {
        row: "retry, default wait",
        line: "retry default | ees",
        theirs: "r/0/1/0/0,500,500",
        ours: Test("docs/reference/config.md", "| `25ms..250ms` | The wait before each"),
    },
    Difference {
        row: "retry and breaker",
        line: "retry default | nnn",
        theirs: "x/0/0/0/1,500,500",
        ours: Test("crates/proxy/tests/it/policies.rs", "what_the_breaker_refused_is_not_repeated"),
    },
    Difference {
        row: "wait of an open breaker with a random part",
        line: "interval 1000 0.5 | 200",
        theirs: "differ:in-bounds",
        ours: Test("crates/resilience/tests/it/differences.rs", "a_random_wait_in_open_is_known"),
    },
    Difference {
        row: "wait of an open breaker with a random part",
        line: "interval 1000 0.0 | 200",
        theirs: "equal:in-bounds",
        ours: Test("crates/resilience/tests/it/differences.rs", "a_random_wait_in_open_is_known"),
    },
];

fn read(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    std::fs::read_to_string(root.join(path)).unwrap()
}

/// Whether the last things that were seen are these, whole.
fn ends(seen: &str, expect: &str) -> bool {
    format!(" {seen}").ends_with(&format!(" {expect}"))
}

#[test]
fn resilience4j_still_does_what_the_list_says() {
    let Some(class_path) = driver() else {
        eprintln!("skipped: needs a JDK and Maven");
        return;
    };
    let seen = through_java(class_path, DIFFERENCES.iter().map(|difference| difference.line));
    assert_eq!(seen.len(), DIFFERENCES.len());
    for (Difference { row, line, theirs, .. }, seen) in DIFFERENCES.iter().zip(&seen) {
        assert!(ends(seen, theirs), "{row}\n{line}\n{seen}");
    }
}

#[test]
fn these_machines_do_what_the_list_says() {
    for Difference { row, line, theirs, ours } in &DIFFERENCES {
        match ours {
            Ends(ours) => {
                let seen = replay(line);
                assert!(ends(&seen, ours), "{row}\n{line}\n{seen}");
                assert_ne!(ours, theirs, "{row}: no difference");
            }
            Test(file, name) => assert!(read(file).contains(name), "{row}: {file} has no {name}"),
        }
    }
}

#[test]
fn every_row_of_the_list_is_shown() {
    let list = read("docs/reference/resilience4j.md");
    let rows = list.lines().skip_while(|line| !line.starts_with("|---")).skip(1);
    let cells = rows.filter_map(|line| line.strip_prefix("| ")?.split_once(" |"));
    let listed: BTreeSet<_> = cells.map(|(row, _)| row).collect();
    let shown: BTreeSet<_> = DIFFERENCES.iter().map(|difference| difference.row).collect();
    assert_eq!(listed, shown);
}

fn opened(wait_in_open: OpenWait, automatic_transition: bool) -> Breaker {
    let config = Config {
        window: Window::Calls(1),
        minimum_calls: 1,
        wait_in_open,
        automatic_transition,
        ..Config::default()
    };
    let (mut breaker, quiet) = (Breaker::new(config, Duration::ZERO).unwrap(), &mut |_| ());
    let permit = breaker.try_acquire(Duration::ZERO, quiet).unwrap();
    breaker.on_result(permit, Outcome::Error, Duration::ZERO, Duration::ZERO, quiet);
    breaker
}

#[test]
fn a_timer_ends_with_the_next_look() {
    let second = Duration::from_secs(1);
    let mut breaker = opened(OpenWait::fixed(second), true);
    assert_eq!((breaker.metrics(9 * second).buffered, breaker.permits_left()), (1, None));
    let mut told = 0;
    assert_eq!(breaker.state(9 * second, &mut |_| told += 1), State::HalfOpen);
    assert_eq!(told, 1);
}

#[test]
fn a_random_wait_in_open_is_known() {
    let wait = OpenWait {
        randomization_factor: 0.5,
        ..OpenWait::exponential(Duration::from_secs(1), 1.0)
    };
    // The middle of 500 ms to 1501 ms, in Resilience4j's arithmetic.
    let middle = Some(Duration::from_millis(1_000));
    for _ in 0..20 {
        assert_eq!(opened(wait, false).retry_at(), middle);
    }
}
