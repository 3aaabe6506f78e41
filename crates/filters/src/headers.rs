//! Edits of a head: set, append, remove, in the order they are written.

use trunkline_model::filter::HeaderEdit;
use trunkline_net::http::Head;

/// A list of edits.
#[derive(Debug, Clone)]
pub struct HeaderEdits {
    edits: Vec<HeaderEdit>,
}

impl HeaderEdits {
    /// These edits, in this order. Names and values were checked when they were read.
    pub fn new(edits: Vec<HeaderEdit>) -> Self {
        Self { edits }
    }

    /// Makes the edits.
    pub fn apply(&self, head: &mut Head) {
        for edit in &self.edits {
            match edit {
                HeaderEdit::Set(name, value) => head.set(name.as_str(), value.as_str().as_bytes()),
                HeaderEdit::Append(name, value) => {
                    head.append(name.as_str(), value.as_str().as_bytes());
                }
                HeaderEdit::Remove(name) => head.remove(name.as_str()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use trunkline_net::http::Version;

    #[test]
    fn edits_are_made_in_their_order() {
        let name = |text: &str| text.parse().unwrap();
        let value = |text: &str| text.parse().unwrap();
        let mut head = Head::request("GET", "/", Version::Http11);
        head.append("X-A", b"caller");
        head.append("x-b", b"caller");
        HeaderEdits::new(vec![
            HeaderEdit::Set(name("x-a"), value("ours")),
            HeaderEdit::Append(name("x-a"), value("more")),
            HeaderEdit::Remove(name("x-b")),
        ])
        .apply(&mut head);
        let all: Vec<_> = head.get_all("x-a").collect();
        assert_eq!(all, [&b"ours"[..], b"more"]);
        assert!(!head.has("x-b"));
    }
}
