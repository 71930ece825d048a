//! Several programs of one wallet that store the same new blob at the same moment.
//!
//! Each looks at what the wallet owns right before it registers, but the chain may execute the registrations of several who saw
//! nothing. So each looks again right after: all but the first give way to it. Every registration writes the system object,
//! so the versions of the new blob objects are in the order of execution, the same for all who look.

use std::collections::HashSet;

use walrus_sui::{Address, objects::Blob};

use super::{
    Store,
    register::{Batch, certified, reused},
};
use crate::{ResourceOperation, Surplus};

/// A blob object that came before one of ours.
struct Rival {
    slot: usize,
    ours: Address,
    theirs: Blob,
}

impl Store<'_> {
    /// Gives up what was registered for blobs that another program of the wallet registered before. Objects that can be deleted
    /// are, so that their storage is the wallet's again; others are used as they are.
    pub(super) async fn give_way(&mut self, batch: &Batch) {
        if !(self.options.reuse_resources && self.options.check_status && self.options.deletable) {
            return;
        }
        let rivals = match self.rivals(batch).await {
            Ok(rivals) => rivals,
            Err(error) => {
                tracing::warn!(%error, "whether somebody else registered the same is not known");
                return;
            }
        };
        if rivals.is_empty() {
            return;
        }
        let objects: Vec<Address> = rivals.iter().map(|rival| rival.ours).collect();
        let Some(writer) = &self.writer else { return };
        let deleted = writer.delete_blobs(&objects).await;
        if let Err(error) = &deleted {
            tracing::warn!(%error, "blob objects that are not needed could not be deleted");
        }
        for rival in rivals {
            self.replace(rival, deleted.is_ok());
        }
    }

    /// Objects that came before those of a batch.
    async fn rivals(&self, batch: &Batch) -> Result<Vec<Rival>, crate::ClientError> {
        let ours: HashSet<Address> = self
            .slots
            .iter()
            .filter_map(|slot| Some(slot.registration.as_ref()?.object.id))
            .collect();
        let owned = self.owned_blobs().await?;
        let mut rivals = Vec::new();
        for new in &batch.new {
            let Some(slot) = self.slots.get(new.slot) else {
                continue;
            };
            let Some(registration) = slot.registration.as_ref() else {
                continue;
            };
            let object = &registration.object;
            let same = |blob: &&Blob| {
                blob.blob_id == object.blob_id
                    && blob.deletable == object.deletable
                    && blob.storage.end_epoch >= object.storage.end_epoch
                    && !ours.contains(&blob.id)
            };
            // Attributes are an object's own.
            for theirs in owned
                .iter()
                .filter(same)
                .filter(|_| slot.attributes.is_empty())
            {
                rivals.push(Rival {
                    slot: new.slot,
                    ours: object.id,
                    theirs: theirs.clone(),
                });
            }
        }
        self.first(rivals).await
    }

    /// Of rivals those that came first, and before ours.
    async fn first(&self, rivals: Vec<Rival>) -> Result<Vec<Rival>, crate::ClientError> {
        let ids: Vec<Address> = rivals
            .iter()
            .flat_map(|rival| [rival.ours, rival.theirs.id])
            .collect();
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let objects = self.client.reader().chain().objects(&ids).await?;
        let version = |id: Address| {
            let mut found = objects.iter().flatten();
            found
                .find(|object| object.id == id)
                .map(|object| object.version)
        };
        let mut first: Vec<(u64, Rival)> = Vec::new();
        for rival in rivals {
            let Some((ours, theirs)) = version(rival.ours).zip(version(rival.theirs.id)) else {
                continue;
            };
            // A certificate gives an object a later version. Who is certified need not give way to anybody.
            let theirs = match rival.theirs.certified_epoch {
                Some(_) => 0,
                None => theirs,
            };
            match first.iter_mut().find(|(_, known)| known.slot == rival.slot) {
                _ if theirs > ours => {}
                Some(known) if theirs < known.0 => *known = (theirs, rival),
                Some(_) => {}
                None => first.push((theirs, rival)),
            }
        }
        Ok(first.into_iter().map(|(_, rival)| rival).collect())
    }

    fn replace(&mut self, rival: Rival, deleted: bool) {
        let Some(slot) = self.slots.get_mut(rival.slot) else {
            return;
        };
        let cost = slot.registration.as_ref().map_or(0, |ours| ours.cost);
        slot.surplus = Some(Surplus {
            object: rival.ours,
            cost,
            deleted,
        });
        slot.parts = super::parts::Parts::default();
        slot.register_digest = None;
        if rival.theirs.certified_epoch.is_some() {
            slot.result = Some(certified(&rival.theirs));
            return;
        }
        let operation = ResourceOperation::ReuseRegistration {
            encoded_length: rival.theirs.storage.storage_size,
        };
        slot.registration = Some(reused(rival.theirs, operation, 0, None));
    }
}
