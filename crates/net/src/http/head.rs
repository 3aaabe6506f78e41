//! The head of a message: one buffer of bytes, and where in it things are.
//!
//! Edits append to the buffer and move an offset; nothing that was received is copied or changed.
//! Names compare without case (RFC 9110 §5.1). Whoever puts a name or value in must have checked
//! it (`model::filter::{HeaderName, HeaderText}`, or the codec that received it).

mod store;

use std::ops::Range;

use crate::buffer::Buffer;
use store::{Memory, Store};

/// Version of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Version {
    /// HTTP/1.0
    Http10,
    /// HTTP/1.1
    Http11,
    /// HTTP/2
    Http2,
}

impl Version {
    /// As access logs write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http10 => "HTTP/1.0",
            Self::Http11 => "HTTP/1.1",
            Self::Http2 => "HTTP/2",
        }
    }
}

/// A place in the buffer. 32 bits: a head is bounded far below that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    start: u32,
    end: u32,
}

impl Place {
    fn len(self) -> usize {
        self.end.saturating_sub(self.start) as usize
    }

    fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

fn place(range: Range<usize>) -> Place {
    let at = |offset| u32::try_from(offset).unwrap_or(0);
    Place { start: at(range.start), end: at(range.end) }
}

/// The first line of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start<'a> {
    /// Of a request.
    Request {
        /// Method.
        method: &'a str,
        /// Path and query; `*` for a server-wide OPTIONS, the authority for CONNECT.
        target: &'a str,
    },
    /// Of a response.
    Response {
        /// Status.
        status: u16,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    Request { method: Place, target: Place },
    Response { status: u16 },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Field {
    name: Place,
    value: Place,
    /// End of the field's line as it was received or added, line end included; 0 once it was changed.
    line_end: u32,
}

/// The head of a request or response.
#[derive(Debug, Clone)]
pub struct Head {
    store: Store,
}

/// Where a field of a received block is: name, value, and the end of its line.
pub(crate) type Found = (Range<usize>, Range<usize>, usize);

impl Head {
    /// The head of a received request: the block, and where in it things are. Method and target
    /// must be UTF-8, as must be the names that [`Self::found`] is given.
    pub(crate) fn received_request(
        block: &[u8],
        method: Range<usize>,
        target: Range<usize>,
        version: Version,
    ) -> Self {
        let line = Line::Request { method: place(method), target: place(target) };
        let mut head = Self::empty(line, version);
        head.store.receive(block);
        head
    }

    /// The head of a received response.
    pub(crate) fn received_response(block: &[u8], status: u16, version: Version) -> Self {
        let mut head = Self::response(status, version);
        head.store.receive(block);
        head
    }

    /// Notes a field of the received block.
    pub(crate) fn found(&mut self, (name, value, line_end): Found) {
        let line_end = u32::try_from(line_end).unwrap_or(0);
        self.store.push(Field { name: place(name), value: place(value), line_end });
    }

    /// The head of a request without fields.
    pub fn request(method: &str, target: &str, version: Version) -> Self {
        let mut head = Self::empty(Line::Response { status: 0 }, version);
        let method = head.push(method.as_bytes());
        let target = head.push(target.as_bytes());
        head.store.line = Line::Request { method, target };
        head
    }

    /// The head of a response without fields.
    pub fn response(status: u16, version: Version) -> Self {
        Self::empty(Line::Response { status }, version)
    }

    fn empty(line: Line, version: Version) -> Self {
        Self { store: Store::take(line, version) }
    }

    /// The version it was received in or is to be sent in.
    pub fn version(&self) -> Version {
        self.store.version
    }

    /// The first line.
    pub fn start(&self) -> Start<'_> {
        match self.store.line {
            Line::Request { method, target } => {
                Start::Request { method: self.text(method), target: self.text(target) }
            }
            Line::Response { status } => Start::Response { status },
        }
    }

    /// The method of a request; empty for a response.
    pub fn method(&self) -> &str {
        match self.start() {
            Start::Request { method, .. } => method,
            Start::Response { .. } => "",
        }
    }

    /// The target of a request; empty for a response.
    pub fn target(&self) -> &str {
        match self.start() {
            Start::Request { target, .. } => target,
            Start::Response { .. } => "",
        }
    }

    /// The target without its query.
    pub fn path(&self) -> &str {
        let target = self.target();
        let end = memchr::memchr(b'?', target.as_bytes()).unwrap_or(target.len());
        target.get(..end).unwrap_or_default()
    }

    /// What follows the first `?` of the target.
    pub fn query(&self) -> Option<&str> {
        let target = self.target();
        target.get(memchr::memchr(b'?', target.as_bytes())? + 1..)
    }

    /// The status of a response; 0 for a request.
    pub fn status(&self) -> u16 {
        match self.store.line {
            Line::Response { status } => status,
            Line::Request { .. } => 0,
        }
    }

    /// Changes the target of a request; a response stays as it is.
    pub fn set_target(&mut self, target: &str) {
        let new = self.push(target.as_bytes());
        if let Line::Request { target, .. } = &mut self.store.line {
            *target = new;
        }
    }

    /// Changes the method of a request; a response stays as it is.
    pub fn set_method(&mut self, method: &str) {
        let new = self.push(method.as_bytes());
        if let Line::Request { method, .. } = &mut self.store.line {
            *method = new;
        }
    }

    /// Changes the status of a response; a request stays as it is.
    pub fn set_status(&mut self, new: u16) {
        if let Line::Response { status } = &mut self.store.line {
            *status = new;
        }
    }

    /// The value of the first field of this name.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.position(name)
            .and_then(|at| self.store.fields.get(at))
            .map(|field| self.slice(field.value))
    }

