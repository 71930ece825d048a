//! Reads from Walrus Testnet, which needs no configuration: `cargo run -p walrus-sdk --example public_network -- BLOB_ID`.

use std::{io::Write as _, time::Duration};

use walrus_sdk::{BlobId, Client};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let blob_id: BlobId = std::env::args().nth(1).ok_or("name a blob")?.parse()?;
    // Without `rpc_urls` it is the server that the Sui foundation runs; the first that answers is taken.
    let client = Client::builder()
        .network("testnet")
        .rpc_urls(["https://fullnode.testnet.sui.io:443"])
        .connect()
        .await?;
    let status = client.blob_status(&blob_id, Duration::from_secs(5)).await?;
    eprintln!("{status:?}");
    let content = client.read(blob_id).max_size(100 << 20).await?;
    std::io::stdout().write_all(&content)?;
    Ok(())
}
