//! Store and read blobs: the client side of the Walrus protocol.
//!
//! [`WalrusClient`] joins the chain (who the nodes are, what is paid for, what is certified) with the storage nodes (who hold
//! the bytes). Nothing that a node says is believed unless it can be checked: metadata against the blob ID, slivers against the
//! metadata, confirmations against the committee's keys.
#![warn(missing_docs)]

mod chain_witness;
mod client;
mod committee_cache;
mod error;
pub mod limits;
pub mod nodes;
mod options;
mod outcome;
mod patience;
mod progress;
pub mod read;
pub mod store;

pub use client::WalrusClient;
pub use error::{ClientError, NodeFailure};
pub use options::{
    BlobToStore, ClientOptions, ConsistencyCheck, EpochsAhead, PostStoreAction, ReadOptions,
    StoreOptions,
};
pub use outcome::{
    BlobObject, BlobStoreResult, DryRun, EventOrObject, ResourceOperation, StorageResource,
    StoreOutcome, StoreReport,
};
pub use progress::{NoProgress, Phase, Progress, ProgressEvent};
