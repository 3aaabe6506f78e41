//! Which toolchain a service is written for, when nobody wrote it: from its command, else from what
//! lies in its folder.
//!
//! For people and for hints only; nothing is started or decided by it.

use std::path::Path;

/// First words of a command, and what they stand for.
const PROGRAMS: &[(&str, &str)] = &[
    ("go", "go"),
    ("air", "go"),
    ("cargo", "rust"),
    ("npm", "node"),
    ("npx", "node"),
    ("pnpm", "node"),
    ("yarn", "node"),
    ("node", "node"),
    ("tsx", "node"),
    ("bun", "bun"),
    ("deno", "deno"),
    ("uv", "python"),
    ("uvicorn", "python"),
    ("gunicorn", "python"),
    ("flask", "python"),
    ("fastapi", "python"),
    ("poetry", "python"),
    ("python", "python"),
    ("python3", "python"),
    ("java", "java"),
    ("mvn", "java"),
    ("mvnw", "java"),
    ("gradle", "java"),
    ("gradlew", "java"),
    ("quarkus", "java"),
    ("dotnet", "dotnet"),
    ("bundle", "ruby"),
    ("rails", "ruby"),
    ("ruby", "ruby"),
    ("php", "php"),
    ("mix", "elixir"),
];

/// Files of a folder, and what they stand for; the first one that is there decides.
const MARKERS: &[(&str, &str)] = &[
    ("go.mod", "go"),
    ("Cargo.toml", "rust"),
    ("pom.xml", "java"),
    ("build.gradle", "java"),
    ("build.gradle.kts", "java"),
    ("package.json", "node"),
    ("pyproject.toml", "python"),
    ("requirements.txt", "python"),
    ("manage.py", "python"),
    ("Gemfile", "ruby"),
    ("composer.json", "php"),
    ("mix.exs", "elixir"),
];

/// Words that only start another program.
const FORERUNNERS: &[&str] = &["exec", "env", "nice", "time", "sudo", "command"];

/// The language of a service: `go`, `rust`, `node`, `python`, `java` …; `None` if nothing tells.
pub fn infer(command: &str, directory: &Path) -> Option<&'static str> {
    program(command)
        .and_then(|program| find(PROGRAMS, program))
        .or_else(|| MARKERS.iter().find(|(file, _)| directory.join(file).is_file()).map(|m| m.1))
}

/// The name of the program that a shell line starts, without its folder.
pub fn program(command: &str) -> Option<&str> {
    let is_assignment = |word: &str| word.contains('=') && !word.starts_with(['.', '/', '=']);
    command
        .split_ascii_whitespace()
        .filter(|word| !is_assignment(word))
        .map(|word| word.rsplit('/').next().unwrap_or(word))
        .find(|word| !FORERUNNERS.contains(word))
}

fn find(table: &[(&str, &'static str)], name: &str) -> Option<&'static str> {
    table.iter().find(|(known, _)| *known == name).map(|(_, language)| *language)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_tell_and_folders_do_when_they_do_not() {
        let folder = tempfile::tempdir().unwrap();
        let check = |command: &str, expected: Option<&str>| {
            assert_eq!(infer(command, folder.path()), expected, "{command}");
        };
        check("go run .", Some("go"));
        check("RUST_LOG=debug exec cargo run --quiet", Some("rust"));
        check("./mvnw spring-boot:run", Some("java"));
        check("/usr/bin/env python3 server.py", Some("python"));
        check("npm run dev", Some("node"));
        check("make run", None);
        std::fs::write(folder.path().join("go.mod"), "module x").unwrap();
        check("make run", Some("go"));
    }
}
