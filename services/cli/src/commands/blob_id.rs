//! `walrus blob-id` and `walrus convert-blob-id`. Client spec 2.6.

use anyhow::Context as _;
use serde::Serialize;
use walrus_core::{BlobId, EncodingConfig, EncodingType};
use walrus_sdk::{Manifest, Part};

use super::{Report, show};
use crate::{
    args::{BlobIdArgs, GlobalOptions},
    context,
    encoding::identify,
    report::{Reporter, bytes},
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BlobIdOutput {
    blob_id: BlobId,
    file: String,
    unencoded_length: u64,
    encoding_type: EncodingType,
    /// Blobs that it becomes, if it is too large for one; then the blob ID is that of the manifest.
    #[serde(skip_serializing_if = "Option::is_none")]
    parts: Option<Vec<NamedPart>>,
    #[serde(skip)]
    n_shards: u16,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NamedPart {
    blob_id: BlobId,
    length: u64,
}

impl Report for BlobIdOutput {
    fn print(&self, reporter: &Reporter) {
        reporter.field("blob ID", self.blob_id);
        reporter.field("file", &self.file);
        if let Some(parts) = &self.parts {
            reporter.field("parts", format!("{}, and this manifest", parts.len()));
        }
        reporter.field("unencoded size", bytes(self.unencoded_length));
        reporter.field("shards", self.n_shards);
        reporter.field("encoding", self.encoding_type);
    }
}

/// A blob ID alone; its line is for programs, too.
#[derive(Serialize)]
#[serde(transparent)]
struct Converted(BlobId);

impl Report for Converted {
    fn print(&self, reporter: &Reporter) {
        reporter.line(self.0.to_string());
    }
}

/// Computes the blob ID of a file.
pub(crate) async fn run(global: &GlobalOptions, args: BlobIdArgs) -> anyhow::Result<()> {
    let n_shards = context::n_shards_given(global, args.n_shards, args.rpc_url.as_deref()).await?;
    let config = EncodingConfig::new(n_shards)?;
    let reporter = Reporter::new(global.json);
    let identity = identify(&args.file, config, args.copy.spool(), &reporter).await?;
    let named = |part: &Part| NamedPart {
        blob_id: part.blob_id,
        length: part.length,
    };
    let parts = identity.manifest.as_ref().map(Manifest::parts);
    let output = BlobIdOutput {
        blob_id: identity.blob_id,
        file: args.file.display().to_string(),
        unencoded_length: identity.length,
        encoding_type: EncodingType::default(),
        parts: parts.map(|parts| parts.iter().map(named).collect()),
        n_shards,
    };
    show(global, &output)
}

/// Converts the decimal form.
pub(crate) fn convert(global: &GlobalOptions, decimal: &str) -> anyhow::Result<()> {
    let blob_id = BlobId::from_decimal(decimal)
        .with_context(|| format!("`{decimal}` is not a decimal blob ID"))?;
    show(global, &Converted(blob_id))
}
