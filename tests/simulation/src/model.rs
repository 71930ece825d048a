//! Model: which blobs there are, with which bytes, until when. What nodes and chain must agree with.

use std::sync::{Mutex, MutexGuard, PoisonError};

use rand::{Rng as _, RngCore as _, SeedableRng as _, rngs::StdRng, seq::IndexedRandom as _};
use walrus_core::{BlobId, Epoch};
use walrus_sui::Address;

/// A blob that is certified.
#[derive(Debug, Clone)]
pub(crate) struct Blob {
    /// Its place in the order of stores.
    pub(crate) number: u32,
    pub(crate) blob_id: BlobId,
    pub(crate) object_id: Option<Address>,
    /// The client that owns it.
    pub(crate) owner: u16,
    /// The first epoch without it.
    pub(crate) end_epoch: Epoch,
    pub(crate) deletable: bool,
    /// Whether somebody has begun to delete it.
    pub(crate) deleted: bool,
    /// Whether it may live on after its end: somebody does not know what the chain has made of his request.
    pub(crate) uncertain: bool,
    content: Content,
}

/// Bytes that follow from two numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Content {
    seed: u64,
    length: usize,
}

impl Content {
    /// Mostly small, now and then some hundred kilobytes.
    pub(crate) fn draw(draw: &mut StdRng) -> Self {
        let longest: usize = *[1, 100, 3_000, 3_000, 30_000, 200_000]
            .choose(draw)
            .unwrap_or(&1);
        Self {
            seed: draw.random(),
            length: draw.random_range(1..=longest),
        }
    }

    pub(crate) fn bytes(self) -> Vec<u8> {
        let mut bytes = vec![0; self.length];
        StdRng::seed_from_u64(self.seed).fill_bytes(&mut bytes);
        bytes
    }

    pub(crate) fn length(self) -> usize {
        self.length
    }
}

impl Blob {
    pub(crate) fn new(number: u32, blob_id: BlobId, end_epoch: Epoch, content: Content) -> Self {
        Self {
            number,
            blob_id,
            object_id: None,
            owner: 0,
            end_epoch,
            deletable: false,
            deleted: false,
            uncertain: false,
            content,
        }
    }

    /// Its bytes.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.content.bytes()
    }

    /// Whether these are its bytes.
    pub(crate) fn is(&self, bytes: &[u8]) -> bool {
        self.bytes() == bytes
    }

    /// Whether everybody may rely on it in this epoch.
    pub(crate) fn is_live(&self, epoch: Epoch) -> bool {
        !self.deleted && epoch < self.end_epoch
    }
}

/// All blobs that were ever certified.
#[derive(Debug, Default)]
pub(crate) struct Model(Mutex<Vec<Blob>>);

impl Model {
    fn blobs(&self) -> MutexGuard<'_, Vec<Blob>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn add(&self, blob: Blob) {
        self.blobs().push(blob);
    }

    /// Changes what is known of an object, which more than one store may have ended with.
    pub(crate) fn change(&self, object: Address, change: impl Fn(&mut Blob)) {
        let mut blobs = self.blobs();
        let same = blobs
            .iter_mut()
            .filter(|blob| blob.object_id == Some(object));
        same.for_each(change);
    }

    pub(crate) fn get(&self, number: u32) -> Option<Blob> {
        self.blobs()
            .iter()
            .find(|blob| blob.number == number)
            .cloned()
    }

    /// Those that are live.
    pub(crate) fn live(&self, epoch: Epoch) -> Vec<Blob> {
        let blobs = self.blobs();
        let live = blobs.iter().filter(|blob| blob.is_live(epoch));
        live.cloned().collect()
    }

    /// Those that ended, unless the same content is live under another registration.
    pub(crate) fn gone(&self, epoch: Epoch) -> Vec<Blob> {
        let blobs = self.blobs();
        let is_live = |gone: &Blob| {
            let mut same = blobs.iter().filter(|blob| blob.blob_id == gone.blob_id);
            same.any(|blob| blob.is_live(epoch) || blob.uncertain)
        };
        let gone = blobs.iter().filter(|blob| !is_live(blob));
        gone.cloned().collect()
    }

    /// One of those that are live, if there are any.
    pub(crate) fn choose(&self, epoch: Epoch, draw: &mut StdRng) -> Option<Blob> {
        self.live(epoch).choose(draw).cloned()
    }

    pub(crate) fn len(&self) -> usize {
        self.blobs().len()
    }
}
