//! `up` on a real terminal: `script` (util-linux) gives it one, and keys are typed into it.

use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use crate::serve::get;
use crate::support::{Running, World, free_port, until};
use crate::up::{is_tool_there, project};

struct Typed {
    running: Running,
    input: std::process::ChildStdin,
}

impl Typed {
    /// Starts a shell line on a terminal of 80 columns.
    fn start(world: &World, line: &str) -> Self {
        let command = world.command_of(Path::new("script"), &["-qfec", line, "/dev/null"]);
        let mut running = Running::fed_by(command, Stdio::piped());
        let input = running.child.stdin.take().unwrap();
        Self { running, input }
    }

    /// Types keys, and waits for what they bring.
    #[track_caller]
    fn expect(&mut self, keys: &str, text: &str) {
        let seen = self.running.text().len();
        self.input.write_all(keys.as_bytes()).unwrap();
        self.input.flush().unwrap();
        let fresh = || self.running.text().get(seen..).unwrap_or_default().to_owned();
        until(
            &format!("`{text}` after `{keys:?}`"),
            || fresh().contains(text),
            || self.running.text(),
        );
    }
}

#[test]
fn keys_do_what_they_say_and_the_terminal_is_given_back() {
    if !is_tool_there("script") {
        eprintln!("skipped: needs script (util-linux)");
        return;
    }
    let (world, port) = (World::new(), free_port());
    project(&world, port);
    let binary = env!("CARGO_BIN_EXE_trunkline");
    let line = format!(
        "stty cols 80 rows 40; stty -a; {binary} up; echo ended with $?; stty -a; echo over"
    );
    let mut typed = Typed::start(&world, &line);
    typed.expect("", "ctrl-c");
    assert_eq!(get(port, "/").0, 200);
    typed.expect("?", "requests are held meanwhile");
    typed.expect("l", "l shows it again");
    typed.expect("l", "is shown again");
    typed.expect("e", "only warnings and errors");
    typed.expect("e", "everything is shown again");
    typed.expect("u", "jaeger");
    typed.expect("s", "workers");
    typed.expect("t", "GET /");
    typed.expect("d", "--detach");
    typed.expect("\u{1b}[A", "");
    typed.expect("r", "orders");
    typed.expect("\u{1b}", "nothing is restarted");
    typed.expect("r", "orders");
    // Its first line comes anew, and is harmless.
    typed.expect("1", r"listening \u{1b}[2J");
    typed.expect("q", "over");
    let text = typed.running.text();
    assert!(
        text.contains("ended with 130") && text.contains("web") && text.contains("has ended"),
        "{text}"
    );
    let modes = |word: &str| text.matches(&format!(" {word}")).count();
    assert!(modes("icanon") == 2 && modes("echo ") == 2 && modes("-icanon") == 0, "{text}");
    let links = text.matches("\u{1b}]8;;http://").count();
    assert!(links > 0, "URLs are links on a terminal");
}

#[test]
fn without_a_terminal_there_is_no_escape_code_and_no_spinner() {
    let (world, port) = (World::new(), free_port());
    project(&world, port);
    let mut up = world.start(&["up"]);
    up.wait_for("Ready in");
    up.signal("INT");
    up.ended();
    let text = up.text();
    assert!(!text.contains('\u{1b}') && !text.contains("ctrl-c") && !text.contains('⠋'), "{text}");
}
