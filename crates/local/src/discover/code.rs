//! Source text without its comments, for languages that write them as C does.

/// The text with every comment replaced by blanks, so that lines stay where they are. Strings are
/// kept; a string or comment that does not end goes to the end.
pub(super) fn without_comments(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match (c, rest.peek()) {
            ('/', Some('/')) => {
                while rest.peek().is_some_and(|c| *c != '\n') {
                    rest.next();
                }
            }
            ('/', Some('*')) => {
                rest.next();
                let mut former = ' ';
                for c in rest.by_ref() {
                    if c == '\n' {
                        kept.push(c);
                    }
                    if former == '*' && c == '/' {
                        break;
                    }
                    former = c;
                }
            }
            ('"', _) => {
                kept.push(c);
                copy_string(&mut rest, &mut kept);
            }
            _ => kept.push(c),
        }
    }
    kept
}

fn copy_string(rest: &mut std::iter::Peekable<std::str::Chars<'_>>, kept: &mut String) {
    while let Some(c) = rest.next() {
        kept.push(c);
        match c {
            // A string of these languages ends with its line at the latest.
            '"' | '\n' => return,
            '\\' => kept.extend(rest.next()),
            _ => {}
        }
    }
}

/// An XML text without its comments.
pub(super) fn without_xml_comments(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, comment)) = rest.split_once("<!--") {
        kept.push_str(before);
        let (comment, after) = comment.split_once("-->").unwrap_or((comment, ""));
        kept.extend(comment.chars().filter(|c| *c == '\n'));
        rest = after;
    }
    kept.push_str(rest);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_go_and_lines_and_strings_stay() {
        let text = "a // x\n/* y\n */ b \"// no\" c \"\\\"/*\" d /* open";
        assert_eq!(without_comments(text), "a \n\n b \"// no\" c \"\\\"/*\" d ");
        assert_eq!(without_xml_comments("a<!-- b\n -->c<!-- d"), "a\nc");
    }
}
