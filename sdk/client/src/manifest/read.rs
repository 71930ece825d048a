//! Whole read of the body of a manifest, to wherever a blob may be read. Manifest spec 4.

use std::sync::Arc;

use bytes::Bytes;
use futures::{FutureExt as _, Stream, StreamExt as _, TryStreamExt as _, stream};
use walrus_core::{
    BlobId,
    manifest::{Manifest, Piece},
};

use super::{
    ManifestProblem,
    checked::checked,
    remote::{PartOpener, RemoteBody, check_length},
};
use crate::{
    BlobContent, Client, ClientError, ConsistencyCheck, Phase, Progress, ProgressEvent,
    ReadOptions, disk::arriving, progress::Timer, read::Destination,
};

/// Bytes of a part in a file that are read at once.
const FILE_PIECE: usize = 1 << 20;

/// Reads the body of a manifest, with its digest checked, and each part as `options` say.
pub(crate) async fn read_body(
    client: &Client,
    blob_id: BlobId,
    manifest: Manifest,
    options: &ReadOptions,
    destination: Destination,
    progress: &dyn Progress,
) -> Result<BlobContent, ClientError> {
    let length = manifest.length();
    if let Some(max) = options.max_blob_size.filter(|max| length > *max) {
        return Err(ClientError::BlobTooLarge { size: length, max });
    }
    let timer = Timer::start(Phase::FetchSlivers, progress);
    let bytes = match options.consistency_check {
        ConsistencyCheck::Strict => strictly(client, blob_id, manifest).boxed(),
        ConsistencyCheck::Default | ConsistencyCheck::Skip => {
            let blob = client.open_blob(blob_id).await?;
            let body = RemoteBody::of_manifest(blob, manifest, opener(client));
            body.range(0..length)?.into_stream().boxed()
        }
    };
    let mut done = 0_u64;
    let bytes = bytes.inspect_ok(move |piece| {
        done = done.saturating_add(piece.len() as u64);
        let total = length;
        progress.on_event(ProgressEvent::Received { done, total });
    });
    let content = match destination {
        Destination::Memory => arriving::to_memory(bytes).await.map(BlobContent::Bytes)?,
        Destination::Spool => arriving::to_content(bytes, length, client.spool()).await?,
        Destination::Output(output) => {
            arriving::to_output(bytes, length, output).await?;
            BlobContent::Bytes(Vec::new())
        }
    };
    timer.finish();
    Ok(content)
}

/// Opens parts with whatever committee a client knows.
pub(crate) fn opener(client: &Client) -> PartOpener {
    let client = client.clone();
    Arc::new(move |part| {
        let client = client.clone();
        async move { client.open_blob(part).await }.boxed()
    })
}

/// Each part, once all of it is there and encodes to its ID; the last bytes come if the digest is right.
pub(super) fn strictly(
    client: &Client,
    manifest_id: BlobId,
    manifest: Manifest,
) -> impl Stream<Item = Result<Bytes, ClientError>> + Send + use<> {
    let (client, digest) = (client.clone(), *manifest.digest());
    let options = ReadOptions {
        consistency_check: ConsistencyCheck::Strict,
        ..ReadOptions::default()
    };
    let total = manifest.parts().len();
    let pieces: Vec<Piece> = manifest.pieces(0..manifest.length()).collect();
    let part = move |piece: Piece| {
        let client = client.clone();
        async move {
            let content = client
                .read(piece.part.blob_id)
                .options(options)
                .raw()
                .content()
                .await
                .map_err(|source| ManifestProblem::PartUnreadable {
                    manifest: manifest_id,
                    number: piece.number.saturating_add(1),
                    parts: total,
                    source: Box::new(source),
                })?;
            let length = content.length().map_err(|e| client.spool().failed(e))?;
            check_length(manifest_id, &piece, length)?;
            Ok::<_, ClientError>(pieces_of(client, content))
        }
    };
    let parts = stream::iter(pieces).then(part).try_flatten();
    checked(parts, manifest_id, digest)
}

/// What was read, a little at a time.
fn pieces_of(
    client: Client,
    content: BlobContent,
) -> impl Stream<Item = Result<Bytes, ClientError>> + Send {
    let state = (client, content.into_reader());
    stream::try_unfold(state, |(client, mut reader)| async move {
        let read = tokio::task::spawn_blocking(move || {
            let mut piece = Vec::new();
            let mut some = std::io::Read::take(&mut reader, FILE_PIECE as u64);
            std::io::Read::read_to_end(&mut some, &mut piece).map(|_| (piece, reader))
        });
        let read = read
            .await
            .map_err(|error| ClientError::Interrupted(error.to_string()))?;
        let (piece, reader) = read.map_err(|error| client.spool().failed(error))?;
        Ok((!piece.is_empty()).then(|| (Bytes::from(piece), (client, reader))))
    })
}
