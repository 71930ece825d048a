//! Sui CLI as compiler: `sui move build --dump-bytecode-as-base64`.

use std::{
    fmt,
    path::{Path, PathBuf},
    process::Output,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;
use sui_sdk_types::Address;
use tokio::process::Command;

use crate::{
    Bytecode, Task, named, program,
    staging::{self, Dialect, ENVIRONMENT, Staged},
    without_colours,
};

/// How the CLI is called when nobody says otherwise.
const PROGRAM: &str = "sui";
/// The first version that adds the framework to the dependencies by itself.
const OLDEST: (u32, u32) = (1, 45);
/// What it tells while it works. Everything else on standard error is about the code.
const PROGRESS: [&str; 5] = [
    "FETCHING GIT DEPENDENCY",
    "UPDATING GIT DEPENDENCY",
    "INCLUDING DEPENDENCY",
    "BUILDING ",
    "[warning] Client/Server api version mismatch",
];
/// The option that makes it print what it compiled.
const DUMP: &str = "--dump-bytecode-as-base64";
/// Options that are given to a version that has them: they keep it from asking the network for what it has, and from asking
/// the chain for what it cannot answer.
const WHEN_THERE: [&str; 3] = [
    "--skip-fetch-latest-git-deps",
    "--ignore-chain",
    "--no-tree-shaking",
];

/// Why the CLI gives no bytecode.
#[derive(Debug, thiserror::Error)]
pub(super) enum SuiError {
    /// It is not there.
    #[error("there is no Sui CLI: {program} cannot be run ({reason}); name it with --sui-bin or SUI_BIN, or take --compiler npm", program = .program.display())]
    Absent {
        /// What was run.
        program: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// The code is wrong.
    #[error("{0}")]
    Compile(String),
    /// It cannot compile here, which says nothing of the code.
    #[error("{0}")]
    Unusable(String),
}

/// A Sui CLI that runs.
#[derive(Debug)]
pub(super) struct SuiCli {
    program: PathBuf,
    /// As it says it.
    version: String,
}

impl fmt::Display for SuiCli {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.version)
    }
}

/// What it prints with [`DUMP`].
#[derive(Deserialize)]
struct Dump {
    /// Base64, dependencies first.
    modules: Vec<String>,
    dependencies: Vec<Address>,
}

/// Which options a version has.
struct Options {
    /// Those of [`WHEN_THERE`].
    plain: Vec<&'static str>,
    client_config: bool,
    dialect: Dialect,
}

impl SuiCli {
    /// Runs `named`, or `sui` on the PATH, for its version.
    pub(super) async fn find(named: Option<&Path>) -> Result<Self, SuiError> {
        let program = named.map_or_else(|| PathBuf::from(PROGRAM), Path::to_path_buf);
        let mut command = Command::new(&program);
        command.arg("--version");
        let output = program::run(command, b"").await;
        let output = output.map_err(|error| SuiError::Absent {
            program: program.clone(),
            reason: error.root_cause().to_string(),
        })?;
        let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        let version = parse_version(&text).filter(|_| output.status.success());
        match version {
            Some(version) if version >= OLDEST => Ok(Self {
                program,
                version: text,
            }),
            Some(_) => Err(SuiError::Unusable(format!(
                "{text} is too old to compile for this chain: {}.{} or newer is needed",
                OLDEST.0, OLDEST.1
            ))),
            None => Err(SuiError::Unusable(format!(
                "{} does not answer --version as the Sui CLI does",
                program.display()
            ))),
        }
    }

    /// Compiles a copy of the package.
    pub(super) async fn compile(&self, task: &Task<'_>) -> Result<Bytecode, SuiError> {
        let options = self.options().await?;
        let staged = staging::stage(task, options.dialect).map_err(unusable)?;
        let name = &task.root().map_err(unusable)?.name;
        (task.progress)(format_args!("Compiling {name} with {self}"));
        let mut command = self.command(&staged.config_dir());
        command.arg("move").current_dir(&staged.root);
        if options.client_config {
            command.arg("--client.config").arg(&staged.client_config);
        }
        command.args(["build", DUMP]).args(&options.plain);
        command.arg("--path").arg(&staged.root);
        if options.dialect == Dialect::Environments {
            command.args(["--build-env", ENVIRONMENT]);
        }
        let output = program::run(command, b"").await.map_err(unusable)?;
        judge(&output, &staged, name)
    }

    /// It looks for its configuration in `config_dir` instead of the user's home, should it have to.
    fn command(&self, config_dir: &Path) -> Command {
        let mut command = Command::new(&self.program);
        command.env("SUI_CONFIG_DIR", config_dir);
        command
    }

    async fn options(&self) -> Result<Options, SuiError> {
        let general = self.help(&["move", "--help"]).await?;
        let build = self.help(&["move", "build", "--help"]).await?;
        if !build.contains(DUMP) {
            return Err(SuiError::Unusable(format!(
                "`move build` of {self} has no option {DUMP}"
            )));
        }
        let there = |option: &&str| build.contains(option);
        Ok(Options {
            plain: WHEN_THERE.into_iter().filter(there).collect(),
            client_config: general.contains("--client.config"),
            dialect: if build.contains("--build-env") {
                Dialect::Environments
            } else {
                Dialect::Addresses
            },
        })
    }

    async fn help(&self, arguments: &[&str]) -> Result<String, SuiError> {
        let mut command = Command::new(&self.program);
        command.args(arguments);
        let output = program::succeed(command, b"").await.map_err(unusable)?;
        Ok(String::from_utf8_lossy(&output).into_owned())
    }
}

fn unusable(error: anyhow::Error) -> SuiError {
    SuiError::Unusable(format!("{error:#}"))
}

/// `sui 1.58.2-homebrew` → 1.58.
fn parse_version(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.strip_prefix("sui ")?.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// What came of it.
fn judge(output: &Output, staged: &Staged, name: &str) -> Result<Bytecode, SuiError> {
    let errors = without_colours(&String::from_utf8_lossy(&output.stderr));
    let said: Vec<_> = errors
        .lines()
        .filter(|line| !PROGRESS.iter().any(|start| line.starts_with(start)))
        .collect();
    let text = staged.in_original_places(said.join("\n").trim());
    if !output.status.success() {
        return Err(if said.iter().any(|line| line.starts_with("error[")) {
            SuiError::Compile(format!("{name} does not compile:\n{text}"))
        } else if text.is_empty() {
            SuiError::Unusable(format!("it ends with {} and says nothing", output.status))
        } else {
            SuiError::Unusable(text)
        });
    }
    let malformed = |what: &dyn fmt::Display| {
        SuiError::Unusable(format!("its answer is not understood: {what}"))
    };
    let dump: Dump = serde_json::from_slice(&output.stdout).map_err(|error| malformed(&error))?;
    let decode = |module: &String| STANDARD.decode(module);
    let modules: Result<_, _> = dump.modules.iter().map(decode).collect();
    let modules = modules.map_err(|error| malformed(&error))?;
    Ok(Bytecode {
        modules: named(modules).map_err(|error| malformed(&error))?,
        dependencies: dump.dependencies,
        warnings: text,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_the_cli_says_them() {
        assert_eq!(parse_version("sui 1.58.2-homebrew"), Some((1, 58)));
        assert_eq!(parse_version("sui 2.0.0"), Some((2, 0)));
        for other in ["", "sui", "sui 1", "sui one.two", "1.58.2", "suite 1.58.2"] {
            assert_eq!(parse_version(other), None, "{other}");
        }
    }
}
