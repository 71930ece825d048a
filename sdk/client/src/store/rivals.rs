//! Wallet races: several programs of one wallet that store the same new blob at the same moment.
//!
//! Each looks at what the wallet owns right before it registers, but the chain may execute the registrations of several who saw
//! nothing. So each looks again right after: all but the first give way to it. Every registration writes the system object,
//! so the versions of the new blob objects are in the order of execution, the same for all who look.
//!
//! Whoever registered the first may delete it or give it away later: `lost.rs` looks at the end whether it is still there.

use std::collections::{HashMap, HashSet};

use walrus_sui::{Address, objects::Blob};

use super::{
    Store,
    parts::Parts,
    record::certified,
    stage::{Placed as _, Registered, Registration},
};
use crate::{ClientError, PostStoreAction, ResourceOperation, StoreOptions, Surplus};

/// A blob object that came before one of ours.
struct Rival {
    ours: Address,
    theirs: Blob,
}

/// Whether a store may give up what it registered. One that gives its objects away needs one of its own: the program that
/// registered the other keeps what it has stored, or gives it to somebody else.
fn gives_way(options: &StoreOptions) -> bool {
    options.reuse_resources
        && options.check_status
        && options.deletable
        && options.post_store == PostStoreAction::Keep
}

impl Store<'_> {
    /// Gives up what was registered for blobs that another program of the wallet registered before. Objects that can be deleted
    /// are, so that their storage is the wallet's again; others are used as they are. `earlier` are other blobs of this store.
    pub(super) async fn give_way(
        &mut self,
        new: Vec<Registered>,
        earlier: &[Registered],
    ) -> Vec<Registered> {
        if new.is_empty() || !gives_way(self.options) || !self.objects.may_borrow() {
            return new;
        }
        let rivals = match self.rivals(&new, earlier).await {
            Ok(rivals) => rivals,
            Err(error) => {
                tracing::warn!(%error, "whether somebody else registered the same is not known");
                return new;
            }
        };
        let objects: Vec<Address> = rivals.iter().map(|rival| rival.ours).collect();
        let Some(writer) = self.writer.as_ref().filter(|_| !objects.is_empty()) else {
            return new;
        };
        let deleted = writer.delete_blobs(&objects).await;
        if let Err(error) = &deleted {
            tracing::warn!(%error, "blob objects that are not needed could not be deleted");
        }
        let mut theirs: HashMap<Address, Blob> = rivals
            .into_iter()
            .map(|rival| (rival.ours, rival.theirs))
            .collect();
        let replaced =
            new.into_iter()
                .filter_map(|ours| match theirs.remove(&ours.registration.object.id) {
                    Some(theirs) => self.replace(ours, theirs, deleted.is_ok()),
                    None => Some(ours),
                });
        replaced.collect()
    }

    /// Objects that came before those that are new.
    async fn rivals(
        &self,
        new: &[Registered],
        earlier: &[Registered],
    ) -> Result<Vec<Rival>, ClientError> {
        let ours: HashSet<Address> = new
            .iter()
            .chain(earlier)
            .map(|registered| registered.registration.object.id)
            .collect();
        let owned = self.owned_blobs().await?;
        let mut rivals = Vec::new();
        // Attributes are an object's own.
        let plain = new
            .iter()
            .filter(|new| new.encoded.blob.attributes.is_empty());
        for registered in plain {
            let object = &registered.registration.object;
            let same = |blob: &&Blob| {
                blob.blob_id == object.blob_id
                    && blob.deletable == object.deletable
                    && blob.storage.end_epoch >= object.storage.end_epoch
                    && !ours.contains(&blob.id)
            };
            rivals.extend(owned.iter().filter(same).map(|theirs| Rival {
                ours: object.id,
                theirs: theirs.clone(),
            }));
        }
        self.first(rivals).await
    }

    /// Of rivals those that came first, and before ours.
    async fn first(&self, rivals: Vec<Rival>) -> Result<Vec<Rival>, ClientError> {
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
            match first.iter_mut().find(|(_, known)| known.ours == rival.ours) {
                _ if theirs > ours => {}
                Some(known) if theirs < known.0 => *known = (theirs, rival),
                Some(_) => {}
                None => first.push((theirs, rival)),
            }
        }
        Ok(first.into_iter().map(|(_, rival)| rival).collect())
    }

    /// Uses their object in place of ours. One that is certified ends the blob.
    fn replace(&mut self, ours: Registered, theirs: Blob, deleted: bool) -> Option<Registered> {
        let Registered {
            encoded,
            registration,
            ..
        } = ours;
        let is_certified = theirs.certified_epoch.is_some();
        if deleted {
            self.objects.forget(&registration.object.id);
        }
        self.note(encoded.place(), |record| {
            record.surplus = Some(Surplus {
                object: registration.object.id,
                cost: registration.cost,
                deleted,
            });
            record.parts = Parts::default();
            record.register_digest = None;
            record.result = is_certified.then(|| Ok(certified(&theirs)));
        });
        if is_certified {
            self.objects.borrow(encoded, theirs.id);
            return None;
        }
        let operation = ResourceOperation::ReuseRegistration {
            encoded_length: theirs.storage.storage_size,
        };
        let registration = Registration::reused(theirs, operation, 0, None);
        Some(encoded.registered(registration))
    }
}

#[cfg(test)]
mod tests {
    use walrus_sui::Address;

    use super::*;
    use crate::EpochsAhead;

    #[test]
    fn what_is_to_be_given_away_is_never_the_object_of_another_program() {
        let keeps = StoreOptions::new(EpochsAhead::Max);
        assert!(gives_way(&keeps));
        let post_store = PostStoreAction::TransferTo(Address::TWO);
        assert!(!gives_way(&StoreOptions {
            post_store,
            ..keeps
        }));
    }
}
