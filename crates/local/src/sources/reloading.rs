//! Whether a command starts its program anew by itself when sources change.
//!
//! Development servers do; swapping them would only throw their state away. The word that says so
//! stands in the command, or in the script of `package.json` that the command runs. What is not
//! known here is started anew by Trunkline, which is never wrong, only slower.

use std::fs;
use std::path::Path;

use serde_json::Value;

/// Scripts that run scripts are followed so far.
const DEPTH_MAX: u32 = 4;

/// Programs that reload whatever they are told.
const PROGRAMS: &[&str] = &[
    "nodemon",
    "ts-node-dev",
    "tsnd",
    "webpack-dev-server",
    "air",
    "reflex",
    "watchexec",
    "bacon",
    "entr",
    "live-server",
    "browser-sync",
    "parcel",
    "turbo",
];
/// Programs that reload when one of these words follows.
const PROGRAMS_WITH: &[(&str, &[&str])] = &[
    ("next", &["dev"]),
    ("nuxt", &["dev"]),
    ("nuxi", &["dev"]),
    ("astro", &["dev"]),
    ("remix", &["dev", "vite:dev"]),
    ("webpack", &["serve", "--watch"]),
    ("rspack", &["serve", "dev"]),
    ("rsbuild", &["dev"]),
    ("ng", &["serve"]),
    ("nx", &["serve", "dev"]),
    ("nest", &["--watch"]),
    ("react-scripts", &["start"]),
    ("vue-cli-service", &["serve"]),
    ("wrangler", &["dev"]),
    ("tsx", &["watch", "--watch"]),
    ("node", &["--watch", "--watch-path"]),
    ("bun", &["--watch", "--hot"]),
    ("deno", &["--watch", "--watch-hmr"]),
    ("uvicorn", &["--reload"]),
    ("hypercorn", &["--reload"]),
    ("gunicorn", &["--reload"]),
    ("granian", &["--reload"]),
    ("fastapi", &["dev"]),
    ("flask", &["--debug"]),
    ("cargo", &["watch"]),
    ("dotnet", &["watch"]),
    ("mix", &["phx.server"]),
    ("rails", &["s", "server"]),
];
/// Words that reload wherever they stand.
const WORDS: &[&str] = &["quarkus:dev", "quarkusDev", "mn:run"];
/// What runs the program that follows it.
const RUNNERS: &[&[&str]] = &[
    &["npx"],
    &["pnpx"],
    &["bunx"],
    &["pnpm", "exec"],
    &["pnpm", "dlx"],
    &["npm", "exec"],
    &["yarn", "exec"],
    &["uv", "run"],
    &["poetry", "run"],
    &["pipenv", "run"],
    &["pdm", "run"],
    &["hatch", "run"],
    &["bundle", "exec"],
    &["python", "-m"],
    &["python3", "-m"],
    &["exec"],
    &["env"],
    &["cross-env"],
    &["time"],
    &["nice"],
    &["dotenv", "--"],
];

/// Whether `command`, run in `directory`, reloads by itself.
pub fn reloads_by_itself(command: &str, directory: &Path) -> bool {
    line_reloads(command, directory, 0)
}

fn line_reloads(line: &str, directory: &Path, depth: u32) -> bool {
    line.split(['&', '|', ';', '\n']).any(|part| part_reloads(part, directory, depth))
}

fn part_reloads(part: &str, directory: &Path, depth: u32) -> bool {
    let words: Vec<&str> = part.split_whitespace().map(unquote).collect();
    if words.iter().any(|word| WORDS.contains(word)) {
        return true;
    }
    let words = program(&words);
    let Some((first, rest)) = words.split_first() else {
        return false;
    };
    let name = first.rsplit('/').next().unwrap_or(first);
    let has = |wanted: &[&str]| {
        rest.iter().any(|word| wanted.contains(&word.split('=').next().unwrap_or(word)))
    };
    let by_word = PROGRAMS_WITH.iter().any(|(program, wanted)| *program == name && has(wanted));
    // Vite serves unless it is told to build, or to serve what was built.
    let vite = name == "vite" && !has(&["build", "preview", "optimize"]);
    let django = has(&["runserver"]) && !has(&["--noreload"]) && part.contains("manage.py");
    let script = || depth < DEPTH_MAX && script_reloads(name, rest, directory, depth);
    PROGRAMS.contains(&name) || by_word || vite || django || script()
}

