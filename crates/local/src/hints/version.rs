//! Toolchains that are older than what the project asks for.

use super::{Trouble, between};

/// Java's class files say their version as this much more than the release (JVMS §4.1).
const CLASS_FILE_OFFSET: u32 = 44;

/// A toolchain is older than the project wants.
pub(super) fn too_old(trouble: &Trouble<'_>) -> Option<String> {
    trouble.lines.iter().find_map(|line| {
        java(line)
            .or_else(|| go(line))
            .or_else(|| rust(line))
            .or_else(|| node(line))
            .or_else(|| python(line))
    })
}

fn java(line: &str) -> Option<String> {
    if let Some(release) = between(line, "release version ", " not supported") {
        return Some(format!(
            "this Java is too old: the project needs Java {release} (set JAVA_HOME)"
        ));
    }
    if !line.contains("UnsupportedClassVersionError") {
        return None;
    }
    let release =
        |text: &str| text.split('.').next()?.parse::<u32>().ok()?.checked_sub(CLASS_FILE_OFFSET);
    let needed = release(between(line, "class file version ", ")")?)?;
    let here = between(line, "up to ", "").and_then(release);
    let here = here.map(|here| format!("this is Java {here}; ")).unwrap_or_default();
    Some(format!("{here}it was built for Java {needed}: set JAVA_HOME to one that is as new"))
}

fn go(line: &str) -> Option<String> {
    let needed = between(line, "requires go >= ", " ")?;
    let here = between(line, "running go ", ";").or_else(|| between(line, "running go ", ")"))?;
    Some(format!("this is Go {here}, the project needs {needed}: https://go.dev/dl"))
}

fn rust(line: &str) -> Option<String> {
    let needed = between(line, " requires rustc ", "")?.split(' ').next()?;
    Some(format!("the project needs Rust {needed}: run `rustup update`"))
}

fn node(line: &str) -> Option<String> {
    let says = line.contains("EBADENGINE")
        || line.contains("engine \"node\" is incompatible")
        || line.contains("Unsupported engine");
    if !says && !line.contains("requires Node.js version") {
        return None;
    }
    Some(
        "this Node.js is not a version that `engines` in package.json allows: `mise use node@lts`"
            .to_owned(),
    )
}

fn python(line: &str) -> Option<String> {
    let needed = between(line, "requires a different Python: ", "")
        .and_then(|rest| between(rest, "not in '", "'"))
        .or_else(|| between(line, "Python requirement: `", "`"))?;
    Some(format!("the project needs Python {needed}: `uv python install`, or `mise use python`"))
}
