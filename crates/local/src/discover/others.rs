//! Ruby, PHP and Elixir: a folder with the files of a web application is one.

use super::candidate::{Candidate, Evidence, read};
use super::tree::Tree;

/// Adds the services of a folder.
pub(super) fn find(tree: &Tree, folder: &str, into: &mut Vec<Candidate>) {
    into.extend(ruby(tree, folder));
    into.extend(php(tree, folder));
    into.extend(elixir(tree, folder));
}

fn served(folder: &str, language: &'static str, command: &str, evidence: Evidence) -> Candidate {
    let mut candidate = Candidate::new(folder, language, command, evidence);
    candidate.reloads = true;
    candidate
}

fn ruby(tree: &Tree, folder: &str) -> Option<Candidate> {
    let (_, gems) = read(tree, folder, "Gemfile")?;
    let (path, _) = read(tree, folder, "config.ru")?;
    let evidence = Evidence { file: path, line: 1, what: "a Rack application".to_owned() };
    let rails = gems.lines().any(|line| {
        line.trim_start().starts_with("gem")
            && (line.contains("\"rails\"") || line.contains("'rails'"))
    });
    if rails {
        let command = "bundle exec rails server -b 127.0.0.1 -p $PORT";
        return Some(served(folder, "ruby", command, evidence));
    }
    let command = "bundle exec rackup --host 127.0.0.1 --port $PORT";
    Some(Candidate::new(folder, "ruby", command, evidence))
}

fn php(tree: &Tree, folder: &str) -> Option<Candidate> {
    if !tree.has(folder, "composer.json") {
        return None;
    }
    let (path, _) = read(tree, folder, "artisan")?;
    let evidence = Evidence { file: path, line: 1, what: "Laravel".to_owned() };
    Some(served(folder, "php", "php artisan serve --host=127.0.0.1 --port=$PORT", evidence))
}

fn elixir(tree: &Tree, folder: &str) -> Option<Candidate> {
    let (path, text) = read(tree, folder, "mix.exs")?;
    // Every Elixir project has a mix.exs; only these serve.
    let phoenix = text.contains(":phoenix,");
    let server = [":bandit,", ":plug_cowboy,"].iter().find(|name| text.contains(**name));
    let (needle, command) = match (phoenix, server) {
        (true, _) => (":phoenix,", "mix phx.server"),
        (false, Some(server)) => (*server, "mix run --no-halt"),
        (false, None) => return None,
    };
    let what = needle.trim_matches([':', ',']);
    let evidence = Evidence::in_text(&path, &text, needle, what);
    let mut candidate = served(folder, "elixir", command, evidence);
    candidate.reloads = phoenix;
    Some(candidate)
}
