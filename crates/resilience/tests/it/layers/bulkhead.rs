//! No permit of a bulkhead is lost, whoever is dropped, and when.

use std::pin::pin;

use super::{
    Answer, Broken, Calls, Duration, Instant, MILLI, OK, Rejected, SECOND, call, poll_once, sleep,
    slow, timeout,
};
use tokio::task::JoinHandle;
use tower::Service as _;
use trunkline_resilience::bulkhead::Config;
use trunkline_resilience::layer::BulkheadLayer;

fn bulkhead(max_concurrent_calls: u32, max_wait_duration: Duration) -> BulkheadLayer {
    let max_waiting = 10;
    BulkheadLayer::new(Config { max_concurrent_calls, max_wait_duration, max_waiting })
}

fn full(waited: Duration) -> Answer {
    Err(Rejected::<Broken>::Bulkhead { running: 1, max_concurrent_calls: 1, waiting: 0, waited })
}

#[tokio::test(start_paused = true)]
async fn a_full_bulkhead_refuses_at_once_or_after_the_wait() {
    for wait in [Duration::ZERO, MILLI * 300] {
        let (calls, begun) = (Calls::default(), Instant::now());
        let target = calls.behind(bulkhead(1, wait));
        let (long, other) = tokio::join!(call(&target, slow(SECOND)), async {
            (call(&target, OK).await, begun.elapsed())
        });
        assert_eq!((long, other), (Ok(200), (full(wait), wait)));
        assert_eq!((call(&target, OK).await, calls.begun()), (Ok(200), 2));
    }
}

#[tokio::test(start_paused = true)]
async fn permits_go_to_those_who_wait_in_their_order() {
    let (calls, bulkhead) = (Calls::default(), bulkhead(1, SECOND));
    let (target, begun) = (calls.behind(bulkhead.clone()), Instant::now());
    let asked: Vec<_> = (0..3)
        .map(|_| {
            let target = target.clone();
            tokio::spawn(async move {
                let answer = call(&target, slow(MILLI * 100)).await;
                (answer, begun.elapsed().as_millis())
            })
        })
        .collect();
    sleep(MILLI * 50).await;
    assert_eq!((bulkhead.running(), bulkhead.waiting(), calls.running()), (1, 2, 1));
    let mut ended = vec![];
    for one in asked {
        ended.push(one.await.unwrap());
    }
    assert_eq!(ended, [(Ok(200), 100), (Ok(200), 200), (Ok(200), 300)]);
}

