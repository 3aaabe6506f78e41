//! YAML (and so JSON, which is a part of it) to [`Node`].
//!
//! The event parser is `saphyr-parser`; this module builds the tree and adds what a configuration
//! needs: duplicate keys are errors, merge keys `<<` are resolved, and depth, node count and alias
//! expansion are bounded, so that a "billion laughs" file is one clear diagnostic and not a dead
//! machine. Scalars follow the core schema of YAML 1.2: `yes`, `on` and `12:30` are text.
//!
//! It is not a general YAML library: keys must be strings, tags beyond the core schema are refused.

mod scalar;
mod tree;

use saphyr_parser::{Event, Parser, ScanError};

use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::node::Node;
use crate::source::{SourceFile, Span};

/// How deep maps and lists may nest.
pub const DEPTH_MAX: usize = 64;
/// How many nodes one file may have after its aliases are expanded.
pub const NODES_MAX: usize = 1_000_000;
/// How many nodes may come from aliases, per file.
pub const ALIAS_NODES_MAX: usize = 100_000;
/// How much text may come from aliases, per file, in bytes: one long text is one node.
pub const ALIAS_BYTES_MAX: usize = 8 * 1024 * 1024;
/// How many documents one file may hold.
pub const DOCUMENTS_MAX: usize = 10_000;

/// Parses every document of a file.
///
/// What is wrong is reported; the documents that could be read before a syntax error are returned,
/// so that their own mistakes are listed in the same run. An empty document is a null node.
pub fn parse(file: &SourceFile, diagnostics: &mut Diagnostics) -> Vec<Node> {
    let mut parser = Parser::new_from_str(&file.text);
    let mut places = Places::new(file);
    let mut tree = tree::Tree::new(diagnostics);
    let mut documents = Vec::new();
    loop {
        let (event, span) = match parser.next_event() {
            None | Some(Ok((Event::StreamEnd, _))) => break,
            Some(Ok((event, span))) => (event, places.span(span)),
            Some(Err(error)) => {
                let span = places.error(&error);
                tree.diagnostics.push(syntax_error(&error, span));
                break;
            }
        };
        match tree.event(event, span) {
            Ok(None) => {}
            Ok(Some(document)) => {
                documents.push(document);
                if documents.len() >= DOCUMENTS_MAX {
                    tree.diagnostics.push(
                        Diagnostic::new(
                            codes::TOO_MANY_NODES,
                            format!("the file holds more than {DOCUMENTS_MAX} documents"),
                        )
                        .at(span, "this document is one too many"),
                    );
                    break;
                }
            }
            Err(stop) => {
                tree.diagnostics.push(*stop.0);
                break;
            }
        }
    }
    documents
}

fn syntax_error(error: &ScanError, span: Span) -> Diagnostic {
    let info = error.info();
    // The scanner reads ahead and has a limit of its own, above ours.
    if info.contains("recursion limit") {
        return tree::too_deep().at(span, "this is one level too many");
    }
    let diagnostic = Diagnostic::new(codes::SYNTAX, format!("the file is not valid YAML: {info}"))
        .at(span, "the reader stopped here");
    match hint_for(info) {
        Some(hint) => diagnostic.hint(hint),
        None => diagnostic,
    }
}

fn hint_for(info: &str) -> Option<&'static str> {
    let hints = [
        ("tab", "indent with spaces; YAML does not allow tabs there"),
        ("unknown anchor", "an alias `*name` needs an anchor `&name` before it"),
        ("simple key", "a key needs a colon and a space after it: `key: value`"),
        ("quoted scalar", "the closing quote is missing"),
    ];
    hints.iter().find(|(part, _)| info.contains(part)).map(|(_, hint)| *hint)
}

/// Turns the parser's line and column into byte offsets.
///
/// The parser counts characters; its running index drifts after some non-ASCII comments, its line
/// and column do not, because each line starts anew. The last answer is kept: places come nearly
/// in order, so a file that is one long line is still read in linear time.
struct Places<'a> {
    file: &'a SourceFile,
    line: usize,
    column: usize,
    offset: usize,
}

impl<'a> Places<'a> {
    fn new(file: &'a SourceFile) -> Self {
        Self { file, line: 1, column: 0, offset: 0 }
    }

    fn offset(&mut self, marker: &saphyr_parser::Marker) -> u32 {
        let (line, column) = (marker.line().max(1), marker.col());
        let start = self.file.line_start(line);
        if self.file.is_ascii() {
            let end = self.file.text.len();
            return u32::try_from(start.saturating_add(column).min(end)).unwrap_or(u32::MAX);
        }
        // From the last place or from the start of the line, whichever is nearer.
        if line != self.line || column < self.column / 2 {
            (self.line, self.column, self.offset) = (line, 0, start);
        }
        let (before, after) = self.file.text.split_at_checked(self.offset).unwrap_or_default();
        if column < self.column {
            let back = before.chars().rev().take(self.column - column);
            self.offset -= back.map(char::len_utf8).sum::<usize>();
            self.column = column;
        } else {
            for character in after.chars().take(column - self.column).take_while(|c| *c != '\n') {
                self.offset += character.len_utf8();
                self.column += 1;
            }
        }
        u32::try_from(self.offset).unwrap_or(u32::MAX)
    }

    fn span(&mut self, span: saphyr_parser::Span) -> Span {
        let start = self.offset(&span.start);
        let end = self.offset(&span.end).max(start);
        Span { file: self.file.id, start, end }
    }

    fn error(&mut self, error: &ScanError) -> Span {
        let start = self.offset(error.marker());
        let rest = self.file.text.get(start as usize..).unwrap_or("");
        let width = rest.chars().next().filter(|c| *c != '\n').map_or(0, char::len_utf8);
        Span { file: self.file.id, start, end: start + u32::try_from(width).unwrap_or(0) }
    }
}
