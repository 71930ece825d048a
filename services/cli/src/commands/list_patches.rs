//! `walrus list-patches-in-quilt`. Client spec 2.6.

use serde::Serialize;
use walrus_core::BlobMetadata;
use walrus_sdk::{BlobId, Quilt};

use super::{Report, show, store_quilt::IndexOutput};
use crate::{
    args::{GlobalOptions, ListPatchesArgs},
    context::Network,
    input,
    lifetime::explain_read,
    report::{Reporter, count},
    table::{
        Align::{Left, Right},
        Table,
    },
};

/// The JSON result, by the version of quilts.
#[derive(Serialize)]
enum ListOutput<'a> {
    V1(QuiltOutput<'a>),
}

/// Names as others know them.
#[derive(Serialize)]
struct QuiltOutput<'a> {
    quilt_id: [u8; BlobId::LENGTH],
    metadata: &'a BlobMetadata,
    index: IndexOutput,
    #[serde(skip)]
    quilt: &'a Quilt,
}

impl Report for ListOutput<'_> {
    fn print(&self, reporter: &Reporter) {
        let Self::V1(QuiltOutput { quilt, .. }) = self;
        let patches = quilt.patches();
        reporter.line(format!(
            "{} in quilt {}",
            count(patches.len() as u64, "file"),
            quilt.id()
        ));
        let mut table = Table::new([("index", Right), ("identifier", Left), ("slivers", Left)]);
        for (index, patch) in patches.iter().enumerate() {
            let cells = [
                index.to_string(),
                patch.identifier.clone(),
                patch.columns.to_string(),
            ];
            let tags = patch
                .tags
                .iter()
                .map(|(key, value)| format!("{key}: {value}"));
            let below = std::iter::once(patch.id(quilt.id()).to_string()).chain(tags);
            table.row(cells, below.collect::<Vec<_>>());
        }
        table.print(reporter);
    }
}

/// Shows the index of a quilt.
pub(crate) async fn run(global: &GlobalOptions, args: ListPatchesArgs) -> anyhow::Result<()> {
    let quilt_id = input::parse_blob_id(&args.quilt_id)?;
    let network = Network::load(global, args.rpc_url.as_deref()).await?;
    let quilt = match network.client().quilt(quilt_id).await {
        Ok(quilt) => quilt,
        Err(error) => return Err(explain_read(error, global, &network, &quilt_id).await),
    };
    let output = ListOutput::V1(QuiltOutput {
        quilt_id: quilt_id.0,
        metadata: quilt.metadata(),
        index: quilt.index().into(),
        quilt: &quilt,
    });
    show(global, &output)
}
