//! Files that the product itself writes: the configuration's schema and reference.
//!
//! They are committed, so that a reader needs no build, and compared in CI, so that they cannot go stale.

use std::fs;

use crate::steps::{Outcome, Steps, command, execute, output, root, target_dir};

/// Arguments of `trunkline`, and the file that holds what it then prints.
const GENERATED: [(&[&str], &str); 1] = [(&["schema"], "docs/reference/trunkline.schema.json")];

fn generate(arguments: &[&str], path: &str, only_compare: bool) -> Outcome {
    let fresh =
        output(std::process::Command::new(target_dir().join("debug/trunkline")).args(arguments))?;
    let file = root().join(path);
    if only_compare {
        let committed = fs::read(&file).map_err(|e| format!("{path}: {e}"))?;
        if committed != fresh {
            return Err(format!("{path} is stale: run `./x generate` and commit it"));
        }
        return Ok(());
    }
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    }
    fs::write(&file, fresh).map_err(|e| format!("{path}: {e}"))
}

pub(crate) fn run(steps: &mut Steps, arguments: &[String]) -> Outcome {
    let only_compare = arguments.iter().any(|argument| argument == "--check");
    steps.step("generated files", || {
        execute(&mut command("cargo build --quiet --package trunkline"))?;
        GENERATED
            .iter()
            .try_for_each(|(arguments, path)| generate(arguments, path, only_compare))
    })
}
