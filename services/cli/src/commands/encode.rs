//! `walrus encode`: the slivers of a file as files, without a network.

use std::path::{Path, PathBuf};

use serde::Serialize;
use walrus_core::{BlobId, EncodingConfig, EncodingType};

use super::{Report, show};
use crate::{
    args::{EncodeArgs, GlobalOptions},
    encoding::encode_file,
    report::{Reporter, bytes},
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EncodeOutput {
    blob_id: BlobId,
    file: String,
    directory: PathBuf,
    n_shards: u16,
    unencoded_length: u64,
    encoded_length: u64,
    encoding_type: EncodingType,
}

impl Report for EncodeOutput {
    fn print(&self, reporter: &Reporter) {
        reporter.field("blob ID", self.blob_id);
        reporter.field("file", &self.file);
        reporter.field("unencoded size", bytes(self.unencoded_length));
        reporter.field("shards", self.n_shards);
        reporter.field("directory", self.directory.display());
        reporter.field("its files", bytes(self.encoded_length));
    }
}

/// Writes all slivers of a file, and its metadata, into a new directory.
pub(crate) async fn run(global: &GlobalOptions, args: EncodeArgs) -> anyhow::Result<()> {
    let config = EncodingConfig::new(args.n_shards)?;
    let reporter = Reporter::new(global.json);
    let metadata = encode_file(
        &args.file,
        config,
        Some(&args.out),
        args.copy.spool(),
        &reporter,
    )
    .await?;
    let output = EncodeOutput {
        blob_id: *metadata.blob_id(),
        file: args.file.display().to_string(),
        encoded_length: length_of_files(&args.out)?,
        directory: args.out,
        n_shards: config.n_shards(),
        unencoded_length: metadata.metadata().unencoded_length(),
        encoding_type: EncodingType::default(),
    };
    show(global, &output)
}

/// Bytes of all files of a directory: slivers and metadata as they would be sent.
fn length_of_files(directory: &Path) -> std::io::Result<u64> {
    let mut total = 0_u64;
    for entry in std::fs::read_dir(directory)? {
        total = total.saturating_add(entry?.metadata()?.len());
    }
    Ok(total)
}
