//! Storage confirmation of one node. Client spec 1.6.6.
//!
//! What a node says is looked at here. Whether it has signed that is found out for all nodes together, once there are enough.

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

/// A confirmation of what was asked for. The signature is not checked.
pub(super) type Confirmation = SignedMessage<StorageConfirmationBody>;

/// Why a node does not confirm.
#[derive(Debug)]
pub(super) enum Unconfirmed {
    /// It lacks slivers.
    MissingSlivers,
    /// It cannot be asked, refuses, or sent something that is no confirmation.
    Lost(NodeProblem),
}

/// Asks a node to confirm, and checks what it sends: epoch, blob and persistence.
pub(super) async fn request(
    node: &StorageNode,
    epoch: Epoch,
    blob_id: &BlobId,
    persistence: &BlobPersistence,
) -> Result<Confirmation, Unconfirmed> {
    let client = node.client().map_err(Unconfirmed::Lost)?;
    key_of(node).map_err(Unconfirmed::Lost)?;
    let mut patience = Patience::default();
    loop {
        let wait = node.tuning().confirmation_long_poll;
        let long_poll = Some(wait).filter(|wait| !wait.is_zero());
        let request = client.confirmation(blob_id, persistence, long_poll);
        let (problem, pause): (NodeProblem, Option<Duration>) =
            match within(wait + limits::SMALL_REQUEST, request).await {
                Ok(confirmation) => match look_at(&confirmation, epoch, (blob_id, persistence)) {
                    Ok(()) => return Ok(confirmation.signed().clone()),
                    Err(problem @ NodeProblem::Behind(_)) => (problem, patience.after_lag()),
                    Err(problem) => (problem, None),
                },
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

/// Whether a node has signed its confirmation with its key.
///
/// # Errors
/// [`NodeProblem::WrongConfirmation`].
pub(super) fn verify_signature(
    node: &StorageNode,
    confirmation: &Confirmation,
) -> Result<(), NodeProblem> {
    let message = confirmation.serialized_message();
    let verified = key_of(node)?.verify(message, confirmation.signature());
    verified.map_err(|error| NodeProblem::WrongConfirmation(error.into()))
}

/// Checks what a node sent: epoch, blob and persistence.
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
    key_of(node)?;
    look_at(confirmation, epoch, about)
}

fn look_at(
    confirmation: &StorageConfirmation,
    epoch: Epoch,
    (blob_id, persistence): (&BlobId, &BlobPersistence),
) -> Result<(), NodeProblem> {
    match confirmation.check_message(epoch, blob_id, *persistence) {
        Ok(()) => Ok(()),
        Err(error @ MessageError::Epoch { found, expected }) if found < expected => {
            Err(NodeProblem::Behind(error))
        }
        Err(error) => Err(NodeProblem::WrongConfirmation(error)),
    }
}
