//! Arguments of `node-admin`. Client spec 2.8.

#[cfg(feature = "dev")]
use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand};
use walrus_sui::{Address, objects::Authorized};

#[cfg(feature = "dev")]
use super::{below_home, devchain::CompilerArgs};

/// Arguments of `node-admin`.
#[derive(Debug, Args)]
pub(crate) struct NodeAdminArgs {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: NodeAdminCommand,
}

/// What whoever is authorized for a storage node does.
#[derive(Debug, Subcommand)]
pub(crate) enum NodeAdminCommand {
    /// Collect the commission of a node.
    #[command(after_help = "Examples:\n  \
        walrus node-admin collect-commission --node-id 0xNODE\n\n\
        Who receives it is whoever has the capability of the node, until set-commission-authorized says otherwise. What the last epoch change \
        brought can be collected once the vote of this epoch has ended.")]
    CollectCommission(NodeArgs),
    /// Let somebody else vote on upgrades for a node.
    #[command(after_help = "Examples:\n  \
        walrus node-admin set-governance-authorized --node-id 0xNODE --address 0xME\n  \
        walrus node-admin set-governance-authorized --node-id 0xNODE --object 0xCAP\n\n\
        Whoever may vote now does this, and may not afterwards.")]
    #[command(
        override_usage = "walrus node-admin set-governance-authorized [OPTIONS]\n       \
        --node-id <NODE_ID> <--address <ADDRESS>|--object <OBJECT_ID>>"
    )]
    SetGovernanceAuthorized(AuthorizeArgs),
    /// Let somebody else receive the commission of a node.
    #[command(after_help = "Examples:\n  \
        walrus node-admin set-commission-authorized --node-id 0xNODE --address 0xME\n  \
        walrus node-admin set-commission-authorized --node-id 0xNODE --object 0xCAP\n\n\
        Whoever receives it now does this, and gets nothing more afterwards. What is not collected goes to the new one.")]
    #[command(
        override_usage = "walrus node-admin set-commission-authorized [OPTIONS]\n       \
        --node-id <NODE_ID> <--address <ADDRESS>|--object <OBJECT_ID>>"
    )]
    SetCommissionAuthorized(AuthorizeArgs),
    /// Vote for an upgrade of the contracts in the name of a node.
    #[command(after_help = "Examples:\n  \
        walrus node-admin vote-for-upgrade --node-id 0xNODE \\\n      --upgrade-manager-object-id 0xMANAGER \\\n      --digest q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s=\n\n\
        The digest is that of `node-admin package-digest`. A vote counts for the epoch in which it is given, as much as the node has shards.")]
    #[command(
        override_usage = "walrus node-admin vote-for-upgrade [OPTIONS] --node-id <NODE_ID>\n       \
        --upgrade-manager-object-id <OBJECT_ID> --digest <DIGEST>"
    )]
    VoteForUpgrade(VoteArgs),
    /// Compile a package and show the digest that is voted on.
    #[cfg(feature = "dev")]
    #[command(after_help = "Examples:\n  \
        walrus node-admin package-digest --package-path contracts/walrus\n\n\
        Two who compile the same sources for the same network with the same compiler get the same digest.")]
    PackageDigest(PackageArgs),
}

/// A node.
#[derive(Debug, Args)]
pub(crate) struct NodeArgs {
    /// The node.
    #[arg(long, value_name = "NODE_ID")]
    pub(crate) node_id: Address,
}

/// A node, and who is to be authorized.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("whom").args(["address", "object"]).required(true))]
pub(crate) struct AuthorizeArgs {
    /// The node.
    #[arg(long, value_name = "NODE_ID")]
    pub(crate) node_id: Address,
    /// Whoever signs for this address.
    #[arg(long, value_name = "ADDRESS")]
    address: Option<Address>,
    /// Whoever has this object.
    #[arg(long, value_name = "OBJECT_ID")]
    object: Option<Address>,
}

impl AuthorizeArgs {
    /// Who is to be authorized; the parser has seen to it that it is one.
    pub(crate) fn whom(&self) -> Option<Authorized> {
        let address = self.address.map(Authorized::Address);
        address.or_else(|| self.object.map(Authorized::ObjectID))
    }
}

/// Arguments of `node-admin vote-for-upgrade`.
#[derive(Debug, Args)]
#[cfg_attr(
    feature = "dev",
    command(group = ArgGroup::new("package").args(["digest", "package_path"]).required(true))
)]
pub(crate) struct VoteArgs {
    /// The node.
    #[arg(long, value_name = "NODE_ID")]
    pub(crate) node_id: Address,
    /// The object `UpgradeManager` of the network.
    #[arg(long, value_name = "OBJECT_ID")]
    pub(crate) upgrade_manager_object_id: Address,
    /// The digest of the package: 32 bytes, in hexadecimal or base64.
    #[arg(long, value_name = "DIGEST", value_parser = parse_digest)]
    #[cfg_attr(not(feature = "dev"), arg(required = true))]
    pub(crate) digest: Option<PackageDigest>,
    /// The folder of the package, which is compiled for its digest.
    #[cfg(feature = "dev")]
    #[arg(long, value_name = "FOLDER", value_parser = below_home())]
    pub(crate) package_path: Option<PathBuf>,
    /// What compiles it.
    #[cfg(feature = "dev")]
    #[command(flatten)]
    pub(crate) compiler: CompilerArgs,
}

/// Arguments of `node-admin package-digest`.
#[cfg(feature = "dev")]
#[derive(Debug, Args)]
pub(crate) struct PackageArgs {
    /// The folder of the package.
    #[arg(long, value_name = "FOLDER", value_parser = below_home())]
    pub(crate) package_path: PathBuf,
    /// What compiles it.
    #[command(flatten)]
    pub(crate) compiler: CompilerArgs,
}

/// The digest of a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PackageDigest(pub(crate) [u8; 32]);

fn parse_digest(text: &str) -> Result<PackageDigest, String> {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let plain = text.strip_prefix("0x").unwrap_or(text);
    let bytes = hex::decode(plain).or_else(|_| STANDARD.decode(text));
    let digest = bytes.ok().and_then(|bytes| bytes.try_into().ok());
    digest
        .map(PackageDigest)
        .ok_or_else(|| "expected 32 bytes in hexadecimal or base64".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_hexadecimal_or_base64() {
        let expected = Ok(PackageDigest([0xab; 32]));
        assert_eq!(parse_digest(&"ab".repeat(32)), expected);
        assert_eq!(parse_digest(&format!("0x{}", "AB".repeat(32))), expected);
        let base64 = "q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s=";
        assert_eq!(parse_digest(base64), expected);
        for wrong in ["", "0x", "ab", "q6s=", &"ab".repeat(33), "what?"] {
            assert!(parse_digest(wrong).is_err(), "{wrong}");
        }
    }
}
