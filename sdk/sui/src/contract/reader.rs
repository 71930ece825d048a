//! Typed reads of the contract's objects.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, PoisonError, RwLock},
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sui_sdk_types::{Address, Identifier, StructTag};

use super::{
    committee::{Committee, Committees, Keys},
    packages,
    price::Prices,
    state::{Sales, Versions},
};
use crate::{
    chain::{Call, ChainClient, ChainError, ObjectData, backoff},
    limits,
    objects::{
        ActiveSet, Blob, BlobAttributes, BlsCommittee, Field, NodeMetadata, OwnedStorage,
        SharedBlob, StakedWal, Staking, StakingInnerV1, StakingPool, StorageNodeCap, System,
        attributes_field_id, extended_field_id,
    },
};

/// The shared objects of one deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContractObjects {
    /// `system::System`.
    pub system: Address,
    /// `staking::Staking`.
    pub staking: Address,
    /// `wal::ProtectedTreasury`; needed to initiate an epoch change.
    pub treasury: Option<Address>,
}

/// The packages of one deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContractPackages {
    /// The package that defines the types (the first version).
    pub origin: Address,
    /// The package to call.
    pub current: Address,
    /// `<wal>::wal::WAL`.
    pub wal_type: StructTag,
}

/// What the staking state and the pools say about one node.
#[derive(Debug, Clone, PartialEq)]
pub struct PoolSummary {
    /// The pool.
    pub pool: StakingPool,
    /// Descriptive metadata.
    pub metadata: NodeMetadata,
}

/// Reads the state of one deployment. Cheap to clone.
#[derive(Debug, Clone)]
pub struct ContractReader {
    chain: ChainClient,
    objects: ContractObjects,
    packages: Arc<RwLock<ContractPackages>>,
    pub(super) versions: Versions,
}