fn unquote(word: &str) -> &str {
    word.trim_matches(['"', '\'', '(', ')', '{', '}'])
}

/// The words from the program on, without variables and what runs it.
fn program<'a, 'b>(words: &'a [&'b str]) -> &'a [&'b str] {
    let mut words = words;
    loop {
        let variable = words.first().is_some_and(|word| is_variable(word));
        let runner = RUNNERS.iter().find(|runner| words.starts_with(runner));
        let skip = if variable { 1 } else { runner.map_or(0, |runner| runner.len()) };
        // A runner's own flags: `npx --yes vite`.
        let flags = |word: &&&str| word.starts_with('-') && runner.is_some();
        let rest = words.get(skip..).unwrap_or_default();
        let skipped = rest.iter().take_while(flags).count();
        if skip == 0 {
            return words;
        }
        words = rest.get(skipped..).unwrap_or_default();
    }
}

fn is_variable(word: &str) -> bool {
    let name = word.split_once('=').map_or("", |(name, _)| name);
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// `npm run dev`, `npm start`, `pnpm dev`, `yarn dev`, `node --run dev`: what the script says.
fn script_reloads(program: &str, rest: &[&str], directory: &Path, depth: u32) -> bool {
    let mut names = rest.iter().filter(|word| !word.starts_with('-'));
    let script = match (program, names.next().copied()) {
        ("npm" | "pnpm" | "yarn" | "bun", Some("run" | "run-script")) => names.next().copied(),
        ("npm", Some(word @ ("start" | "test"))) => Some(word),
        ("pnpm" | "yarn" | "bun", word) => word,
        ("node", word) if rest.contains(&"--run") => word,
        _ => None,
    };
    let text = script.and_then(|script| read_script(directory, script));
    text.is_some_and(|text| line_reloads(&text, directory, depth + 1))
}

fn read_script(directory: &Path, script: &str) -> Option<String> {
    let text = fs::read(directory.join("package.json")).ok()?;
    let package: Value = serde_json::from_slice(&text).ok()?;
    package.get("scripts")?.get(script)?.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(command: &str, expect: bool) {
        assert_eq!(reloads_by_itself(command, Path::new("/nowhere")), expect, "{command}");
    }

    #[test]
    fn development_servers_are_known() {
        for command in [
            "vite --port $PORT",
            "npx --yes vite",
            "./node_modules/.bin/next dev -p 3000",
            "PORT=1 exec nodemon server.js",
            "node --watch server.js",
            "node --enable-source-maps --watch-path=src server.js || true",
            "tsx watch src/main.ts",
            "uv run fastapi dev main.py",
            "uvicorn main:app --reload",
            "flask --app main run --debug",
            "python manage.py runserver 8000",
            "air",
            "cargo watch -x run",
            "./mvnw quarkus:dev",
            "cd web && astro dev",
        ] {
            check(command, true);
        }
    }

    #[test]
    fn others_are_started_anew() {
        for command in [
            "vite preview",
            "next start",
            "node server.js",
            "tsx src/main.ts",
            "go run .",
            "cargo run -- --watch",
            "uvicorn main:app",
            "flask run",
            "python manage.py runserver --noreload",
            "./mvnw spring-boot:run",
            "npm run dev",
        ] {
            check(command, false);
        }
    }

    #[test]
    fn scripts_are_followed_and_circles_end() {
        let folder = tempfile::tempdir().unwrap();
        let package = r#"{"scripts": {"dev": "npm run serve", "serve": "vite", "start": "node .",
            "loop": "npm run loop"}}"#;
        fs::write(folder.path().join("package.json"), package).unwrap();
        for (command, expect) in [
            ("npm run dev", true),
            ("pnpm dev", true),
            ("yarn run serve", true),
            ("npm start", false),
            ("npm run loop", false),
            ("npm run missing", false),
        ] {
            assert_eq!(reloads_by_itself(command, folder.path()), expect, "{command}");
        }
    }
}
