//! Toolchains: of the languages that the project has, and no others.

use std::collections::BTreeMap;

use trunkline_local::tool;
use trunkline_local::toolchains::{TOOLS, Tool, needed};
use trunkline_model::service::Source;

use super::{Check, Project};
use crate::environment;

pub(super) async fn look(project: Option<&Project>) -> Vec<Check> {
    let Some(project) = project else {
        return Vec::new();
    };
    let here = environment::toolchains();
    let mut checks = Vec::new();
    for (program, (tool, services)) in wanted(project) {
        let Some(file) = here.find(program) else {
            let who = services.join(", ");
            let what = format!("{program} is not installed, which {who} needs");
            checks.push(Check::failed(what, tool.install));
            continue;
        };
        let argument = if program == "go" { "version" } else { "--version" };
        let version = tool::run(&file, [argument]).await.unwrap_or_default();
        let version = String::from_utf8_lossy(&version);
        let line = version.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
        let shown =
            if line.contains(program) { line.to_owned() } else { format!("{program} {line}") };
        checks.push(Check::good(shown.trim()));
    }
    checks
}

/// Each program with the services that need it.
fn wanted(project: &Project) -> BTreeMap<&'static str, (Tool, Vec<String>)> {
    let mut wanted: BTreeMap<&'static str, (Tool, Vec<String>)> = BTreeMap::new();
    for service in &project.model.services {
        let Source::Process(process) = &service.source else {
            continue;
        };
        let language = process.language.as_deref();
        // The first of a language is the one that it cannot be without.
        let first = TOOLS.iter().find(|tool| Some(tool.language) == language).copied();
        let named = needed(process.build.as_deref(), &process.command, language);
        for tool in named.into_iter().chain(first) {
            let (_, services) = wanted.entry(tool.program).or_insert((tool, Vec::new()));
            if services.last().is_none_or(|last| *last != service.name.as_str()) {
                services.push(service.name.to_string());
            }
        }
    }
    wanted
}
