//! Arguments of the commands for quilts. Client spec 2.5 and 2.6.

use std::{collections::BTreeMap, path::PathBuf, str::FromStr};

use clap::{ArgGroup, Args};
use serde::Deserialize;

use super::{
    below_home,
    blobs::{HowToStoreArgs, SpoolArgs},
};

/// Arguments of `store-quilt`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("patches").args(["paths", "blobs"]).required(true))]
pub(crate) struct StoreQuiltArgs {
    /// Files, and directories with all that is in them. A file is called by its name, one in a directory by its path below that.
    #[arg(long, value_name = "PATHS", num_args = 1.., value_parser = below_home())]
    pub(crate) paths: Vec<PathBuf>,
    /// Files with names and tags, each as JSON: {"path": "…", "identifier": "…", "tags": {"…": "…"}}; the path alone is enough.
    #[arg(long, value_name = "JSON", num_args = 1.., value_parser = QuiltBlob::from_str)]
    pub(crate) blobs: Vec<QuiltBlob>,
    /// How to store it.
    #[command(flatten)]
    pub(crate) how: HowToStoreArgs,
}

/// A file that is to be a patch, with what it is called.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct QuiltBlob {
    /// The file.
    #[serde(deserialize_with = "walrus_sui::home::deserialize")]
    pub(crate) path: PathBuf,
    /// What it is called, if not by its name.
    #[serde(default)]
    pub(crate) identifier: Option<String>,
    /// Its tags.
    #[serde(default)]
    pub(crate) tags: BTreeMap<String, String>,
}

impl FromStr for QuiltBlob {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        serde_json::from_str(text)
            .map_err(|error| format!("it is no {{\"path\", \"identifier\", \"tags\"}}: {error}"))
    }
}

/// Arguments of `read-quilt`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("which").args(["quilt_id", "quilt_patch_ids"]).required(true))]
pub(crate) struct ReadQuiltArgs {
    /// The quilt; all patches unless some are named.
    #[arg(long, value_name = "QUILT_ID")]
    pub(crate) quilt_id: Option<String>,
    /// Patches of the quilt by their names.
    #[arg(long, alias = "identifier", value_name = "IDENTIFIERS", num_args = 1.., requires = "quilt_id")]
    pub(crate) identifiers: Vec<String>,
    /// Patches of the quilt that have this value of this tag.
    #[arg(
        long,
        value_names = ["KEY", "VALUE"],
        num_args = 2,
        allow_hyphen_values = true,
        requires = "quilt_id",
        conflicts_with = "identifiers"
    )]
    pub(crate) tag: Vec<String>,
    /// Patches by their IDs, of any quilts; `--` ends the list.
    #[arg(long, aliases = ["quilt-patch-id", "patch-ids"], value_name = "PATCH_ID", num_args = 1..)]
    pub(crate) quilt_patch_ids: Vec<String>,
    /// Write the patches into this directory, each in a file of its name. It is made if it is not there.
    #[arg(long, value_name = "DIR", value_parser = below_home())]
    pub(crate) out: Option<PathBuf>,
    /// Write the patches into a tar archive, `-` for standard output. Names that would lead out of where it is unpacked are percent-encoded.
    #[arg(long, value_name = "FILE", value_parser = below_home(), conflicts_with = "out")]
    pub(crate) tar: Option<PathBuf>,
    /// Sui RPC address; overrides the configuration.
    #[arg(long, value_name = "URL")]
    pub(crate) rpc_url: Option<String>,
    /// Where what does not fit in memory goes.
    #[command(flatten)]
    pub(crate) spool: SpoolArgs,
}

/// Arguments of `list-patches-in-quilt`.
#[derive(Debug, Args)]
pub(crate) struct ListPatchesArgs {
    /// The quilt, as printed by `store-quilt`.
    #[arg(value_name = "QUILT_ID")]
    pub(crate) quilt_id: String,
    /// Sui RPC address; overrides the configuration.
    #[arg(long, value_name = "URL")]
    pub(crate) rpc_url: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_a_quilt_is_an_object_of_json() {
        let whole = r#"{"path": "a.txt", "identifier": "letter", "tags": {"k": "v"}}"#;
        let expected = QuiltBlob {
            path: "a.txt".into(),
            identifier: Some("letter".to_owned()),
            tags: [("k".to_owned(), "v".to_owned())].into(),
        };
        assert_eq!(whole.parse(), Ok(expected));
        let home = std::env::home_dir().unwrap();
        let short: QuiltBlob = r#"{"path": "~/b"}"#.parse().unwrap();
        assert_eq!((short.path, short.identifier), (home.join("b"), None));
        for bad in [
            "",
            "a.txt",
            "{}",
            r#"{"path": "a", "name": "b"}"#,
            r#"{"path": "a", "tags": {"k": 1}}"#,
        ] {
            assert!(bad.parse::<QuiltBlob>().is_err(), "{bad}");
        }
    }
}