    /// The value of the first field of this name, if it is UTF-8.
    pub fn get_text(&self, name: &str) -> Option<&str> {
        let field = self.store.fields.get(self.position(name)?)?;
        let value = self.slice(field.value);
        self.known(field.value).or_else(|| plain(value)).or_else(|| std::str::from_utf8(value).ok())
    }

    /// The value of the first field of this name, if it is printable ASCII.
    pub fn get_plain(&self, name: &str) -> Option<&str> {
        let field = self.store.fields.get(self.position(name)?)?;
        self.known(field.value).or_else(|| plain(self.slice(field.value)))
    }

    /// The method and the target of a request, where both are printable ASCII.
    pub fn plain_line(&self) -> Option<(&str, &str)> {
        let Line::Request { method, target } = self.store.line else { return None };
        let text = |place| self.known(place).or_else(|| plain(self.slice(place)));
        Some((text(method)?, text(target)?))
    }

    /// A text that is known to be printable ASCII without a look at it.
    #[inline]
    #[expect(unsafe_code, reason = "what was looked at already need not be validated")]
    fn known(&self, place: Place) -> Option<&str> {
        if place.end > self.store.plain_end {
            return None;
        }
        // SAFETY: bytes before `plain_end` are ASCII (see `Memory::receive`), and no byte that was
        // put into the buffer is ever changed.
        Some(unsafe { std::str::from_utf8_unchecked(self.slice(place)) })
    }

