//! A move to another machine: the words that the one that sends and the one that receives exchange.
//!
//! The receiver is reached by TLS under the node's own network key, and hears only who introduces itself with that key: both ends are the
//! node, and nobody has to hand a secret over. The steps, each of which may be taken again:
//!
//! 1. `begin`: the receiver says which files it has, and what they hash to. It refuses the storage of another node, and where another
//!    storage is, or one that was moved away.
//! 2. `piece`: bytes of a file, at its end so far; `file`: that is all of it, and this is its digest.
//! 3. `complete`: these are all files. The receiver removes what else it has of a node's past, and makes all of it durable.
//! 4. `start`: the tombstone is up in the old place, a node may start in the new one.

use std::path::{Component, Path, PathBuf};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD as URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use walrus_sui::Address;

use super::{ARRIVED, TOMBSTONE, UNFINISHED};

/// Most bytes of a piece.
pub(super) const PIECE_BYTES: u64 = 4 << 20;
/// Most bytes of a list of files.
pub(super) const MAX_LIST_BYTES: usize = 256 << 20;
/// Longest path of a file.
const MAX_PATH_BYTES: usize = 1024;
/// The name of the book of digests, on both sides.
pub(super) const BOOK: &str = ".moving-digests";

/// A file of a storage: on which of its disks, and where there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FileName {
    /// The place of the disk in the configuration, 0 for that of the storage.
    pub(super) disk: usize,
    /// Where it is on the disk.
    pub(super) path: PathBuf,
}

impl FileName {
    /// Whether it can be a file of a storage, and leads nowhere else.
    pub(super) fn is_sound(&self) -> bool {
        let path = &self.path;
        let inside = path
            .components()
            .all(|part| matches!(part, Component::Normal(_)));
        let first = path.components().next();
        let first = first.map(|first| Path::new(first.as_os_str()).to_owned());
        let ours = [ARRIVED, TOMBSTONE, UNFINISHED, BOOK].map(Path::new);
        let is_ours = first.is_none_or(|first| ours.contains(&&*first));
        inside && !is_ours && path.as_os_str().len() <= MAX_PATH_BYTES
    }
}

/// A file and what it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct KnownFile {
    /// Which.
    #[serde(flatten)]
    pub(super) name: FileName,
    /// Its length.
    pub(super) bytes: u64,
    /// BLAKE3 of it, in hexadecimal digits.
    pub(super) digest: String,
}

/// Whose storage is to come, in `begin`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Begin {
    /// The node.
    pub(super) node_id: Address,
    /// How many disks it has.
    pub(super) disks: usize,
    /// When the storage was moved to where it comes from, in milliseconds since 1970, if it was.
    pub(super) since_ms: Option<u64>,
}

/// The header of `piece` that says where the body belongs.
pub(super) const PIECE: &str = "walrus-piece";

/// Where the bytes of a body belong.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Piece {
    /// The disk.
    pub(super) disk: usize,
    /// Where the file is on it.
    pub(super) path: PathBuf,
    /// How long the file is before. What is there from here on is cut off.
    pub(super) offset: u64,
    /// BLAKE3 of the body, in hexadecimal digits.
    pub(super) digest: String,
}

impl Piece {
    /// The value of the header: paths may hold what headers may not.
    pub(super) fn to_text(&self) -> String {
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).unwrap_or_default())
    }

    /// Reads the value of the header.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()
    }
}

/// All files, in answers and in `complete`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Files {
    pub(super) files: Vec<KnownFile>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leads_out_of_the_storage_or_to_what_steers_the_move() {
        let sound = |path: &str| {
            let path = PathBuf::from(path);
            FileName { disk: 0, path }.is_sound()
        };
        assert!(sound("shards/3/0000000001-5-00.slivers") && sound("db/.hidden"));
        for path in [
            "",
            "/etc/passwd",
            "../up",
            "db/../../up",
            "moved.json",
            ".moving.json",
            ".moving-digests",
        ] {
            assert!(!sound(path), "{path}");
        }
        assert!(!sound(&"x".repeat(2000)));
    }
}
