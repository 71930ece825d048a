//! Stores a file for three epochs: `cargo run -p walrus-sdk --example store_file -- FILE`.
//!
//! The network and the wallet are those that the command line would use, for instance those of a running `walrus localnet`.

use std::path::Path;

use walrus_sdk::{Amount, Client, ClientError, StoredBlob};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let file = std::env::args_os().nth(1).ok_or("name a file")?;
    let client = Client::from_default_config().await?;
    let stored = store_file(&client, file.as_ref()).await?;
    println!("blob ID      {}", stored.blob_id());
    println!("until epoch  {}", stored.end_epoch());
    println!("paid         {}", Amount::wal(stored.cost()));
    Ok(())
}

/// Memory does not grow with the file: it is read while it is encoded, and large blobs wait on disk.
pub async fn store_file(client: &Client, file: &Path) -> Result<StoredBlob, ClientError> {
    let label = file.display().to_string();
    client.store(file).label(label).epochs(3).await
}
