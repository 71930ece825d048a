//! Backfill: metadata and slivers of a blob for single nodes, which miss what the others have. Client spec 2.8.

use walrus_core::{BlobId, messages::BlobPersistence};
use walrus_sui::Address;

use super::{
    BlobUpload, EncodedSlivers, Unencoded,
    upload::{send_metadata, send_slivers},
};
use crate::{BlobData, Client, ClientError, NodeFailure, NodeProblem, nodes::StorageNode};

impl Client {
    /// Sends nodes of the current committee the metadata and their slivers of a blob, one node after the other. The network must know the
    /// blob, or the nodes refuse it. What they have already is not sent again. Returns those nodes that do not have all of it afterwards.
    ///
    /// # Errors
    /// [`ClientError::OtherBlob`] if `data` is not the blob; [`ClientError::NotInCommittee`] if a node is not in the committee; what encoding
    /// fails with. Nothing is sent then.
    pub async fn backfill(
        &self,
        blob_id: BlobId,
        data: BlobData,
        nodes: &[Address],
    ) -> Result<Vec<NodeFailure>, ClientError> {
        let view = self.view().await?;
        let committee = &view.current;
        let mut members = Vec::with_capacity(nodes.len());
        for id in nodes {
            let member = committee.nodes.iter().find(|node| node.node_id == *id);
            members.push(member.ok_or(ClientError::NotInCommittee { node_id: *id })?);
        }
        let blob = Unencoded::new(blob_id.to_string(), data, committee.config)?;
        let slivers = match blob.sliver_bytes()? <= self.spool().in_memory {
            true => blob.encode_in_memory(|_| {}).await?,
            false => blob.encode_to_file(self.spool().clone(), |_| {}).await?,
        };
        let found = *slivers.metadata().blob_id();
        if found != blob_id {
            return Err(ClientError::OtherBlob {
                expected: blob_id,
                found,
            });
        }
        let upload = upload_of(slivers);
        let mut failures = Vec::new();
        for node in members {
            if let Err(problem) = send(node, &upload).await {
                failures.push(node.failure(problem));
            }
        }
        Ok(failures)
    }
}

/// No confirmations are asked for, so that it does not matter how the blob is registered.
fn upload_of(slivers: EncodedSlivers) -> BlobUpload {
    let mut upload = BlobUpload::new(slivers, BlobPersistence::Permanent);
    upload.resumes = true;
    upload
}

async fn send(node: &StorageNode, upload: &BlobUpload) -> Result<(), NodeProblem> {
    let stored = send_metadata(node, upload).await?;
    send_slivers(node, upload, stored, |_| async {}).await
}