#[tokio::test(start_paused = true)]
async fn one_who_is_dropped_in_the_queue_leaves_it() {
    let (calls, bulkhead) = (Calls::default(), bulkhead(1, SECOND * 9));
    let target = calls.behind(bulkhead.clone());
    let long = tokio::spawn({
        let target = target.clone();
        async move { call(&target, slow(SECOND)).await }
    });
    sleep(MILLI).await;
    for _ in 0..3 {
        assert!(timeout(MILLI, call(&target, OK)).await.is_err());
        assert_eq!((bulkhead.running(), bulkhead.waiting()), (1, 0));
    }
    assert_eq!(long.await.unwrap(), Ok(200));
    assert_eq!((bulkhead.running(), calls.begun()), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_permit_comes_back_with_the_response_even_if_its_future_is_kept() {
    let bulkhead = bulkhead(1, Duration::ZERO);
    let mut target = Calls::default().behind(bulkhead.clone());
    let mut kept = pin!(target.call(OK));
    assert_eq!(bulkhead.running(), 1);
    assert_eq!((kept.as_mut().await, bulkhead.running()), (Ok(200), 0));
}

/// The permit was handed on to one who is dropped before it looks.
#[tokio::test(start_paused = true)]
async fn a_permit_that_nobody_looks_at_any_more_goes_to_the_next() {
    let (calls, bulkhead) = (Calls::default(), bulkhead(1, SECOND * 9));
    let target = calls.behind(bulkhead.clone());
    let mut third = pin!(call(&target, OK));
    {
        let mut first = Box::pin(call(&target, slow(SECOND)));
        let mut second = Box::pin(call(&target, OK));
        assert!(poll_once(first.as_mut()).is_pending());
        assert!(poll_once(second.as_mut()).is_pending());
        assert!(poll_once(third.as_mut()).is_pending());
        drop(first);
        assert_eq!((bulkhead.running(), bulkhead.waiting()), (1, 1));
        drop(second);
        assert_eq!((bulkhead.running(), bulkhead.waiting()), (1, 0));
    }
    assert_eq!(third.await, Ok(200));
    assert_eq!((bulkhead.running(), calls.begun(), calls.running()), (0, 2, 0));
}

/// The permit comes in the very moment in which the wait ends: it is used.
#[tokio::test(start_paused = true)]
async fn a_permit_that_comes_with_the_end_of_the_wait_is_not_lost() {
    let bulkhead = bulkhead(1, SECOND);
    let target = Calls::default().behind(bulkhead.clone());
    let (long, other) =
        tokio::join!(call(&target, slow(SECOND)), async { call(&target, OK).await });
    assert_eq!(long, Ok(200));
    assert!(other == Ok(200) || other == full(SECOND), "{other:?}");
    assert_eq!((bulkhead.running(), bulkhead.waiting()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn nothing_leaks_when_a_thousand_calls_are_dropped_wherever_they_are() {
    let (calls, bulkhead) = (Calls::default(), bulkhead(3, SECOND * 60));
    let target = calls.behind(bulkhead.clone());
    let mut open = vec![];
    for number in 0..1_000_usize {
        let mut one = Box::pin(call(&target, slow(SECOND)));
        assert!(poll_once(one.as_mut()).is_pending());
        open.push(one);
        if open.len() > 7 {
            drop(open.remove(number * 5 % 8));
        }
        let (running, waiting) = (open.len().min(3), open.len().saturating_sub(3));
        assert_eq!((bulkhead.running() as usize, bulkhead.waiting()), (running, waiting));
    }
    drop(open);
    assert_eq!((bulkhead.running(), bulkhead.waiting(), calls.running()), (0, 0, 0));
    assert!(calls.begun() >= 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_leaks_when_a_thousand_calls_are_cancelled_by_another_thread() {
    let (calls, bulkhead) = (Calls::default(), bulkhead(3, SECOND * 60));
    let target = calls.behind(bulkhead.clone());
    for round in 0..100_u32 {
        let asked: Vec<_> = (0..10_u32)
            .map(|_| {
                let (target, takes) = (target.clone(), MILLI * (round % 3));
                tokio::spawn(async move { call(&target, slow(takes)).await })
            })
            .collect();
        // Every second round cancels when some wait, the others at once.
        while round % 2 == 0
            && bulkhead.waiting() == 0
            && !asked.iter().all(JoinHandle::is_finished)
        {
            tokio::task::yield_now().await;
        }
        asked.iter().for_each(JoinHandle::abort);
        for one in asked {
            // Cancelled, or faster than that.
            assert!(one.await.map_or_else(|e| e.is_cancelled(), |answer| answer == Ok(200)));
        }
        assert!(bulkhead.running() == 0 && bulkhead.waiting() == 0, "round {round}");
    }
    assert_eq!(calls.running(), 0);
    assert_eq!(call(&target, OK).await, Ok(200));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_leaks_when_waits_end_while_permits_come() {
    let (calls, bulkhead) = (Calls::default(), bulkhead(2, MILLI));
    let target = calls.behind(bulkhead.clone());
    for round in 0..50 {
        let asked: Vec<_> = (0..8)
            .map(|_| {
                let target = target.clone();
                tokio::spawn(async move { call(&target, slow(MILLI)).await })
            })
            .collect();
        for one in asked {
            let answer = one.await.unwrap();
            let refused = answer.is_err_and(|rejected| rejected.policy() == Some("bulkhead"));
            assert!(answer == Ok(200) || refused, "{answer:?}");
        }
        assert!(bulkhead.running() == 0 && bulkhead.waiting() == 0, "round {round}");
    }
    assert_eq!(calls.running(), 0);
}
