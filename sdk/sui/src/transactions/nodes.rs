//! Node registration, parameters and the epoch machine (contracts spec 7.10, 7.12).

use sui_sdk_types::Address;

use super::{ContractWriter, ExecutedTransaction, TransactionError, writer::Plan};
use crate::objects::{NodeMetadata, StorageNodeCap};

/// What a node registers with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeRegistration {
    /// Display name, at most 100 bytes.
    pub name: String,
    /// `host:port`, at most 259 bytes.
    pub network_address: String,
    /// Descriptive metadata.
    pub metadata: NodeMetadata,
    /// BLS key, compressed G1 (48 bytes).
    pub public_key: Vec<u8>,
    /// TLS key, compressed secp256r1 (33 bytes).
    pub network_public_key: Vec<u8>,
    /// Signature over `(current epoch, sender, public_key)`, compressed G2 (96 bytes).
    pub proof_of_possession: Vec<u8>,
    /// Commission in basis points.
    pub commission_rate: u16,
    /// Vote: FROST per MiB and epoch.
    pub storage_price: u64,
    /// Vote: FROST per MiB.
    pub write_price: u64,
    /// Vote: bytes this node offers.
    pub node_capacity: u64,
}

/// Parameters of a registered node to change; `None` leaves one as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NodeParameterUpdate {
    /// Display name.
    pub name: Option<String>,
    /// `host:port`.
    pub network_address: Option<String>,
    /// TLS key, compressed secp256r1 (33 bytes).
    pub network_public_key: Option<Vec<u8>>,
    /// BLS key of the next epoch and its proof of possession for the current epoch and the sender.
    pub next_public_key: Option<(Vec<u8>, Vec<u8>)>,
    /// Descriptive metadata.
    pub metadata: Option<NodeMetadata>,
    /// Commission in basis points, two epochs ahead.
    pub commission_rate: Option<u16>,
    /// Vote: FROST per MiB and epoch; prices are recomputed at once.
    pub storage_price: Option<u64>,
    /// Vote: FROST per MiB; prices are recomputed at once.
    pub write_price: Option<u64>,
    /// Vote: bytes this node offers.
    pub node_capacity: Option<u64>,
}

impl Plan<'_> {
    fn metadata(
        &mut self,
        metadata: &NodeMetadata,
    ) -> Result<sui_transaction_builder::Argument, TransactionError> {
        if !metadata.extra_fields.is_empty() {
            return Err(TransactionError::build(
                "extra fields of node metadata are not supported",
            ));
        }
        let arguments = vec![
            self.ptb.pure(&metadata.image_url)?,
            self.ptb.pure(&metadata.project_url)?,
            self.ptb.pure(&metadata.description)?,
        ];
        self.call("node_metadata", "new", arguments)
    }

    /// Calls `staking::function(staking, cap, value)` when there is a value.
    fn set<T: serde::Serialize>(
        &mut self,
        cap: Address,
        function: &str,
        value: Option<&T>,
    ) -> Result<(), TransactionError> {
        if let Some(value) = value {
            let arguments = vec![self.staking(), self.ptb.object(cap), self.ptb.pure(value)?];
            self.call("staking", function, arguments)?;
        }
        Ok(())
    }

    fn update_node(
        &mut self,
        cap: Address,
        update: &NodeParameterUpdate,
    ) -> Result<(), TransactionError> {
        self.set(cap, "set_name", update.name.as_ref())?;
        self.set(cap, "set_network_address", update.network_address.as_ref())?;
        self.set(
            cap,
            "set_network_public_key",
            update.network_public_key.as_ref(),
        )?;
        self.set(cap, "set_next_commission", update.commission_rate.as_ref())?;
        self.set(cap, "set_node_capacity_vote", update.node_capacity.as_ref())?;
        self.set(cap, "set_storage_price_vote", update.storage_price.as_ref())?;
        self.set(cap, "set_write_price_vote", update.write_price.as_ref())?;
        if let Some((key, proof)) = &update.next_public_key {
            let arguments = vec![
                self.staking(),
                self.ptb.object(cap),
                self.ptb.pure(key)?,
                self.ptb.pure(proof)?,
            ];
            self.call("staking", "set_next_public_key", arguments)?;
        }
        if let Some(metadata) = &update.metadata {
            let metadata = self.metadata(metadata)?;
            let arguments = vec![self.staking(), self.ptb.object(cap), metadata];
            self.call("staking", "set_node_metadata", arguments)?;
        }
        if update.storage_price.is_some() || update.write_price.is_some() {
            let arguments = vec![self.staking(), self.system()];
            self.call("staking", "update_prices", arguments)?;
        }
        Ok(())
    }
}

