//! *.csproj: a project of the Web SDK is a service.

use super::candidate::{Candidate, Evidence, read};
use super::code::without_xml_comments;
use super::node::without_prefix;
use super::tree::Tree;

/// What a project of the Web SDK begins with.
const SDK: &str = "Microsoft.NET.Sdk.Web\"";

/// Adds the services of a folder with project files.
pub(super) fn find(tree: &Tree, folder: &str, into: &mut Vec<Candidate>) {
    let projects = tree
        .names(folder)
        .filter(|name| [".csproj", ".fsproj", ".vbproj"].iter().any(|kind| name.ends_with(kind)));
    let projects: Vec<&str> = projects.collect();
    let alone = projects.len() == 1;
    for name in projects {
        let Some((path, text)) = read(tree, folder, name) else {
            continue;
        };
        // The file's name goes into a command line.
        let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
        if !without_xml_comments(&text).contains(SDK) || !(alone || plain) {
            continue;
        }
        let project = if alone { String::new() } else { format!("--project {name} ") };
        let command =
            format!("ASPNETCORE_HTTP_PORTS=$PORT dotnet watch {project}run --no-launch-profile");
        let evidence = Evidence::in_text(&path, &text, SDK, "the Web SDK");
        let mut candidate = Candidate::new(folder, "dotnet", command, evidence);
        candidate.reloads = true;
        let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
        candidate.called = without_prefix(stem, &candidate.called);
        into.push(candidate);
    }
}
