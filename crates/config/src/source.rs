//! The texts that configuration comes from, and places in them.
//!
//! Everything that is parsed is a [`SourceFile`] of a [`SourceMap`], whether it was read from disk
//! or received by an API; a [`Span`] is a byte range of one of them. Spans are eight bytes of
//! offsets and a file number, so that every node of a large file can carry one; lines and columns
//! are computed only when a person will read them.
//!
//! This module reads files. It knows nothing of their format.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use crate::diagnostic::Diagnostics;
use crate::node::Node;
use crate::yaml;
use trunkline_model::Origin;

/// The largest file that is read, in bytes. A file of 10 000 routes has about 1 MiB.
pub const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// The number of a file within its [`SourceMap`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId(u32);

/// A byte range of one source file; `end` is exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Span {
    /// The file the bytes are in.
    pub file: FileId,
    /// Offset of the first byte.
    pub start: u32,
    /// Offset after the last byte.
    pub end: u32,
}

impl Span {
    /// The span from the start of `self` to the end of `other`; `other` must be in the same file.
    #[must_use]
    pub fn to(self, other: Self) -> Self {
        if self.file == other.file { Self { end: other.end.max(self.start), ..self } } else { self }
    }

    /// A part of this span: `from..to` are byte offsets relative to its start, clamped to it.
    #[must_use]
    pub fn part(self, from: usize, to: usize) -> Self {
        let clamp = |offset: usize| {
            self.start.saturating_add(u32::try_from(offset).unwrap_or(u32::MAX)).min(self.end)
        };
        let start = clamp(from);
        Self { file: self.file, start, end: clamp(to).max(start) }
    }
}

/// A line and column as people count: both start at 1, columns count characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LineColumn {
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

/// One text with its name.
#[derive(Debug, Clone)]
pub struct SourceFile {
    /// The number of this file in its map.
    pub id: FileId,
    /// The path as the user wrote it, or a name such as `<stdin>`; used in messages.
    pub path: PathBuf,
    /// The whole text.
    pub text: Arc<str>,
    name: Arc<str>,
    line_starts: Arc<[u32]>,
    /// How many characters stand before each block of [`BLOCK`] bytes; empty for ASCII text, where
    /// characters are bytes. With it a column costs the same on a line of any length.
    characters_before: Arc<[u32]>,
    parsed: Arc<OnceLock<Parsed>>,
}

/// The file as YAML, parsed on first use: dialects are told apart by looking into it.
#[derive(Debug)]
struct Parsed {
    documents: Vec<Node>,
    problems: Diagnostics,
}

impl SourceFile {
    fn new(id: FileId, path: PathBuf, text: Arc<str>) -> Self {
        let line_starts = line_starts(&text);
        let characters_before = characters_before(&text);
        let name = Arc::from(path.display().to_string());
        Self { id, path, text, name, line_starts, characters_before, parsed: Arc::default() }
    }

    fn parsed(&self) -> &Parsed {
        self.parsed.get_or_init(|| {
            let mut problems = Diagnostics::default();
            let documents = yaml::parse(self, &mut problems);
            Parsed { documents, problems }
        })
    }

    /// The documents of the file read as YAML or JSON, those before a syntax error.
    #[must_use]
    pub fn documents(&self) -> &[Node] {
        &self.parsed().documents
    }

    /// What is wrong with the file as YAML.
    #[must_use]
    pub fn yaml_problems(&self) -> &Diagnostics {
        &self.parsed().problems
    }

    /// A span over the whole text.
    #[must_use]
    pub fn span(&self) -> Span {
        Span { file: self.id, start: 0, end: u32::try_from(self.text.len()).unwrap_or(u32::MAX) }
    }

    /// The span of the first line, for what is wrong with the file as a whole.
    #[must_use]
    pub fn first_line(&self) -> Span {
        let length = self.text.lines().next().map_or(0, str::len);
        self.span().part(0, length)
    }

