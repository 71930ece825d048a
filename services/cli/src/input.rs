//! What people give: files and blob IDs.

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    str::FromStr,
    sync::Arc,
};

use anyhow::{Context, bail};
use walrus_core::BlobId;
use walrus_sdk::{BlobData, ClientError, Scratch};

use crate::{report::explain, stop::unattended};

/// Bytes of all pipes together that are kept in memory; more go to files.
const PIPES_IN_MEMORY: u64 = 64 << 20;

/// What is to be stored: files as they are, and copies of what can be read only once.
pub(crate) struct Inputs {
    max: u64,
    scratch: Scratch,
    in_memory: u64,
}

impl Inputs {
    /// Blobs of at most `max` bytes.
    pub(crate) fn new(max: u64, scratch: Scratch) -> Self {
        let in_memory = PIPES_IN_MEMORY;
        Self {
            max,
            scratch,
            in_memory,
        }
    }

    /// The blob at `path`, which must be readable and not too large.
    pub(crate) async fn blob(&mut self, path: &Path) -> anyhow::Result<BlobData> {
        let unreadable = || format!("cannot read {}", path.display());
        let metadata = fs::metadata(path).with_context(unreadable)?;
        if metadata.is_dir() {
            return Err(is_directory(path));
        }
        // Files of the system say that they are empty; what is in them can be read like a pipe.
        if metadata.is_file() && metadata.len() > 0 {
            if metadata.len() > self.max {
                return Err(too_large(path, self.max));
            }
            File::open(path).with_context(unreadable)?;
            return Ok(path.into());
        }
        let (max, in_memory, scratch) = (self.max, self.in_memory, self.scratch.clone());
        let path = path.to_owned();
        let data = unattended(move || copy(&path, max, in_memory, &scratch)).await?;
        if let BlobData::Bytes(bytes) = &data {
            self.in_memory = self.in_memory.saturating_sub(bytes.len() as u64);
        }
        Ok(data)
    }
}

/// All of what can be read only once: up to `in_memory` bytes in memory, more in a file without a name.
fn copy(path: &PathBuf, max: u64, in_memory: u64, scratch: &Scratch) -> anyhow::Result<BlobData> {
    let unreadable = || format!("cannot read {}", path.display());
    // One byte more than allowed tells that there are too many.
    let mut input = File::open(path)
        .with_context(unreadable)?
        .take(max.saturating_add(1));
    let mut start = Vec::new();
    (&mut input)
        .take(in_memory)
        .read_to_end(&mut start)
        .with_context(unreadable)?;
    let length = start.len() as u64;
    if length > max {
        return Err(too_large(path, max));
    }
    if length < in_memory {
        return Ok(start.into());
    }
    let no_room = |error| explain(ClientError::Scratch(error));
    let mut file = scratch.file().map_err(no_room)?;
    file.write_all(&start)
        .and_then(|()| io::copy(&mut input, &mut file))
        .with_context(|| {
            let directory = scratch.directory.display();
            let path = path.display();
            format!("cannot copy {path} to {directory}; if it is full, name another place with --spool-dir")
        })?;
    if file.metadata()?.len() > max {
        return Err(too_large(path, max));
    }
    Ok(Arc::new(file).into())
}

fn is_directory(path: &Path) -> anyhow::Error {
    anyhow::anyhow!("{} is a directory; name the files in it", path.display())
}

/// The error of a file with more than `max` bytes.
fn too_large(path: &Path, max: u64) -> anyhow::Error {
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

    #[tokio::test]
    async fn files_are_taken_up_to_the_limit_and_not_beyond() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        std::fs::write(&path, [7; 100]).unwrap();
        let inputs = |max| Inputs::new(max, Scratch::in_directory(dir.path()));
        let data = inputs(100).blob(&path).await.unwrap();
        assert_eq!(data.length().unwrap(), 100);
        for (path, max, why) in [
            (&*path, 99, "more than 99 bytes"),
            (dir.path(), 99, "is a directory"),
            (&dir.path().join("absent"), 1, "absent: No such file"),
        ] {
            let error = inputs(max).blob(path).await.unwrap_err();
            assert!(format!("{error:#}").contains(why), "{error:#}");
        }
    }

    /// A pipe that delivers `length` bytes.
    #[cfg(target_os = "linux")]
    fn pipe_of(length: usize) -> (PathBuf, std::thread::JoinHandle<()>, io::PipeReader) {
        use std::os::fd::AsRawFd;
        let (reader, mut writer) = io::pipe().unwrap();
        let path = PathBuf::from(format!("/proc/self/fd/{}", reader.as_raw_fd()));
        let thread = std::thread::spawn(move || {
            // Whoever has read enough may leave.
            let _ = writer.write_all(&vec![7; length]);
        });
        (path, thread, reader)
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn pipes_are_copied_to_memory_or_a_file_and_not_beyond_the_limit() {
        let dir = tempfile::tempdir().unwrap();
        let scratch = Scratch::in_directory(dir.path());
        for (length, in_memory, max) in [(0, 10, 50), (9, 10, 50), (10, 10, 50), (50, 10, 50)] {
            let (path, thread, _reader) = pipe_of(length);
            let data = copy(&path, max, in_memory, &scratch).unwrap();
            thread.join().unwrap();
            assert_eq!(data.length().unwrap(), length as u64);
            let is_file = matches!(data, BlobData::File(_));
            assert_eq!(is_file, length as u64 >= in_memory);
        }
        for in_memory in [10, 100] {
            let (path, thread, _reader) = pipe_of(51);
            let error = copy(&path, 50, in_memory, &scratch).unwrap_err();
            thread.join().unwrap();
            assert!(error.to_string().contains("more than 50 bytes"), "{error}");
        }
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_pipe_without_a_place_for_its_copy_is_told_where_to_name_one() {
        let dir = tempfile::tempdir().unwrap();
        let nowhere = Scratch::in_directory(dir.path().join("absent"));
        let (path, thread, _reader) = pipe_of(10);
        let error = copy(&path, 50, 10, &nowhere).unwrap_err();
        thread.join().unwrap();
        assert!(error.to_string().contains("--spool-dir"), "{error:#}");
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
