//! Reading the log files, once or as they grow.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::{Line, file_name, old_file_name};

/// The kept lines of a service, oldest first, from `since` on. None if it never wrote.
pub fn read(folder: &Path, service: &str, since: Option<SystemTime>) -> io::Result<Vec<Line>> {
    let mut lines = Vec::new();
    for name in [old_file_name(service), file_name(service)] {
        match fs::read(folder.join(name)) {
            Ok(bytes) => {
                lines.extend(String::from_utf8_lossy(&bytes).lines().filter_map(Line::parse))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    lines.retain(|line| since.is_none_or(|since| line.at >= since));
    Ok(lines)
}

/// Reads what a service writes from now on; the reader polls.
#[derive(Debug)]
pub struct Follow {
    path: PathBuf,
    open: Option<BufReader<File>>,
    partial: String,
}

impl Follow {
    /// Follows a service from the present end of its log.
    pub fn new(folder: &Path, service: &str) -> io::Result<Self> {
        let mut follow =
            Self { path: folder.join(file_name(service)), open: None, partial: String::new() };
        follow.reopen()?;
        if let Some(file) = &mut follow.open {
            file.seek(SeekFrom::End(0))?;
        }
        Ok(follow)
    }

    /// The lines that were written since the last call. A file that was put aside is read to its
    /// end first.
    pub fn poll(&mut self) -> io::Result<Vec<Line>> {
        let mut lines = self.rest()?;
        if self.was_replaced() {
            lines.extend(self.rest()?);
            self.reopen()?;
            lines.extend(self.rest()?);
        }
        Ok(lines)
    }

    fn rest(&mut self) -> io::Result<Vec<Line>> {
        let mut lines = Vec::new();
        let Some(file) = &mut self.open else {
            return Ok(lines);
        };
        let mut bytes = Vec::new();
        while file.read_until(b'\n', &mut bytes)? > 0 {
            self.partial.push_str(&String::from_utf8_lossy(&bytes));
            if bytes.last() == Some(&b'\n') {
                lines.extend(Line::parse(self.partial.trim_end_matches('\n')));
                self.partial.clear();
            }
            bytes.clear();
        }
        Ok(lines)
    }

    fn was_replaced(&self) -> bool {
        let now = fs::metadata(&self.path).ok().map(|meta| (meta.dev(), meta.ino()));
        let open = self.open.as_ref().and_then(|file| file.get_ref().metadata().ok());
        now.is_some() && now != open.map(|meta| (meta.dev(), meta.ino()))
    }

    fn reopen(&mut self) -> io::Result<()> {
        self.open = match File::open(&self.path) {
            Ok(file) => Some(BufReader::new(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        self.partial.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn append(path: &Path, text: &str) {
        let mut file = File::options().create(true).append(true).open(path).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    #[test]
    fn following_sees_new_lines_whole_and_across_rotation() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("web.log");
        append(&path, "2026-01-01T00:00:00Z out before\n");
        let mut follow = Follow::new(folder.path(), "web").unwrap();
        let mut texts = || -> Vec<String> {
            follow.poll().unwrap().into_iter().map(|line| line.text).collect()
        };
        assert_eq!(texts(), [""; 0]);
        append(&path, "2026-01-01T00:00:01Z out one\n2026-01-01T00:00:02Z out t");
        assert_eq!(texts(), ["one"]);
        append(&path, "wo\n");
        assert_eq!(texts(), ["two"]);
        append(&path, "2026-01-01T00:00:03Z out three\n");
        fs::rename(&path, folder.path().join("web.log.1")).unwrap();
        append(&path, "2026-01-01T00:00:04Z out four\n");
        assert_eq!(texts(), ["three", "four"]);
    }

    #[test]
    fn a_log_that_does_not_exist_yet_can_be_followed() {
        let folder = tempfile::tempdir().unwrap();
        let mut follow = Follow::new(folder.path(), "web").unwrap();
        append(&folder.path().join("web.log"), "2026-01-01T00:00:00Z err first\n");
        assert_eq!(follow.poll().unwrap().len(), 1);
        assert_eq!(read(folder.path(), "absent", None).unwrap(), []);
    }
}
