//! `walrus completion`: what makes a shell complete commands and options.

use anyhow::Context;
use clap_complete::Shell;

use crate::{args::CompletionArgs, command_line, report::write_result};

/// Prints the script.
pub(crate) fn run(args: &CompletionArgs) -> anyhow::Result<()> {
    let shell = args.shell().or_else(Shell::from_env);
    let shell = shell.context(
        "SHELL does not say which shell this is; name one, as in `walrus completion bash`",
    )?;
    let mut command = command_line::program();
    let name = command.get_name().to_owned();
    // The generator panics where it cannot write.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, name, &mut script);
    write_result(&script)
}
