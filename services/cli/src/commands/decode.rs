//! `walrus decode`: a file from its slivers, without a network.

use std::path::{Path, PathBuf};

use anyhow::Context;
use indicatif::ProgressBar;
use serde::Serialize;
use walrus_core::{
    BlobId, Threads,
    decoder::{ConsistencyCheck, DirectorySource, StreamDecoder},
    encoder::{Cancellation, Progress},
};

use super::print_json;
use crate::{
    args::{DecodeArgs, GlobalOptions},
    encoding::until_stopped,
    report::{Reporter, bytes},
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DecodeOutput {
    blob_id: BlobId,
    directory: PathBuf,
    out: String,
    unencoded_length: u64,
}

/// Writes the file whose slivers a directory holds.
pub(crate) async fn run(global: &GlobalOptions, args: DecodeArgs) -> anyhow::Result<()> {
    let check = if args.strict_consistency_check {
        ConsistencyCheck::Strict
    } else {
        ConsistencyCheck::Default
    };
    let reporter = Reporter::new(global.json);
    let bar = reporter.byte_bar("decode");
    let output = until_stopped(move |cancellation| {
        let result = decode(&args.directory, &args.out, check, cancellation, &bar);
        bar.finish_and_clear();
        result
    })
    .await?;
    if global.json {
        return print_json(&output);
    }
    reporter.field("blob ID", output.blob_id);
    reporter.field("directory", output.directory.display());
    reporter.field("file", &output.out);
    reporter.field("size", bytes(output.unencoded_length));
    Ok(())
}

fn decode(
    directory: &Path,
    out: &Path,
    check: ConsistencyCheck,
    cancellation: &Cancellation,
    bar: &ProgressBar,
) -> anyhow::Result<DecodeOutput> {
    let source = DirectorySource::open(directory)
        .with_context(|| format!("cannot read slivers from {}", directory.display()))?;
    let show = |progress: Progress| {
        bar.set_length(progress.total);
        bar.set_position(progress.done);
    };
    StreamDecoder::new(source.metadata(), &source)
        .with_threads(Threads::available())
        .with_check(check)
        .with_progress(&show)
        .with_cancellation(cancellation)
        .decode_to_file(out)
        .with_context(|| format!("cannot decode {}", directory.display()))?;
    Ok(DecodeOutput {
        blob_id: *source.metadata().blob_id(),
        directory: directory.to_owned(),
        out: out.display().to_string(),
        unencoded_length: source.metadata().unencoded_length(),
    })
}
