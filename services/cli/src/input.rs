//! Input files and blob IDs, as people give them.

use std::{
    fs::{self, File},
    io::{self, IsTerminal as _, Read, Seek as _, Write},
    os::{fd::AsFd as _, unix::fs::FileTypeExt as _},
    path::Path,
    str::FromStr,
    sync::Arc,
};

use anyhow::{Context, bail, ensure};
use walrus_core::{BlobId, EncodingConfig, manifest::max_body_length};
use walrus_sdk::{BlobData, ClientError, Spool};
use walrus_sui::Address;

use crate::{
    report::{explain, say, size},
    standard_streams,
    stop::unattended,
};

/// Bytes of all pipes together that are kept in memory; more go to files.
const PIPES_IN_MEMORY: u64 = 64 << 20;

/// More shards than a network has.
const MAX_SHARDS: u16 = 2000;

/// Names of standard input. The other ones cannot be opened if it is a socket.
const STANDARD_INPUT: [&str; 4] = ["-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"];

/// What is to be stored: files as they are, and copies of what can be read only once.
pub(crate) struct Inputs {
    limit: Limit,
    spool: Spool,
    in_memory: u64,
    has_standard_input: bool,
}

/// How large an input may be.
#[derive(Debug, Clone, Copy)]
struct Limit {
    config: EncodingConfig,
    /// Bytes.
    max: u64,
}

impl Inputs {
    /// Blobs that can be encoded.
    pub(crate) fn new(config: EncodingConfig, spool: Spool) -> Self {
        let max = config.max_blob_size();
        Self::up_to(Limit { config, max }, spool)
    }

    /// Bodies that can be stored: what is too large for one blob becomes several.
    pub(crate) fn of_bodies(config: EncodingConfig, spool: Spool) -> Self {
        let max = max_body_length(&config);
        Self::up_to(Limit { config, max }, spool)
    }

    fn up_to(limit: Limit, spool: Spool) -> Self {
        Self {
            limit,
            spool,
            in_memory: PIPES_IN_MEMORY,
            has_standard_input: false,
        }
    }

    /// The blob at `path`, which must be readable and not too large.
    pub(crate) async fn blob(&mut self, path: &Path) -> anyhow::Result<BlobData> {
        if STANDARD_INPUT.iter().any(|name| path == Path::new(name)) {
            return self.standard_input().await;
        }
        let name = path.display();
        let unreadable = || format!("cannot read {name}");
        let metadata = fs::metadata(path).with_context(unreadable)?;
        ensure!(
            !metadata.is_dir(),
            "{name} is a directory; name the files in it"
        );
        // Files of the system say that they are empty; what is in them can be read like a pipe.
        if metadata.is_file() && metadata.len() > 0 {
            self.limit.check(&name.to_string(), metadata.len())?;
            File::open(path).with_context(unreadable)?;
            return Ok(path.into());
        }
        let path = path.to_owned();
        let open = move || {
            let name = path.display().to_string();
            let file = File::open(&path).with_context(|| format!("cannot read {name}"))?;
            Ok((name, file))
        };
        self.copy_of(open).await
    }

    async fn standard_input(&mut self) -> anyhow::Result<BlobData> {
        const NAME: &str = "standard input";
        ensure!(
            !self.has_standard_input,
            "{NAME} can be read only once; name it once"
        );
        self.has_standard_input = true;
        standard_streams::check_input()?;
        let input = io::stdin();
        if input.is_terminal() {
            say("Reading from the terminal; Ctrl-D on a line of its own is the end.");
        }
        let unreadable = || format!("cannot read {NAME}");
        let input = input
            .as_fd()
            .try_clone_to_owned()
            .with_context(unreadable)?;
        let mut file = File::from(input);
        let metadata = file.metadata().with_context(unreadable)?;
        // Not if somebody has read the start of it already.
        if metadata.is_file() && metadata.len() > 0 && file.stream_position().ok() == Some(0) {
            self.limit.check(NAME, metadata.len())?;
            return Ok(Arc::new(file).into());
        }
        self.copy_of(move || Ok((NAME.to_owned(), file))).await
    }

