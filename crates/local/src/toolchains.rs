//! Toolchains: which programs run services, and the line that installs each.
//!
//! The one table of them. A service whose program is missing is skipped and the line is shown;
//! everything else runs. A program that is not in the table is nobody's toolchain: whether it is
//! there is found out by starting it.

use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// A program that runs services.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tool {
    /// Its name.
    pub program: &'static str,
    /// The language it belongs to, as in the file.
    pub language: &'static str,
    /// The line that installs it on Debian 12.
    pub install: &'static str,
}

const fn tool(program: &'static str, language: &'static str, install: &'static str) -> Tool {
    Tool { program, language, install }
}

/// Every program that is known. The first of a language is the one that it cannot be without.
pub const TOOLS: &[Tool] = &[
    tool("node", "node", "sudo apt install nodejs npm"),
    tool("npm", "node", "sudo apt install nodejs npm"),
    tool("npx", "node", "sudo apt install nodejs npm"),
    tool("pnpm", "node", "sudo npm install -g pnpm"),
    tool("yarn", "node", "sudo npm install -g yarn"),
    tool("bun", "node", "sudo npm install -g bun"),
    tool("bunx", "node", "sudo npm install -g bun"),
    tool("go", "go", "sudo apt install golang"),
    tool("cargo", "rust", "sudo apt install cargo"),
    tool("java", "java", "sudo apt install default-jdk"),
    tool("javac", "java", "sudo apt install default-jdk"),
    tool("mvn", "java", "sudo apt install maven"),
    tool("gradle", "java", "sudo apt install gradle"),
    tool("python3", "python", "sudo apt install python3"),
    tool("python", "python", "sudo apt install python-is-python3"),
    tool("uv", "python", "pipx install uv"),
    tool("poetry", "python", "sudo apt install python3-poetry"),
    tool("pipenv", "python", "sudo apt install pipenv"),
    tool("pdm", "python", "pipx install pdm"),
    tool("dotnet", "dotnet", "see https://learn.microsoft.com/dotnet/core/install/linux-debian"),
    tool("ruby", "ruby", "sudo apt install ruby"),
    tool("bundle", "ruby", "sudo apt install bundler"),
    tool("php", "php", "sudo apt install php-cli"),
    tool("composer", "php", "sudo apt install composer"),
    tool("mix", "elixir", "sudo apt install elixir"),
];

/// Programs that say nothing of the toolchain that they start: then the language does.
const ANY: &[&str] = &["sh", "bash", "make", "just", "task", "mvnw", "gradlew"];

/// Words that stand before a program.
const BEFORE: &[&str] = &["exec", "env", "time", "nice", "nohup"];

/// Why a service is skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} is not installed; {}", .0.program, .0.install)]
pub struct Missing(pub Tool);

/// Where programs are looked for.
#[derive(Clone, Debug, Default)]
pub struct Toolchains {
    /// The folders of `PATH`; `None` takes every program for installed.
    folders: Option<Vec<PathBuf>>,
}

impl Toolchains {
    /// Looks in the folders of this `PATH`.
    pub fn on(path: Option<&OsStr>) -> Self {
        let folders = path.map(|path| std::env::split_paths(path).collect());
        Self { folders: Some(folders.unwrap_or_default()) }
    }

    /// Where a program is; `None` where it is not, and where nothing is looked for.
    pub fn find(&self, program: &str) -> Option<PathBuf> {
        let folders = self.folders.iter().flatten();
        let mut files = folders.filter(|folder| is_there(&[(*folder).clone()], program));
        files.next().map(|folder| folder.join(program))
    }

