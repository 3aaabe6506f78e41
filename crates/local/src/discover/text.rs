//! The found services as text of a `trunkline.yaml`, with comments that say where each was found.

use std::fmt::Write as _;

use super::candidate::{Candidate, Evidence};
use super::{Discovery, Found, Question};

/// Names that a service of pages often has, without `-service`, `-app` and `-ui` at their end.
const PAGES: &[&str] = &["web", "frontend", "app", "storefront", "website", "www", "site"];

/// The whole file.
pub fn whole_file(found: &Discovery) -> String {
    let mut text = String::from(
        "# What `trunkline` found in this folder. The file is yours from here on: change what is wrong.\n\
         # `trunkline check` checks it, and docs/configuration.md explains every key.\n\
         version: 1\n",
    );
    let _ = writeln!(text, "name: {}\n", scalar(found.project.as_str()));
    routes(found, &mut text);
    for question in &found.questions {
        for line in sentence(question).lines() {
            let _ = writeln!(text, "# {}", comment(line));
        }
        text.push('\n');
    }
    if found.services.is_empty() {
        text.push_str("services: {}\n");
        return text;
    }
    text.push_str("services:\n");
    for (at, service) in found.services.iter().enumerate() {
        if at > 0 {
            text.push('\n');
        }
        text.push_str(&entry(service));
    }
    text
}

fn routes(found: &Discovery, text: &mut String) {
    let project = found.project.as_str();
    match front(found) {
        Some(front) => {
            let _ = writeln!(
                text,
                "# https://{project}.localhost is this service; each of the others is reached by its name, such as\n\
                 # https://<service>.{project}.localhost. Add routes above it: {{ match: \"/api/orders/**\", to: orders }}\n\
                 routes:\n  - {{ match: \"/**\", to: {} }}\n",
                scalar(front.name.as_str())
            );
        }
        None => {
            let _ = writeln!(
                text,
                "# Each service is reached by its name, https://<service>.{project}.localhost. No single one of them\n\
                 # serves pages, so nothing is routed at https://{project}.localhost yet:\n\
                 # routes:\n#   - {{ match: \"/**\", to: web }}\n"
            );
        }
    }
}

/// The service that the project's own name leads to, if that is clear.
pub(super) fn front(found: &Discovery) -> Option<&Found> {
    let stem = |service: &Found| {
        let name = service.name.as_str();
        let ends = ["-service", "-app", "-ui", "-client"];
        let end = ends.iter().find_map(|end| name.strip_suffix(end));
        end.unwrap_or(name).to_owned()
    };
    let is_named = |service: &&Found| {
        service.runs.language == "node" && PAGES.contains(&stem(service).as_str())
    };
    let only = |all: Vec<_>| if let [one] = all.as_slice() { Some(*one) } else { None };
    only(found.services.iter().filter(is_named).collect())
        .or_else(|| only(found.services.iter().filter(|service| service.runs.page).collect()))
        .or_else(|| only(found.services.iter().collect()))
}

/// The lines of one service, below `services:`.
pub fn entry(service: &Found) -> String {
    let runs = &service.runs;
    let mut text = format!("  # {}\n", place(&runs.evidence));
    let _ = writeln!(text, "  {}:", scalar(service.name.as_str()));
    let folder = if runs.folder.is_empty() { "." } else { &runs.folder };
    let _ = writeln!(text, "    path: {}", scalar(folder));
    let _ = writeln!(text, "    language: {}", scalar(runs.language));
    if let Some(build) = &runs.build {
        let _ = writeln!(text, "    build: {}", scalar(build));
    }
    let _ = writeln!(text, "    command: {}", scalar(&runs.command));
    if service.unwatched {
        text.push_str("    watch: off    # it takes up changes by itself\n");
    }
    if let Some(port) = runs.port {
        let _ = writeln!(text, "    port: {port}");
    }
    if let Some(health) = &runs.health {
        let _ = writeln!(text, "    health: {}", scalar(health));
    }
    calls(service, &mut text);
    text
}

fn calls(service: &Found, text: &mut String) {
    if !service.calls.is_empty() {
        text.push_str("    calls:\n");
        for (name, evidence) in &service.calls {
            let _ = writeln!(text, "      - {}    # {}", scalar(name.as_str()), place(evidence));
        }
    }
    for name in &service.calls_back {
        let _ = writeln!(
            text,
            "    # It names the variable of `{name}` as well, which calls it: services that call each\n\
             \x20   # other cannot wait for each other, so give it {name}'s URL by `env` or fix a port."
        );
    }
}

fn place(evidence: &Evidence) -> String {
    comment(&format!("{}:{}: {}", evidence.file, evidence.line, evidence.what))
}

/// What is left open, for people; lines without an end.
pub(super) fn sentence(question: &Question) -> String {
    let ways = |options: &[Candidate]| {
        let way = |option: &Candidate| {
            format!("\n  {}  ({}:{})", option.command, option.evidence.file, option.evidence.line)
        };
        options.iter().map(way).collect::<String>()
    };
    match question {
        Question::Several { folder, options } => {
            let folder = if folder.is_empty() { "." } else { folder };
            format!("{folder} can be run in several ways, so none was chosen:{}", ways(options))
        }
        Question::SameName { name, options } => {
            let each = |option: &Candidate| format!("\n  {}", shown(&option.folder));
            let folders: String = options.iter().map(each).collect();
            format!("several services would be called `{name}`, so none was taken:{folders}")
        }
        Question::SamePort { port, options } => {
            format!("several services listen on port {port}, so none was taken:{}", ways(options))
        }
        Question::Port(candidate) => format!(
            "{}:{}: {} may be a service, but nothing in it reads PORT, so it was left out",
            candidate.evidence.file, candidate.evidence.line, candidate.evidence.what
        ),
    }
}

fn shown(folder: &str) -> &str {
    if folder.is_empty() { "." } else { folder }
}

impl std::fmt::Display for Question {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&sentence(self))
    }
}

/// A text as part of a comment: one line.
fn comment(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || is_line_end(c) { '?' } else { c }).collect()
}

fn is_line_end(c: char) -> bool {
    matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}')
}

/// A text as a YAML value: plain where no reader can take it for anything else.
pub(super) fn scalar(text: &str) -> String {
    let plain_start = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/' || c == '.');
    let plain = |c: char| c.is_ascii_alphanumeric() || " /._-@=,+$".contains(c);
    let words = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"];
    let is_word = words.contains(&text.to_ascii_lowercase().as_str());
    let number = text.starts_with('.')
        && text.len() > 1
        && !text.starts_with("./")
        && !text.starts_with("..");
    if plain_start && !number && !is_word && text.chars().all(plain) && !text.ends_with(' ') {
        return text.to_owned();
    }
    let ordinary = |c: char| !c.is_control() && !is_line_end(c) && c != '\'';
    if text.contains('"') && text.chars().all(ordinary) {
        return format!("'{text}'");
    }
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                quoted.push('\\');
                quoted.push(c);
            }
            c if c.is_control() || is_line_end(c) => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
