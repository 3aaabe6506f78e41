//! Looks over the open connections: tells those that are idle for too long or drained to end, and
//! has those gone that do not move.
//!
//! One look at all of them a few times a second, instead of a timer and two watches for each: no
//! request pays for it, and an idle connection holds less.

use std::rc::Rc;
use std::time::{Duration, Instant};

use trunkline_model::listener::ListenerTimeouts;
use trunkline_resilience::overload::Level;
use trunkline_rt::drain::Phase;

use super::sessions::Listed;
use super::{Told, Worker};
use crate::decode::Overdue;
use crate::limits;

/// Looks for as long as the worker serves.
pub(super) async fn run(worker: Rc<Worker>) {
    loop {
        tokio::time::sleep(pause(&worker)).await;
        look(&worker);
    }
}

/// Until the next look: short where limits are, and during a drain, which waits for the last one.
fn pause(worker: &Worker) -> Duration {
    let listening = worker.listening.borrow();
    let shortest = |times: ListenerTimeouts| times.head.min(times.idle) / 4;
    let pauses = listening.iter().map(|one| one.look(|plan| shortest(plan.listener.timeouts)));
    let pause = pauses.min().unwrap_or(limits::SWEEP).min(limits::SWEEP);
    let pause = if worker.ending.get() { pause.min(limits::SWEEP_ENDING) } else { pause };
    pause.max(limits::SWEEP_MIN)
}

/// One look at all connections.
pub(crate) fn look(worker: &Worker) {
    let now = worker.clock.now();
    let mut ending = false;
    for listed in worker.connections.borrow().values() {
        let phase = listed.drain.phase();
        ending |= phase > Phase::Running;
        tell(listed, phase, now);
    }
    worker.ending.set(ending);
    if worker.guard.level() >= Level::High {
        shed(worker, now);
    }
}

/// Makes room: those that came last and are idle are closed first, some at each look.
fn shed(worker: &Worker, now: Instant) {
    let connections = worker.connections.borrow();
    let idle = connections
        .iter()
        .filter(|(_, listed)| listed.activity.is_idle() && listed.orders.told() == Told::Serve);
    let mut idle: Vec<_> = idle.collect();
    let most = (connections.len() / limits::SHED_PART).max(1).min(idle.len());
    idle.sort_unstable_by_key(|(number, _)| std::cmp::Reverse(**number));
    idle.iter().take(most).for_each(|(_, listed)| end(listed, now));
    worker.guard.shed(most);
}

fn tell(listed: &Listed, phase: Phase, now: Instant) {
    if phase == Phase::Forced {
        listed.orders.tell(Told::Gone);
        return;
    }
    let activity = &listed.activity;
    if activity.ends_at(phase) {
        end(listed, now);
    }
    let ending = listed.orders.told() >= Told::End;
    if activity.is_idle() {
        listed.alarm.rest();
    }
    let limits = listed.listening.look(|plan| (plan.listener.timeouts, plan.model.guard.pace));
    let overdue = activity.overdue(now, limits, ending);
    if overdue == Some(Overdue::Idle) {
        end(listed, now);
    }
    if overdue == Some(Overdue::Stuck) && listed.orders.tell(Told::Gone) {
        tracing::debug!(peer = %activity.peer(), "connection does not move: closed");
    }
}

fn end(listed: &Listed, now: Instant) {
    if listed.orders.tell(Told::End) {
        listed.activity.told_to_end(now);
    }
}
