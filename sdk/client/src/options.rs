//! Options of stores and reads.

use std::time::{Duration, SystemTime};

use walrus_core::Epoch;
pub use walrus_core::decoder::ConsistencyCheck;
use walrus_node_client::NodeClientOptions;
use walrus_sui::Address;

use crate::{
    BlobData, Spool, Tuning,
    journal::{Journal, UploadKey},
    limits,
    relay::UploadRelay,
};

/// What becomes of a blob object after the store. Client spec 1.2.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PostStoreAction {
    /// The wallet keeps it.
    #[default]
    Keep,
    /// It goes to this address.
    TransferTo(Address),
    /// It is put into a shared object without funds, so that anybody can extend it. Only of blobs that are not deletable.
    Share,
}

/// A blob to store.
#[derive(Debug, Clone, Default)]
pub struct BlobToStore {
    /// What the caller calls it, a path for instance; comes back in the outcome.
    pub label: String,
    /// The bytes, or the file that has them.
    pub data: BlobData,
    /// Attributes of the blob object, key and value.
    pub attributes: Vec<(String, String)>,
    /// What the journal finds the upload by; without it, by its content and by how it is to be stored. See [`StoreOptions::journal`].
    pub upload_key: Option<UploadKey>,
}

impl BlobToStore {
    /// A blob without attributes.
    pub fn new(label: impl Into<String>, data: impl Into<BlobData>) -> Self {
        Self {
            label: label.into(),
            data: data.into(),
            attributes: Vec::new(),
            upload_key: None,
        }
    }
}

/// How long to store a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EpochsAhead {
    /// For this many epochs from the current one, at least 1.
    Count(u32),
    /// Until this epoch begins, which is a later one.
    Until(Epoch),
    /// At least until this time, as far as the length of epochs tells.
    AtLeastUntil(SystemTime),
    /// For as many epochs as the network allows.
    Max,
}

impl From<u32> for EpochsAhead {
    fn from(count: u32) -> Self {
        Self::Count(count)
    }
}

/// How to store. Client spec 1.2.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// For how long.
    pub epochs: EpochsAhead,
    /// Whether the owner may delete the blob.
    pub deletable: bool,
    /// Ask the network first whether it already has the blob; off is `--force`.
    pub check_status: bool,
    /// Use blob objects and storage that the wallet owns; off is `--ignore-resources`.
    pub reuse_resources: bool,
    /// What becomes of the blob object.
    pub post_store: PostStoreAction,
    /// Gas budget in MIST; estimated when absent.
    pub gas_budget: Option<u64>,
    /// Nothing is paid if all blobs together would cost more, in FROST.
    pub max_cost: Option<u64>,
    /// Where it is written down what is paid, so that a store that is cut off can be gone on with; by default nowhere.
    pub journal: Option<Journal>,
    /// Who sends the blobs to the nodes, if not this client. Then it encodes them only to know their IDs, and keeps no slivers.
    pub relay: Option<UploadRelay>,
}

impl StoreOptions {
    /// The defaults, for this long.
    pub fn new(epochs: EpochsAhead) -> Self {
        Self {
            epochs,
            deletable: true,
            check_status: true,
            reuse_resources: true,
            post_store: PostStoreAction::Keep,
            gas_budget: None,
            max_cost: None,
            journal: None,
            relay: None,
        }
    }
}

/// How to read. Client spec 1.10.
#[derive(Debug, Clone, Copy, Default)]
pub struct ReadOptions {
    /// What is checked after decoding.
    pub consistency_check: ConsistencyCheck,
    /// Refuse blobs of more bytes.
    pub max_blob_size: Option<u64>,
}

/// How a client talks to the network.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// Connections to storage nodes. Where nodes may be is up to [`Self::allow_private_addresses`].
    pub node: NodeClientOptions,
    /// Whether nodes may be at addresses of private networks. By default they may where the network is a local one: none of the
    /// public networks, and its chain is at such an address itself.
    pub allow_private_addresses: Option<bool>,
    /// Requests at the same time, and how long they go on.
    pub tuning: Tuning,
    /// How long a committee is believed to be current.
    pub committee_ttl: Duration,
    /// What [`EpochsAhead::Max`] stands for, if the network does not sell fewer.
    pub max_epochs_ahead: Option<u32>,
    /// Where slivers of large blobs are in the meantime, and what counts as large.
    pub spool: Spool,
    /// Blobs that a store has encoded at the same time; more are stored one batch after the other.
    pub blobs_at_once: usize,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            node: NodeClientOptions::default(),
            allow_private_addresses: None,
            tuning: Tuning::default(),
            committee_ttl: Duration::from_secs(10),
            max_epochs_ahead: None,
            spool: Spool::default(),
            blobs_at_once: limits::BLOBS_AT_ONCE,
        }
    }
}
