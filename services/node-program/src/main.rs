//! The program `walrus-node`.

use std::process::ExitCode;

fn main() -> ExitCode {
    walrus_node_program::main(std::env::args_os())
}
