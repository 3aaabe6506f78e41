//! Putting an entry into the text of a file without touching the rest of it.

/// The text with an entry at the end of its `services:`; `None` where the text is not written in
/// lines, so that there is no such place.
pub(super) fn service(text: &str, entry: &str) -> Option<String> {
    let lines: Vec<&str> = text.lines().collect();
    let Some(begin) = lines.iter().position(|line| is_key(line)) else {
        let gap = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
        return Some(format!("{text}{gap}\nservices:\n{entry}"));
    };
    let value = lines.get(begin)?.strip_prefix("services:")?;
    let value = value.split(" #").next().unwrap_or_default().trim();
    if !value.is_empty() {
        return None;
    }
    let belongs = |line: &&&str| line.starts_with([' ', '\t']);
    let body = lines.get(begin + 1..)?;
    let mut last = 0;
    let mut indent = None;
    for (at, line) in body.iter().enumerate() {
        let blank = line.trim().is_empty();
        if !blank && !belongs(&line) && !line.starts_with('#') {
            break;
        }
        if !blank && belongs(&line) {
            last = at + 1;
            let comment = line.trim_start().starts_with('#');
            indent = indent.or((!comment).then(|| line.len() - line.trim_start().len()));
        }
    }
    let end = begin + 1 + last;
    let mut kept: Vec<String> = lines.get(..end)?.iter().map(|line| (*line).to_owned()).collect();
    if last > 0 {
        kept.push(String::new());
    }
    kept.extend(entry.lines().map(|line| indented(line, indent.unwrap_or(2))));
    kept.extend(lines.get(end..)?.iter().map(|line| (*line).to_owned()));
    let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
    Some(kept.join(newline) + newline)
}

fn is_key(line: &str) -> bool {
    line.starts_with("services:")
}

/// A line of an entry, which is written with two blanks, for a file that begins with others.
fn indented(line: &str, indent: usize) -> String {
    let rest = line.strip_prefix("  ").unwrap_or(line);
    format!("{}{rest}", " ".repeat(indent))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<&str>) {
        assert_eq!(service(text, "  # here\n  b:\n    port: 2\n").as_deref(), expected, "{text}");
    }

    #[test]
    fn an_entry_goes_to_the_end_of_the_services() {
        check("version: 1\n", Some("version: 1\n\nservices:\n  # here\n  b:\n    port: 2\n"));
        check(
            "services:\n  a: # x\n    port: 1\n\n# of c\nc: 1\n",
            Some(
                "services:\n  a: # x\n    port: 1\n\n  # here\n  b:\n    port: 2\n\n# of c\nc: 1\n",
            ),
        );
        check(
            "services:\n    a:\n        port: 1",
            Some("services:\n    a:\n        port: 1\n\n    # here\n    b:\n      port: 2\n"),
        );
        check("services:\n", Some("services:\n  # here\n  b:\n    port: 2\n"));
    }

    #[test]
    fn what_is_not_written_in_lines_is_left_alone() {
        check("services: { a: { port: 1 } }\n", None);
        check("services: {}\n", None);
    }
}
