//! Storage and blobs.

use sui_sdk_types::{Address, Argument};
use walrus_core::{
    BlobId, EncodingType,
    merkle::Node,
    messages::{BlobPersistence, StorageConfirmationBody},
    pricing,
};
use walrus_sui::objects::Blob;

use crate::{Account, Executed, Network, Ptb};

/// A blob that exists on chain only: its ID fits its root hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlobSpec {
    /// Any 32 bytes.
    pub root: [u8; 32],
    /// Unencoded bytes.
    pub size: u64,
    /// Whether the owner may delete it.
    pub deletable: bool,
}

impl BlobSpec {
    /// A permanent blob of `size` bytes that differs from those with other numbers.
    #[must_use]
    pub fn numbered(number: u64, size: u64) -> Self {
        let mut root = [0x5a; 32];
        root[..8].copy_from_slice(&number.to_le_bytes());
        Self {
            root,
            size,
            deletable: false,
        }
    }

    /// The same blob, deletable.
    #[must_use]
    pub fn deletable(mut self) -> Self {
        self.deletable = true;
        self
    }

    /// Its blob ID.
    #[must_use]
    pub fn id(&self) -> BlobId {
        BlobId::from_root(&Node::Digest(self.root), EncodingType::RS2, self.size)
    }

    /// Encoded bytes on that many shards.
    #[must_use]
    pub fn encoded_size(&self, n_shards: u16) -> u64 {
        pricing::encoded_blob_length(n_shards, self.size, EncodingType::RS2).expect("a legal size")
    }
}

impl Network {
    /// FROST for storing and registering `blob` for `epochs` epochs at the prices of now.
    #[must_use]
    pub fn blob_price(&self, blob: &BlobSpec, epochs: u32) -> u64 {
        let system = self.system_state();
        let size = blob.encoded_size(self.parameters.n_shards);
        let storage = pricing::storage_cost(size, system.storage_price_per_unit_size, epochs);
        let write = pricing::write_cost(size, system.write_price_per_unit_size);
        storage.expect("in u64") + write.expect("in u64")
    }

    /// Adds commands that reserve storage and register `blob`, paid from the coin `purse`; the result is the blob.
    pub fn add_registration(
        &self,
        ptb: &mut Ptb,
        blob: &BlobSpec,
        epochs: u32,
        purse: Argument,
    ) -> Argument {
        let system = ptb.object(self.contracts.system);
        let size = blob.encoded_size(self.parameters.n_shards);
        let arguments = vec![system, ptb.pure(&size), ptb.pure(&epochs), purse];
        let storage = self.call(ptb, "system", "reserve_space", arguments);
        let arguments = vec![
            system,
            storage,
            ptb.pure(&blob.id().0),
            ptb.pure(&blob.root),
            ptb.pure(&blob.size),
            ptb.pure(&EncodingType::RS2.id()),
            ptb.pure(&blob.deletable),
            purse,
        ];
        self.call(ptb, "system", "register_blob", arguments)
    }

    /// Reserves storage for `epochs` epochs and registers a blob, paid with FROST of the owner.
    pub fn register_blob(&mut self, owner: &Account, blob: &BlobSpec, epochs: u32) -> Executed {
        let mut ptb = Ptb::new();
        let price = self.blob_price(blob, epochs);
        let purse = self.wal_purse(&mut ptb, owner.address, price);
        let blob = self.add_registration(&mut ptb, blob, epochs, purse);
        ptb.transfer(vec![blob], owner.address);
        self.chain.run(owner, &ptb)
    }

    /// Certifies the blob object with signatures of a quorum.
    pub fn certify_blob(&mut self, owner: &Account, object: Address) -> Executed {
        let blob: Blob = self.chain.read(object);
        let persistence = if blob.deletable {
            let object_id = object.into_inner();
            BlobPersistence::Deletable { object_id }
        } else {
            BlobPersistence::Permanent
        };
        let body = StorageConfirmationBody {
            blob_id: blob.blob_id,
            persistence,
        };
        let certificate = self.certificate(body, &self.quorum());
        let mut ptb = Ptb::new();
        let mut arguments = vec![ptb.read(self.contracts.system), ptb.object(object)];
        arguments.extend(certificate.iter().map(|part| ptb.pure(part)));
        self.call(&mut ptb, "system", "certify_blob", arguments);
        self.chain.run(owner, &ptb)
    }

    /// Registers and certifies a blob; its object.
    pub fn store_blob(&mut self, owner: &Account, blob: &BlobSpec, epochs: u32) -> Blob {
        let registered = self.register_blob(owner, blob, epochs).expect_success();
        let object = registered.created("blob", "Blob");
        let _ = self.certify_blob(owner, object).expect_success();
        self.chain.read(object)
    }
}