    /// The text of a span; empty when the span does not lie on character borders of this file.
    #[must_use]
    pub fn slice(&self, span: Span) -> &str {
        self.text.get(span.start as usize..span.end as usize).unwrap_or("")
    }

    /// Line and column of a byte offset; an offset after the end counts as the end.
    #[must_use]
    pub fn line_column(&self, offset: u32) -> LineColumn {
        let line = self.line_starts.partition_point(|start| *start <= offset).max(1);
        let start = self.line_start(line);
        let end = (offset as usize).min(self.text.len());
        let column = self.characters(end).saturating_sub(self.characters(start));
        LineColumn { line: clamp_u32(line), column: clamp_u32(column + 1) }
    }

    /// Whether every character is one byte.
    pub(crate) fn is_ascii(&self) -> bool {
        self.characters_before.is_empty()
    }

    /// How many characters start before a byte offset.
    fn characters(&self, offset: usize) -> usize {
        let block = offset / BLOCK;
        let Some(before) = self.characters_before.get(block) else {
            return offset;
        };
        let rest = self.text.as_bytes().get(block * BLOCK..offset);
        *before as usize + rest.map_or(0, count_characters)
    }

    /// Byte offset of the start of a line (from 1); the end of the text for a line after the last.
    #[must_use]
    pub fn line_start(&self, line: usize) -> usize {
        self.line_starts
            .get(line.saturating_sub(1))
            .map_or(self.text.len(), |start| *start as usize)
    }

    /// The extension of the path in lower case, or an empty string.
    #[must_use]
    pub fn extension(&self) -> String {
        self.path.extension().map(|e| e.to_string_lossy().to_lowercase()).unwrap_or_default()
    }
}

/// Bytes between two entries of [`SourceFile`]'s table of characters.
const BLOCK: usize = 1_024;

/// Characters that start in these bytes: every byte of UTF-8 but continuations (`10xxxxxx`).
fn count_characters(bytes: &[u8]) -> usize {
    bytes.iter().map(|byte| usize::from(byte & 0xc0 != 0x80)).sum()
}

fn characters_before(text: &str) -> Arc<[u32]> {
    if text.is_ascii() {
        return Arc::from([]);
    }
    let mut before = 0;
    let mut table = Vec::with_capacity(text.len() / BLOCK + 2);
    for block in text.as_bytes().chunks(BLOCK) {
        table.push(clamp_u32(before));
        before += count_characters(block);
    }
    // The end of a text of whole blocks starts a block of its own.
    table.push(clamp_u32(before));
    table.into()
}

