//! Folders that nobody would write by hand: broken, huge, circular. Looking ends, never panics, and
//! what it writes is always a file that can be used.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use proptest::prelude::*;
use trunkline_config::files::Memory;
use trunkline_config::native::Native;
use trunkline_config::{Options, Profile, load_with};
use trunkline_local::discover::{Discovery, whole_file};
use trunkline_model::service::Source;

use crate::discovering::{look, tree};

/// The written file is read as what was found.
fn check_written(found: &Discovery) {
    let text = whole_file(found);
    let files = Memory([(PathBuf::from("trunkline.yaml"), text.clone().into_bytes())].into());
    let options = Options { profile: Profile::Laptop, ..Options::default() };
    let loaded = load_with(&files, &["trunkline.yaml".into()], &options, &[&Native]);
    let said: Vec<_> = loaded.diagnostics.iter().collect();
    assert!(said.is_empty(), "{said:?}\n{text}");
    let model = loaded.model.unwrap();
    assert_eq!(model.name, found.project);
    assert_eq!(model.services.len(), found.services.len(), "{text}");
    for service in &found.services {
        let Source::Process(process) = &model.service(&service.name).unwrap().source else {
            panic!("{text}");
        };
        assert_eq!(process.command, service.runs.command);
        assert_eq!(process.build, service.runs.build);
        let folder = if service.runs.folder.is_empty() { "." } else { &service.runs.folder };
        assert_eq!(process.directory, PathBuf::from(folder), "{text}");
    }
}

#[test]
fn markers_that_cannot_be_read_are_none() {
    let huge = format!("{{ \"scripts\": {{ \"dev\": \"{}\" }} }}", "x".repeat(2_000_000));
    let deep = "[".repeat(100_000);
    let folder = tree(&[
        ("huge/package.json", &huge),
        ("deep/package.json", &deep),
        ("deep/Cargo.toml", &format!("a = {deep}")),
        ("deep/pyproject.toml", &format!("a = {deep}")),
        ("list/package.json", "[1, 2]"),
        ("odd/package.json", r#"{ "name": 7, "scripts": { "dev": [] } }"#),
        ("odd/Cargo.toml", "package = 7\nbin = { a = 1 }\n"),
        ("odd/pyproject.toml", "project = [1]\n[tool]\npoetry = 3\n"),
        ("odd/project.json", r#"{ "targets": [] }"#),
        ("odd/go.mod", "\u{0}"),
        ("odd/pom.xml", "<!-- <artifactId"),
        ("odd/build.gradle", "/* \" \\"),
        ("odd/a.java", "/* \" \\"),
    ]);
    let root = folder.path().join("shop");
    fs::write(root.join("odd/requirements.txt"), [0xff, 0xfe, b'f']).unwrap();
    fs::write(root.join("odd/mix.exs"), [0xff, 0xfe, b'f']).unwrap();
    fs::create_dir(root.join(OsStr::from_bytes(b"\xff\xfe"))).unwrap();
    let found = look(folder.path());
    assert_eq!(found.services, []);
    check_written(&found);
}

#[test]
fn links_are_not_followed() {
    let folder = tree(&[("a/keep", "")]);
    let root = folder.path().join("shop");
    symlink("..", root.join("a/up")).unwrap();
    symlink("/", root.join("a/all")).unwrap();
    symlink("self", root.join("a/self")).unwrap();
    let package = folder.path().join("package.json");
    fs::write(&package, r#"{ "scripts": { "dev": "node ." } }"#).unwrap();
    symlink(&package, root.join("a/package.json")).unwrap();
    assert_eq!(look(folder.path()).services, []);
}

#[test]
fn ten_thousand_folders_are_looked_at_and_more_are_said() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("shop");
    for number in 0..10_000 {
        fs::create_dir_all(root.join(format!("{}/{number}", number % 100))).unwrap();
    }
    fs::write(root.join("7/9907/package.json"), r#"{ "scripts": { "dev": "node ." } }"#).unwrap();
    let found = look(folder.path());
    assert_eq!(found.services.len(), 1);
    assert_eq!(found.cut_short, None);
    for number in 0..11_000 {
        fs::create_dir_all(root.join(format!("more/{}/{number}", number % 100))).unwrap();
    }
    assert!(look(folder.path()).cut_short.is_some());
}

/// Parts of names and lines that a writer of YAML could get wrong.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z]{1,8}",
        "[ -~]{0,20}",
        r#"(: |# |- |\* |& |! |% |@ |'|"|\\|\{|\}|\[|\]|,|yes|null|0x1|1e3|~|\||>|\$\{A\}){1,6}"#,
        "\\PC{0,12}",
    ]
}

/// A name of a folder: any text without what no folder can have.
fn folder_name() -> impl Strategy<Value = String> {
    let bad = |name: &String| {
        name.is_empty() || name.starts_with('.') || name.contains(['/', '\0']) || name.len() > 200
    };
    text().prop_filter("a folder cannot be called so", move |name| !bad(name))
}

fn package() -> impl Strategy<Value = (String, String)> {
    let script =
        prop_oneof![Just("vite"), Just("node ."), Just("next dev -p 3000"), Just("tsc -w")];
    (text(), script, text()).prop_map(|(name, script, other)| {
        let json = serde_json::json!({ "name": name, "scripts": { "dev": script, "x": other } });
        ("package.json".to_owned(), json.to_string())
    })
}

fn marker() -> impl Strategy<Value = (String, String)> {
    let cargo = text().prop_map(|name| {
        let name = toml_text(&name);
        (
            "Cargo.toml".to_owned(),
            format!(
                "[package]\nname = {name}\n[[bin]]\nname = {name}\n[dependencies]\nrocket = \"1\"\n"
            ),
        )
    });
    let project = text().prop_map(|name| {
        let json = serde_json::json!({ "name": name, "targets": { "serve": {} } });
        ("project.json".to_owned(), json.to_string())
    });
    let others = prop_oneof![
        Just(("manage.py", "django")),
        Just(("mix.exs", "{:phoenix, 1}")),
        Just(("pom.xml", "<artifactId>a: b</artifactId>quarkus-maven-plugin")),
        Just(("a: b.csproj", "Sdk=\"Microsoft.NET.Sdk.Web\"")),
        Just(("Main.java", "public static void main( PORT")),
        Just(("urls.js", "A_URL B_URL WEB_URL '/health'")),
        Just(("go.mod", "module a")),
        Just(("main.go", "package main\nfunc main() {\n// PORT")),
    ];
    let others = others.prop_map(|(name, text)| (name.to_owned(), text.to_owned()));
    prop_oneof![package(), cargo, project, others]
}

fn toml_text(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn what_is_written_is_always_a_file_that_can_be_used(
        files in proptest::collection::vec((proptest::collection::vec(folder_name(), 0..3), marker()), 0..8)
    ) {
        let files: Vec<(String, String)> = files
            .into_iter()
            .map(|(mut path, (name, text))| { path.push(name); (path.join("/"), text) })
            .collect();
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in &files {
            let path = folder.path().join("shop").join(path);
            let _ = fs::create_dir_all(path.parent().unwrap());
            let _ = fs::write(path, text);
        }
        fs::create_dir_all(folder.path().join("shop")).unwrap();
        check_written(&look(folder.path()));
    }
}
