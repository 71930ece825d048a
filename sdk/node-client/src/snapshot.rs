//! Snapshots of what is registered, which nodes keep for those who join. An extension: node spec 5.9.

use bytes::Bytes;
use reqwest::{Method, Response};
use serde::{Deserialize, Serialize};

use crate::{NodeClient, NodeError, routes};

/// The snapshot that a node offers. Nodes that have seen the same events offer the same one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SnapshotInfo {
    /// The epoch that begins.
    pub epoch: u32,
    /// The checkpoint of the event that says so.
    pub checkpoint: u64,
    /// How many events of the contract that checkpoint has before it.
    pub events_before: u64,
    /// The length of the file, in bytes.
    pub bytes: u64,
    /// BLAKE3 of the file, in hexadecimal digits.
    pub digest: String,
}

/// A snapshot while it arrives; nothing of it is checked.
#[derive(Debug)]
pub struct SnapshotAnswer {
    url: String,
    response: Response,
}

impl SnapshotAnswer {
    /// What arrives next; `None` at the end.
    ///
    /// # Errors
    /// [`NodeError::Transport`] if the answer breaks off.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, NodeError> {
        let chunk = self.response.chunk().await;
        chunk.map_err(|source| NodeError::Transport {
            url: self.url.clone(),
            source: source.into(),
        })
    }
}

impl NodeClient {
    /// The snapshot that the node offers.
    ///
    /// # Errors
    /// [`NodeError`]; `SNAPSHOT_NOT_FOUND` if there is none.
    pub async fn snapshot(&self) -> Result<SnapshotInfo, NodeError> {
        self.get_json(&format!("{}{}", self.url(), routes::SNAPSHOT))
            .await
    }

    /// The bytes of the snapshot of an epoch from `offset` on.
    ///
    /// # Errors
    /// [`NodeError`]; `SNAPSHOT_NOT_FOUND` if the node offers another one, or none.
    pub async fn snapshot_bytes(
        &self,
        epoch: u32,
        offset: u64,
    ) -> Result<SnapshotAnswer, NodeError> {
        let url = format!("{}{}/{epoch}?offset={offset}", self.url(), routes::SNAPSHOT);
        let response = self.send(&url, self.request(Method::GET, &url)).await?;
        Ok(SnapshotAnswer { url, response })
    }
}
