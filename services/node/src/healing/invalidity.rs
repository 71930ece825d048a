//! Invalid blobs: when one was encoded wrongly, a quorum attests the proof, and the chain learns of it. Node spec 5.3.

use std::{cmp::Reverse, time::Duration};

use bytes::Bytes;
use futures::{StreamExt as _, future::BoxFuture, stream::FuturesUnordered};
use tokio::time::timeout;
use walrus_core::{
    BlobId, Epoch, SliverType, certificate::ProtocolMessageCertificate, messages::InvalidBlobId,
    quorum::min_certificate_weight, signed_message::SignedMessage,
};
use walrus_sui::{
    contract::{Committee, CommitteeMember},
    transactions::{BlobCertificate, ContractWriter},
};

use super::{Healer, HealingError};
use crate::limits::SLOW_ATTESTATION;

/// Brings certificates of invalid blobs on chain.
pub trait InvalidityReporter: Send + Sync + 'static {
    /// Submits a certificate of message type 2.
    fn report(&self, certificate: BlobCertificate) -> BoxFuture<'_, anyhow::Result<()>>;
}

impl InvalidityReporter for ContractWriter {
    fn report(&self, certificate: BlobCertificate) -> BoxFuture<'_, anyhow::Result<()>> {
        Box::pin(async move {
            self.invalidate_blob_id(&certificate).await?;
            Ok(())
        })
    }
}

/// A proof that no sliver goes with the metadata, in BCS without tag.
pub(super) struct Proof {
    pub(super) sliver_type: SliverType,
    pub(super) bytes: Bytes,
}

type Attestation = SignedMessage<InvalidBlobId>;

impl Healer {
    /// Collects attestations of the proof and reports the blob. The event that follows on chain deletes its data.
    pub(super) async fn invalidate(
        &self,
        blob_id: BlobId,
        proof: Proof,
    ) -> Result<(), HealingError> {
        tracing::warn!(%blob_id, sliver_type = %proof.sliver_type, "the blob is inconsistent");
        let view = self.holdings.view();
        let committee = &view.committees.current;
        let attestations = self
            .attestations(committee, view.epoch(), blob_id, &proof)
            .await?;
        let certificate = ProtocolMessageCertificate::aggregate(attestations)?;
        let members = u16::try_from(committee.members.len()).unwrap_or(u16::MAX);
        self.reporter
            .report(BlobCertificate {
                signature: certificate.signature.0.to_vec(),
                signers_bitmap: certificate.signers_bitmap(members)?,
                message: certificate.serialized_message,
            })
            .await
            .map_err(HealingError::Report)?;
        tracing::warn!(%blob_id, "reported the inconsistent blob");
        Ok(())
    }

    /// Verified attestations of a quorum by the signers' positions; big members first, so that few signatures do.
    async fn attestations(
        &self,
        committee: &Committee,
        epoch: Epoch,
        blob_id: BlobId,
        proof: &Proof,
    ) -> Result<Vec<(u16, Attestation)>, HealingError> {
        let needed = usize::from(min_certificate_weight(committee.n_shards));
        let mut members: Vec<_> = (0_u16..).zip(&committee.members).collect();
        members.sort_by_key(|(_, member)| Reverse(member.shards.len()));
        let mut members = members.into_iter();
        let mut asked = FuturesUnordered::new();
        let (mut weight, mut pending) = (0_usize, 0_usize);
        let mut attestations = Vec::new();
        while weight < needed {
            while weight.saturating_add(pending) < needed {
                let Some((index, member)) = members.next() else {
                    break;
                };
                pending = pending.saturating_add(member.shards.len());
                asked.push(async move {
                    let answer = self.attestation(member, epoch, blob_id, proof).await;
                    (index, member, answer)
                });
            }
            let Ok(answer) = timeout(SLOW_ATTESTATION, asked.next()).await else {
                // Whoever did not answer by now may still do so, and others are asked meanwhile.
                pending = 0;
                continue;
            };
            let Some((index, member, answer)) = answer else {
                return Err(HealingError::TooFewAttestations {
                    weight,
                    needed,
                    blob_id,
                });
            };
            pending = pending.saturating_sub(member.shards.len());
            match answer {
                Ok(attestation) => {
                    weight = weight.saturating_add(member.shards.len());
                    attestations.push((index, attestation));
                }
                Err(error) => {
                    tracing::debug!(%error, name = member.name, "no attestation");
                }
            }
        }
        Ok(attestations)
    }

    /// One member's attestation, verified.
    async fn attestation(
        &self,
        member: &CommitteeMember,
        epoch: Epoch,
        blob_id: BlobId,
        proof: &Proof,
    ) -> Result<Attestation, HealingError> {
        let bytes = proof.bytes.clone();
        let unusable = || HealingError::UnusableMember(member.name.clone());
        let key = member.public_key.ok_or_else(unusable)?;
        if key == self.key {
            return Ok(self
                .inconsistencies
                .attest(blob_id, proof.sliver_type, bytes)
                .await?);
        }
        let client = self.peers.client(member).ok_or_else(unusable)?;
        let patience = Duration::from_secs(self.config.invalidity_sync_timeout_secs);
        let answer = client.submit_inconsistency_proof(&blob_id, proof.sliver_type, bytes);
        let attestation = timeout(patience, answer)
            .await
            .map_err(|_| HealingError::Timeout(patience))??;
        let verify = move || {
            attestation.verify_body(&key, epoch, &InvalidBlobId { blob_id })?;
            Ok(attestation)
        };
        self.work.run(verify).await
    }
}