    /// What can be read only once. Even to open it may take for ever.
    async fn copy_of(
        &mut self,
        open: impl FnOnce() -> anyhow::Result<(String, File)> + Send + 'static,
    ) -> anyhow::Result<BlobData> {
        let (limit, in_memory, spool) = (self.limit, self.in_memory, self.spool.clone());
        let work = move || {
            let (name, file) = open()?;
            copy(&name, file, limit, in_memory, &spool)
        };
        let data = unattended(work).await?;
        if let BlobData::Bytes(bytes) = &data {
            self.in_memory = self.in_memory.saturating_sub(bytes.len() as u64);
        }
        Ok(data)
    }
}

/// All of what can be read only once: up to `in_memory` bytes in memory, more in a file without a name.
fn copy(
    name: &str,
    file: File,
    limit: Limit,
    in_memory: u64,
    spool: &Spool,
) -> anyhow::Result<BlobData> {
    let unreadable = || format!("cannot read {name}");
    let max = limit.max;
    // Somebody who types comes to an end.
    let is_device = file.metadata()?.file_type().is_char_device() && !file.is_terminal();
    // One byte more than allowed tells that there are too many.
    let mut input = file.take(max.saturating_add(1));
    let mut start = Vec::new();
    (&mut input)
        .take(in_memory)
        .read_to_end(&mut start)
        .with_context(unreadable)?;
    let length = start.len() as u64;
    if length > max {
        return Err(limit.exceeded(name, None));
    }
    if length < in_memory {
        return Ok(start.into());
    }
    ensure!(
        !is_device,
        "{name} is a device and has no end; store as much of it as you want with `head -c BYTES {name} | walrus store -`"
    );
    let no_room = |error| explain(ClientError::Spool(error));
    let mut file = spool.file().map_err(no_room)?;
    // What never ends must not fill the disk; slivers need room as well.
    let room = spool.available().map_err(no_room)? / 2;
    let left = max.saturating_add(1).saturating_sub(length);
    input.set_limit(left.min(room.saturating_add(1)));
    file.write_all(&start)
        .and_then(|()| io::copy(&mut input, &mut file))
        .with_context(|| {
            let directory = spool.directory.display();
            format!("cannot copy {name} to {directory}; if it is full, name another place with --spool-dir")
        })?;
    let copied = file.metadata()?.len();
    if copied > max {
        return Err(limit.exceeded(name, None));
    }
    ensure!(
        copied.saturating_sub(length) <= room,
        "{name} has more than {}, half of what {} has room for; name another place with --spool-dir",
        size(copied.saturating_sub(1)),
        spool.directory.display()
    );
    Ok(Arc::new(file).into())
}

impl Limit {
    fn check(&self, name: &str, length: u64) -> anyhow::Result<()> {
        if length > self.max {
            return Err(self.exceeded(name, Some(length)));
        }
        Ok(())
    }

    /// The error of something that has no room, with what has; `length` if it is known.
    fn exceeded(&self, name: &str, length: Option<u64>) -> anyhow::Error {
        let (shards, max) = (self.config.n_shards(), self.max);
        if max > self.config.max_blob_size() {
            return anyhow::anyhow!(
                "{name} has more than {max} bytes ({}), the most that {shards} shards take under one manifest; store it as several files",
                size(max)
            );
        }
        let takes = |shards: &u16| {
            let max = EncodingConfig::new(*shards).map_or(0, |config| config.max_blob_size());
            length.is_some_and(|length| length <= max)
        };
        // One shard more may hold a little less.
        let enough = (shards..=MAX_SHARDS).rev().take_while(takes).last();
        let advice = match (length, enough) {
            (Some(length), Some(enough)) => {
                format!("{} take {enough} shards or more", size(length))
            }
            (Some(length), None) => format!("no network takes {}", size(length)),
            (None, _) => "more shards hold more".to_owned(),
        };
        anyhow::anyhow!(
            "{name} has more than {max} bytes ({}), the largest blob that {shards} shards can hold; {advice}. `walrus store` stores it as several blobs",
            size(max)
        )
    }
}

