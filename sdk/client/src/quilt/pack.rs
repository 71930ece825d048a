//! Patches become the bytes of a quilt: few of them in memory, many in a file.

use std::{collections::BTreeMap, sync::Arc};

use walrus_core::{
    BlobId, EncodingConfig,
    quilt::{AssembleError, Identifier, NewPatch, QuiltIndex, QuiltLayout, Tags},
};

use super::{QuiltProblem, StoredPatch, store::stored_patches};
use crate::{BlobData, BlobToStore, Client, ClientError, Spool, computation::compute};

/// The attribute of blob objects that are quilts, key and value.
pub const QUILT_ATTRIBUTE: (&str, &str) = ("_walrusBlobType", "quilt");

/// Bytes of slivers and of the quilt itself for each byte of a quilt, about.
const BYTES_PER_BYTE: u64 = 6;

/// A patch that is to be stored.
#[derive(Debug, Clone, Default)]
pub struct PatchToStore {
    /// Its name in the quilt.
    pub identifier: String,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// The bytes, or the file that has them.
    pub data: BlobData,
}

impl PatchToStore {
    /// A patch without tags.
    pub fn new(identifier: impl Into<String>, data: impl Into<BlobData>) -> Self {
        Self {
            identifier: identifier.into(),
            tags: BTreeMap::new(),
            data: data.into(),
        }
    }

    /// Sets a tag.
    #[must_use]
    pub fn tag(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.tags.insert(key.into(), value.into());
        self
    }

    fn describe(&self) -> Result<NewPatch, ClientError> {
        let identifier = Identifier::new(self.identifier.as_str()).map_err(QuiltProblem::from)?;
        let tags = Tags::new(self.tags.clone()).map_err(|source| QuiltProblem::Tags {
            identifier: self.identifier.clone(),
            source,
        })?;
        let length = self
            .data
            .length()
            .map_err(|error| ClientError::Unreadable {
                label: self.identifier.clone(),
                source: error.into(),
            })?;
        Ok(NewPatch {
            identifier,
            tags,
            length,
        })
    }
}

/// A quilt that is put together, for whoever stores its bytes as a blob of their own; see [`Client::pack_quilt`].
#[derive(Debug, Clone)]
pub struct PackedQuilt {
    /// The bytes.
    pub data: BlobData,
    /// What is where in them.
    pub index: QuiltIndex,
}

impl PackedQuilt {
    /// The patches, once the quilt is stored as `quilt_id`.
    pub fn patches(&self, quilt_id: BlobId) -> Vec<StoredPatch> {
        stored_patches(quilt_id, &self.index)
    }
}

impl Client {
    /// Puts patches together as [`Client::store_quilt`] does, without storing them. The blob object of a quilt has the attribute
    /// [`QUILT_ATTRIBUTE`].
    ///
    /// # Errors
    /// [`ClientError::Quilt`] if they make no quilt, [`ClientError::Unreadable`], [`ClientError::Spool`].
    pub async fn pack_quilt(
        &self,
        patches: impl IntoIterator<Item = PatchToStore>,
    ) -> Result<PackedQuilt, ClientError> {
        let config = self.view().await?.current.config;
        let patches = patches.into_iter().collect();
        let packed = pack(patches, String::new(), config, self.spool().clone());
        let Packed { blob, index } = packed.await?;
        Ok(PackedQuilt {
            data: blob.data,
            index,
        })
    }
}

/// A quilt that is put together, ready to be stored.
pub(super) struct Packed {
    pub(super) blob: BlobToStore,
    pub(super) index: QuiltIndex,
}

/// Puts a quilt together. Files are read once, one after the other.
pub(super) async fn pack(
    patches: Vec<PatchToStore>,
    label: String,
    config: EncodingConfig,
    spool: Spool,
) -> Result<Packed, ClientError> {
    let work = move |_: &_| {
        let new: Result<Vec<_>, _> = patches.iter().map(PatchToStore::describe).collect();
        let layout = QuiltLayout::plan(config, new?).map_err(QuiltProblem::from)?;
        let length = layout.quilt_length();
        let open = |input: usize| match patches.get(input) {
            Some(patch) => patch.data.reader(),
            None => Err(std::io::ErrorKind::NotFound.into()),
        };
        let data = if length.saturating_mul(BYTES_PER_BYTE) <= spool.in_memory {
            let quilt = layout.assemble_in_memory(open);
            BlobData::from(quilt.map_err(|error| assemble_error(error, &spool))?)
        } else {
            let file = spool.file_of(length)?;
            let written = layout.assemble_in_file(open, &file);
            written.map_err(|error| assemble_error(error, &spool))?;
            BlobData::from(Arc::new(file))
        };
        let (key, value) = QUILT_ATTRIBUTE;
        let mut blob = BlobToStore::new(label, data);
        blob.attributes.push((key.to_owned(), value.to_owned()));
        let index = layout.index().clone();
        Ok(Packed { blob, index })
    };
    compute(work, |_| {}).await
}

fn assemble_error(error: AssembleError, spool: &Spool) -> ClientError {
    match &error {
        AssembleError::Read { identifier, .. } | AssembleError::Changed { identifier, .. } => {
            ClientError::Unreadable {
                label: identifier.clone(),
                source: error.into(),
            }
        }
        AssembleError::Write { error, .. } => spool.failed(error.clone()).into(),
    }
}
