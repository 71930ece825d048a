//! Arguments of the commands for programs and shells.

use clap::Args;
use clap_complete::Shell;

/// Arguments of `json`.
#[derive(Debug, Args)]
pub(crate) struct JsonArgs {
    /// The object; standard input when absent.
    #[arg(value_name = "OBJECT")]
    pub(crate) object: Option<String>,
}

/// Arguments of `completion`.
#[derive(Debug, Args)]
pub(crate) struct CompletionArgs {
    /// The shell; that of the environment variable SHELL when absent.
    #[arg(value_name = "SHELL", value_enum)]
    positional: Option<Shell>,
    /// The shell, as an option.
    #[arg(
        long,
        value_name = "SHELL",
        value_enum,
        conflicts_with = "positional",
        hide_possible_values = true
    )]
    shell: Option<Shell>,
}

impl CompletionArgs {
    /// The shell that was named.
    pub(crate) fn shell(&self) -> Option<Shell> {
        self.positional.or(self.shell)
    }
}
