//! Journal errors.

use std::{io, path::PathBuf};

use walrus_core::BlobId;
use walrus_sui::Address;

use super::UploadKey;

/// An upload cannot be written down, or not be gone on with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// The folder or a file in it cannot be used.
    #[error("the journal of uploads cannot be used at {}: {source}", path.display())]
    Io {
        /// The file, or the folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file cannot be understood, and an upload that is wanted is in it.
    #[error(
        "line {line} of {} is damaged: {reason}; what it says about this upload is lost. Look whether the wallet has a registration of \
         the blob, and delete the file to begin anew",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The line, from 1 on.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// Another process, or another task of this one, is at work on the upload.
    #[error("another store is at work on this upload already; wait for it, or end it first")]
    Busy {
        /// The upload.
        key: UploadKey,
    },
    /// An upload with this key has another content.
    #[error(
        "this upload was begun with other content, blob {blob_id}; go on with that, or give the upload another key"
    )]
    OtherContent {
        /// The upload.
        key: UploadKey,
        /// What it was begun with.
        blob_id: BlobId,
    },
    /// An upload with this key was paid for by somebody else.
    #[error("this upload was begun by {signer}, who has paid for it; go on with that wallet")]
    OtherSigner {
        /// The upload.
        key: UploadKey,
        /// Who began it.
        signer: Address,
    },
    /// An upload with this key was begun on another network.
    #[error("this upload was begun on the network with the system object {network}")]
    OtherNetwork {
        /// The upload.
        key: UploadKey,
        /// The system object of that network.
        network: Address,
    },
    /// There are too many unfinished uploads.
    #[error(
        "{} has {files} files of unfinished uploads, and more are not kept: store their files again to finish them, or delete it",
        folder.display()
    )]
    Full {
        /// The folder.
        folder: PathBuf,
        /// Files in it.
        files: usize,
    },
}

impl JournalError {
    pub(super) fn io(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        |source| Self::Io { path, source }
    }
}
