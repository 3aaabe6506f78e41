//! Java's key stores: that of the JDK, or files that were named.

use std::path::{Path, PathBuf};

use super::{Done, Machine, Outcome, Problem, Root, Store, Wish, line};
use crate::tool;

/// The password that every JDK's store has from its maker. It protects nothing: the store holds
/// public certificates.
const PASSWORD: &str = "changeit";

pub(super) async fn apply(machine: &Machine, root: &Root, wish: Wish) -> Vec<Outcome> {
    let own = machine.java_home.as_ref().map(|home| home.join("bin/keytool"));
    let keytool = own.filter(|tool| tool.is_file()).or_else(|| machine.program("keytool"));
    let Some(keytool) = keytool else {
        let result = Ok(Done::NoStore("there is no keytool, so no Java"));
        return vec![Outcome { store: Store::Java, place: "Java".to_owned(), result }];
    };
    let places: Vec<Option<PathBuf>> = if machine.truststores.is_empty() {
        vec![None]
    } else {
        machine.truststores.iter().cloned().map(Some).collect()
    };
    let mut outcomes = Vec::new();
    for file in places {
        let shown = file.as_ref().map_or_else(
            || format!("Java (cacerts of {})", keytool.display()),
            |file| format!("Java ({})", file.display()),
        );
        let store = KeyStore { keytool: &keytool, file: file.as_deref() };
        let result = store.apply(root, wish).await;
        outcomes.push(Outcome { store: Store::Java, place: shown, result });
    }
    outcomes
}

struct KeyStore<'a> {
    keytool: &'a Path,
    /// `None` for the JDK's own.
    file: Option<&'a Path>,
}

impl KeyStore<'_> {
    async fn apply(&self, root: &Root, wish: Wish) -> Result<Done, Problem> {
        let alias = root.alias();
        let listed = self.run(&["-list", "-rfc", "-alias", &alias]).await;
        let is_there = listed.is_ok_and(|found| root.is(&found));
        let file = root.file.to_string_lossy().into_owned();
        match (wish, is_there) {
            (Wish::Look | Wish::Install, true) => Ok(Done::There),
            (Wish::Look | Wish::Uninstall, false) => Ok(Done::NotThere),
            (Wish::Install, false) => {
                let add = ["-importcert", "-noprompt", "-alias", &alias, "-file", &file];
                self.change(&add).await.map(|()| Done::Installed)
            }
            (Wish::Uninstall, true) => {
                self.change(&["-delete", "-alias", &alias]).await.map(|()| Done::Removed)
            }
        }
    }

    async fn change(&self, arguments: &[&str]) -> Result<(), Problem> {
        self.run(arguments).await.map(drop).map_err(|reason| {
            let keytool = self.keytool.to_string_lossy().into_owned();
            let all = line([keytool].into_iter().chain(self.all(arguments)));
            Problem { reason, fix: format!("sudo {all}") }
        })
    }

    async fn run(&self, arguments: &[&str]) -> Result<Vec<u8>, String> {
        tool::run(self.keytool, self.all(arguments)).await
    }

    fn all(&self, arguments: &[&str]) -> Vec<String> {
        let mut all: Vec<String> = arguments.iter().map(|&argument| argument.to_owned()).collect();
        match self.file {
            Some(file) => all.extend(["-keystore".to_owned(), file.display().to_string()]),
            None => all.push("-cacerts".to_owned()),
        }
        all.extend(["-storepass".to_owned(), PASSWORD.to_owned()]);
        all
    }
}