impl ContractWriter {
    /// Registers a node; the sender becomes its operator and gets the capability.
    ///
    /// # Errors
    /// [`TransactionError`].
    pub async fn register_node(
        &self,
        node: &NodeRegistration,
    ) -> Result<StorageNodeCap, TransactionError> {
        let executed = self
            .run(None, |plan| {
                let metadata = plan.metadata(&node.metadata)?;
                let arguments = vec![
                    plan.staking(),
                    plan.ptb.pure(&node.name)?,
                    plan.ptb.pure(&node.network_address)?,
                    metadata,
                    plan.ptb.pure(&node.public_key)?,
                    plan.ptb.pure(&node.network_public_key)?,
                    plan.ptb.pure(&node.proof_of_possession)?,
                    plan.ptb.pure(&node.commission_rate)?,
                    plan.ptb.pure(&node.storage_price)?,
                    plan.ptb.pure(&node.write_price)?,
                    plan.ptb.pure(&node.node_capacity)?,
                ];
                let cap = plan.call("staking", "register_candidate", arguments)?;
                plan.ptb.transfer(vec![cap], plan.sender)
            })
            .await?;
        let cap = executed.created_one("storage_node", "StorageNodeCap")?;
        Ok(self.reader().node_cap(cap).await?)
    }

    /// Changes parameters of a node.
    ///
    /// # Errors
    /// [`TransactionError`].
    pub async fn update_node(
        &self,
        cap: Address,
        update: &NodeParameterUpdate,
    ) -> Result<ExecutedTransaction, TransactionError> {
        self.run(None, |plan| plan.update_node(cap, update)).await
    }

    /// Ends voting: selects the next committee and its parameters.
    ///
    /// # Errors
    /// [`TransactionError`].
    pub async fn voting_end(&self) -> Result<ExecutedTransaction, TransactionError> {
        self.run(None, |plan| {
            let arguments = vec![plan.staking(), plan.ptb.clock()];
            plan.call("staking", "voting_end", arguments)?;
            Ok(())
        })
        .await
    }

    /// Starts the next epoch.
    ///
    /// # Errors
    /// [`TransactionError`]; [`TransactionError::Build`] when the treasury is not configured.
    pub async fn initiate_epoch_change(&self) -> Result<ExecutedTransaction, TransactionError> {
        let treasury = self.reader().objects().treasury.ok_or_else(|| {
            TransactionError::build(
                "an epoch change needs the treasury object, which is not configured",
            )
        })?;
        self.run(None, |plan| {
            let arguments = vec![
                plan.staking(),
                plan.system(),
                plan.ptb.object(treasury),
                plan.ptb.clock(),
            ];
            plan.call("staking", "initiate_epoch_change_v2", arguments)?;
            Ok(())
        })
        .await
    }

    /// Reports that a node has all its shards of `epoch`.
    ///
    /// # Errors
    /// [`TransactionError`].
    pub async fn epoch_sync_done(
        &self,
        cap: Address,
        epoch: u32,
    ) -> Result<ExecutedTransaction, TransactionError> {
        self.run(None, |plan| {
            let arguments = vec![
                plan.staking(),
                plan.ptb.object(cap),
                plan.ptb.pure(&epoch)?,
                plan.ptb.clock(),
            ];
            plan.call("staking", "epoch_sync_done", arguments)?;
            Ok(())
        })
        .await
    }
}

/// An event blob, as a node votes for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventBlobVote {
    /// The blob.
    pub blob_id: walrus_core::BlobId,
    /// The Merkle root that its ID is derived from.
    pub root_hash: [u8; 32],
    /// Bytes of it.
    pub size: u64,
    /// The byte of its encoding type.
    pub encoding_type: u8,
    /// Its last checkpoint.
    pub last_checkpoint: u64,
    /// The current epoch.
    pub epoch: u32,
}

impl ContractWriter {
    /// Votes for an event blob in the name of the node of `cap`; the vote that makes a quorum of the shards certifies it.
    ///
    /// # Errors
    /// [`TransactionError`].
    pub async fn certify_event_blob(
        &self,
        cap: Address,
        vote: &EventBlobVote,
    ) -> Result<ExecutedTransaction, TransactionError> {
        self.run(None, |plan| {
            let arguments = vec![
                plan.system(),
                plan.ptb.object(cap),
                plan.ptb.pure(&vote.blob_id)?,
                plan.ptb.pure(&vote.root_hash)?,
                plan.ptb.pure(&vote.size)?,
                plan.ptb.pure(&vote.encoding_type)?,
                plan.ptb.pure(&vote.last_checkpoint)?,
                plan.ptb.pure(&vote.epoch)?,
            ];
            plan.call("system", "certify_event_blob", arguments)?;
            Ok(())
        })
        .await
    }
}
