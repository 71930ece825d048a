//! Stores files as one quilt and reads one of them: `cargo run -p walrus-sdk --example quilt -- FILE…`.

use std::{error::Error, path::PathBuf};

use walrus_sdk::{Client, PatchToStore, QuiltPatchId};

/// Most bytes of a file that are read into memory.
const MAX_BYTES: u64 = 1 << 20;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let client = Client::from_default_config().await?;
    let files: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let patches = files.into_iter().map(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        PatchToStore::new(name.clone().into_owned(), path.as_path())
    });
    let ids = store_together(&client, patches).await?;
    for (name, id) in &ids {
        println!("{id}  {name}");
    }
    if let Some((name, id)) = ids.first() {
        println!("{name} has {} bytes", read_one(&client, id).await?.len());
    }
    Ok(())
}

/// Names and patch IDs of what was stored for three epochs.
pub async fn store_together(
    client: &Client,
    patches: impl IntoIterator<Item = PatchToStore>,
) -> Result<Vec<(String, QuiltPatchId)>, Box<dyn Error>> {
    let report = client.store_quilt(patches).epochs(3).await?;
    let patches = report.patches.into_iter();
    Ok(patches.map(|patch| (patch.identifier, patch.id)).collect())
}

/// The bytes of one of them: no other is fetched.
pub async fn read_one(client: &Client, id: &QuiltPatchId) -> Result<Vec<u8>, Box<dyn Error>> {
    let body = client.read_patch(id).await?;
    Ok(body.into_bytes(MAX_BYTES).await?)
}
