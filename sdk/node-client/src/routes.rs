//! Routes of the API, as a client writes them and as a server matches them. Node spec 1.4.

use walrus_core::{BlobId, SliverPairIndex, SliverType};

/// GET, PUT.
pub const METADATA: &str = "/v1/blobs/{blob_id}/metadata";
/// GET.
pub const METADATA_STATUS: &str = "/v1/blobs/{blob_id}/metadata/status";
/// GET, PUT.
pub const SLIVER: &str = "/v1/blobs/{blob_id}/slivers/{pair}/{sliver_type}";
/// GET.
pub const SLIVER_STATUS: &str = "/v1/blobs/{blob_id}/slivers/{pair}/{sliver_type}/status";
/// GET.
pub const PERMANENT_CONFIRMATION: &str = "/v1/blobs/{blob_id}/confirmation/permanent";
/// GET.
pub const DELETABLE_CONFIRMATION: &str = "/v1/blobs/{blob_id}/confirmation/deletable/{object_id}";
/// GET.
pub const RECOVERY_SYMBOLS: &str = "/v1/blobs/{blob_id}/recoverySymbols";
/// GET.
pub const DECODING_SYMBOLS: &str = "/v1/blobs/{blob_id}/decodingSymbols";
/// POST.
pub const INCONSISTENCY_PROOF: &str = "/v1/blobs/{blob_id}/inconsistencyProof/{sliver_type}";
/// GET.
pub const BLOB_STATUS: &str = "/v1/blobs/{blob_id}/status";
/// POST. An extension: node spec 1.18.
pub const UPLOAD: &str = "/v1/blobs/{blob_id}/upload";
/// GET. An extension: node spec 1.18.
pub const HAVE: &str = "/v1/blobs/{blob_id}/have";
/// GET. An extension: node spec 1.18.
pub const SLIVERS: &str = "/v1/blobs/{blob_id}/slivers";
/// GET. An extension: node spec 5.9.
pub const SNAPSHOT: &str = "/v1/snapshots/blob_info";
/// GET. An extension: node spec 5.9.
pub const SNAPSHOT_BYTES: &str = "/v1/snapshots/blob_info/{epoch}";
/// GET.
pub const HEALTH: &str = "/v1/health";
/// Whether the node is up to date; an extension of ours.
pub const READY: &str = "/v1/ready";
/// The API, for people.
pub const API: &str = "/v1/api";
/// POST.
pub const SYNC_SHARD: &str = "/v1/migrate/sync_shard";

pub(crate) fn blob(base: &str, blob_id: &BlobId, rest: &str) -> String {
    format!("{base}/v1/blobs/{blob_id}/{rest}")
}

pub(crate) fn sliver(
    base: &str,
    blob_id: &BlobId,
    pair: SliverPairIndex,
    sliver_type: SliverType,
) -> String {
    blob(base, blob_id, &format!("slivers/{pair}/{sliver_type}"))
}
