//! Python: Django, `FastAPI` and Flask by their dependency and the file that makes the application;
//! a plain program beside a `pyproject.toml` that names a project.

use toml::Value;

use super::candidate::{Candidate, Evidence, read};
use super::links;
use super::rust::toml;
use super::tree::{Tree, join, last};

/// Files that hold an application or are one, the more usual first.
const FILES: &[&str] =
    &["main.py", "app.py", "server.py", "api.py", "wsgi.py", "asgi.py", "__init__.py"];
/// Files that are programs.
const PROGRAMS: &[&str] = &["server.py", "app.py", "main.py"];
/// What makes a file a program.
const IS_MAIN: &[&str] = &["if __name__ == \"__main__\"", "if __name__ == '__main__'"];

/// Adds the services of a folder.
pub(super) fn find(tree: &Tree, folder: &str, into: &mut Vec<Candidate>) {
    let django = tree.has(folder, "manage.py");
    let markers = ["pyproject.toml", "requirements.txt", "Pipfile", "setup.py"];
    if !django && !markers.iter().any(|name| tree.has(folder, name)) {
        return;
    }
    let wanted = dependencies(tree, folder);
    let wants = |name: &str| wanted.iter().any(|wanted| wanted == name);
    let runner = Runner::of(tree, folder);
    if django {
        if let Some(candidate) = django_of(tree, folder, &runner) {
            into.push(candidate);
        }
        return;
    }
    let before = into.len();
    if wants("fastapi") || wants("starlette") {
        for (module, variable, evidence) in applications(tree, folder, "FastAPI(") {
            let line = format!(
                "{} --host 127.0.0.1 --port $PORT --reload {module}:{variable}",
                runner.program("uvicorn")
            );
            into.push(served(folder, line, evidence));
        }
    }
    if wants("flask") {
        for (module, _, evidence) in applications(tree, folder, "Flask(") {
            let line = format!(
                "{} --app {module} run --debug --host 127.0.0.1 --port $PORT",
                runner.program("flask")
            );
            into.push(served(folder, line, evidence));
        }
    }
    let framework = ["fastapi", "starlette", "flask", "django"].iter().any(|name| wants(name));
    if into.len() == before && !framework {
        plain(tree, folder, &runner, into);
    }
    name_by_project(tree, folder, into.get_mut(before..).unwrap_or_default());
}

fn served(folder: &str, command: String, evidence: Evidence) -> Candidate {
    let mut candidate = Candidate::new(folder, "python", command, evidence);
    candidate.reloads = true;
    candidate
}

fn django_of(tree: &Tree, folder: &str, runner: &Runner) -> Option<Candidate> {
    let (path, text) = read(tree, folder, "manage.py")?;
    if !text.contains("django") {
        return None;
    }
    let evidence = Evidence::in_text(&path, &text, "django", "Django");
    let command = format!("{} manage.py runserver 127.0.0.1:$PORT", runner.python());
    Some(served(folder, command, evidence))
}

/// Programs without a framework.
fn plain(tree: &Tree, folder: &str, runner: &Runner, into: &mut Vec<Candidate>) {
    let project = read(tree, folder, "pyproject.toml").and_then(|(_, text)| toml(&text));
    if project.is_none_or(|project| !project.contains_key("project")) {
        return;
    }
    let listens = links::mentions_port(tree, folder, folder);
    let mut any = false;
    let mut add = |what: &str, evidence: Evidence| {
        let mut candidate = Candidate::new(folder, "python", what, evidence);
        candidate.listens = listens;
        into.push(candidate);
        any = true;
    };
    for below in [folder.to_owned(), join(folder, "src")] {
        for (path, text) in PROGRAMS.iter().filter_map(|name| read(tree, &below, name)) {
            if let Some(needle) = IS_MAIN.iter().find(|needle| text.contains(**needle)) {
                let file = path.get(folder.len()..).unwrap_or_default().trim_start_matches('/');
                let evidence = Evidence::in_text(&path, &text, needle, "program");
                add(&format!("{} {file}", runner.python()), evidence);
            }
        }
    }
    if any {
        return;
    }
    for package in packages(tree, folder) {
        if let Some((path, text)) = read(tree, &package, "__main__.py") {
            // What lies in `src` is found by Python only when it is told.
            let in_source = package.starts_with(&format!("{}/", join(folder, "src")));
            let before = if in_source { "PYTHONPATH=src " } else { "" };
            let evidence = Evidence::in_text(&path, &text, "", "program");
            let name = last(&package);
            let mut candidate = Candidate::new(
                folder,
                "python",
                format!("{before}{} -m {name}", runner.python()),
                evidence,
            );
            candidate.listens = listens;
            into.push(candidate);
        }
    }
}

