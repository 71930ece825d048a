//! Storage confirmation of one node. Client spec 1.6.6.

use std::time::Duration;

use walrus_core::{
    BlobId, BlsPublicKey, Epoch,
    messages::{BlobPersistence, MessageError, StorageConfirmationBody},
    signed_message::{SignedMessage, StorageConfirmation},
};
use walrus_node_client::Reason;

use super::upload::BlobUpload;
use crate::{
    NodeProblem, limits,
    nodes::StorageNode,
    patience::{Patience, within},
};

/// A verified confirmation.
pub(super) type Confirmation = SignedMessage<StorageConfirmationBody>;

/// Why a node does not confirm.
#[derive(Debug)]
pub(super) enum Unconfirmed {
    /// It lacks slivers.
    MissingSlivers,
    /// It cannot be asked, refuses, or sent something that is no confirmation.
    Lost(NodeProblem),
}

/// Asks a node to confirm, and checks what it sends: signature, epoch, blob and persistence.
pub(super) async fn request(
    node: &StorageNode,
    epoch: Epoch,
    blob_id: &BlobId,
    persistence: &BlobPersistence,
) -> Result<Confirmation, Unconfirmed> {
    let client = node.client().map_err(Unconfirmed::Lost)?;
    let key = key_of(node).map_err(Unconfirmed::Lost)?;
    let mut patience = Patience::default();
    loop {
        let wait = node.tuning().confirmation_long_poll;
        let long_poll = Some(wait).filter(|wait| !wait.is_zero());
        let request = client.confirmation(blob_id, persistence, long_poll);
        let (problem, pause): (NodeProblem, Option<Duration>) =
            match within(wait + limits::SMALL_REQUEST, request).await {
                Ok(confirmation) => {
                    match verify(&confirmation, key, epoch, (blob_id, persistence)) {
                        Ok(()) => return Ok(confirmation.signed().clone()),
                        Err(problem @ NodeProblem::Behind(_)) => (problem, patience.after_lag()),
                        Err(problem) => (problem, None),
                    }
                }
                Err(NodeProblem::Request(error)) if error.is_reason(Reason::MissingSlivers) => {
                    return Err(Unconfirmed::MissingSlivers);
                }
                Err(problem) => {
                    let pause = patience.after(&problem);
                    (problem, pause)
                }
            };
        match pause {
            Some(pause) => tokio::time::sleep(pause).await,
            None => return Err(Unconfirmed::Lost(problem)),
        }
    }
}

fn key_of(node: &StorageNode) -> Result<&BlsPublicKey, NodeProblem> {
    let malformed = || NodeProblem::Unusable("its BLS key on chain is malformed".to_owned());
    node.public_key().ok_or_else(malformed)
}

/// Checks what a node sent: signature, epoch, blob and persistence.
///
/// # Errors
/// [`NodeProblem::Behind`] if it has not seen the epoch change yet; [`NodeProblem::WrongConfirmation`].
pub(super) fn check(
    node: &StorageNode,
    epoch: Epoch,
    upload: &BlobUpload,
    confirmation: &StorageConfirmation,
) -> Result<(), NodeProblem> {
    let about = (upload.blob_id(), &upload.persistence);
    verify(confirmation, key_of(node)?, epoch, about)
}

fn verify(
    confirmation: &StorageConfirmation,
    key: &BlsPublicKey,
    epoch: Epoch,
    (blob_id, persistence): (&BlobId, &BlobPersistence),
) -> Result<(), NodeProblem> {
    match confirmation.verify(key, epoch, blob_id, *persistence) {
        Ok(()) => Ok(()),
        Err(error @ MessageError::Epoch { found, expected }) if found < expected => {
            Err(NodeProblem::Behind(error))
        }
        Err(error) => Err(NodeProblem::WrongConfirmation(error)),
    }
}
