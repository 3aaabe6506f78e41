//! An append-only file of JSON lines. A line is valid once its line feed is there: what a crash cut off is dropped at
//! the next start. A file that has grown long is written anew with few lines that stand for many.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Written anew once it has grown by this many, so that a start takes a moment and not longer.
const LINES_MAX: u64 = 20_000;
/// A line is a short JSON object; a longer one is not ours.
const LINE_BYTES_MAX: usize = 4096;

pub struct Journal {
    path: PathBuf,
    file: File,
    lines: u64,
    /// The number of lines at which it is next written anew.
    rewrite_at: u64,
    /// Where the last whole line ends; a write that fails halfway is cut back to here.
    end: u64,
}

impl Journal {
    /// Opens or makes the file and gives each whole line to `each`.
    pub fn open(path: &Path, mut each: impl FnMut(&str)) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let file = private().open(path)?;
        let mut journal = Self {
            path: path.to_owned(),
            file,
            lines: 0,
            rewrite_at: LINES_MAX,
            end: 0,
        };
        let mut reader = BufReader::new(&journal.file);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line)? > 0 && line.ends_with(b"\n") {
            if line.len() <= LINE_BYTES_MAX {
                each(String::from_utf8_lossy(&line).trim_end());
            }
            journal.lines += 1;
            journal.end += line.len() as u64;
            line.clear();
        }
        journal.cut_back()?;
        Ok(journal)
    }

    /// Writes a line, which brings its line feed. It is then with the system: it outlives this process, however it ends.
    pub fn append(&mut self, line: &str) -> io::Result<()> {
        if let Err(error) = self.file.write_all(line.as_bytes()) {
            self.cut_back()?;
            return Err(error);
        }
        self.lines += 1;
        self.end += line.len() as u64;
        Ok(())
    }

    pub fn is_long(&self) -> bool {
        self.lines >= self.rewrite_at
    }

    /// Replaces the file by one with these lines, in one step that a crash cannot halve.
    pub fn rewrite(&mut self, fresh_lines: impl Iterator<Item = String>) -> io::Result<()> {
        self.rewrite_at = self.lines + LINES_MAX; // Not again at the next line, if this fails.
        let fresh_path = self.path.with_extension("new");
        let fresh = private().truncate(true).open(&fresh_path)?;
        let mut writer = BufWriter::new(fresh);
        let (mut lines, mut end) = (0, 0);
        for line in fresh_lines {
            writer.write_all(line.as_bytes())?;
            lines += 1;
            end += line.len() as u64;
        }
        let fresh = writer.into_inner()?;
        fresh.sync_data()?;
        fs::rename(&fresh_path, &self.path)?;
        *self = Self {
            path: self.path.clone(),
            file: fresh,
            lines,
            rewrite_at: lines + LINES_MAX,
            end,
        };
        Ok(())
    }

    fn cut_back(&mut self) -> io::Result<()> {
        self.file.set_len(self.end)?;
        self.file.seek(SeekFrom::Start(self.end)).map(drop)
    }
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).mode(0o600);
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(path: &Path) -> Vec<String> {
        let mut lines = Vec::new();
        Journal::open(path, |line| lines.push(line.to_owned())).unwrap();
        lines
    }

    fn fresh_path(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("analytics-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        folder.join("events.jsonl")
    }

    #[test]
    fn a_torn_last_line_is_dropped_and_written_over() {
        let path = fresh_path("torn");
        let mut journal = Journal::open(&path, |_| ()).unwrap();
        journal.append("one\n").unwrap();
        journal.append("two\n").unwrap();
        journal.file.set_len(6).unwrap();
        let mut journal = Journal::open(&path, |_| ()).unwrap();
        journal.append("three\n").unwrap();
        assert_eq!(lines(&path), ["one", "three"]);
        fs::remove_dir_all(path.parent().unwrap()).unwrap();
    }

    #[test]
    fn a_rewritten_file_has_what_is_wanted_and_goes_on() {
        let path = fresh_path("rewritten");
        let mut journal = Journal::open(&path, |_| ()).unwrap();
        for n in 0..10 {
            journal.append(&format!("{n}\n")).unwrap();
        }
        journal
            .rewrite(["8\n".to_owned(), "9\n".to_owned()].into_iter())
            .unwrap();
        journal.append("more\n").unwrap();
        assert_eq!(lines(&path), ["8", "9", "more"]);
        fs::remove_dir_all(path.parent().unwrap()).unwrap();
    }
}