    /// The first toolchain that a service needs and that is not there.
    ///
    /// `path` is the service's own `PATH`, if the file gives it one.
    pub fn missing(
        &self,
        build: Option<&str>,
        command: &str,
        language: Option<&str>,
        path: Option<&str>,
    ) -> Option<Missing> {
        let folders = self.folders.as_ref()?;
        let own: Option<Vec<PathBuf>> = path.map(|path| std::env::split_paths(path).collect());
        let folders = own.as_ref().unwrap_or(folders);
        let needed = needed(build, command, language);
        needed.into_iter().find(|tool| !is_there(folders, tool.program)).map(Missing)
    }
}

/// The toolchains that a service needs.
pub fn needed(build: Option<&str>, command: &str, language: Option<&str>) -> Vec<Tool> {
    let lines = build.into_iter().chain([command]);
    lines.flat_map(|line| programs(line, language)).collect()
}

fn is_there(folders: &[PathBuf], program: &str) -> bool {
    let is_program = |folder: &PathBuf| {
        std::fs::metadata(Path::new(folder).join(program))
            .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
    };
    folders.iter().any(is_program)
}

/// The toolchains whose programs begin the commands of a shell line.
fn programs(line: &str, language: Option<&str>) -> Vec<Tool> {
    let line = line.replace("&&", ";").replace("||", ";").replace(['|', '&', '\n'], ";");
    let first = |part: &str| {
        let mut words = part.split_whitespace().map(|word| word.trim_matches(['"', '\'', '(']));
        let is_assignment = |word: &str| {
            word.split_once('=').is_some_and(|(name, _)| {
                !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            })
        };
        words.find(|word| !is_assignment(word) && !BEFORE.contains(word)).map(str::to_owned)
    };
    let firsts: Vec<String> = line.split(';').filter_map(first).collect();
    let tool = |word: &String| {
        let name = word.rsplit('/').next().unwrap_or(word);
        if ANY.contains(&name) {
            return TOOLS.iter().find(|tool| Some(tool.language) == language);
        }
        // A path names one program; whether it is there is its own matter.
        TOOLS.iter().find(|tool| tool.program == word)
    };
    firsts.iter().filter_map(tool).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(build: Option<&str>, command: &str, language: Option<&str>, missing: Option<&str>) {
        let folder = tempfile::tempdir().unwrap();
        for name in ["node", "npm", "python3"] {
            std::fs::write(folder.path().join(name), "").unwrap();
            let mode = std::fs::Permissions::from_mode(0o755);
            std::fs::set_permissions(folder.path().join(name), mode).unwrap();
        }
        // A file that cannot be run is no program.
        std::fs::write(folder.path().join("go"), "").unwrap();
        let tools = Toolchains::on(Some(folder.path().as_os_str()));
        let found = tools.missing(build, command, language, None);
        assert_eq!(found.map(|missing| missing.0.program), missing, "{build:?} {command}");
        assert_eq!(Toolchains::default().missing(build, command, language, None), None);
    }

    #[test]
    fn the_first_words_of_commands_are_the_toolchain() {
        check(None, "npm run dev", None, None);
        check(None, "go run .", None, Some("go"));
        check(Some("go build -o x ."), "./x", Some("go"), Some("go"));
        check(None, "A=1 B=\"$C\" exec cargo run", None, Some("cargo"));
        check(None, "npm ci && mvn package", None, Some("mvn"));
        check(None, "./bin/go", Some("go"), None);
        check(None, "some-tool go", Some("go"), None);
    }

    #[test]
    fn a_script_needs_what_its_language_needs() {
        check(None, "sh run.sh", Some("go"), Some("go"));
        check(None, "./mvnw spring-boot:run", Some("java"), Some("java"));
        check(None, "make run", Some("python"), None);
        check(None, "make run", None, None);
    }

    #[test]
    fn a_service_with_a_path_of_its_own_is_looked_for_there() {
        let tools = Toolchains::on(None);
        assert!(tools.missing(None, "python3 a.py", None, None).is_some());
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("python3");
        std::fs::write(&program, "").unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        assert!(tools.missing(None, "python3 a.py", None, folder.path().to_str()).is_none());
    }
}
