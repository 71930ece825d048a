//! Intake: everything of a blob in one request, which ends with the confirmation. Node spec 1.18.
//!
//! Pieces come in any order and are kept in memory until there are enough of them for one round of writing, or no memory is left
//! for more. Nothing is stored before the registration of the blob is seen and the piece is verified.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::time::Instant;
use walrus_core::{BlobId, messages::BlobPersistence, signed_message::StorageConfirmation};
use walrus_node_client::{Held, PieceHeader, PieceName};
use walrus_service::{
    memory::{Budget, BudgetError, Taken},
    server::Caller,
};

use super::{ConfirmationError, Confirmations, UploadError, Uploads};
use crate::limits::{
    INTAKE_BATCH, INTAKE_UNREGISTERED, MAX_METADATA_BODY, SLIVER_HEADROOM, SMALL_UPLOAD,
};

/// Why pieces are refused.
#[derive(Debug, thiserror::Error)]
pub enum IntakeError {
    /// A piece says that it is longer than any honest one.
    #[error("{name} has {length} bytes, and at most {limit} are possible")]
    TooLong {
        /// The piece.
        name: PieceName,
        /// Its length.
        length: u32,
        /// The limit.
        limit: usize,
    },
    /// A piece is not what it should be, or cannot be stored.
    #[error(transparent)]
    Upload(#[from] UploadError),
    /// Everything is stored, and still nothing is signed.
    #[error(transparent)]
    Confirmation(#[from] ConfirmationError),
    /// There is no memory for a piece.
    #[error(transparent)]
    Memory(#[from] BudgetError),
}

/// Takes pieces in.
#[derive(Debug)]
pub struct Intake {
    pub(crate) uploads: Arc<Uploads>,
    pub(crate) confirmations: Arc<Confirmations>,
    pub(crate) memory: Budget,
}

/// The pieces of one request.
#[derive(Debug)]
pub struct Arriving {
    intake: Arc<Intake>,
    blob_id: BlobId,
    caller: Caller,
    /// How long a registration may be waited for yet.
    patience: Duration,
    is_registered: bool,
    held: Vec<HeldPiece>,
    bytes: usize,
}

/// A piece that is not stored yet.
#[derive(Debug)]
struct HeldPiece {
    name: PieceName,
    payload: Bytes,
    _memory: Taken,
}

impl Intake {
    /// Begins to take in pieces of a blob. A registration that was not seen yet is waited for, when it is needed, for up to `wait`.
    pub fn begin(self: &Arc<Self>, blob_id: BlobId, caller: Caller, wait: Duration) -> Arriving {
        Arriving {
            patience: self.confirmations.longest_wait().min(wait),
            intake: Arc::clone(self),
            blob_id,
            caller,
            is_registered: false,
            held: Vec::new(),
            bytes: 0,
        }
    }

    /// What the node has of a blob, on disk or in memory.
    ///
    /// # Errors
    /// If the storage fails.
    pub async fn held(&self, blob_id: BlobId) -> Result<Held, UploadError> {
        let uploads = Arc::clone(&self.uploads);
        self.uploads.work.run(move || uploads.held(&blob_id)).await
    }
}

impl Arriving {
    /// Gets memory for a piece that is about to come.
    ///
    /// # Errors
    /// [`IntakeError`], also of pieces that came before.
    pub async fn expect(&mut self, header: &PieceHeader) -> Result<Taken, IntakeError> {
        let limit = match header.name {
            PieceName::Metadata => MAX_METADATA_BODY,
            PieceName::Sliver(..) => {
                let longest = self.intake.uploads.holdings.encoding().max_sliver_length();
                longest.saturating_add(SLIVER_HEADROOM)
            }
        };
        let length = usize::try_from(header.length).unwrap_or(usize::MAX);
        if length > limit {
            return Err(IntakeError::TooLong {
                name: header.name,
                length: header.length,
                limit,
            });
        }
        // Who has paid for nothing gets no memory to speak of.
        if self.bytes.saturating_add(length) > INTAKE_UNREGISTERED {
            self.see_registration().await?;
        }
        if !self.held.is_empty() && self.bytes.saturating_add(length) > INTAKE_BATCH {
            self.store().await?;
        }
        match self.intake.memory.try_take(self.caller, length) {
            Err(BudgetError::InUse) => {}
            taken => return Ok(taken?),
        }
        // Who waits for memory must hold none.
        self.store().await?;
        Ok(self.intake.memory.take(self.caller, length).await?)
    }

    /// Takes a piece that came, into the memory that was got for it.
    pub fn take(&mut self, name: PieceName, payload: Bytes, memory: Taken) {
        self.bytes = self.bytes.saturating_add(payload.len());
        self.held.push(HeldPiece {
            name,
            payload,
            _memory: memory,
        });
    }

    /// Stores the last pieces, and signs.
    ///
    /// # Errors
    /// [`IntakeError`].
    pub async fn finish(
        mut self,
        persistence: BlobPersistence,
    ) -> Result<StorageConfirmation, IntakeError> {
        let is_small = self.bytes <= SMALL_UPLOAD;
        if is_small && let Some(confirmation) = self.store_and_confirm(persistence).await? {
            return Ok(confirmation);
        }
        if is_small && !self.held.is_empty() {
            // It came before its registration, as uploads do that are quick.
            self.see_registration().await?;
            if let Some(confirmation) = self.store_and_confirm(persistence).await? {
                return Ok(confirmation);
            }
        }
        self.store().await?;
        let confirmations = &self.intake.confirmations;
        let confirmed = confirmations.confirm_sent(self.blob_id, persistence, self.patience);
        Ok(confirmed.await?)
    }

    /// Verifies and stores what is held and signs, in one piece of work: what is small takes less time than to hand it from thread to
    /// thread. Nothing if a registration is to be waited for, of the blob or of the object.
    async fn store_and_confirm(
        &mut self,
        persistence: BlobPersistence,
    ) -> Result<Option<StorageConfirmation>, IntakeError> {
        let (pieces, blob_id) = (self.pieces(), self.blob_id);
        let uploads = Arc::clone(&self.intake.uploads);
        let confirmations = Arc::clone(&self.intake.confirmations);
        let is_registered = self.is_registered;
        let store = move || {
            if !is_registered && !uploads.holdings.is_registered(&blob_id)? {
                return Ok(None);
            }
            if !pieces.is_empty() {
                uploads.store_pieces_blocking(blob_id, pieces)?;
            }
            Ok::<_, UploadError>(Some(confirmations.confirm_now(blob_id, persistence)))
        };
        let Some(confirmed) = self.intake.uploads.work.run(store).await? else {
            return Ok(None);
        };
        self.is_registered = true;
        self.bytes = 0;
        self.held.clear();
        match confirmed {
            Ok(confirmation) => Ok(Some(confirmation)),
            Err(error) if error.may_pass() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// What is held.
    fn pieces(&self) -> Vec<(PieceName, Bytes)> {
        let held = self.held.iter();
        held.map(|piece| (piece.name, piece.payload.clone()))
            .collect()
    }

    /// Waits until the blob is registered, as far as patience goes.
    async fn see_registration(&mut self) -> Result<(), IntakeError> {
        if self.is_registered {
            return Ok(());
        }
        let began = Instant::now();
        let confirmations = &self.intake.confirmations;
        confirmations
            .wait_for_registration(self.blob_id, self.patience)
            .await?;
        self.patience = self.patience.saturating_sub(began.elapsed());
        self.is_registered = true;
        Ok(())
    }

    /// Verifies and stores what is held.
    async fn store(&mut self) -> Result<(), IntakeError> {
        if self.held.is_empty() {
            return Ok(());
        }
        self.see_registration().await?;
        self.bytes = 0;
        let pieces = self.pieces();
        let held = std::mem::take(&mut self.held);
        let uploads = &self.intake.uploads;
        uploads.store_pieces(self.blob_id, pieces).await?;
        drop(held);
        Ok(())
    }
}

/// Who was interrupted need not send again what came: it is verified and stored.
impl Drop for Arriving {
    fn drop(&mut self) {
        let held = std::mem::take(&mut self.held);
        if held.is_empty() {
            return;
        }
        let (uploads, blob_id) = (Arc::clone(&self.intake.uploads), self.blob_id);
        let work = uploads.work.clone();
        let keep = move || {
            let pieces = held
                .iter()
                .map(|piece| (piece.name, piece.payload.clone()))
                .collect();
            if let Err(error) = uploads.store_pieces_blocking(blob_id, pieces) {
                tracing::debug!(%blob_id, %error, "pieces of an interrupted upload are not kept");
            }
        };
        drop(work.in_background(keep));
    }
}
