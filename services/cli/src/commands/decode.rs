//! `walrus decode`: a file from its slivers, without a network.

use std::{
    fs::File,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use indicatif::ProgressBar;
use serde::Serialize;
use tracing::Instrument as _;
use walrus_core::{
    BlobId, Threads, Work,
    decoder::{ConsistencyCheck, DecodeError, DirectorySource, StreamDecoder},
    work::{Cancellation, Progress},
};
use walrus_sdk::{BlobContent, ClientError, Output, Spool, SpoolError};

use super::{Report, print_json_aside, show_on};
use crate::{
    args::{DecodeArgs, GlobalOptions},
    encoding::until_stopped,
    output::{Target, write_into, write_to_standard_output},
    report::{Reporter, bytes, explain},
    sliver_files,
    stop::{Stop, unattended},
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DecodeOutput {
    blob_id: BlobId,
    directory: PathBuf,
    out: String,
    unencoded_length: u64,
}

impl Report for DecodeOutput {
    fn print(&self, reporter: &Reporter) {
        reporter.field("blob ID", self.blob_id);
        reporter.field("directory", self.directory.display());
        reporter.field("file", &self.out);
        reporter.field("size", bytes(self.unencoded_length));
    }
}

/// Writes the file whose slivers a directory holds.
pub(crate) async fn run(global: &GlobalOptions, args: DecodeArgs) -> anyhow::Result<()> {
    let check = if args.strict_consistency_check {
        ConsistencyCheck::Strict
    } else {
        ConsistencyCheck::Default
    };
    // The output may be standard output under another name.
    let is_file = matches!(Target::of(&args.out), Target::File(_));
    let reporter = Reporter::new(global.json || !is_file);
    let stop = Stop::on_signals()?;
    let out = args.out.clone();
    let decoding = Decoding {
        check,
        spool: args.copy.spool(),
        directory: args.directory,
        out: args.out,
        bar: reporter.byte_bar("decode"),
    };
    let compute = move |cancellation: &Cancellation| {
        let result = decoding.run(cancellation);
        decoding.bar.finish_and_clear();
        result
    };
    let (output, content) = until_stopped(stop.clone().wait(), compute)
        .instrument(tracing::info_span!("phase", label = "decode"))
        .await?;
    if let Some(content) = content {
        write_special(&out, content, stop).await?;
    }
    if global.json && output.out == "-" {
        // The document would be in the blob.
        return print_json_aside(&output);
    }
    show_on(&reporter, global, &output)
}

/// Into a device or a pipe, which nobody may ever read.
async fn write_special(out: &Path, content: File, stop: Stop) -> anyhow::Result<()> {
    let path = out.to_owned();
    let write = move || match Target::of(&path) {
        Target::StandardOutput => write_to_standard_output(BlobContent::File(content)),
        _ => write_into(&path, BlobContent::File(content)),
    };
    tokio::select! {
        written = unattended(write) => written,
        () = stop.wait() => bail!("interrupted; {} may have a part of the blob", out.display()),
    }
}

/// What is to be decoded.
struct Decoding {
    directory: PathBuf,
    out: PathBuf,
    check: ConsistencyCheck,
    spool: Spool,
    bar: ProgressBar,
}

impl Decoding {
    /// Decodes; the blob for an output that is no file.
    fn run(&self, cancellation: &Cancellation) -> anyhow::Result<(DecodeOutput, Option<File>)> {
        // Before anything is computed: an output that cannot be.
        let output = match Target::of(&self.out) {
            Target::File(path) => Some(Output::create(&path)?),
            Target::Special | Target::StandardOutput => None,
        };
        let source = sliver_files::open(&self.directory)?;
        let content = match output {
            Some(output) => {
                self.decode_to_file(&source, &output, cancellation)?;
                None
            }
            None => Some(self.decode_to_spool(&source, cancellation)?),
        };
        let output = DecodeOutput {
            blob_id: *source.metadata().blob_id(),
            directory: self.directory.clone(),
            out: self.out.display().to_string(),
            unencoded_length: source.metadata().unencoded_length(),
        };
        Ok((output, content))
    }

    fn decode_to_file(
        &self,
        source: &DirectorySource,
        output: &Output,
        cancellation: &Cancellation,
    ) -> anyhow::Result<()> {
        output.reserve(source.metadata().unencoded_length())?;
        self.decode(source, output.file(), cancellation, |error| {
            output.failed(error).into()
        })?;
        output.sync()?;
        if cancellation.is_cancelled() {
            return Err(DecodeError::Cancelled.into());
        }
        Ok(output.commit()?)
    }

    fn decode_to_spool(
        &self,
        source: &DirectorySource,
        cancellation: &Cancellation,
    ) -> anyhow::Result<File> {
        let no_room = |error: SpoolError| explain(ClientError::Spool(error));
        let length = source.metadata().unencoded_length();
        let file = self.spool.file_of(length).map_err(no_room)?;
        self.decode(source, &file, cancellation, |error| {
            let directory = self.spool.directory.clone();
            no_room(SpoolError::Failed { directory, error })
        })?;
        Ok(file)
    }

    fn decode(
        &self,
        source: &DirectorySource,
        file: &File,
        cancellation: &Cancellation,
        unwritable: impl FnOnce(walrus_core::io_failure::IoFailure) -> anyhow::Error,
    ) -> anyhow::Result<()> {
        let show = |progress: Progress| {
            self.bar.set_length(progress.total);
            self.bar.set_position(progress.done);
        };
        let work = Work::on(Threads::available())
            .with_progress(&show)
            .with_cancellation(cancellation);
        let decoded = StreamDecoder::new(source.metadata(), source)
            .with_check(self.check)
            .with_work(work)
            .decode_to_open_file(file);
        decoded
            .map_err(|error| match error {
                DecodeError::Write { error } => unwritable(error),
                error => sliver_files::explain(error, &self.directory, source, cancellation),
            })
            .with_context(|| format!("cannot decode {}", self.directory.display()))
    }
}
