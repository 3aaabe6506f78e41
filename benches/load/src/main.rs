//! The program of the load rig; everything is in the library, so that tests can run a short soak as well.

use std::process::ExitCode;

fn main() -> ExitCode {
    trunkline_load::main()
}
