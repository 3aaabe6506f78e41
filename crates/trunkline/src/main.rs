//! The `trunkline` binary: reads the command line, hands over to the verb, ends with its exit code.
//!
//! This crate holds what the libraries below may not: the wiring of roles (`wiring.rs`, one file)
//! and all printing (`print.rs`). A verb is one file under `cli/`; what it shows is a screen under
//! `screen/`. Nothing here decides about requests.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::indexing_slicing))]

mod cli;
mod doctor;
mod exit;
mod lines;
mod live;
mod print;
mod screen;

mod alone;
mod client;
mod loader;
mod receiving;
mod runs;

mod background;
mod manager;
mod node;
mod open;
mod place;
mod services;
mod switchboard;
mod texts;
mod up;
mod upgrade;
mod urls;
mod watch;
mod wiring;

mod environment;
mod first;
mod found;
mod issuer;
mod keeping;
mod logging;
mod privilege;
mod runtime;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    if let Some(code) = first::stand_in() {
        return code;
    }
    cli::main().into()
}
