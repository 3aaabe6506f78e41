//! A process that is killed at any moment: what it said to have acknowledged is there.

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use trunkline_rt::{Clock, Random};
use trunkline_store::disk::Folder;
use trunkline_store::wal::{Base, Config, Position, Signal, Ticket, Wal};

use super::rig::{below, open, payload, seed, small, times};

const FOLDER: &str = "TRUNKLINE_TEST_FOLDER";
const FIRST: &str = "TRUNKLINE_TEST_FIRST";

/// How often; `TRUNKLINE_KILLS` says otherwise.
const KILLS: usize = 20;

/// A killed process may have sent so many payloads that it heard nothing of.
const BURST: u64 = 20;

fn base(folder: &Path) -> Base {
    let disk = Arc::new(Folder::open(folder).unwrap());
    let config = Config { file_bytes: 300_000, ..small() };
    Base { disk, clock: Clock::system(), config }
}

#[test]
#[ignore = "the process that `what_is_acknowledged_survives_kill_9` kills"]
fn append_until_killed() {
    let Ok(folder) = std::env::var(FOLDER) else {
        return;
    };
    let first: u64 = std::env::var(FIRST).unwrap().parse().unwrap();
    let (wal, _, _) = open(base(Path::new(&folder)), Position::default()).unwrap();
    let mut random = Random::from_seed(first);
    let mut output = std::io::stdout();
    for start in (first..).step_by(20) {
        let append = |id| {
            let length = below(&mut random, 5_000);
            (id, wal.append(Signal::Spans, Bytes::from(payload(id, length))))
        };
        let tickets: Vec<(u64, Ticket)> = (start..start + BURST).map(append).collect();
        for (id, ticket) in tickets {
            ticket.wait().unwrap();
            writeln!(output, "acknowledged {id}.").unwrap();
            output.flush().unwrap();
        }
    }
}

fn start(folder: &Path, first: u64) -> (Child, BufReader<ChildStdout>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "wal::killed::append_until_killed", "--nocapture"])
        .env(FOLDER, folder)
        .env(FIRST, first.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    (child, output)
}

/// A line that is whole, about a payload.
fn acknowledged(line: &str) -> Option<u64> {
    line.strip_prefix("acknowledged ")?.strip_suffix(".")?.parse().ok()
}

#[test]
fn what_is_acknowledged_survives_kill_9() {
    let folder = tempfile::tempdir().unwrap();
    let mut random = Random::from_seed(seed());
    let mut all = Vec::new();
    let mut unheard = HashSet::new();
    for _ in 0..times("TRUNKLINE_KILLS", KILLS) {
        let first = all.last().map_or(0, |id| id + BURST + 1);
        let (mut child, output) = start(folder.path(), first);
        let mut lines = output.lines();
        let mut heard = 0;
        let enough = 1 + below(&mut random, 300);
        while heard < enough {
            let line = lines.next().expect("the process goes on until it is killed").unwrap();
            let id = acknowledged(&line);
            heard += usize::from(id.is_some());
            all.extend(id);
        }
        std::thread::sleep(Duration::from_micros(random.number() % 5_000));
        child.kill().unwrap();
        child.wait().unwrap();
        // What it said before it ended counts.
        all.extend(lines.map_while(Result::ok).filter_map(|line| acknowledged(&line)));
        let last = all.last().unwrap();
        unheard.extend(last + 1..=last + BURST);

        let (_wal, head, report) = open(base(folder.path()), Position::default()).unwrap();
        let mut replayed = head.after(Position::default());
        let rest: Vec<_> = replayed.extract_if(.., |id| unheard.contains(id)).collect();
        assert_eq!(replayed, all);
        assert_eq!(rest.iter().collect::<HashSet<_>>().len(), rest.len(), "twice in {rest:?}");
        assert_eq!(report.lost_places, 0, "{report:?}");
    }
}

#[test]
fn a_log_can_be_checked_while_another_process_writes_it() {
    let folder = tempfile::tempdir().unwrap();
    let (wal, _, _) = open(base(folder.path()), Position::default()).unwrap();
    for id in 0..50 {
        wal.append(Signal::Spans, Bytes::from(payload(id, 100))).wait().unwrap();
    }
    let look = Folder::look(folder.path()).unwrap();
    let report = Wal::check(&look, Position::default(), &mut |_| Ok(())).unwrap();
    assert_eq!((report.frames, report.lost_places), (50, 0));
    wal.append(Signal::Spans, Bytes::from(payload(50, 100))).wait().unwrap();
}
