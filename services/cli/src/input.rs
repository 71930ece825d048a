//! What people give: files and blob IDs.

use std::{fs::File, io::Read, path::Path, str::FromStr};

use anyhow::{Context, bail};
use walrus_core::BlobId;

/// Reads a whole file, refusing what is no file and what has more than `max` bytes before anything is allocated.
pub(crate) fn read_file(path: &Path, max: u64) -> anyhow::Result<Vec<u8>> {
    let unreadable = || format!("cannot read {}", path.display());
    let file = File::open(path).with_context(unreadable)?;
    let metadata = file.metadata().with_context(unreadable)?;
    if metadata.is_dir() {
        bail!("{} is a directory; name the files in it", path.display());
    }
    let mut data = Vec::new();
    // A file may grow, and a pipe has no length: the limit holds for what is read, not for what was announced.
    file.take(max.saturating_add(1))
        .read_to_end(&mut data)
        .with_context(unreadable)?;
    if data.len() as u64 > max {
        return Err(too_large(path, max));
    }
    Ok(data)
}

/// The error of a file with more than `max` bytes.
pub(crate) fn too_large(path: &Path, max: u64) -> anyhow::Error {
    anyhow::anyhow!(
        "{} has more than {max} bytes, the largest blob that the network can hold",
        path.display()
    )
}

/// Reads a blob ID, with a hint for the decimal form that explorers show.
pub(crate) fn parse_blob_id(text: &str) -> anyhow::Result<BlobId> {
    if text.len() > 43 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        bail!("`{text}` is a decimal blob ID; convert it with `walrus convert-blob-id {text}`");
    }
    BlobId::from_str(text).with_context(|| format!("`{text}` is not a blob ID"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_up_to_the_limit_and_not_beyond() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        std::fs::write(&path, [7; 100]).unwrap();
        assert_eq!(read_file(&path, 100).unwrap(), [7; 100]);
        assert!(
            read_file(&path, 99)
                .unwrap_err()
                .to_string()
                .contains("more than 99 bytes")
        );
        assert!(
            read_file(dir.path(), 99)
                .unwrap_err()
                .to_string()
                .contains("is a directory")
        );
        let missing = format!(
            "{:#}",
            read_file(&dir.path().join("absent"), 1).unwrap_err()
        );
        assert!(
            missing.contains("absent") && missing.contains("No such file"),
            "{missing}"
        );
    }

    #[test]
    fn decimal_blob_ids_get_a_hint() {
        let decimal =
            "94699736893744872644295225319422424879389432225506209958748309287018296689362";
        assert!(
            parse_blob_id(decimal)
                .unwrap_err()
                .to_string()
                .contains("convert-blob-id")
        );
        assert!(parse_blob_id("0sIm_0CFE-AuMQpA03jCrkOD6j1pveJLIdwujNEmXtE").is_ok());
        assert!(parse_blob_id("short").is_err());
    }
}