impl ContractReader {
    /// Finds the packages of the deployment with these objects.
    ///
    /// # Errors
    /// [`ChainError`], [`ChainError::WrongType`] when the objects are something else.
    pub fn new(chain: ChainClient, objects: ContractObjects) -> Call<'static, Self> {
        Box::pin(async move {
            let (packages, versions) = packages::discover(&chain, objects).await?;
            Ok(Self {
                chain,
                objects,
                packages: Arc::new(RwLock::new(packages)),
                versions,
            })
        })
    }

    /// The connection.
    pub fn chain(&self) -> &ChainClient {
        &self.chain
    }

    /// The shared objects.
    pub fn objects(&self) -> ContractObjects {
        self.objects
    }

    /// The packages as last seen.
    pub fn packages(&self) -> ContractPackages {
        self.packages
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Reads the package to call again; true if it changed.
    ///
    /// # Errors
    /// [`ChainError`].
    pub fn refresh_packages(&self) -> Call<'_, bool> {
        Box::pin(async move {
            let current = self.system().await?.package_id;
            let mut packages = self
                .packages
                .write()
                .unwrap_or_else(PoisonError::into_inner);
            let changed = packages.current != current;
            packages.current = current;
            Ok(changed)
        })
    }

    /// The type `<origin>::module::name`.
    pub fn struct_tag(&self, module: &'static str, name: &'static str) -> StructTag {
        let origin = self.packages().origin;
        StructTag::new(
            origin,
            Identifier::from_static(module),
            Identifier::from_static(name),
            vec![],
        )
    }

    /// The outer system object.
    ///
    /// # Errors
    /// [`ChainError`].
    pub fn system(&self) -> Call<'_, System> {
        Box::pin(async move { self.chain.object(self.objects.system).await?.decode() })
    }

    /// The outer staking object.
    ///
    /// # Errors
    /// [`ChainError`].
    pub fn staking(&self) -> Call<'_, Staking> {
        Box::pin(async move { self.chain.object(self.objects.staking).await?.decode() })
    }

    /// The current epoch.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn epoch(&self) -> Result<u32, ChainError> {
        Ok(self.staking_state().await?.epoch)
    }

    /// Prices in force.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn prices(&self) -> Result<Prices, ChainError> {
        Ok(Prices::of(&self.system_state().await?))
    }

    /// The committees with the nodes' addresses and keys. The BLS keys of the current committee are those that certificates
    /// are checked with: a pool has its next key before the committee does.
    ///
    /// # Errors
    /// [`ChainError`].
    pub fn committees(&self) -> Call<'_, Committees> {
        Box::pin(async move { Ok(self.committees_and_sales().await?.0) })
    }

    /// The same with what the network sells, by the same calls.
    ///
    /// # Errors
    /// [`ChainError`].
    pub fn committees_and_sales(&self) -> Call<'_, (Committees, Sales)> {
        Box::pin(async move {
            let mut attempt = 1;
            loop {
                let state = self.state().await?;
                // Both change at once, but may be read one after the other.
                let agree = state.staking.epoch == state.system.committee.epoch;
                if agree || attempt == limits::READ_ATTEMPTS {
                    let joined = self.join_committees(state.staking, &state.system.committee);
                    return Ok((joined.await?, state.sales));
                }
                tokio::time::sleep(backoff(attempt)).await;
                attempt += 1;
            }
        })
    }

    async fn join_committees(
        &self,
        state: StakingInnerV1,
        signers: &BlsCommittee,
    ) -> Result<Committees, ChainError> {
        let all = [
            Some(&state.committee),
            Some(&state.previous_committee),
            state.next_committee.as_ref(),
        ];
        let ids: BTreeSet<Address> = all
            .into_iter()
            .flatten()
            .flat_map(|c| c.0.iter().map(|(id, _)| *id))
            .collect();
        let pools = self.pools(&ids.into_iter().collect::<Vec<_>>()).await?;
        let committee =
            |epoch, shards, keys| Committee::new(epoch, state.n_shards, shards, &pools, keys);
        let previous = state
            .epoch
            .checked_sub(1)
            .filter(|_| !state.previous_committee.0.is_empty());
        Ok(Committees {
            epoch: state.epoch,
            epoch_state: state.epoch_state,
            current: committee(state.epoch, &state.committee, Keys::Signers(signers)),
            previous: previous
                .map(|epoch| committee(epoch, &state.previous_committee, Keys::OfPools)),
            next: state
                .next_committee
                .as_ref()
                .map(|next| committee(state.epoch.saturating_add(1), next, Keys::NextOfPools)),
        })
    }

    /// Pools by node ID; unknown IDs are left out.
    ///
    /// # Errors
    /// [`ChainError`].
    pub fn pools<'a>(
        &'a self,
        node_ids: &'a [Address],
    ) -> Call<'a, BTreeMap<Address, StakingPool>> {
        Box::pin(async move {
            let objects = self.chain.objects(node_ids).await?;
            objects
                .into_iter()
                .flatten()
                .map(|object| {
                    object.expect_type("staking_pool", "StakingPool")?;
                    Ok((object.id, object.decode()?))
                })
                .collect()
        })
    }

    /// One node's pool and descriptive metadata.
    ///
    /// # Errors
    /// [`ChainError`].
    pub fn pool(&self, node_id: Address) -> Call<'_, PoolSummary> {
        Box::pin(async move {
            let object = self.chain.object(node_id).await?;
            object.expect_type("staking_pool", "StakingPool")?;
            let pool: StakingPool = object.decode()?;
            let id = extended_field_id(pool.node_info.metadata, self.packages().origin);
            let field: Field<bool, NodeMetadata> = self.chain.object(id).await?.decode()?;
            Ok(PoolSummary {
                pool,
                metadata: field.value,
            })
        })
    }

    /// The candidates for the next committee with their stakes.
    ///
    /// # Errors
    /// [`ChainError`].
    pub fn active_set(&self) -> Call<'_, ActiveSet> {
        Box::pin(async move {
            let state = self.staking_state().await?;
            let id = extended_field_id(state.active_set, self.packages().origin);
            let field: Field<bool, ActiveSet> = self.chain.object(id).await?.decode()?;
            Ok(field.value)
        })
    }

    /// A blob object.
    ///
    /// # Errors
    /// [`ChainError::ObjectNotFound`], [`ChainError::WrongType`] and others.
    pub fn blob(&self, object_id: Address) -> Call<'_, Blob> {
        Box::pin(async move {
            let object = self.chain.object(object_id).await?;
            object.expect_type("blob", "Blob")?;
            object.decode()
        })
    }

    /// A blob in a shared object.
    ///
    /// # Errors
    /// [`ChainError::ObjectNotFound`], [`ChainError::WrongType`] and others.
    pub fn shared_blob(&self, object_id: Address) -> Call<'_, SharedBlob> {
        Box::pin(async move {
            let object = self.chain.object(object_id).await?;
            object.expect_type("shared_blob", "SharedBlob")?;
            object.decode()
        })
    }

    /// The blob object of this ID, or the one inside a shared blob of this ID.
    ///
    /// # Errors
    /// [`ChainError::ObjectNotFound`], [`ChainError::WrongType`] and others.
    pub fn blob_inside(&self, object_id: Address) -> Call<'_, Blob> {
        Box::pin(async move {
            let object = self.chain.object(object_id).await?;
            let is = |module, name| object.object_type == Some(self.struct_tag(module, name));
            if is("shared_blob", "SharedBlob") {
                return Ok(object.decode::<SharedBlob>()?.blob);
            }
            if !is("blob", "Blob") {
                object.expect_type("blob", "Blob")?;
                let found = object.object_type.as_ref().map(ToString::to_string);
                return Err(ChainError::WrongType {
                    id: object_id,
                    found: found.unwrap_or_default(),
                    expected: self.struct_tag("blob", "Blob").to_string(),
                });
            }
            object.decode()
        })
    }

    /// Attributes of a blob object; `None` when it has none.
    ///
    /// # Errors
    /// [`ChainError`].
    pub fn blob_attributes(&self, blob_object: Address) -> Call<'_, Option<BlobAttributes>> {
        Box::pin(async move {
            let id = attributes_field_id(blob_object);
            let object = self.chain.objects(&[id]).await?.pop().flatten();
            object
                .map(|object| Ok(object.decode::<Field<Vec<u8>, BlobAttributes>>()?.value))
                .transpose()
        })
    }

    /// Blobs an address owns. Those that no transaction has touched for longest come first.
    ///
    /// # Errors
    /// [`ChainError`].
    pub fn owned_blobs(&self, owner: Address) -> Call<'_, Vec<Blob>> {
        Box::pin(async move {
            let tag = self.struct_tag("blob", "Blob");
            let mut objects = self.chain.owned_objects(owner, &tag).await?;
            objects.sort_by_key(|object| object.version);
            objects.iter().map(ObjectData::decode).collect()
        })
    }

    /// Storage resources an address owns.
    ///
    /// # Errors
    /// [`ChainError`].
    pub fn owned_storage(&self, owner: Address) -> Call<'_, Vec<OwnedStorage>> {
        Box::pin(async move {
            let storage = self.struct_tag("storage_resource", "Storage");
            let objects = self.chain.owned_objects(owner, &storage).await?;
            let owned = objects.iter().map(|object| {
                Ok(OwnedStorage {
                    storage: object.decode()?,
                    reference: object.reference(),
                })
            });
            owned.collect()
        })
    }

    /// Stakes an address owns.
    ///
    /// # Errors
    /// [`ChainError`].
    pub fn owned_stakes(&self, owner: Address) -> Call<'_, Vec<StakedWal>> {
        Box::pin(async move { self.owned(owner, "staked_wal", "StakedWal").await })
    }

    /// Node capabilities an address owns.
    ///
    /// # Errors
    /// [`ChainError`].
    pub fn owned_node_caps(&self, owner: Address) -> Call<'_, Vec<StorageNodeCap>> {
        Box::pin(async move { self.owned(owner, "storage_node", "StorageNodeCap").await })
    }

    /// A node capability.
    ///
    /// # Errors
    /// [`ChainError`].
    pub fn node_cap(&self, cap: Address) -> Call<'_, StorageNodeCap> {
        Box::pin(async move {
            let object = self.chain.object(cap).await?;
            object.expect_type("storage_node", "StorageNodeCap")?;
            object.decode()
        })
    }

    async fn owned<T: DeserializeOwned>(
        &self,
        owner: Address,
        module: &'static str,
        name: &'static str,
    ) -> Result<Vec<T>, ChainError> {
        let objects = self
            .chain
            .owned_objects(owner, &self.struct_tag(module, name))
            .await?;
        objects.iter().map(ObjectData::decode).collect()
    }

    /// WAL balance of an address in FROST.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn wal_balance(&self, owner: Address) -> Result<u64, ChainError> {
        self.chain.balance(owner, &self.packages().wal_type).await
    }
}