fn clamp_u32(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

/// Offsets of the first byte of each line. `\n`, `\r\n` and a lone `\r` end a line, as in YAML.
fn line_starts(text: &str) -> Arc<[u32]> {
    let bytes = text.as_bytes();
    let ends = bytes.iter().enumerate().filter(|(at, byte)| {
        **byte == b'\n' || (**byte == b'\r' && bytes.get(at + 1) != Some(&b'\n'))
    });
    std::iter::once(0).chain(ends.map(|(at, _)| clamp_u32(at + 1))).collect()
}

/// Why a file could not become a source.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The operating system refused.
    #[error("cannot read the file: {0}")]
    Io(#[source] std::io::Error),
    /// The path is a folder or a device.
    #[error("not a regular file")]
    NotAFile,
    /// The file has more than [`FILE_BYTES_MAX`] bytes.
    #[error("larger than {} MiB", FILE_BYTES_MAX / 1024 / 1024)]
    TooLarge,
    /// The bytes are not text; `line` (from 1) holds the first bad byte.
    #[error("not UTF-8 text: byte {byte:#04x} in line {line}")]
    NotUtf8 {
        /// Line of the first bad byte, from 1.
        line: usize,
        /// The first bad byte.
        byte: u8,
    },
}

/// All texts of one load, by number.
#[derive(Debug, Clone, Default)]
pub struct SourceMap {
    files: Vec<SourceFile>,
}

impl SourceMap {
    /// Adds a text that is already in memory.
    pub fn add(&mut self, path: impl Into<PathBuf>, text: impl Into<Arc<str>>) -> FileId {
        let id = FileId(clamp_u32(self.files.len()));
        self.files.push(SourceFile::new(id, path.into(), text.into()));
        id
    }

    /// Adds bytes that must be UTF-8 text.
    pub fn add_bytes(&mut self, path: &Path, bytes: Vec<u8>) -> Result<FileId, ReadError> {
        Ok(self.add(path, decode_text(bytes)?))
    }

    /// The file of a number given out by this map.
    #[must_use]
    pub fn get(&self, id: FileId) -> Option<&SourceFile> {
        self.files.get(id.0 as usize)
    }

    /// Drops the parsed trees, which are several times as large as the texts. Messages need the
    /// texts only; a tree that is asked for again is parsed again.
    pub(crate) fn forget_trees(&mut self) {
        for file in &mut self.files {
            file.parsed = Arc::default();
        }
    }

    /// All files in the order they were added.
    pub fn iter(&self) -> impl Iterator<Item = &SourceFile> {
        self.files.iter()
    }

    /// The source text of a span, empty when there is none.
    #[must_use]
    pub fn slice(&self, span: Span) -> &str {
        self.get(span.file).map_or("", |file| file.slice(span))
    }

    /// The origin of what was written at a span, for the Model.
    #[must_use]
    pub fn origin(&self, span: Span) -> Origin {
        let Some(file) = self.get(span.file) else {
            return Origin::built_in();
        };
        let at = file.line_column(span.start);
        Origin { file: Arc::clone(&file.name), line: at.line, column: at.column }
    }

    /// `path:line:column` of the start of a span, as in compiler messages.
    #[must_use]
    pub fn place(&self, span: Span) -> String {
        let Some(file) = self.get(span.file) else {
            return String::new();
        };
        let at = file.line_column(span.start);
        format!("{}:{}:{}", file.path.display(), at.line, at.column)
    }
}

pub(crate) fn read_bounded(path: &Path) -> Result<Vec<u8>, ReadError> {
    let metadata = std::fs::metadata(path).map_err(ReadError::Io)?;
    // A named pipe or a device would block or never end; `/dev/stdin` is read by the caller.
    if !metadata.is_file() {
        return Err(ReadError::NotAFile);
    }
    let file = std::fs::File::open(path).map_err(ReadError::Io)?;
    let mut bytes = Vec::new();
    // The limit holds for the bytes, not for the metadata: the file may grow meanwhile.
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(ReadError::Io)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(ReadError::TooLarge);
    }
    Ok(bytes)
}

/// Bytes as text, with a byte order mark removed.
pub(crate) fn decode_text(bytes: Vec<u8>) -> Result<String, ReadError> {
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(ReadError::TooLarge);
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let bytes = error.as_bytes();
        let before = bytes.get(..valid).unwrap_or(bytes);
        ReadError::NotUtf8 {
            line: before.split(|byte| *byte == b'\n').count(),
            byte: bytes.get(valid).copied().unwrap_or(0),
        }
    })?;
    match text.strip_prefix('\u{feff}') {
        Some(rest) => Ok(rest.to_owned()),
        None => Ok(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_count_from_one_in_characters() {
        let mut sources = SourceMap::default();
        let id = sources.add("a.yaml", "äb\nc\r\nd\re");
        let file = sources.get(id).unwrap();
        let at = |offset| {
            let place = file.line_column(offset);
            (place.line, place.column)
        };
        assert_eq!(at(0), (1, 1));
        assert_eq!(at(2), (1, 2));
        assert_eq!(at(4), (2, 1));
        assert_eq!(at(7), (3, 1));
        assert_eq!(at(9), (4, 1));
        assert_eq!(at(999), (4, 2));
    }

    #[test]
    fn text_that_is_not_utf8_names_the_line() {
        let error = decode_text(b"a\nb\xff".to_vec()).unwrap_err();
        assert_eq!(error.to_string(), "not UTF-8 text: byte 0xff in line 2");
    }
}
