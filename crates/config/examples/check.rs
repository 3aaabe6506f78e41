//! `cargo run -p trunkline-config --example check -- FILE…`: every message about some files, and how
//! long it took. `check` of the binary does the same without the time.

#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "an example prints, and reads the clock to time itself"
)]

use std::path::PathBuf;

use trunkline_config::diagnostic::{Style, render_all};
use trunkline_config::{Options, load};

fn main() {
    let paths: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let start = std::time::Instant::now();
    let loaded = load(&paths, &Options::default());
    let took = start.elapsed();
    print!("{}", render_all(&loaded.diagnostics, &loaded.sources, Style::Plain));
    match &loaded.model {
        Some(model) => println!(
            "{} listeners, {} routes, {} services in {took:?}",
            model.listeners.len(),
            model.routes.len(),
            model.services.len()
        ),
        None => println!("no Model, in {took:?}"),
    }
}
