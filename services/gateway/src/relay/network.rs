//! The Walrus network behind a relay.

use futures::future::BoxFuture;
use walrus_core::{messages::BlobPersistence, pricing::encoded_blob_length};
use walrus_sdk::{BlobData, BlobId, Client, ClientError, Digest, EncodingType, UploadCertificate};
use walrus_sui::chain::{ChainError, Payment};

use super::RelayBackend;

/// The nodes and the chain of a network.
pub struct RelayOfNetwork(Client);

impl RelayOfNetwork {
    /// Those that a client talks to; it needs no signer.
    pub fn new(client: Client) -> Self {
        Self(client)
    }
}

impl RelayBackend for RelayOfNetwork {
    fn encoded_length(&self, length: u64) -> BoxFuture<'_, Result<u64, ClientError>> {
        Box::pin(async move {
            let n_shards = self.0.committees().await?.current.n_shards;
            encoded_blob_length(n_shards, length, EncodingType::RS2)
                .map_err(|error| ClientError::Encode(error.into()))
        })
    }

    fn payment(&self, digest: Digest) -> BoxFuture<'_, Result<Payment, ChainError>> {
        Box::pin(async move { self.0.reader().chain().payment(&digest).await })
    }

    fn upload(
        &self,
        data: BlobData,
        blob_id: BlobId,
        persistence: BlobPersistence,
    ) -> BoxFuture<'_, Result<UploadCertificate, ClientError>> {
        Box::pin(async move { self.0.upload_registered(data, &blob_id, persistence).await })
    }
}
