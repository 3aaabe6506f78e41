//! `trust`: each store on its own, in a home folder of the test's own.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use trunkline_testkit::Upstream;

use crate::support::{World, describe, free_port};

const PROJECT: &str = "version: 1\nname: trusted\ngateway: { domain: trusted.test }\n";

fn has(tool: &str) -> bool {
    let found = Command::new("sh").args(["-c", &format!("command -v {tool}")]).output();
    found.is_ok_and(|output| output.status.success())
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// State and fix of each store, in the order told.
fn states(world: &World, arguments: &[&str]) -> Vec<(String, String)> {
    let output = world.run(&[&["trust", "--format", "json"], arguments].concat());
    let document: serde_json::Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", describe(&output)));
    let stores = document["roots"][0]["stores"].as_array().unwrap().iter();
    stores
        .map(|store| {
            let text = |key: &str| store[key].as_str().unwrap_or_default().to_owned();
            (text("state"), text("fix"))
        })
        .collect()
}

/// Installs twice, uninstalls twice.
fn check_store(world: &World, arguments: &[&str]) {
    let state = |more: &[&str]| {
        let states = states(world, &[arguments, more].concat());
        states.iter().map(|(state, _)| state.clone()).collect::<Vec<_>>()
    };
    assert_eq!(state(&[]), ["installed"]);
    assert_eq!(state(&[]), ["there"]);
    assert_eq!(state(&["--uninstall"]), ["removed"]);
    assert_eq!(state(&["--uninstall"]), ["not_there"]);
}

#[test]
fn the_system_below_a_folder_gets_a_file_and_loses_it_again() {
    let world = World::new();
    world.write("trunkline.yaml", PROJECT);
    let system = world.path("system");
    let folder = system.join("usr/local/share/ca-certificates");
    std::fs::create_dir_all(&folder).unwrap();
    let root = system.to_str().unwrap();
    check_store(&world, &["--store", "system", "--root", root]);
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
    let shown = text(&world.run(&["trust", "--store", "system", "--root", root]));
    assert!(shown.contains("√ system ("), "{shown}");
    let installed = std::fs::read_dir(&folder).unwrap().next().unwrap().unwrap().path();
    assert_eq!(std::fs::read_to_string(installed).unwrap(), world.data(&["trust", "--print"]));
}

#[test]
fn what_needs_more_rights_is_printed_as_a_command() {
    let world = World::new();
    world.write("trunkline.yaml", PROJECT);
    let system = world.path("system");
    let arguments = ["--store", "system", "--root", system.to_str().unwrap()];
    let folder = system.join("etc/pki/ca-trust/source/anchors");
    std::fs::create_dir_all(&folder).unwrap();
    states(&world, &arguments);
    let installed = std::fs::read_dir(&folder).unwrap().next().unwrap().unwrap().path();
    // Nobody can write a file where a folder is, not even root.
    std::fs::remove_file(&installed).unwrap();
    std::fs::create_dir(&installed).unwrap();
    let states = states(&world, &arguments);
    assert_eq!(states[0].0, "failed");
    let fix = &states[0].1;
    assert!(
        fix.starts_with("sudo cp ") && fix.ends_with("&& sudo update-ca-trust extract"),
        "{fix}"
    );
}

#[test]
fn nss_databases_are_changed_one_by_one() {
    if !has("certutil") {
        eprintln!("skipped: needs certutil");
        return;
    }
    let world = World::new();
    world.write("trunkline.yaml", PROJECT);
    check_store(&world, &["--store", "nss"]);
    // A profile of Firefox joins; a damaged one fails alone.
    let profiles = world.path("home/.mozilla/firefox");
    for (name, copied) in [("good", true), ("damaged", false)] {
        let profile = profiles.join(name);
        std::fs::create_dir_all(&profile).unwrap();
        for file in ["cert9.db", "key4.db", "pkcs11.txt"] {
            if copied {
                std::fs::copy(world.path("home/.pki/nssdb").join(file), profile.join(file))
                    .unwrap();
            } else {
                std::fs::write(profile.join(file), "nothing of NSS").unwrap();
            }
        }
    }
    let states = states(&world, &["--store", "firefox"]);
    let words: Vec<_> = states.iter().map(|(state, _)| state.as_str()).collect();
    assert_eq!(words, ["installed", "failed", "installed"], "{states:?}");
    assert!(states[1].1.starts_with("certutil -A "), "{states:?}");
}

#[test]
fn a_key_store_of_java_is_changed() {
    if !has("keytool") {
        eprintln!("skipped: needs keytool");
        return;
    }
    let world = World::new();
    world.write("trunkline.yaml", PROJECT);
    let store = world.path("truststore.p12");
    check_store(&world, &["--store", "java", "--truststore", store.to_str().unwrap()]);
}

#[test]
fn a_store_that_fails_does_not_stop_the_others() {
    let world = World::new();
    world.write("trunkline.yaml", PROJECT);
    let folder = world.path("system/usr/local/share/ca-certificates");
    std::fs::create_dir_all(&folder).unwrap();
    let system = world.path("system");
    let mut command = world.command(&["trust", "--root", system.to_str().unwrap()]);
    let empty = world.path("empty");
    command.env("PATH", &empty).env_remove("JAVA_HOME");
    if ["/usr/sbin", "/sbin"].iter().any(|place| Path::new(place).join("certutil").is_file()) {
        eprintln!("skipped: needs a machine without certutil among the administrator's tools");
        return;
    }
    let output = command.stdin(Stdio::null()).output().unwrap();
    let shown = text(&output);
    assert_eq!(output.status.code(), Some(1), "{}", describe(&output));
    assert!(shown.contains("√ system ("), "{shown}");
    assert!(shown.contains("× Chromium, Firefox  certutil") && shown.contains("fix: "), "{shown}");
    assert!(shown.contains("· Java") && shown.contains("export NODE_EXTRA_CA_CERTS="), "{shown}");
}

#[test]
fn a_browser_trusts_the_gateway_after_trust() {
    let browser = ["chromium", "chromium-browser", "google-chrome"].into_iter().find(|b| has(b));
    let Some(browser) = browser.filter(|_| has("certutil")) else {
        eprintln!("skipped: needs chromium and certutil");
        return;
    };
    let (world, port) = (World::new(), free_port());
    let service = Upstream::answering(200, "seen by a browser");
    world.write(
        "trunkline.yaml",
        &format!(
            "version: 1\nname: trusted\ngateway: {{ https: {port} }}\n{}services:\n  \
             web-service: {{ external: \"{}\" }}\nroutes: [ {{ match: \"/**\", to: web-service }} ]\n",
            crate::serve::ports(),
            service.address()
        ),
    );
    let mut up = world.start(&["up"]);
    up.wait_for("Ready in");
    let page = || {
        let mut command = Command::new(browser);
        command
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--no-proxy-server",
                "--dump-dom",
            ])
            .arg(format!("https://web.trusted.localhost:{port}/"))
            .env("HOME", world.path("home"))
            .env_remove("XDG_CONFIG_HOME");
        text(&command.stdin(Stdio::null()).output().unwrap())
    };
    assert!(!page().contains("seen by a browser"), "trusted before it was told to");
    world.data(&["trust", "--store", "nss"]);
    let shown = page();
    assert!(shown.contains("seen by a browser"), "{shown}");
    up.signal("INT");
    up.ended();
}
