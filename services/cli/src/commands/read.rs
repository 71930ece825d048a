//! `walrus read`. Client spec 2.6.

use std::{fs, io::Write, path::Path};

use anyhow::Context;
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Serialize;
use walrus_core::BlobId;
use walrus_sdk::{ConsistencyCheck, ReadOptions};

use super::print_json;
use crate::{
    args::{GlobalOptions, ReadArgs},
    context::Network,
    input,
    progress::Bars,
    report::{Reporter, bytes, write_result},
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ReadOutput {
    #[serde(skip_serializing_if = "Option::is_none")]
    out: Option<String>,
    blob_id: BlobId,
    #[serde(skip_serializing_if = "Option::is_none")]
    blob: Option<String>,
}

/// Reads a blob.
pub(crate) async fn run(global: &GlobalOptions, args: ReadArgs) -> anyhow::Result<()> {
    let blob_id = input::parse_blob_id(&args.blob_id)?;
    let consistency_check = match (args.strict_consistency_check, args.skip_consistency_check) {
        (true, _) => ConsistencyCheck::Strict,
        (_, true) => ConsistencyCheck::Skip,
        _ => ConsistencyCheck::Default,
    };
    let network = Network::load(global, args.rpc_url.as_deref()).await?;
    let options = ReadOptions {
        consistency_check,
        ..ReadOptions::default()
    };
    let reporter = Reporter::new(global.json);
    let bars = Bars::new(reporter.clone());
    let blob = network
        .client()
        .await?
        .read(&blob_id, &options, &bars)
        .await?;
    bars.finish();
    if let Some(out) = &args.out {
        write_whole(out, &blob)?;
    }
    if global.json {
        let blob = (args.out.is_none() && !blob.is_empty()).then(|| STANDARD.encode(&blob));
        let out = args.out.map(|out| out.display().to_string());
        return print_json(&ReadOutput { out, blob_id, blob });
    }
    match &args.out {
        Some(out) => {
            reporter.line(format!("{}: {}", out.display(), bytes(blob.len() as u64)));
        }
        None => write_result(&blob)?,
    }
    Ok(())
}

/// Writes the file in one step: it appears whole or not at all, and an older one survives a failure.
pub(crate) fn write_whole(path: &Path, contents: &[u8]) -> anyhow::Result<()> {
    let unwritable = || format!("cannot write {}", path.display());
    if !path
        .parent()
        .is_none_or(|dir| dir.as_os_str().is_empty() || dir.is_dir())
    {
        anyhow::bail!(
            "cannot write {}: its directory does not exist",
            path.display()
        );
    }
    // A device or a pipe cannot be replaced, only written to.
    if fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
        return fs::write(path, contents).with_context(unwritable);
    }
    let dir = match path.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir,
        _ => Path::new("."),
    };
    let mut file = tempfile::Builder::new()
        .prefix(".walrus-")
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))
        .tempfile_in(dir)
        .with_context(unwritable)?;
    file.write_all(contents)
        .and_then(|()| file.as_file().sync_all())
        .with_context(unwritable)?;
    file.persist(path).with_context(unwritable)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_nothing_else_is_left() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out");
        write_whole(&path, b"first").unwrap();
        write_whole(&path, b"second").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"second");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        assert!(write_whole(&dir.path().join("absent").join("out"), b"").is_err());
    }
}
