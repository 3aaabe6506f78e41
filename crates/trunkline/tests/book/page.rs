//! A page as the test sees it: blocks with what the comments before them say, links, and code that is not fenced.

use std::fs;

use crate::support::repository;

/// What a block is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// `sh`: commands to run.
    Commands,
    /// `text` after commands: what they print.
    Output,
    /// A file that the reader writes.
    File(String),
    /// Anything else.
    Other,
}

/// Where the reader goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A machine and a folder without anything.
    Empty,
    /// In a copy of this folder of the repository.
    Copy(String),
    /// In a clone of the repository that has nothing but this folder.
    Clone(String),
}

/// A fenced block, with what the comments right before it say:
///
/// | comment before a block | says |
/// |---|---|
/// | `<!-- world: examples/shop -->` | go on in a copy of this folder; `empty`: begin anew without files |
/// | `<!-- clone with: examples/shop -->` | the same, but in the folder that a clone of the repository would have |
/// | `<!-- run instead: trunkline up -->` | what has the same effect as a block that is not run |
/// | `<!-- file: NAME -->` | a file that has no comments |
/// | `<!-- exit: 2 -->` | the block ends with this code |
/// | `<!-- not run: why -->` | the block is not run |
/// | `<!-- not compared: why -->` | what is shown is not what was printed |
/// | `<!-- any order -->` | the lines shown may come in another order |
#[derive(Debug, Clone)]
pub struct Block {
    pub kind: Kind,
    pub line: usize,
    pub text: String,
    pub place: Option<Place>,
    pub exit: i32,
    pub not_run: Option<String>,
    /// What has the same effect.
    pub instead: Option<String>,
    pub not_compared: Option<String>,
    pub any_order: bool,
}

/// A page of the book, or a README.
#[derive(Debug)]
pub struct Page {
    pub path: &'static str,
    pub blocks: Vec<Block>,
    pub links: Vec<(usize, String)>,
    /// Commands in blocks that are made by indenting.
    pub indented: Vec<String>,
}

impl Page {
    pub fn read(path: &str) -> Self {
        let text = fs::read_to_string(repository(path)).unwrap();
        let mut page =
            Self { path: path.to_owned().leak(), blocks: vec![], links: vec![], indented: vec![] };
        let mut said = Vec::new();
        let mut lines = text.lines().enumerate();
        while let Some((number, line)) = lines.next() {
            if let Some(language) = line.trim_start().strip_prefix("```") {
                let body = lines.by_ref().map(|(_, line)| line);
                let body = body.take_while(|line| !line.trim_start().starts_with("```"));
                let text: String = body.map(|line| format!("{line}\n")).collect();
                page.blocks.push(block(language, number + 1, text, &said));
                said.clear();
            } else if let Some(comment) = line.strip_prefix("<!-- ") {
                said.push(comment.trim_end_matches(" -->").to_owned());
            } else {
                page.links.extend(links(line).map(|link| (number + 1, link)));
                let code = line.strip_prefix("    ");
                page.indented.extend(code.filter(|code| is_command(code)).map(str::to_owned));
            }
        }
        page
    }
}

fn block(language: &str, line: usize, text: String, said: &[String]) -> Block {
    let value = |key: &str| said.iter().find_map(|one| one.strip_prefix(key)).map(str::to_owned);
    let first = text.lines().next().unwrap_or_default();
    let named = first.trim_start_matches(['#', '/', ' ']).strip_prefix("file: ");
    let file = named.map(str::to_owned).or(value("file: "));
    let kind = match (language, file) {
        ("sh", _) => Kind::Commands,
        ("text", _) => Kind::Output,
        (_, Some(name)) => Kind::File(name.trim().to_owned()),
        _ => Kind::Other,
    };
    let place = value("world: ")
        .map(|name| if name == "empty" { Place::Empty } else { Place::Copy(name) })
        .or(value("clone with: ").map(Place::Clone));
    Block {
        kind,
        line,
        text,
        place,
        exit: value("exit: ").map_or(0, |code| code.parse().unwrap()),
        not_run: value("not run: "),
        instead: value("run instead: "),
        not_compared: value("not compared: "),
        any_order: said.iter().any(|one| one == "any order"),
    }
}

/// Where the links of a line lead, code aside.
fn links(line: &str) -> impl Iterator<Item = String> {
    let text: String = line.split('`').step_by(2).collect::<Vec<_>>().join("`");
    let targets: Vec<_> = text
        .split("](")
        .skip(1)
        .chain(text.split("src=\"").skip(1))
        .chain(text.split("srcset=\"").skip(1))
        .filter_map(|rest| rest.split([')', '"']).next())
        .map(str::to_owned)
        .collect();
    targets.into_iter()
}

fn is_command(code: &str) -> bool {
    ["trunkline ", "curl ", "npm ", "./x ", "node "].iter().any(|start| code.starts_with(start))
}

/// The anchor that a heading has on a page, as GitHub makes it; an empty text for other lines.
pub fn anchor(line: &str) -> String {
    let Some(heading) = line.strip_prefix('#') else {
        return String::new();
    };
    let words = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = words.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}
