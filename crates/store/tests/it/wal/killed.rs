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
const MARK: &str = "TRUNKLINE_TEST_MARK";

/// After so many kills, what is there counts as done.
const FORGET_AFTER: usize = 6;

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
    let mark = std::env::var(MARK).unwrap();
    let (file, offset) = mark.split_once(':').unwrap();
    let mark = Position { file: file.parse().unwrap(), offset: offset.parse().unwrap() };
    let (wal, _, _) = open(base(Path::new(&folder)), mark).unwrap();
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

fn start(folder: &Path, first: u64, mark: Position) -> (Child, BufReader<ChildStdout>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "wal::killed::append_until_killed", "--nocapture"])
        .env(FOLDER, folder)
        .env(FIRST, first.to_string())
        .env(MARK, mark.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    (child, output)
}

/// A line that is whole, about a payload.
fn acknowledged(line: &str) -> Option<u64> {
    // The harness may have begun the line.
    line.split_once("acknowledged ")?.1.strip_suffix(".")?.parse().ok()
}

/// Starts a process, kills it, and gives back what it said to have acknowledged: at least one.
fn run_and_kill(folder: &Path, first: u64, mark: Position, random: &mut Random) -> Vec<u64> {
    let (mut child, output) = start(folder, first, mark);
    let mut lines = output.lines();
    let mut heard = Vec::new();
    let enough = 1 + below(random, 300);
    while heard.len() < enough {
        let line = lines.next().expect("the process goes on until it is killed").unwrap();
        heard.extend(acknowledged(&line));
    }
    std::thread::sleep(Duration::from_micros(random.number() % 5_000));
    child.kill().unwrap();
    child.wait().unwrap();
    // What it said before it ended counts.
    heard.extend(lines.map_while(Result::ok).filter_map(|line| acknowledged(&line)));
    heard
}

#[test]
fn what_is_acknowledged_survives_kill_9() {
    let folder = tempfile::tempdir().unwrap();
    let mut random = Random::from_seed(seed());
    let (mut first, mut mark) = (0, Position::default());
    let (mut expected, mut unheard) = (Vec::new(), HashSet::new());
    for kill in 1..=times("TRUNKLINE_KILLS", KILLS) {
        let heard = run_and_kill(folder.path(), first, mark, &mut random);
        let last = *heard.last().unwrap();
        expected.extend(heard);
        unheard.extend(last + 1..=last + BURST);
        first = last + BURST + 1;

        let (wal, head, report) = open(base(folder.path()), mark).unwrap();
        let mut replayed = head.after(Position::default());
        let rest: Vec<_> = replayed.extract_if(.., |id| unheard.contains(id)).collect();
        assert_eq!(replayed, expected);
        assert_eq!(rest.iter().collect::<HashSet<_>>().len(), rest.len(), "twice in {rest:?}");
        assert_eq!(report.lost_places, 0, "{report:?}");
        if kill.is_multiple_of(FORGET_AFTER) {
            mark = *head.positions().last().unwrap();
            wal.forget(mark).unwrap();
            expected.clear();
            unheard.clear();
        }
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
