//! Encoding files of any size, with a bar. Ctrl-C ends this and other long computations without anything left behind.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use indicatif::ProgressBar;
use walrus_core::{
    EncodingConfig, Threads,
    encoder::{BlobSource, Cancellation, DirectorySink, FileSource, Progress, StreamEncoder},
    metadata::VerifiedBlobMetadataWithId,
};

use crate::{input, report::Reporter, stop::Stop};

/// Where the bytes of a blob come from: files are read in strips, whatever else has bytes only once is read into memory.
enum Input {
    File(FileSource),
    Memory(Vec<u8>),
}

/// A file that is to be encoded.
struct Job {
    path: PathBuf,
    config: EncodingConfig,
    out: Option<PathBuf>,
    bar: ProgressBar,
}

/// Encodes a file: with `out`, its slivers go into a new directory of that name; without, only the metadata is computed.
pub(crate) async fn encode_file(
    path: &Path,
    config: EncodingConfig,
    out: Option<&Path>,
    reporter: &Reporter,
) -> anyhow::Result<VerifiedBlobMetadataWithId> {
    let job = Job {
        path: path.to_owned(),
        config,
        out: out.map(Path::to_owned),
        bar: reporter.byte_bar("encode"),
    };
    until_stopped(move |cancellation| job.run(cancellation)).await
}

/// Runs a computation on a thread of its own; Ctrl-C and SIGTERM cancel it and wait until it has cleaned up.
pub(crate) async fn until_stopped<T: Send + 'static>(
    compute: impl FnOnce(&Cancellation) -> anyhow::Result<T> + Send + 'static,
) -> anyhow::Result<T> {
    let stop = Stop::on_signals()?;
    let cancellation = Cancellation::new();
    let token = cancellation.clone();
    let mut work = tokio::task::spawn_blocking(move || compute(&token));
    tokio::select! {
        result = &mut work => result?,
        () = stop.wait() => {
            cancellation.cancel();
            // What it has begun to write goes away before the program ends.
            let _ = work.await?;
            bail!("interrupted; nothing was written")
        }
    }
}

impl Job {
    fn run(self, cancellation: &Cancellation) -> anyhow::Result<VerifiedBlobMetadataWithId> {
        let result = match open(&self.path, self.config.max_blob_size())? {
            Input::File(source) => self.encode(&source, cancellation),
            Input::Memory(data) => self.encode(&data.as_slice(), cancellation),
        };
        self.bar.finish_and_clear();
        result.with_context(|| format!("cannot encode {}", self.path.display()))
    }

    fn encode(
        &self,
        source: &dyn BlobSource,
        cancellation: &Cancellation,
    ) -> anyhow::Result<VerifiedBlobMetadataWithId> {
        let show = |progress: Progress| {
            self.bar.set_length(progress.total);
            self.bar.set_position(progress.done);
        };
        let encoder = StreamEncoder::new(self.config, source)?
            .with_threads(Threads::available())
            .with_progress(&show)
            .with_cancellation(cancellation);
        let Some(out) = &self.out else {
            return Ok(encoder.compute_metadata()?);
        };
        let sink = DirectorySink::create(out, &self.config, source.length())
            .with_context(|| format!("cannot write to {}", out.display()))?;
        let metadata = encoder.encode_to(&sink)?;
        sink.commit(&metadata)
            .with_context(|| format!("cannot write to {}", out.display()))?;
        Ok(metadata)
    }
}

fn open(path: &Path, max: u64) -> anyhow::Result<Input> {
    let unreadable = || format!("cannot read {}", path.display());
    let metadata = std::fs::metadata(path).with_context(unreadable)?;
    if !metadata.is_file() {
        return Ok(Input::Memory(input::read_file(path, max)?));
    }
    if metadata.len() > max {
        return Err(input::too_large(path, max));
    }
    Ok(Input::File(
        FileSource::open(path).with_context(unreadable)?,
    ))
}
