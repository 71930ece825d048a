//! Store and read blobs: the client side of the Walrus protocol.
//!
//! [`WalrusClient`] joins the chain (who the nodes are, what is paid for, what is certified) with the storage nodes (who hold
//! the bytes). Nothing that a node says is believed unless it can be checked: metadata against the blob ID, slivers against the
//! metadata, confirmations against the committee's keys.
//!
//! # Large blobs
//!
//! Memory does not grow with the blob. A store or a read whose slivers take more than [`Scratch::in_memory`] has them in a file
//! without a name in [`Scratch::directory`]: a store needs about five times the length of the blob there, a read the length of
//! the blob. [`BlobData`] may be a file, which is read while it is encoded; [`WalrusClient::read_to_file`] writes a file that is
//! there whole or not at all, and [`WalrusClient::read_content`] gives an open one, which needs the length of the blob once more.
//!
//! Dropping the future of a store or a read ends it: computations stop within milliseconds, requests at once, and no file is
//! left.
#![warn(missing_docs)]

mod chain_witness;
mod client;
mod committee_cache;
mod computation;
pub mod config;
mod content;
mod disk;
mod error;
mod history;
pub mod limits;
pub mod nodes;
mod options;
mod outcome;
mod patience;
mod progress;
pub mod read;
pub mod store;
mod tuning;

pub use client::WalrusClient;
pub use content::{BlobContent, BlobData};
pub use disk::{Output, Scratch, ScratchError};
pub use error::{ClientError, NodeFailure};
pub use history::{BlobEnd, BlobHistory};
pub use options::{
    BlobToStore, ClientOptions, ConsistencyCheck, EpochsAhead, PostStoreAction, ReadOptions,
    StoreOptions,
};
pub use outcome::{
    BlobObject, BlobStoreResult, BoughtStorage, DryRun, EventOrObject, PlannedAction,
    ResourceOperation, ReusedStorage, StorageResource, StoreOutcome, StoreReport, Surplus,
};
pub use progress::{NoProgress, Phase, Progress, ProgressEvent};
pub use tuning::Tuning;
