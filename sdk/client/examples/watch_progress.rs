//! Shows how far a store is: `cargo run -p walrus-sdk --example watch_progress -- FILE`.

use std::path::PathBuf;

use futures::StreamExt as _;
use walrus_sdk::{BlobData, Client, ClientError, ProgressEvent, StoredBlob};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let file = std::env::args_os().nth(1).ok_or("name a file")?;
    let client = Client::from_default_config().await?;
    let stored = store_watched(&client, PathBuf::from(file), |line| println!("{line}")).await?;
    println!("stored as {}", stored.blob_id());
    Ok(())
}

/// What is being done is a stream of events first, and a future of the result afterwards.
pub async fn store_watched(
    client: &Client,
    data: impl Into<BlobData>,
    mut show: impl FnMut(String),
) -> Result<StoredBlob, ClientError> {
    let mut storing = client.store(data).start();
    while let Some(event) = storing.next().await {
        match event {
            ProgressEvent::Started(phase) => show(format!("{} …", phase.label())),
            ProgressEvent::Sent { done, total, .. } => {
                show(format!("nodes have {done} of {total} bytes"));
            }
            ProgressEvent::Registered { digest, .. } => show(format!("registered by {digest}")),
            ProgressEvent::Certified { digest } => show(format!("certified by {digest}")),
            _ => {}
        }
    }
    storing.await
}
