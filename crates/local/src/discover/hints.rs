//! Files that name services in a way that is not run: said, so that nobody waits for them.

use super::tree::{Tree, is_below, join};
use super::{Found, Hint, Question};

/// Most hints; a person reads them.
const HINTS_MAX: usize = 20;

const FILES: &[(&str, &str)] = &[
    ("Procfile", "a Procfile"),
    ("compose.yaml", "a compose file"),
    ("compose.yml", "a compose file"),
    ("docker-compose.yaml", "a compose file"),
    ("docker-compose.yml", "a compose file"),
    ("Dockerfile", "a Dockerfile"),
];

/// The files in folders where nothing else was found.
pub(super) fn find(tree: &Tree, services: &[Found], questions: &[Question]) -> Vec<Hint> {
    let asked = questions.iter().flat_map(|question| match question {
        Question::Several { options, .. }
        | Question::SameName { options, .. }
        | Question::SamePort { options, .. } => options.as_slice(),
        Question::Port(candidate) => std::slice::from_ref(candidate),
    });
    let known = services.iter().map(|service| &service.runs).chain(asked);
    let known: Vec<&str> = known.map(|candidate| candidate.folder.as_str()).collect();
    let mut hints = Vec::new();
    for folder in tree.folders() {
        let is_known = known.iter().any(|known| is_below(folder, known) && !known.is_empty())
            || known.contains(&folder);
        for (name, what) in FILES {
            // What the root says may be about any folder.
            if tree.has(folder, name) && !is_known && hints.len() < HINTS_MAX {
                hints.push(Hint { file: join(folder, name), what });
            }
        }
    }
    hints
}
