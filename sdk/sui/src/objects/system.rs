//! Layouts of the system object and its inner state (contracts spec 4.1, 4.2, 4.4).

use serde::{Deserialize, Serialize};
use sui_sdk_types::Address;
use walrus_core::BlobId;

use super::field::{Element, ExtendedField, VecMap};

/// `system::System`, the shared outer object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct System {
    /// Object ID.
    pub id: Address,
    /// Version and name of the inner state's field.
    pub version: u64,
    /// The package to call.
    pub package_id: Address,
    /// Set between an upgrade and its migration.
    pub new_package_id: Option<Address>,
}

/// `system_state_inner::SystemStateInnerV1`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SystemStateInnerV1 {
    /// The signing committee; its epoch is the system's epoch.
    pub committee: BlsCommittee,
    /// Bytes of encoded capacity available in any epoch.
    pub total_capacity_size: u64,
    /// Bytes in use in this epoch.
    pub used_capacity_size: u64,
    /// FROST per MiB and epoch.
    pub storage_price_per_unit_size: u64,
    /// FROST per MiB, once per registration.
    pub write_price_per_unit_size: u64,
    /// Used capacity and rewards of the coming epochs.
    pub future_accounting: FutureAccountingRingBuffer,
    /// Votes on event blobs.
    pub event_blob_certification_state: EventBlobCertificationState,
    /// Deny-list sizes per node, in an extended field.
    pub deny_list_sizes: ExtendedField,
}

/// `bls_aggregate::BlsCommittee`; members sorted by node ID.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlsCommittee {
    /// Members; a signer bitmap counts in this order.
    pub members: Vec<BlsCommitteeMember>,
    /// Number of shards, 0 in epoch 0.
    pub n_shards: u16,
    /// Epoch of this committee.
    pub epoch: u32,
    /// Sum of all keys, compressed G1 (48 bytes).
    pub total_aggregated_key: Element,
}

/// `bls_aggregate::BlsCommitteeMember`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlsCommitteeMember {
    /// Uncompressed G1 (96 bytes).
    pub public_key: Element,
    /// Number of shards.
    pub weight: u16,
    /// ID of the node's pool.
    pub node_id: Address,
}

/// `storage_accounting::FutureAccountingRingBuffer`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FutureAccountingRingBuffer {
    /// Slot of the current epoch.
    pub current_index: u32,
    /// Number of slots, the network's `max_epochs_ahead`.
    pub length: u32,
    /// The slots.
    pub ring_buffer: Vec<FutureAccounting>,
}

/// `storage_accounting::FutureAccounting`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FutureAccounting {
    /// The epoch this slot is for.
    pub epoch: u32,
    /// Reserved bytes.
    pub used_capacity: u64,
    /// FROST to distribute at the end of the epoch.
    pub rewards_to_distribute: u64,
}

/// `event_blob::EventBlobCertificationState`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventBlobCertificationState {
    /// The newest certified event blob.
    pub latest_certified_blob: Option<EventBlob>,
    /// Weight that attested each candidate.
    pub aggregate_weight_per_blob: VecMap<EventBlob, u16>,
}

/// `event_blob::EventBlob`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventBlob {
    /// The blob.
    pub blob_id: BlobId,
    /// Last checkpoint it covers.
    pub ending_checkpoint_sequence_number: u64,
}

/// `event_blob::EventBlobAttestation`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventBlobAttestation {
    /// Last checkpoint of the attested blob.
    pub checkpoint_sequence_num: u64,
    /// Epoch of the attestation.
    pub epoch: u32,
}
