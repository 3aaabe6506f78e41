//! The tasks behind `./x`: demo, test, ci, release, bench, console, fuzz, generate.
//!
//! Each verb is a file and a list of steps; a step is mostly a command that anybody can run by hand and that is
//! printed before it runs. Nothing is checked in CI that cannot be checked here. It is not part of the product: it may
//! print, read the environment and the clock, and knows no crate of ours except by reading its source.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a developer's tool talks to its terminal and times its steps"
)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::indexing_slicing))]

mod bench;
mod ci;
mod console;
mod demo;
mod deny;
mod fuzz;
mod generate;
mod pages;
mod polyglot;
mod release;
mod shop;
mod steps;
mod test;
mod tidy;
mod torture;

use std::process::ExitCode;

use steps::Steps;

const HELP: &str = "\
./x demo [--drive]              build Trunkline and run examples/monorepo-polyglot behind it;
                                --drive: a customer's whole journey, then the end
./x test [ARGS]                 all tests; with ARGS: cargo test --workspace ARGS
./x ci                          everything that is checked: style, tests, docs, dependencies, fuzz smoke
./x bench [start|router|resilience|store|laptop|soak|load|dataplane]
                                measure against the bars, and against HAProxy, nginx and Envoy
./x release                     build the program as people are to have it, into target/release
./x profile                     count what runs, for the compiler of the next releases
./x torture [SEED]              kill the store and the gateway 200 times, and cut the power 20 000 times
./x fuzz [TARGET] [SECONDS]     fuzz one target, or all of them, for 60 seconds each
./x console [--check]           build (or compare) the console's page, and measure its first load
./x generate [--check]          write (or compare) the generated schema and reference pages
./x deny                        licences, bans and sources of dependencies
./x tidy                        the house rules that a scan of the source can check
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (verb, rest) = arguments.split_first().map_or(("help", [].as_slice()), |(v, r)| (v, r));
    if deny::is_cargo_deny_asking() {
        return deny::answer_as_cargo(&arguments);
    }
    let mut steps = Steps::default();
    let outcome = match verb {
        "demo" => demo::run(&mut steps, rest),
        "test" => test::run(&mut steps, rest),
        "ci" => ci::run(&mut steps),
        "bench" => bench::run(&mut steps, rest),
        "console" => console::run(&mut steps, rest),
        "release" => release::build(&mut steps),
        "profile" => release::profile(&mut steps),
        "torture" => torture::run(&mut steps, rest),
        "fuzz" => fuzz::run(&mut steps, rest),
        "generate" => generate::run(&mut steps, rest),
        "tidy" => steps.step("tidy", tidy::check),
        "deny" => deny::run(&mut steps),
        "help" | "-h" | "--help" => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        other => {
            eprint!("there is no verb `{other}`\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    steps.print_timings();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("\nfailed: {failure}");
            ExitCode::FAILURE
        }
    }
}
