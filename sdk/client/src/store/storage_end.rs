//! Storage that ends before its blob is certified. Nodes then answer as if the blob had never been registered, which looks like
//! lag, and no certificate counts any more: only the chain's epoch tells that waiting is for nothing.

use std::{convert::Infallible, fmt::Display, time::Duration};

use tokio::sync::watch;
use walrus_core::{BlobId, Epoch};
use walrus_sui::{Address, objects::Blob};

use super::{BlobUpload, CertifiedUpload, upload_and_confirm};
use crate::{ClientError, Progress, nodes::NodeCommittee};

/// What a blob that is not certified yet is registered as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Registered {
    /// The blob.
    pub blob_id: BlobId,
    /// Its object.
    pub object_id: Address,
    /// The first epoch that its storage does not cover.
    pub end_epoch: Epoch,
}

impl Registered {
    /// What the object says.
    pub(super) fn of(object: &Blob) -> Self {
        Self {
            blob_id: object.blob_id,
            object_id: object.id,
            end_epoch: object.storage.end_epoch,
        }
    }

    /// Whether the storage is over when the network is in `epoch`.
    pub(super) fn has_ended(&self, epoch: Epoch) -> bool {
        epoch >= self.end_epoch
    }

    /// The error of storage that is over.
    pub(super) fn ended(self) -> ClientError {
        ClientError::StorageEnded {
            blob_id: self.blob_id,
            object_id: self.object_id,
            end_epoch: self.end_epoch,
        }
    }

    /// The error of a blob that could not be certified, though its storage lasts. Whatever the reason, it tells what is kept.
    pub(super) fn not_certified(self, source: ClientError) -> ClientError {
        if let ClientError::NotEnoughConfirmations {
            got,
            needed,
            failures,
            ..
        } = source
        {
            let registered = Some(self);
            return ClientError::NotEnoughConfirmations {
                got,
                needed,
                failures,
                registered,
            };
        }
        ClientError::NotCertified {
            blob_id: self.blob_id,
            object_id: self.object_id,
            end_epoch: self.end_epoch,
            source: Box::new(source),
        }
    }
}

/// As [`upload_and_confirm`], as long as the storage lasts. `epoch` tells the network's epoch; without a sender it stays.
///
/// # Errors
/// [`ClientError::StorageEnded`] as soon as `epoch` reaches the end of the storage; else as [`upload_and_confirm`].
pub async fn upload_while_stored(
    committee: &NodeCommittee,
    upload: &BlobUpload,
    registered: Registered,
    mut epoch: watch::Receiver<Epoch>,
    progress: &dyn Progress,
) -> Result<CertifiedUpload, ClientError> {
    let ended = async {
        // The value itself must not be held: it would keep the future on its thread.
        let untold = epoch
            .wait_for(|epoch| registered.has_ended(*epoch))
            .await
            .is_err();
        if untold {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        biased;
        () = ended => Err(registered.ended()),
        result = upload_and_confirm(committee, upload, progress) => result,
    }
}

/// Tells `epoch` every so often what `read` says. An epoch that cannot be read is looked for again after the next pause.
pub(super) async fn follow<E, F>(
    epoch: &watch::Sender<Epoch>,
    pause: Duration,
    read: impl Fn() -> F,
) -> Infallible
where
    E: Display,
    F: Future<Output = Result<Epoch, E>>,
{
    loop {
        tokio::time::sleep(pause).await;
        match read().await {
            Ok(now) => {
                epoch.send_if_modified(|known| std::mem::replace(known, now) != now);
            }
            Err(error) => tracing::debug!(%error, "the epoch could not be read"),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    fn registered() -> Registered {
        Registered {
            blob_id: BlobId([3; 32]),
            object_id: Address::new([4; 32]),
            end_epoch: 9,
        }
    }

    #[test]
    fn storage_ends_with_the_beginning_of_its_end_epoch() {
        assert!(!registered().has_ended(8));
        assert!(registered().has_ended(9) && registered().has_ended(10));
    }

    #[test]
    fn errors_name_the_blob_and_what_to_do() {
        let of_blob = registered();
        let ended = of_blob.ended().to_string();
        let cause = ClientError::NoEpochs;
        let kept = of_blob.not_certified(ClientError::NoEpochs).to_string();
        for text in [&ended, &kept] {
            assert!(text.contains(&of_blob.blob_id.to_string()), "{text}");
            assert!(text.contains(&of_blob.object_id.to_string()), "{text}");
            assert!(text.contains("epoch 9") && text.contains("again"), "{text}");
        }
        assert!(kept.contains(&cause.to_string()), "{kept}");
        let unconfirmed = ClientError::NotEnoughConfirmations {
            got: 3,
            needed: 9,
            failures: Vec::new(),
            registered: None,
        };
        let begins = unconfirmed.to_string();
        let unconfirmed = of_blob.not_certified(unconfirmed);
        assert!(unconfirmed.may_be_epoch_change());
        let text = unconfirmed.to_string();
        assert!(text.starts_with(&begins), "{text}");
        assert!(text.contains(&of_blob.blob_id.to_string()), "{text}");
        assert!(text.contains(&of_blob.object_id.to_string()), "{text}");
        assert!(text.contains("epoch 9") && text.contains("again"), "{text}");
        assert!(!of_blob.ended().may_be_epoch_change());
    }

    #[tokio::test]
    async fn an_epoch_is_followed_though_the_chain_fails_once() {
        let (sender, mut receiver) = watch::channel(7);
        let reads = AtomicU32::new(0);
        let read = || {
            let number = reads.fetch_add(1, Ordering::Relaxed);
            async move {
                match number {
                    0 => Ok(7),
                    1 => Err("no answer"),
                    _ => Ok(9),
                }
            }
        };
        let seen = async { *receiver.wait_for(|epoch| *epoch != 7).await.unwrap() };
        let seen = tokio::select! {
            never = follow(&sender, Duration::from_millis(1), read) => match never {},
            seen = seen => seen,
        };
        assert_eq!(seen, 9);
    }
}