/// Reads a blob ID, with a hint for the decimal form that explorers show.
pub(crate) fn parse_blob_id(text: &str) -> anyhow::Result<BlobId> {
    if text.len() > 43 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        bail!("`{text}` is a decimal blob ID; convert it with `walrus convert-blob-id {text}`");
    }
    if text.starts_with("0x") && text.parse::<Address>().is_ok() {
        bail!(
            "`{text}` is the ID of an object; `walrus list-blobs` says which blob is in which object of the wallet"
        );
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
        let mut inputs = Inputs::new(smallest(), Spool::in_directory(dir.path()));
        let data = inputs.blob(&path).await.unwrap();
        assert_eq!(data.length().unwrap(), 100);
        let large = dir.path().join("large");
        File::create(&large).unwrap().set_len(MAX + 1).unwrap();
        for (path, why) in [
            (&*large, "large has more than 393204 bytes"),
            (dir.path(), "is a directory"),
            (&dir.path().join("absent"), "absent: No such file"),
        ] {
            let error = inputs.blob(path).await.unwrap_err();
            assert!(format!("{error:#}").contains(why), "{error:#}");
        }
    }

    #[test]
    fn a_file_that_is_too_large_is_told_how_many_shards_it_takes() {
        let config = EncodingConfig::new(100).unwrap();
        let max = config.max_blob_size();
        let limit = Limit { config, max };
        let said = |length| limit.exceeded("disk.img", length).to_string();
        let known = said(Some(500_000_000));
        for part in [
            "more than 149286452 bytes (142.4 MiB)",
            "that 100 shards can hold",
            "476.8 MiB take 185 shards or more",
            "`walrus store` stores it as several blobs",
        ] {
            assert!(known.contains(part), "{known}");
        }
        let fits = |shards: u16| {
            let config = EncodingConfig::new(shards).unwrap();
            config.max_blob_size() >= 500_000_000
        };
        assert!(
            fits(183) && !fits(184),
            "shards in three do not weigh the same"
        );
        assert!((185..=MAX_SHARDS).all(fits));
        assert!(said(None).contains("more shards hold more"));
        assert!(said(Some(1 << 50)).contains("no network takes"));
        let max = max_body_length(&config);
        let of_bodies = Limit { config, max }.exceeded("disk.img", None);
        assert!(of_bodies.to_string().contains("as several files"));
    }

    /// The encoding with the least room.
    fn smallest() -> EncodingConfig {
        EncodingConfig::new(4).unwrap()
    }

    /// Its room: two times three symbols.
    const MAX: u64 = 2 * 3 * 65_534;

    /// A pipe that delivers `length` bytes.
    #[cfg(target_os = "linux")]
    fn pipe_of(
        length: usize,
    ) -> (
        std::path::PathBuf,
        std::thread::JoinHandle<()>,
        io::PipeReader,
    ) {
        use std::os::fd::AsRawFd;
        let (reader, mut writer) = io::pipe().unwrap();
        let path = std::path::PathBuf::from(format!("/proc/self/fd/{}", reader.as_raw_fd()));
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
        let spool = Spool::in_directory(dir.path());
        let max = usize::try_from(MAX).unwrap();
        let copy = |path: &Path, in_memory| {
            let file = File::open(path).unwrap();
            let (config, max) = (smallest(), MAX);
            super::copy("pipe", file, Limit { config, max }, in_memory, &spool)
        };
        for (length, in_memory) in [(0, 10), (9, 10), (10, 10), (50, 10), (max, 10)] {
            let (path, thread, _reader) = pipe_of(length);
            let data = copy(&path, in_memory).unwrap();
            thread.join().unwrap();
            assert_eq!(data.length().unwrap(), length as u64);
            let is_file = matches!(data, BlobData::File(_));
            assert_eq!(is_file, length as u64 >= in_memory);
        }
        for in_memory in [10, 2 * MAX] {
            let (path, thread, reader) = pipe_of(max + 1);
            let error = copy(&path, in_memory).unwrap_err().to_string();
            drop(reader);
            thread.join().unwrap();
            assert!(error.contains("pipe has more than 393204 bytes"), "{error}");
        }
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_pipe_without_a_place_for_its_copy_is_told_where_to_name_one() {
        let dir = tempfile::tempdir().unwrap();
        let nowhere = Spool::in_directory(dir.path().join("absent"));
        let (path, thread, _reader) = pipe_of(10);
        let file = File::open(&path).unwrap();
        let (config, max) = (smallest(), MAX);
        let error = copy("pipe", file, Limit { config, max }, 10, &nowhere).unwrap_err();
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
