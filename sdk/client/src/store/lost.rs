//! Lost objects: those that are taken away while a store uses them.
//!
//! A store uses what it finds in the wallet: objects that other programs of the same wallet registered, too. Whoever registered one
//! may delete it, or give it away. So what is not a store's own is looked at again when the blob is stored: whether it exists, and
//! is the wallet's. If not, the blob is registered again, this time as an object that the store shares with nobody.

use std::collections::{HashMap, HashSet};

use walrus_core::BlobId;
use walrus_sui::{Address, Owner, chain::ObjectData, objects::Blob};

use super::{
    Store,
    certify::Failed,
    record::Record,
    stage::{Encoded, Registered},
};
use crate::{ClientError, Phase, limits};

/// What a store knows of the objects it uses.
#[derive(Debug, Default)]
pub(super) struct Objects {
    /// Those that it registered itself.
    own: HashSet<Address>,
    /// Those of others which blobs have ended with.
    borrowed: Vec<(Encoded, Address)>,
    /// Blobs that have lost theirs.
    lost: Vec<Encoded>,
    /// Times that blobs were registered again.
    rounds: u32,
}

impl Objects {
    /// Whether objects of others may be used.
    pub(super) fn may_borrow(&self) -> bool {
        self.rounds == 0
    }

    /// Leaves only what may be used.
    pub(super) fn retain_usable(&self, blobs: &mut Vec<Blob>) {
        blobs.retain(|blob| self.may_borrow() || self.are_own(&blob.id));
    }

    pub(super) fn are_own(&self, object: &Address) -> bool {
        self.own.contains(object)
    }

    pub(super) fn note_own(&mut self, object: Address) {
        self.own.insert(object);
    }

    pub(super) fn forget(&mut self, object: &Address) {
        self.own.remove(object);
    }

    /// A blob ended with an object of somebody else.
    pub(super) fn borrow(&mut self, blob: Encoded, object: Address) {
        self.borrowed.push((blob, object));
    }

    /// The blobs that are to be registered again.
    pub(super) fn begin_again(&mut self) -> Vec<Encoded> {
        self.rounds = self.rounds.saturating_add(1);
        std::mem::take(&mut self.lost)
    }
}

impl Store<'_> {
    /// Looks whether the objects of others that blobs ended with are still there.
    pub(super) async fn check_borrowed(&mut self) -> Result<(), ClientError> {
        let borrowed = std::mem::take(&mut self.objects.borrowed);
        let ids: Vec<Address> = borrowed.iter().map(|(_, id)| *id).collect();
        let Some(found) = self.look_at(&ids).await else {
            return Ok(());
        };
        for (blob, object) in borrowed {
            if self.owned_blob(&found, object).is_none() {
                self.lose(blob, object, Phase::Certify)?;
            }
        }
        Ok(())
    }

    /// Takes out of what failed the blobs whose objects are gone, to be registered again.
    pub(super) async fn without_lost(
        &mut self,
        failed: Vec<Failed>,
    ) -> Result<Vec<Failed>, ClientError> {
        let ids = failed
            .iter()
            .map(|failed| failed.blob.registration.object.id);
        let ids: Vec<Address> = ids.collect();
        let Some(found) = self.look_at(&ids).await else {
            return Ok(failed);
        };
        let mut rest = Vec::with_capacity(failed.len());
        for failed in failed {
            let object = failed.blob.registration.object.id;
            if self.is_lost(&failed.blob, &found) {
                self.lose(failed.blob.encoded, object, failed.phase)?;
            } else {
                rest.push(failed);
            }
        }
        Ok(rest)
    }

    /// Whether an object is of no use to this store any more.
    pub(super) fn is_lost(&self, blob: &Registered, found: &HashMap<Address, ObjectData>) -> bool {
        let id = blob.registration.object.id;
        match self.owned_blob(found, id) {
            None => self.handed_over(found, id).is_none(),
            // Whoever certified it takes it for stored, so that it is not ours to give away.
            Some(object) => {
                let is_stored = object.certified_epoch.is_some() && !blob.is_certified();
                is_stored && self.recipient().is_some()
            }
        }
    }

    /// Objects as they are now, by ID; nothing if there is none to look at, or the chain does not tell.
    pub(super) async fn look_at(&self, ids: &[Address]) -> Option<HashMap<Address, ObjectData>> {
        if ids.is_empty() {
            return None;
        }
        match self.client.reader().chain().objects(ids).await {
            Ok(objects) => {
                let objects = objects.into_iter().flatten();
                Some(objects.map(|object| (object.id, object)).collect())
            }
            Err(error) => {
                tracing::warn!(%error, "blob objects could not be looked at again");
                None
            }
        }
    }

    /// A blob object of the wallet.
    pub(super) fn owned_blob(
        &self,
        found: &HashMap<Address, ObjectData>,
        id: Address,
    ) -> Option<Blob> {
        blob_of(found, id, self.writer().ok()?.address())
    }

    /// A certified blob object that is whose it should be in the end.
    pub(super) fn handed_over(
        &self,
        found: &HashMap<Address, ObjectData>,
        id: Address,
    ) -> Option<Blob> {
        let blob = blob_of(found, id, self.recipient()?);
        blob.filter(|blob| blob.certified_epoch.is_some())
    }

    /// Registers a blob again that has lost its object, a bounded number of times.
    fn lose(&mut self, blob: Encoded, object: Address, phase: Phase) -> Result<(), ClientError> {
        let (place, blob_id): (usize, BlobId) = blob.blob.id();
        self.objects.forget(&object);
        let objects = self.objects.rounds.saturating_add(1);
        if objects >= limits::OBJECTS_PER_BLOB {
            let object_id = object;
            return self.fail(place, phase, ClientError::ObjectLost { blob_id, object_id });
        }
        tracing::info!(%blob_id, %object, "the blob object is gone; the blob is registered again");
        self.note(place, Record::begin_again);
        self.objects.lost.push(blob);
        Ok(())
    }
}

fn blob_of(found: &HashMap<Address, ObjectData>, id: Address, owner: Address) -> Option<Blob> {
    let object = found.get(&id);
    let object = object.filter(|object| object.owner == Owner::Address(owner));
    object?.decode().ok()
}
