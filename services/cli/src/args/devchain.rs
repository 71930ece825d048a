//! Arguments of `walrus devchain`.

use std::{fmt, path::PathBuf, time::Duration};

use clap::{Args, Subcommand, ValueEnum};
use sui_devchain_move_build::{Choice, Compiler};
use walrus_sui::chain::shown_url;

use super::{ListenArgs, epoch_durations::parse_chain_epoch_duration};

/// Arguments of `devchain`.
#[derive(Debug, Args)]
pub(crate) struct DevchainArgs {
    /// What to do with a chain that is up; without it, one is started.
    #[command(subcommand)]
    pub(crate) command: Option<DevchainCommand>,
    /// What the chain is like.
    #[command(flatten)]
    pub(crate) run: RunArgs,
}

/// Arguments of `devchain` without a subcommand.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// Where the chain keeps its files; `~/.walrus/devchain` when absent. A chain that is there goes on where it was.
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// Keep the chain in memory: nothing is written anywhere.
    #[arg(long, conflicts_with = "dir")]
    pub(crate) ephemeral: bool,
    /// Where it listens.
    #[command(flatten)]
    pub(crate) listen: ListenArgs,
    /// Number of funded accounts; as many as the chain in the directory has, or 10 for a new one, when absent.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) accounts: Option<u32>,
    /// What keys and chain ID of a new chain follow from; the same every time when absent.
    #[arg(long, value_name = "TEXT")]
    pub(crate) seed: Option<String>,
    /// End an epoch of the chain this long after it began, for example `10m`; only when it is told to when absent.
    #[arg(long, value_name = "DURATION", value_parser = parse_chain_epoch_duration)]
    pub(crate) epoch_duration: Option<Duration>,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub(crate) enum DevchainCommand {
    /// Compile a Move package and publish it.
    #[command(
        long_about = "Compile a Move package with the official compiler and publish it.\n\n\
            The compiler is the Sui CLI, if `sui` (1.45 or newer) is on the PATH or named by --sui-bin or SUI_BIN; it takes the \
            framework from its cache or from the network, and sees a temporary copy of the package with the IDs of this chain. \
            Where it is missing or cannot work, the compiler is its npm build, in the version this program was tested with. That \
            is installed once into the cache directory, which needs Node 20 or newer, npm, and cargo (for the framework).\n\n\
            Dependencies: std and sui by themselves; packages named walrus and wal are those of the running local network; \
            others that are published already with --published NAME=ID. A Git dependency on the public Walrus repository \
            (contracts/walrus and the like) is taken from the sources that this program carries.",
        after_help = "Examples:\n  \
            walrus devchain publish my_package\n  \
            walrus devchain publish my_package --json\n  \
            walrus devchain publish my_package --rpc-url http://127.0.0.1:9000 \\\n      --private-key suiprivkey1…\n  \
            walrus devchain publish my_app --published my_library=0xID"
    )]
    Publish(PublishArgs),
    /// Call a public or entry function.
    #[command(
        long_about = "Call a public or entry function and show what it returned and did. A call that changes nothing is only \
            simulated, which costs nothing.\n\n\
            Arguments are read by the types of the parameters: numbers, true/false, 0xADDRESS, object IDs, texts, [1,2,3] and \
            0x… (bytes) for vectors, none or some:VALUE for options. Objects that the function returns go to the sender.",
        after_help = "Examples:\n  \
            walrus devchain call 0xID::counter::create\n  \
            walrus devchain call 0xID::names::set 0xOBJECT \"a text\" [1,2,3] some:5\n  \
            walrus devchain call 0xID::counter::add 0xOBJECT 5 --source my_package\n  \
            walrus devchain call 0x2::coin::zero --type-arg 0x2::sui::SUI --json\n  \
            walrus devchain call 0x2::clock::timestamp_ms 0x6"
    )]
    Call(CallArgs),
}

/// Which chain, and who signs. The key is not in the `Debug` form.
#[derive(Args)]
pub(crate) struct TargetArgs {
    /// Address of the chain; else that of --config, --context or --wallet, of a local network or chain that is up, or the default port.
    #[arg(long, value_name = "URL")]
    pub(crate) rpc_url: Option<String>,
    /// Who signs and pays (`suiprivkey1…`); else the wallet of the network, or the first account of `walrus devchain`.
    #[arg(
        long,
        value_name = "KEY",
        env = "WALRUS_PRIVATE_KEY",
        hide_env_values = true
    )]
    pub(crate) private_key: Option<String>,
}

impl fmt::Debug for TargetArgs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TargetArgs")
            .field("rpc_url", &self.rpc_url.as_deref().map(shown_url))
            .field("private_key", &self.private_key.as_ref().map(|_| "hidden"))
            .finish()
    }
}

