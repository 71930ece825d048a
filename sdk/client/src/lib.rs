#![doc = include_str!("../README.md")]
// Nothing from outside can panic, or be cut short.
#![cfg_attr(
    not(test),
    warn(clippy::indexing_slicing, clippy::cast_possible_truncation)
)]

mod builder;
mod chain_witness;
mod client;
mod committee_cache;
mod computation;
pub mod config;
mod content;
mod disk;
mod error;
mod file_part;
mod health;
mod history;
pub mod info;
pub mod journal;
pub mod limits;
mod manifest;
mod node_failure;
pub mod nodes;
mod options;
mod outcome;
mod patience;
mod price;
mod progress;
mod quilt;
mod range;
pub mod read;
mod read_request;
pub mod relay;
mod running;
pub mod store;
mod store_request;
mod stored;
mod tuning;

pub use builder::{ClientBuilder, ConnectError};
pub use client::Client;
pub use content::{BlobContent, BlobData};
pub use disk::{Output, Spool, SpoolError};
pub use error::{ClientError, CommitteeError};
pub use file_part::{FilePart, FilePartSource};
pub use health::{NodeHealth, NodesToAsk};
pub use history::{BlobEnd, BlobHistory};
pub use manifest::{
    Identity, MANIFEST_ATTRIBUTE, ManifestProblem, PartOpener, RemoteBody, SHARED_PARTS_ATTRIBUTE,
    SharedParts,
};
pub use node_failure::{FailureCounts, FailureKind, NodeFailure, NodeProblem};
pub use options::{
    BlobToStore, ClientOptions, ConsistencyCheck, EpochsAhead, PostStoreAction, ReadOptions,
    StoreOptions,
};
pub use outcome::{
    BlobObject, BlobStoreResult, BoughtStorage, DryRun, EventOrObject, PlannedAction,
    ResourceOperation, ReusedStorage, StorageResource, StoreOutcome, StoreReport, Surplus,
};
pub use progress::{NoProgress, Phase, Progress, ProgressEvent};
pub use quilt::{
    ArchiveNames, ArchivedPatch, PackedQuilt, PatchBody, PatchToStore, QUILT_ATTRIBUTE, Quilt,
    QuiltPlan, QuiltProblem, QuiltReport, StoreQuilt, StoredPatch, archive,
};
pub use range::{RangeBody, ReadBudget, RemoteBlob, SliverCache};
pub use read_request::ReadBlob;
pub use running::Running;
pub use store::UploadCertificate;
pub use store_request::{StoreBlob, StoreBlobs};
pub use stored::{StoreFailure, Stored, StoredBlob};
pub use tuning::Tuning;
// What signatures of this crate are made of, so that no other crate need be named.
pub use walrus_core::{
    BlobId, EncodingConfig, EncodingType, Epoch, SliverIndex,
    manifest::{Manifest, Part},
    proof::{BodyProof, ProofError},
    quilt::{PatchColumns, PatchHead, QuiltIndex, QuiltPatch, QuiltPatchId, Tags},
};
pub use walrus_node_client::{BlobStatus, EventId, HealthInfo};
pub use walrus_sui::{
    Address, Digest, PersonalMessage, Transaction, UserSignature,
    chain::{ChainClient, ChainError},
    contract::ContractReader,
    money::{Amount, Coin},
    objects::{AttributeError, check_attribute},
    transactions::{ContractWriter, TransactionError},
    wallet::{Keypair, SignatureError, SuiSigner, TransactionSigner, Wallet, WalletError},
};
