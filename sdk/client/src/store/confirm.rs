//! The storage confirmation of one node. Client spec 1.6.6.

use std::time::Duration;

use walrus_core::{
    BlobId, Epoch,
    messages::{BlobPersistence, MessageError, StorageConfirmationBody},
    signed_message::SignedMessage,
};
use walrus_node_client::Reason;

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
    let malformed = || NodeProblem::Unusable("its BLS key on chain is malformed".to_owned());
    let key = node.public_key().ok_or_else(malformed);
    let key = key.map_err(Unconfirmed::Lost)?;
    let mut patience = Patience::default();
    loop {
        let wait = node.tuning().confirmation_long_poll;
        let long_poll = Some(wait).filter(|wait| !wait.is_zero());
        let request = client.confirmation(blob_id, persistence, long_poll);
        let (problem, pause): (NodeProblem, Option<Duration>) =
            match within(wait + limits::SMALL_REQUEST, request).await {
                Ok(confirmation) => {
                    match confirmation.verify(key, epoch, blob_id, *persistence) {
                        Ok(()) => return Ok(confirmation.signed().clone()),
                        // It has not seen the epoch change yet.
                        Err(error @ MessageError::Epoch { found, expected })
                            if found < expected =>
                        {
                            (NodeProblem::Behind(error), patience.after_lag())
                        }
                        Err(error) => (NodeProblem::WrongConfirmation(error), None),
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
