//! Contents: what nodes say that they have they hand out, byte for byte.

use anyhow::ensure;
use axum::body::Body;
use http::{Request, StatusCode};
use tower::ServiceExt as _;
use walrus_core::{
    BlobId, EncodingConfig, SliverPair, SliverPairIndex, SliverType, encoder::BlobEncoder,
};
use walrus_node_client::PieceName;

use crate::{model::Model, network::Network, oracle};

/// Most bytes of an answer.
const MAX_ANSWER: usize = 1 << 20;

/// Asks each of `nodes` for every sliver of every live blob that it says that it has, and compares it with what the blob is encoded to.
///
/// # Errors
/// Whose sliver is another one, or is not handed out.
pub(crate) async fn right(network: &Network, model: &Model, nodes: &[u16]) -> anyhow::Result<()> {
    let config = EncodingConfig::new(network.plan.shards())?;
    let (epoch, _) = network.epoch().await?;
    for blob in model.live(epoch) {
        let bytes = blob.bytes();
        let encoded = BlobEncoder::new(config, &bytes)?.encode()?;
        for node in nodes {
            let wrong = wrong(network, *node, &blob.blob_id, &encoded.pairs).await?;
            // It may have ended meanwhile.
            let (epoch, _) = network.epoch().await?;
            let still = model.get(blob.number);
            if still.is_some_and(|blob| blob.is_live(epoch)) {
                let number = blob.number;
                ensure!(
                    wrong.is_none(),
                    "node {node} says that it has blob {number} ({}), and gives {}",
                    blob.blob_id,
                    wrong.unwrap_or_default()
                );
            }
        }
    }
    Ok(())
}

/// What is wrong with what a node hands out of a blob with these slivers.
async fn wrong(
    network: &Network,
    node: u16,
    blob_id: &BlobId,
    pairs: &[SliverPair],
) -> anyhow::Result<Option<String>> {
    let Some(held) = oracle::held(network, node, blob_id).await? else {
        return Ok(None);
    };
    for (pair, slivers) in (0..).map(SliverPairIndex).zip(pairs) {
        for sliver_type in [SliverType::Primary, SliverType::Secondary] {
            if !held.has(PieceName::Sliver(pair, sliver_type)) {
                continue;
            }
            let right = match sliver_type {
                SliverType::Primary => slivers.primary.to_bcs(),
                SliverType::Secondary => slivers.secondary.to_bcs(),
            };
            let Some(given) = given(network, node, blob_id, pair, sliver_type).await? else {
                return Ok(None);
            };
            if given != Ok(right) {
                let what = given.map_or_else(
                    |status| status.to_string(),
                    |bytes| format!("{} other bytes", bytes.len()),
                );
                return Ok(Some(format!("{what} for its {sliver_type} sliver {pair}")));
            }
        }
    }
    Ok(None)
}

/// The sliver that a node gives, or the status of its answer; `None` if it is down.
async fn given(
    network: &Network,
    node: u16,
    blob_id: &BlobId,
    pair: SliverPairIndex,
    sliver_type: SliverType,
) -> anyhow::Result<Option<Result<Vec<u8>, StatusCode>>> {
    let router = match network.node(node).await?.running() {
        Some(node) => node.router(),
        None => return Ok(None),
    };
    let path = format!("/v1/blobs/{blob_id}/slivers/{pair}/{sliver_type}");
    let Ok(answer) = router
        .oneshot(Request::get(path).body(Body::empty())?)
        .await;
    if !answer.status().is_success() {
        return Ok(Some(Err(answer.status())));
    }
    let bytes = axum::body::to_bytes(answer.into_body(), MAX_ANSWER).await?;
    Ok(Some(Ok(bytes.into())))
}
