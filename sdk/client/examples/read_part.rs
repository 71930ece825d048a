//! Reads a part of a blob: `cargo run -p walrus-sdk --example read_part -- BLOB_ID START LENGTH`.
//!
//! Nothing but the slivers that cover the part is fetched.

use std::{
    error::Error,
    io::{self, Write as _},
};

use walrus_sdk::{BlobId, Client};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [blob_id, start, length] = arguments.as_slice() else {
        return Err("name a blob, a start and a length".into());
    };
    let client = Client::from_default_config().await?;
    let part = read_part(&client, blob_id.parse()?, start.parse()?, length.parse()?).await?;
    io::stdout().write_all(&part)?;
    Ok(())
}

/// The bytes from `start` on, `length` of them or as many as there are.
pub async fn read_part(
    client: &Client,
    blob_id: BlobId,
    start: u64,
    length: u64,
) -> Result<Vec<u8>, Box<dyn Error>> {
    let blob = client.open(blob_id).await?;
    let start = start.min(blob.length());
    let end = start.saturating_add(length).min(blob.length());
    Ok(blob.range(start..end)?.into_bytes().await?)
}