    /// The values of all fields of this name, in order.
    pub fn get_all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> + 'a {
        self.named(name).map(|(_, field)| self.slice(field.value))
    }

    /// Whether a field of this name is there.
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Whether a comma-separated field of this name has this element (without case).
    pub fn has_element(&self, name: &str, element: &str) -> bool {
        self.get_all(name)
            .flat_map(|value| value.split(|byte| *byte == b','))
            .any(|item| item.trim_ascii().eq_ignore_ascii_case(element.as_bytes()))
    }

    /// Puts one field of this name in the place of all that are there.
    pub fn set(&mut self, name: &str, value: &[u8]) {
        let first = self.position(name);
        match first {
            None => self.append(name, value),
            Some(at) => {
                let value = self.push(value);
                if let Some(field) = self.store.fields.get_mut(at) {
                    field.value = value;
                    field.line_end = 0;
                }
                self.remove_after(name, at + 1);
            }
        }
    }

    /// Adds a field behind all others.
    pub fn append(&mut self, name: &str, value: &[u8]) {
        self.append_line(name, value.len(), |bytes| bytes.extend_from_slice(value));
    }

    /// Adds a field with the value of the first field of another name, if that is there.
    pub fn append_copy(&mut self, name: &str, of: &str) {
        let value = self.position(of).and_then(|at| self.store.fields.get(at)).map(|of| of.value);
        if let Some(value) = value {
            self.append_line(name, value.len(), |bytes| bytes.extend_from_within(value.range()));
        }
    }

    /// Adds a field as a whole line, so that those that are added one after the other go out in one
    /// piece. What does not fit is left out, see [`Self::push`].
    fn append_line(&mut self, name: &str, length: usize, add: impl FnOnce(&mut Vec<u8>)) {
        let bytes = &mut self.store.bytes;
        let start = bytes.len();
        let colon = start + name.len();
        let value = colon + 2..colon + 2 + length;
        let Ok(line_end) = u32::try_from(value.end + 2) else { return };
        bytes.reserve(value.end + 2 - start);
        bytes.extend_from_slice(name.as_bytes());
        bytes.extend_from_slice(b": ");
        add(bytes);
        bytes.extend_from_slice(b"\r\n");
        self.store.push(Field { name: place(start..colon), value: place(value), line_end });
    }

    /// Takes away all fields whose name is not to be kept, in one pass.
    pub fn retain(&mut self, mut keep: impl FnMut(&[u8]) -> bool) {
        let Memory { bytes, fields, .. } = &mut *self.store;
        fields.retain(|field| keep(bytes.get(field.name.range()).unwrap_or_default()));
    }

    /// Takes away all fields of this name.
    pub fn remove(&mut self, name: &str) {
        if self.store.may_have(name) {
            self.remove_after(name, 0);
        }
    }

    /// All fields in order: name as received, value.
    pub fn fields(&self) -> Fields<'_> {
        Fields { head: self, fields: self.store.fields.iter() }
    }

    /// How many fields there are.
    pub fn field_count(&self) -> usize {
        self.store.fields.len()
    }

    fn position(&self, name: &str) -> Option<usize> {
        self.named(name).next().map(|(at, _)| at)
    }

    /// The fields of this name with their places. Most names that are asked for are not there, which
    /// is known at once; of the others, lengths differ for most.
    fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = (usize, &'a Field)> + 'a {
        let length = name.len();
        let fields = if self.store.may_have(name) { self.store.fields.as_slice() } else { &[] };
        fields.iter().enumerate().filter(move |(_, field)| {
            field.name.len() == length
                && self.slice(field.name).eq_ignore_ascii_case(name.as_bytes())
        })
    }

    fn remove_after(&mut self, name: &str, from: usize) {
        let Memory { bytes, fields, .. } = &mut *self.store;
        let mut index = 0;
        fields.retain(|field| {
            index += 1;
            if index <= from || field.name.len() != name.len() {
                return true;
            }
            let found = bytes.get(field.name.range()).unwrap_or_default();
            !found.eq_ignore_ascii_case(name.as_bytes())
        });
    }

    /// Appends bytes to the buffer. A head is bounded by its codec to far less than 4 GiB; what
    /// would pass that is cut to nothing rather than misplaced.
    fn push(&mut self, new: &[u8]) -> Place {
        let start = self.store.bytes.len();
        let places =
            u32::try_from(start).and_then(|s| u32::try_from(start + new.len()).map(|e| (s, e)));
        let Ok((start, end)) = places else {
            return Place { start: 0, end: 0 };
        };
        self.store.bytes.extend_from_slice(new);
        Place { start, end }
    }

    /// Writes the head of a request as HTTP/1.1 does, without the empty line; its fields as in
    /// [`Self::write_fields`].
    pub(crate) fn write_request(&self, out: &mut Buffer) {
        let line = self.received_line();
        if line.is_none() {
            out.extend(self.method().as_bytes());
            out.extend(b" ");
            out.extend(self.target().as_bytes());
            out.extend(b" HTTP/1.1\r\n");
        }
        self.write_behind(line, out);
    }

    /// The first line of a request, where it was received as it is to be sent.
    fn received_line(&self) -> Option<Place> {
        let Line::Request { method, target } = self.store.line else { return None };
        let bytes = &self.store.bytes;
        let one = method.start == 0 && method.end + 1 == target.start;
        let space = bytes.get(method.end as usize) == Some(&b' ');
        let rest = bytes.get(target.end as usize..)?;
        let end = b" HTTP/1.1\r\n";
        (one && space && rest.starts_with(end)).then(|| place(0..target.end as usize + end.len()))
    }

    /// Writes the fields as HTTP/1.1 does, each with its line end. What was received and is
    /// unchanged goes out as it came, byte for byte, neighbours in one piece.
    pub fn write_fields(&self, out: &mut Buffer) {
        self.write_behind(None, out);
    }

    /// Writes `run`, a part of the buffer, and the fields behind it.
    fn write_behind(&self, mut run: Option<Place>, out: &mut Buffer) {
        for field in &self.store.fields {
            match &mut run {
                Some(run) if field.line_end != 0 && field.name.start == run.end => {
                    run.end = field.line_end;
                    continue;
                }
                _ => {}
            }
            if let Some(run) = run.take() {
                out.extend(self.slice(run));
            }
            if field.line_end == 0 {
                out.extend(self.slice(field.name));
                out.extend(b": ");
                out.extend(self.slice(field.value));
                out.extend(b"\r\n");
            } else {
                run = Some(Place { start: field.name.start, end: field.line_end });
            }
        }
        if let Some(run) = run {
            out.extend(self.slice(run));
        }
    }

    fn slice(&self, place: Place) -> &[u8] {
        self.store.bytes.get(place.range()).unwrap_or_default()
    }

    /// Text that came in as `&str`: a method, a target or a name.
    #[expect(unsafe_code, reason = "checking each text again at each look costs more than parsing")]
    fn text(&self, place: Place) -> &str {
        let text = self.slice(place);
        debug_assert!(std::str::from_utf8(text).is_ok(), "came in as text: {text:?}");
        // SAFETY: places of methods, targets and names are made of whole `&str`s, by `push` here
        // or by the codec, which has them as `&str`s of the same block (see `received_request` and
        // `found`); no byte that was put into the buffer is ever changed.
        unsafe { std::str::from_utf8_unchecked(text) }
    }
}

