//! Files that were written to do harm end in one message, in little memory, stack and time.

use std::thread;

use crate::rig::{load_files, production, screen, shown};

/// What is said of a file, read on a thread with the stack that threads of a runtime have.
fn on_a_small_stack(files: Vec<(String, String)>) -> String {
    let body = move || {
        let files: Vec<(&str, &str)> = files.iter().map(|(a, b)| (&**a, &**b)).collect();
        shown(&load_files(&files, &production()))
    };
    let thread = thread::Builder::new().stack_size(2 << 20).spawn(body);
    thread.unwrap().join().unwrap()
}

#[test]
fn aliases_of_one_long_text_are_refused_before_they_fill_the_memory() {
    let long = "a".repeat(1 << 20);
    let aliases = "*a, ".repeat(50_000);
    let said = screen(&format!("version: 1\nx: &a {long}\ny: [{aliases}]\n"));
    assert!(said.contains("aliases expand to more than 8 MiB of text"), "{said}");
    assert!(said.len() < 10_000);
}

#[test]
fn anchors_around_one_long_text_are_copies_too() {
    let long = "a".repeat(1 << 20);
    let anchors = "&a [".repeat(40);
    let said = screen(&format!("version: 1\nx: {anchors}{long}{}\n", "]".repeat(40)));
    assert!(said.contains("aliases expand to more than 8 MiB of text"), "{said}");
}

#[test]
fn a_pattern_of_a_million_parts_does_not_use_up_the_stack() {
    for part in ["../", "**/", "a/"] {
        let text = format!("version: 1\ninclude: [\"{}*.yaml\"]\n", part.repeat(1_000_000));
        let said = on_a_small_stack(vec![("trunkline.yaml".into(), text)]);
        assert!(said.contains("a pattern has at most 64 parts"), "{part}: {}", said.len());
    }
}

#[test]
fn a_long_row_of_files_that_include_the_next_does_not_use_up_the_stack() {
    let file = |n: usize| {
        let text = format!("version: 1\ninclude: [\"{}.yaml\"]\n", n + 1);
        (format!("{n}.yaml"), text)
    };
    let said = on_a_small_stack((0..1_200).map(file).collect());
    assert!(said.contains("files include each other more than 32 deep"), "{said}");
}

#[test]
fn a_secret_is_not_shown_by_the_messages_about_its_neighbours() {
    let said = screen("version: 1\nmanagement: { colour: red, token: \"hunter2\", idle: never }\n");
    assert!(said.contains("TL0120") && said.contains("TL0101"), "{said}");
    assert!(!said.contains("hunter2"), "{said}");
}