/// The folders of packages: those directly in the folder, and in its `src`.
fn packages(tree: &Tree, folder: &str) -> Vec<String> {
    let source = join(folder, "src");
    let parent = |path: &str| path.rsplit_once('/').map_or("", |(above, _)| above).to_owned();
    let is_package = |path: &&str| {
        let above = parent(path);
        !path.is_empty() && (above == folder || above == source) && is_module(last(path))
    };
    tree.folders().filter(is_package).map(str::to_owned).collect()
}

fn is_module(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Applications of a framework: module, variable and place. Usual files win over others.
fn applications(tree: &Tree, folder: &str, call: &str) -> Vec<(String, String, Evidence)> {
    let mut folders = vec![folder.to_owned()];
    folders.extend(packages(tree, folder));
    let mut found = Vec::new();
    for below in folders {
        let mut here: Vec<_> =
            FILES.iter().filter_map(|name| application(tree, folder, &below, name, call)).collect();
        found.append(&mut here);
    }
    found
}

fn application(
    tree: &Tree,
    folder: &str,
    below: &str,
    name: &str,
    call: &str,
) -> Option<(String, String, Evidence)> {
    let (path, text) = read(tree, below, name)?;
    let line = text.lines().find(|line| {
        !line.trim_start().starts_with('#')
            && line.split_once('=').is_some_and(|(_, value)| value.trim_start().starts_with(call))
    })?;
    // An application made inside a function is not one that a server can name.
    let variable = line.split_once('=')?.0.split(':').next()?.trim_end();
    if !is_module(variable) {
        return None;
    }
    let module = path.get(folder.len()..)?.trim_start_matches('/').strip_suffix(".py")?;
    let module = module.trim_end_matches("/__init__").replace('/', ".");
    if !module.split('.').all(is_module) {
        return None;
    }
    let evidence = Evidence::in_text(&path, &text, line, call.trim_end_matches('('));
    Some((module, variable.to_owned(), evidence))
}

/// Names of the packages that a folder asks for, in lower case.
fn dependencies(tree: &Tree, folder: &str) -> Vec<String> {
    let mut names = Vec::new();
    if let Some((_, text)) = read(tree, folder, "requirements.txt") {
        names.extend(text.lines().map(requirement));
    }
    let tables = ["pyproject.toml", "Pipfile"];
    let tables = tables.iter().filter_map(|file| toml(&read(tree, folder, file)?.1));
    for table in tables {
        let at = |path: &[&str]| {
            let (first, rest) = path.split_first()?;
            rest.iter().try_fold(table.get(*first)?, |value, key| value.get(*key))
        };
        let listed = at(&["project", "dependencies"]).and_then(Value::as_array);
        names.extend(listed.into_iter().flatten().filter_map(Value::as_str).map(requirement));
        for keys in [at(&["tool", "poetry", "dependencies"]), at(&["packages"])] {
            let keys = keys.and_then(Value::as_table).into_iter().flat_map(|keys| keys.keys());
            names.extend(keys.map(|key| key.to_ascii_lowercase()));
        }
    }
    names
}

/// The name in a line such as `Flask[async]>=3 ; python_version > "3.8"`.
fn requirement(line: &str) -> String {
    let end = line.find(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c)));
    line.get(..end.unwrap_or(line.len())).unwrap_or_default().to_ascii_lowercase()
}

fn name_by_project(tree: &Tree, folder: &str, candidates: &mut [Candidate]) {
    let project = read(tree, folder, "pyproject.toml").and_then(|(_, text)| toml(&text));
    let name = project.as_ref().and_then(|project| project.get("project")?.get("name")?.as_str());
    let Some(name) = name else {
        return;
    };
    for candidate in candidates {
        candidate.called = super::node::without_prefix(name, last(folder));
    }
}

/// What runs Python with a folder's packages.
struct Runner(Option<&'static str>);

impl Runner {
    fn of(tree: &Tree, folder: &str) -> Self {
        let locks = [
            ("uv.lock", "uv run"),
            ("poetry.lock", "poetry run"),
            ("pdm.lock", "pdm run"),
            ("Pipfile.lock", "pipenv run"),
        ];
        Self(locks.iter().find(|(lock, _)| tree.has(folder, lock)).map(|(_, run)| *run))
    }

    fn python(&self) -> String {
        self.0.map_or_else(|| "python3".to_owned(), |run| format!("{run} python"))
    }

    fn program(&self, name: &str) -> String {
        self.0.map_or_else(|| format!("python3 -m {name}"), |run| format!("{run} {name}"))
    }
}
