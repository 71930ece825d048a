//! Encoding files of any size, with a bar. Ctrl-C ends this and other long computations without anything left behind.

use std::{
    future::Future,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use indicatif::ProgressBar;
use tracing::Instrument as _;
use walrus_core::{
    EncodingConfig, Threads, Work,
    blob_source::BlobSource,
    encoder::{DirectorySink, EncodeError, FileSource, StreamEncoder},
    metadata::VerifiedBlobMetadataWithId,
    work::{Cancellation, Progress},
};
use walrus_sdk::{BlobData, Identity, Phase, Spool};

use crate::{
    input::Inputs,
    output::NewDirectory,
    progress::Bars,
    report::{Reporter, explain},
    stop::Stop,
};

/// The end of what somebody interrupted.
const INTERRUPTED: &str = "interrupted; nothing was written";

/// A blob that is to be encoded.
struct Job {
    path: PathBuf,
    data: BlobData,
    config: EncodingConfig,
    out: Option<PathBuf>,
    bar: ProgressBar,
}

/// Encodes a file: with `out`, its slivers go into a new directory of that name; without, only the metadata is computed. What can
/// be read only once is copied first, to memory or `spool`.
pub(crate) async fn encode_file(
    path: &Path,
    config: EncodingConfig,
    out: Option<&Path>,
    spool: Spool,
    reporter: &Reporter,
) -> anyhow::Result<VerifiedBlobMetadataWithId> {
    let stop = Stop::on_signals()?;
    // Before anything is read: an output that cannot be.
    let directory = out.map(NewDirectory::check).transpose()?;
    let mut inputs = Inputs::new(config, spool);
    let data = tokio::select! {
        data = inputs.blob(path) => data?,
        () = stop.clone().wait() => bail!(INTERRUPTED),
    };
    let job = Job {
        path: path.to_owned(),
        data,
        config,
        out: directory.as_ref().map(|new| new.path().to_owned()),
        bar: reporter.byte_bar("encode"),
    };
    let out = out.map(Path::to_owned);
    let encode = move |cancellation: &Cancellation| job.run(out.as_deref(), cancellation);
    let span = tracing::info_span!("phase", label = "encode");
    let metadata = until_stopped(stop.wait(), encode).instrument(span).await?;
    if let Some(directory) = directory {
        directory.keep();
    }
    Ok(metadata)
}

/// What a file is stored as, which may be larger than one blob.
pub(crate) async fn identify(
    path: &Path,
    config: EncodingConfig,
    spool: Spool,
    reporter: &Reporter,
) -> anyhow::Result<Identity> {
    let stop = Stop::on_signals()?;
    let mut inputs = Inputs::of_bodies(config, spool);
    let bars = Bars::new(reporter.clone());
    let identify = async {
        let data = inputs.blob(path).await?;
        bars.start(Phase::Encode);
        let identity = Identity::of(&path.display().to_string(), data, config, &bars).await;
        identity.map_err(explain)
    };
    let identity = tokio::select! {
        identity = identify => identity,
        () = stop.wait() => bail!(INTERRUPTED),
    };
    bars.finish();
    identity
}

/// Runs a computation on a thread of its own. When `stop` is over it is cancelled, and its end, with everything cleaned up, is
/// waited for; what was done already counts.
pub(crate) async fn until_stopped<T: Send + 'static>(
    stop: impl Future<Output = ()>,
    compute: impl FnOnce(&Cancellation) -> anyhow::Result<T> + Send + 'static,
) -> anyhow::Result<T> {
    let cancellation = Cancellation::new();
    let token = cancellation.clone();
    let mut work = tokio::task::spawn_blocking(move || compute(&token));
    tokio::select! {
        result = &mut work => result?,
        () = stop => {
            cancellation.cancel();
            work.await?.map_err(|_| anyhow::anyhow!(INTERRUPTED))
        }
    }
}

impl Job {
    /// Errors call the directory `name`.
    fn run(
        self,
        name: Option<&Path>,
        cancellation: &Cancellation,
    ) -> anyhow::Result<VerifiedBlobMetadataWithId> {
        let unreadable = || format!("cannot read {}", self.path.display());
        let source = match &self.data {
            BlobData::Bytes(bytes) => return self.encode(&&bytes[..], name, cancellation),
            BlobData::Path(path) => FileSource::open(path),
            BlobData::File(file) => file.try_clone().and_then(FileSource::new),
            BlobData::FilePart(part) => {
                let source = part.source().with_context(unreadable)?;
                return self.encode(&source, name, cancellation);
            }
        };
        self.encode(&source.with_context(unreadable)?, name, cancellation)
    }

    fn encode(
        &self,
        source: &dyn BlobSource,
        name: Option<&Path>,
        cancellation: &Cancellation,
    ) -> anyhow::Result<VerifiedBlobMetadataWithId> {
        let show = |progress: Progress| {
            self.bar.set_length(progress.total);
            self.bar.set_position(progress.done);
        };
        let work = Work::on(Threads::available())
            .with_progress(&show)
            .with_cancellation(cancellation);
        let encoder = StreamEncoder::new(self.config, source)?.with_work(work);
        let result = match (&self.out, name) {
            (Some(out), Some(name)) => self.write(encoder, out, name, source.length()),
            _ => encoder.compute_metadata().map_err(Into::into),
        };
        self.bar.finish_and_clear();
        result.with_context(|| format!("cannot encode {}", self.path.display()))
    }

    fn write(
        &self,
        encoder: StreamEncoder<'_>,
        out: &Path,
        name: &Path,
        length: u64,
    ) -> anyhow::Result<VerifiedBlobMetadataWithId> {
        let unwritable = || format!("cannot write to {}", name.display());
        let sink = DirectorySink::create(out, &self.config, length).with_context(unwritable)?;
        let metadata = encoder.encode_to(&sink).map_err(|error| match error {
            error @ EncodeError::Sink { .. } => anyhow::Error::from(error).context(unwritable()),
            error => error.into(),
        })?;
        sink.commit(&metadata).with_context(unwritable)?;
        Ok(metadata)
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    #[tokio::test]
    async fn what_was_done_before_a_signal_had_an_effect_counts() {
        let done = until_stopped(ready(()), |_| Ok(7)).await;
        assert_eq!(done.unwrap(), 7);
        let done = until_stopped(pending(), |_| Ok(7)).await;
        assert_eq!(done.unwrap(), 7);
    }

    #[tokio::test]
    async fn a_signal_cancels_and_waits_for_the_end() {
        let compute = |cancellation: &Cancellation| -> anyhow::Result<()> {
            while !cancellation.is_cancelled() {
                std::thread::yield_now();
            }
            bail!("cancelled")
        };
        let error = until_stopped(ready(()), compute).await.unwrap_err();
        assert_eq!(error.to_string(), INTERRUPTED);
    }
}
