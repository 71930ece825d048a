//! Stages of a blob on its way through a store: [`Encoded`], [`Registered`], [`Confirmed`], and then it is stored. Each is made of
//! the one before, so that what a stage needs is there.
//!
//! All that a stage knows can be written down but the slivers, which come from encoding the blob again. So what is written down
//! is enough to go on with a store that was interrupted, without paying twice.

use serde::{Deserialize, Serialize};
use walrus_core::{BlobId, messages::BlobPersistence};
use walrus_node_client::BlobStatus;
use walrus_sui::{objects::Blob, transactions::BlobCertificate};

use super::{EncodedSlivers, encode::Unencoded, storage_end};
use crate::ResourceOperation;

/// What a blob is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Identity {
    pub(super) blob_id: BlobId,
    pub(super) root_hash: [u8; 32],
}

/// What is known of a blob once its ID is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Described {
    /// Its place among the blobs of the store.
    pub(super) place: usize,
    pub(super) identity: Identity,
    pub(super) unencoded_size: u64,
    pub(super) encoded_size: u64,
    pub(super) attributes: Vec<(String, String)>,
}

impl Described {
    /// Its place and its ID.
    pub(super) fn id(&self) -> (usize, BlobId) {
        (self.place, self.identity.blob_id)
    }
}

/// A blob that became slivers.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Encoded {
    pub(super) blob: Described,
    /// What the network says it has, as far as that can be believed.
    #[serde(skip)]
    pub(super) status: Option<BlobStatus>,
    #[serde(skip)]
    pub(super) content: Content,
}

/// What is uploaded of a blob.
#[derive(Debug, Clone)]
pub(super) enum Content {
    /// Its slivers, by this store.
    Slivers(EncodedSlivers),
    /// Its bytes, by a relay.
    ToRelay(Unencoded),
}

/// A blob object of the wallet that is to be certified, extended, or both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Registration {
    pub(super) object: Blob,
    pub(super) operation: ResourceOperation,
    pub(super) cost: u64,
    /// Epochs to add once it is certified.
    pub(super) extend_by: Option<u32>,
    /// Its attributes are set.
    pub(super) has_attributes: bool,
    /// This store registered it. Any other one belongs to whoever did, who may delete it or give it away.
    pub(super) is_own: bool,
}

/// A blob that has an object, which may be certified already and only have to last longer.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Registered {
    pub(super) encoded: Encoded,
    pub(super) registration: Registration,
    /// What an earlier store has done with it, if one has.
    #[serde(skip)]
    pub(super) resumed: Option<Resumed>,
}

/// What an earlier store has done with a registered blob.
#[derive(Debug, Clone, Default)]
pub(super) struct Resumed {
    /// Its certificate, if it counts in this epoch.
    pub(super) certificate: Option<BlobCertificate>,
}

/// A registered blob that enough nodes confirmed.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Confirmed {
    pub(super) registered: Registered,
    pub(super) certificate: BlobCertificate,
}

impl Registration {
    /// An object that the wallet had.
    pub(super) fn reused(
        object: Blob,
        operation: ResourceOperation,
        cost: u64,
        extend_by: Option<u32>,
    ) -> Self {
        Self {
            object,
            operation,
            cost,
            extend_by,
            has_attributes: false,
            is_own: false,
        }
    }

    /// What the confirmations must be about.
    pub(super) fn persistence(&self) -> BlobPersistence {
        if self.object.deletable {
            BlobPersistence::Deletable {
                object_id: self.object.id.into_inner(),
            }
        } else {
            BlobPersistence::Permanent
        }
    }
}

/// Anything of one blob of the store.
pub(super) trait Placed {
    /// The place of the blob among all.
    fn place(&self) -> usize;
}

impl Placed for Described {
    fn place(&self) -> usize {
        self.place
    }
}

impl Placed for Encoded {
    fn place(&self) -> usize {
        self.blob.place
    }
}

impl Placed for Registered {
    fn place(&self) -> usize {
        self.encoded.place()
    }
}

impl Encoded {
    /// The slivers, unless a relay makes them.
    pub(super) fn slivers(&self) -> Option<&EncodedSlivers> {
        match &self.content {
            Content::Slivers(slivers) => Some(slivers),
            Content::ToRelay(_) => None,
        }
    }

    pub(super) fn registered(self, registration: Registration) -> Registered {
        Registered {
            encoded: self,
            registration,
            resumed: None,
        }
    }
}

impl Registered {
    pub(super) fn is_certified(&self) -> bool {
        self.registration.object.certified_epoch.is_some()
    }

    /// What is lost if it is not certified in time; nothing of what is certified.
    pub(super) fn uncertified(&self) -> Option<storage_end::Registered> {
        (!self.is_certified()).then(|| storage_end::Registered::of(&self.registration.object))
    }

    pub(super) fn confirmed(self, certificate: BlobCertificate) -> Confirmed {
        Confirmed {
            registered: self,
            certificate,
        }
    }
}

impl Confirmed {
    pub(super) fn object(&self) -> &Blob {
        &self.registered.registration.object
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use walrus_core::{EncodingConfig, encoder::BlobEncoder};
    use walrus_sui::{Address, objects::Storage};

    use super::*;

    #[test]
    fn what_is_written_down_of_a_stage_is_enough_to_go_on_and_has_no_slivers() {
        let config = EncodingConfig::new(13).unwrap();
        let encoded = BlobEncoder::new(config, b"blob").unwrap().encode().unwrap();
        let slivers = EncodedSlivers::from(Arc::new(encoded));
        let identity = super::super::encode::identity(slivers.metadata());
        let blob = Described {
            place: 3,
            identity,
            unencoded_size: 4,
            encoded_size: 13_000,
            attributes: vec![("name".to_owned(), "value".to_owned())],
        };
        let registration = Registration {
            object: Blob {
                id: Address::new([1; 32]),
                registered_epoch: 5,
                blob_id: identity.blob_id,
                size: 4,
                encoding_type: 1,
                certified_epoch: None,
                storage: Storage {
                    id: Address::new([2; 32]),
                    start_epoch: 5,
                    end_epoch: 8,
                    storage_size: 13_000,
                },
                deletable: true,
            },
            operation: ResourceOperation::ReuseStorage {
                encoded_length: 13_000,
            },
            cost: 7,
            extend_by: None,
            has_attributes: true,
            is_own: true,
        };
        let encoded = Encoded {
            blob: blob.clone(),
            status: None,
            content: Content::Slivers(slivers),
        };
        let certificate = BlobCertificate {
            signature: vec![1; 96],
            signers_bitmap: vec![3],
            message: vec![4; 40],
        };
        let registered = encoded.registered(registration.clone());
        assert!(registered.uncertified().is_some());
        let confirmed = registered.confirmed(certificate.clone());
        let written = serde_json::to_value(&confirmed).unwrap();
        assert!(written.to_string().len() < 2_000, "{written}");
        let part = |path: &str| written.pointer(path).unwrap().clone();
        let again: Described = serde_json::from_value(part("/registered/encoded/blob")).unwrap();
        assert_eq!(again, blob);
        let again: Registration = serde_json::from_value(part("/registered/registration")).unwrap();
        assert_eq!(again, registration);
        let again: BlobCertificate = serde_json::from_value(part("/certificate")).unwrap();
        assert_eq!(again, certificate);
    }
}
