//! Reads a part of a blob: `cargo run -p walrus-sdk --example read_part -- BLOB_ID START LENGTH`.
//!
//! The whole blob is fetched and checked, but only the part is in memory: a large blob waits in a file without a name.

use std::{
    error::Error,
    io::{self, Read as _, Write as _},
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
    let mut content = client.read(blob_id).content().await?.into_reader();
    io::copy(&mut (&mut content).take(start), &mut io::sink())?;
    let mut part = Vec::new();
    content.take(length).read_to_end(&mut part)?;
    Ok(part)
}
