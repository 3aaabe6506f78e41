//! The thread that writes: one group after the other, acknowledged in order.

use std::io;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};

use super::Frame;
use super::log::Log;
use super::queue::{Next, Queue, Reader, Waiting};

pub(super) fn start(
    log: Log,
    queue: Arc<Queue>,
    committed: impl FnMut(&[Frame]) + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    Builder::new().name("wal".to_owned()).spawn(move || {
        let reader = Reader(queue);
        run(log, &reader.0, committed);
    })
}

fn run(mut log: Log, queue: &Queue, mut committed: impl FnMut(&[Frame])) {
    log.prepare();
    loop {
        match queue.next(log.patience()) {
            Next::Group(group) => {
                let begun = log.now();
                commit(&mut log, group, &mut committed);
                let took = log.now().saturating_duration_since(begun);
                queue.set_group_time(took);
                log.note_time(took);
            }
            Next::Idle => log.settle(),
            Next::Closed => return log.close(),
        }
    }
}

fn commit(log: &mut Log, group: Vec<Waiting>, committed: &mut impl FnMut(&[Frame])) {
    match log.write(&group) {
        Ok(frames) => {
            committed(&frames);
            for (waiting, frame) in group.into_iter().zip(&frames) {
                waiting.acknowledge(frame.position);
            }
        }
        Err(refused) => {
            for waiting in group {
                waiting.refuse(&refused);
            }
        }
    }
}
