//! The program `walrus-node`, built with the tests.

use std::process::ExitCode;

fn main() -> ExitCode {
    walrus_node_program::main(std::env::args_os())
}