/// Which compiler.
#[derive(Debug, Clone, Args)]
pub(crate) struct CompilerArgs {
    /// The Sui CLI, its npm build, or the first of them that works.
    #[arg(long = "compiler", value_name = "WHICH", value_enum, default_value_t = Which::Auto)]
    choice: Which,
    /// The Sui CLI to compile with; `sui` on the PATH when absent.
    #[arg(long, value_name = "FILE", env = "SUI_BIN")]
    sui_bin: Option<PathBuf>,
}

/// Values of `--compiler`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Which {
    /// The Sui CLI if there is one and it can compile here, else the npm build.
    Auto,
    /// The Sui CLI.
    Sui,
    /// The npm build, in the version that this program was tested with.
    Npm,
}

impl From<CompilerArgs> for Compiler {
    fn from(args: CompilerArgs) -> Self {
        Self {
            choice: match args.choice {
                Which::Auto => Choice::Auto,
                Which::Sui => Choice::Sui,
                Which::Npm => Choice::Npm,
            },
            sui_bin: args.sui_bin,
        }
    }
}

/// Arguments of `devchain publish`.
#[derive(Debug, Args)]
pub(crate) struct PublishArgs {
    /// The folder with `Move.toml`.
    pub(crate) path: PathBuf,
    /// Which chain.
    #[command(flatten)]
    pub(crate) target: TargetArgs,
    /// Which compiler.
    #[command(flatten)]
    pub(crate) compiler: CompilerArgs,
    /// A dependency that is published: its name and package ID. May be repeated.
    #[arg(long, value_name = "NAME=ID", value_parser = parse_published)]
    pub(crate) published: Vec<(String, walrus_sui::Address)>,
}

/// Arguments of `devchain call`.
#[derive(Debug, Args)]
pub(crate) struct CallArgs {
    /// `PACKAGE::MODULE::FUNCTION`.
    #[arg(value_parser = parse_function)]
    pub(crate) function: FunctionName,
    /// The arguments, in the order of the parameters (without the transaction context).
    #[arg(value_name = "ARGUMENTS")]
    pub(crate) arguments: Vec<String>,
    /// A type argument, such as `0x2::sui::SUI`. May be repeated.
    #[arg(long = "type-arg", value_name = "TYPE")]
    pub(crate) type_arguments: Vec<walrus_sui::TypeTag>,
    /// The folder with the package's sources, to name errors and their lines.
    #[arg(long, value_name = "PATH")]
    pub(crate) source: Option<PathBuf>,
    /// Which chain.
    #[command(flatten)]
    pub(crate) target: TargetArgs,
}

/// `PACKAGE::MODULE::FUNCTION`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FunctionName {
    pub(crate) package: walrus_sui::Address,
    pub(crate) module: String,
    pub(crate) function: String,
}

fn parse_function(text: &str) -> Result<FunctionName, String> {
    let wrong = || {
        format!("`{text}` is not of the form PACKAGE::MODULE::FUNCTION, such as 0x2::coin::zero")
    };
    let mut parts = text.split("::");
    let (Some(package), Some(module), Some(function), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(wrong());
    };
    Ok(FunctionName {
        package: package.parse().map_err(|_| {
            format!("`{package}` is no package ID: `0x` and up to 64 hexadecimal digits")
        })?,
        module: module.to_owned(),
        function: function.to_owned(),
    })
}

fn parse_published(text: &str) -> Result<(String, walrus_sui::Address), String> {
    let (name, id) = text
        .split_once('=')
        .filter(|(name, id)| !name.is_empty() && !id.is_empty())
        .ok_or_else(|| format!("`{text}` is not of the form NAME=ID, such as my_library=0x5ab"))?;
    let id = id
        .parse()
        .map_err(|_| format!("`{id}` is no package ID: `0x` and up to 64 hexadecimal digits"))?;
    Ok((name.to_owned(), id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_named_in_full() {
        let name = parse_function("0x2::coin::zero").unwrap();
        assert_eq!(name.package, walrus_sui::Address::TWO);
        assert_eq!((&*name.module, &*name.function), ("coin", "zero"));
        for bad in [
            "",
            "coin::zero",
            "0x2::coin",
            "0x2::coin::zero::more",
            "x::y::z",
        ] {
            assert!(parse_function(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn published_packages_are_pairs() {
        let (name, id) = parse_published("wal=0x57").unwrap();
        assert_eq!((&*name, id), ("wal", "0x57".parse().unwrap()));
        for form in ["wal", "=0x5", "wal="] {
            let said = parse_published(form).unwrap_err();
            assert!(said.contains("not of the form NAME=ID"), "{said}");
        }
        for id in ["here", "0xzz", "0x"] {
            let said = parse_published(&format!("wal={id}")).unwrap_err();
            assert!(said.contains(&format!("`{id}` is no package ID")), "{said}");
        }
    }
}
