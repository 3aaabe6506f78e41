//! The questions of `init`: what files cannot tell, answered by a person at a terminal.

use std::io::{self, BufRead as _, IsTerminal as _, Read as _};
use std::path::Path;

use trunkline_local::discover::{Candidate, Choices, Discovery, Question};
use trunkline_model::ServiceName;

use crate::exit::Failure;
use crate::found;
use crate::print::{Printer, clean, complain};

/// Most rounds: each answers the questions that the former answers led to.
const ROUNDS_MAX: usize = 20;
/// Longest answer, in bytes.
const ANSWER_BYTES_MAX: u64 = 1_024;

/// Whether somebody is there to answer.
pub(super) fn can_ask() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks until nothing is open, or nobody answers.
pub(super) fn ask(
    dir: &Path,
    mut found: Discovery,
    choices: &mut Choices,
    printer: &Printer,
) -> Result<Discovery, Failure> {
    for _ in 0..ROUNDS_MAX {
        if found.questions.is_empty() {
            break;
        }
        for question in &found.questions {
            printer.note(format_args!("\n{}", shown(question)));
            if one(question, choices).is_none() {
                // The end of the input: what is open stays open.
                return Ok(found);
            }
        }
        found = found::look(dir, choices)?;
    }
    Ok(found)
}

fn shown(question: &Question) -> String {
    let text = question.to_string();
    text.lines().map(|line| clean(line).into_owned()).collect::<Vec<_>>().join("\n")
}

/// Asks one question; `None` when nobody answers.
fn one(question: &Question, choices: &mut Choices) -> Option<()> {
    match question {
        Question::Several { options, .. } => one_of(options, choices),
        Question::SamePort { options, .. } => {
            one_of(options, choices)?;
            let others = options.iter().filter(|option| !choices.takes(option));
            let others: Vec<_> = others.cloned().collect();
            choices.dropped.extend(others);
            Some(())
        }
        Question::SameName { options, .. } => {
            options.iter().try_for_each(|option| name_of(option, choices))
        }
        Question::Port(candidate) => port_of(candidate, choices),
    }
}

fn one_of(options: &[Candidate], choices: &mut Choices) -> Option<()> {
    loop {
        let last = options.len();
        let answer = line(&format!("Which one, 1 to {last}? (Enter: none) "))?;
        if answer.is_empty() {
            choices.dropped.extend(options.iter().cloned());
            return Some(());
        }
        let chosen = answer.parse::<usize>().ok().and_then(|at| options.get(at.checked_sub(1)?));
        if let Some(chosen) = chosen {
            choices.taken.push((chosen.clone(), None));
            return Some(());
        }
    }
}

fn name_of(option: &Candidate, choices: &mut Choices) -> Option<()> {
    let folder = if option.folder.is_empty() { "." } else { &option.folder };
    let proposed = option.long_name();
    loop {
        let prompt = format!(
            "Name of {} ({})? (Enter: {proposed}, -: leave it out) ",
            clean(folder),
            clean(&option.command)
        );
        let answer = line(&prompt)?;
        if answer == "-" {
            choices.dropped.push(option.clone());
            return Some(());
        }
        let name =
            if answer.is_empty() { Ok(proposed.clone()) } else { answer.parse::<ServiceName>() };
        match name {
            Ok(name) => {
                choices.named.retain(|(of, _)| of != option);
                choices.named.push((option.clone(), name));
                return Some(());
            }
            Err(error) => complain(&format!("  {error}\n")),
        }
    }
}

fn port_of(candidate: &Candidate, choices: &mut Choices) -> Option<()> {
    loop {
        let answer = line(
            "Port it always listens on, or PORT if it is told by that variable? (Enter: leave it out) ",
        )?;
        if answer.is_empty() {
            choices.dropped.push(candidate.clone());
            return Some(());
        }
        let port = answer.parse::<u16>().ok().filter(|port| *port != 0);
        if port.is_some() || answer.eq_ignore_ascii_case("port") {
            choices.taken.push((candidate.clone(), port));
            return Some(());
        }
    }
}

/// One line of the person's, without its end; `None` at the end of the input.
fn line(prompt: &str) -> Option<String> {
    complain(prompt);
    let mut answer = String::new();
    let read = io::stdin().lock().take(ANSWER_BYTES_MAX).read_line(&mut answer).ok()?;
    (read > 0).then(|| answer.trim().to_owned())
}
