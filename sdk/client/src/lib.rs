//! Store and read blobs: the client side of the Walrus protocol.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let client = walrus_sdk::Client::from_default_config().await?;
//! let stored = client.store(b"hello").epochs(3).await?;
//! let back = client.read(stored.blob_id()).await?;
//! assert_eq!(back, b"hello");
//! # Ok(())
//! # }
//! ```
//!
//! [`Client`] joins the chain (who the nodes are, what is paid for, what is certified) with the storage nodes (who hold
//! the bytes). Nothing that a node says is believed unless it can be checked: metadata against the blob ID, slivers against the
//! metadata, confirmations against the committee's keys.
//!
//! # Large blobs
//!
//! Memory does not grow with the blob. A store or a read whose slivers take more than [`Scratch::in_memory`] has them in a file
//! without a name in [`Scratch::directory`]: a store needs about five times the length of the blob there, a read the length of
//! the blob. [`BlobData`] may be a file, which is read while it is encoded; [`ReadBlob::to_file`] writes a file that is
//! there whole or not at all, and [`ReadBlob::content`] gives an open one, which needs the length of the blob once more.
//!
//! Dropping the future of a store or a read ends it: computations stop within milliseconds, requests at once, and no file is
//! left.
#![warn(missing_docs)]

mod builder;
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
mod read_request;
mod running;
pub mod store;
mod store_request;
mod stored;
mod tuning;

pub use builder::{ClientBuilder, ConnectError};
pub use client::Client;
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
pub use read_request::ReadBlob;
pub use running::Running;
pub use store_request::{StoreBlob, StoreBlobs};
pub use stored::{Stored, StoredBlob};
pub use tuning::Tuning;
// What signatures of this crate are made of, so that no other crate need be named.
pub use walrus_core::{BlobId, EncodingConfig, EncodingType, Epoch};
pub use walrus_node_client::{BlobStatus, EventId, HealthInfo};
pub use walrus_sui::{
    Address, Digest, PersonalMessage, Transaction, UserSignature,
    chain::{ChainClient, ChainError},
    contract::ContractReader,
    transactions::{ContractWriter, TransactionError},
    wallet::{Keypair, SignatureError, SuiSigner, TransactionSigner, Wallet, WalletError},
};