/// The bytes as text, if they are printable ASCII, as almost all texts of heads are: that is found in
/// a few vector instructions.
#[inline]
#[expect(unsafe_code, reason = "what was looked at already need not be validated")]
pub fn plain(bytes: &[u8]) -> Option<&str> {
    // No early end, which would prevent that.
    if !bytes.iter().fold(true, |plain, byte| plain & matches!(byte, b' '..=b'~')) {
        return None;
    }
    // SAFETY: every byte is below 0x80, and such bytes are UTF-8 (RFC 3629 §3).
    Some(unsafe { std::str::from_utf8_unchecked(bytes) })
}

/// Iterator over the fields of a head.
#[derive(Debug, Clone)]
pub struct Fields<'a> {
    head: &'a Head,
    fields: std::slice::Iter<'a, Field>,
}

impl<'a> Iterator for Fields<'a> {
    type Item = (&'a str, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let field = self.fields.next()?;
        Some((self.head.text(field.name), self.head.slice(field.value)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Head {
        let mut head = Head::request("GET", "/a/b?c=d&e", Version::Http11);
        head.append("Host", b"shop.localhost");
        head.append("X-Tag", b"one");
        head.append("Accept", b"text/html, application/json");
        head.append("x-tag", b"two");
        head
    }

    #[test]
    fn names_compare_without_case_and_keep_it() {
        let head = sample();
        assert_eq!(head.get("x-TAG"), Some(&b"one"[..]));
        assert_eq!(head.get_all("x-tag").count(), 2);
        assert_eq!(head.fields().next().unwrap().0, "Host");
    }

    #[test]
    fn set_replaces_all_in_the_place_of_the_first() {
        let mut head = sample();
        head.set("x-tag", b"three");
        let names: Vec<_> = head.fields().map(|(name, _)| name).collect();
        assert_eq!(names, ["Host", "X-Tag", "Accept"]);
        assert_eq!(head.get_text("X-Tag"), Some("three"));
    }

    #[test]
    fn remove_takes_all() {
        let mut head = sample();
        head.remove("X-TAG");
        assert!(!head.has("x-tag"));
        assert_eq!(head.field_count(), 2);
    }

    #[test]
    fn targets_split_at_the_first_question_mark() {
        let mut head = sample();
        assert_eq!((head.path(), head.query()), ("/a/b", Some("c=d&e")));
        head.set_target("/z??");
        assert_eq!((head.path(), head.query()), ("/z", Some("?")));
    }

    #[test]
    fn a_value_is_had_by_another_name_too() {
        let mut head = sample();
        head.append_copy("X-Forwarded-Host", "host");
        head.append_copy("x-other", "absent");
        assert_eq!(head.get_text("x-forwarded-host"), Some("shop.localhost"));
        assert!(!head.has("x-other"));
        head.retain(|name| !name.eq_ignore_ascii_case(b"x-tag"));
        assert_eq!((head.field_count(), head.has("x-tag")), (3, false));
    }

    #[test]
    fn texts_are_what_came_in() {
        let mut head = Head::request("GET", "/\u{e9}?\u{2026}", Version::Http11);
        head.append("X-\u{df}", b"\xff");
        assert_eq!((head.path(), head.query()), ("/\u{e9}", Some("\u{2026}")));
        assert_eq!(head.fields().next(), Some(("X-\u{df}", &b"\xff"[..])));
        assert_eq!(head.get_text("X-\u{df}"), None);
    }

    #[test]
    fn printable_ascii_alone_is_plain() {
        assert_eq!((plain(b""), plain(b" a~")), (Some(""), Some(" a~")));
        for byte in (0..b' ').chain(b'\x7f'..=0xff) {
            assert_eq!(plain(&[b'a', byte, b'b']), None, "{byte}");
        }
    }

    #[test]
    fn elements_are_found_in_lists() {
        assert!(sample().has_element("accept", "Application/JSON"));
        assert!(!sample().has_element("accept", "application"));
    }
}
