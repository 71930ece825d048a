//! Stores many blobs, up to fifty in one transaction: `cargo run -p walrus-sdk --example many_blobs -- FILE …`.

use std::path::PathBuf;

use walrus_sdk::{BlobToStore, Client, ClientError, StoreReport};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let files: Vec<PathBuf> = std::env::args_os().skip(1).map(Into::into).collect();
    let client = Client::from_default_config().await?;
    let report = store_together(&client, files).await?;
    for outcome in &report.outcomes {
        match &outcome.result {
            Ok(stored) => println!("{}: {}", outcome.label, stored.blob_id()),
            Err(failure) => println!("{}: {failure}", outcome.label),
        }
    }
    Ok(())
}

/// Each file has an outcome of its own, in the order given: one that cannot be stored does not keep the others from it.
pub async fn store_together(
    client: &Client,
    files: Vec<PathBuf>,
) -> Result<StoreReport, ClientError> {
    let blobs = files.into_iter().map(|file| {
        let mut blob = BlobToStore::new(file.display().to_string(), file.as_path());
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        blob.attributes.push(("name".to_owned(), name.into_owned()));
        blob
    });
    client.store_many(blobs).epochs(3).permanent().await
}
