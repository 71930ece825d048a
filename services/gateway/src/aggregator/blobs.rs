//! One blob, by its ID or by that of an object. Client spec 3.4.

use std::{sync::Arc, time::Duration};

use axum::{
    http::{HeaderMap, HeaderName, HeaderValue, Method},
    response::Response,
};
use tokio::time::Instant;
use walrus_sdk::{Address, BlobId};
use walrus_service::{
    envelope::Refusal,
    request::{PathParts, QueryPairs, invalid_query},
};

use super::{Aggregator, ForCaller, answer::Content, headers, proof};
use crate::{
    api::{
        BlobAnswer, BlobPath, BlobRefusals, Conditions, HowToRead, ObjectPath, PartQuery,
        RangeRefusals, StreamRefusals,
    },
    http::conditions::EntityTag,
    limits,
    reason::GatewayReason,
    store::{StoreError, StoredBlob},
};

const PARAMETERS: [&str; 5] = [
    "strict_consistency_check",
    "skip_consistency_check",
    "wait",
    "raw",
    "proof",
];

/// How a blob is to be read.
#[derive(Default)]
struct Wanted {
    strictly: bool,
    wait: Duration,
    /// Its own bytes, also if it is a manifest.
    raw: bool,
    /// A proof in place of the bytes.
    proof: bool,
}

impl Wanted {
    fn of(query: &QueryPairs) -> Result<Self, Refusal> {
        query.only(&PARAMETERS)?;
        let strictly = is_strict(query)?;
        let wait: u64 = query.one("wait")?.unwrap_or_default();
        if wait > limits::WAIT_SECONDS {
            let most = limits::WAIT_SECONDS;
            return Err(invalid_query(format!("`wait` is at most {most} seconds")));
        }
        let wait = Duration::from_secs(wait);
        Ok(Self {
            strictly,
            wait,
            raw: is_set(query, "raw")?,
            proof: is_set(query, "proof")?,
        })
    }
}

/// Whether a flag is 1 or `true`.
fn is_set(query: &QueryPairs, name: &str) -> Result<bool, Refusal> {
    let value: Option<String> = query.one(name)?;
    match value.as_deref() {
        None | Some("0" | "false") => Ok(false),
        Some("1" | "true") => Ok(true),
        Some(other) => Err(invalid_query(format!("`{name}` is 0 or 1, not `{other}`"))),
    }
}

/// What the flags of consistency checks say.
pub(super) fn is_strict(query: &QueryPairs) -> Result<bool, Refusal> {
    let flag = |name| Ok::<_, Refusal>(query.one::<bool>(name)?.unwrap_or_default());
    both_checks(
        flag("strict_consistency_check")?,
        flag("skip_consistency_check")?,
    )
}

/// Whether the check is a strict one.
///
/// # Errors
/// That it cannot be strict and none.
pub(super) fn both_checks(strict: bool, skip: bool) -> Result<bool, Refusal> {
    if strict && skip {
        let message = "the consistency check cannot be both strict and skipped";
        return Err(Refusal::new(
            GatewayReason::InvalidConsistencyCheck,
            message,
        ));
    }
    Ok(strict)
}

impl Aggregator {
    /// Opens a blob, if it may be served.
    pub(super) async fn open(&self, blob_id: BlobId) -> Result<Arc<dyn StoredBlob>, Refusal> {
        self.open_wanted(blob_id, &Wanted::default()).await
    }

    /// That so many bytes may be served.
    pub(super) fn check_size(&self, size: u64) -> Result<(), Refusal> {
        let Some(most) = self.max_blob_size.filter(|most| size > *most) else {
            return Ok(());
        };
        let message = format!("there are {size} bytes; this aggregator serves at most {most}");
        Err(Refusal::new(GatewayReason::BlobTooLarge, message))
    }

    /// The same, waiting for the blob to be certified. One that is registered is waited for in any case: the nodes hear of its certification
    /// a moment after the chain, and so after its publisher.
    async fn open_wanted(
        &self,
        blob_id: BlobId,
        wanted: &Wanted,
    ) -> Result<Arc<dyn StoredBlob>, Refusal> {
        let begin = Instant::now();
        let blob = loop {
            let opened = match wanted.raw {
                true => self.store.open_raw(blob_id),
                false => self.store.open(blob_id),
            };
            let (missing, wait) = match opened.await {
                Ok(blob) => break blob,
                Err(error @ StoreError::NeverStored(_)) => (error, wanted.wait),
                // Who has just stored it reads it.
                Err(error @ StoreError::Registered(_)) => {
                    (error, wanted.wait.max(limits::CERTIFICATION_LAG))
                }
                Err(error) => return Err(error.into()),
            };
            let deadline = begin + wait;
            if Instant::now() >= deadline {
                return Err(missing.into());
            }
            let next = Instant::now() + limits::WAIT_PAUSE;
            tokio::time::sleep_until(next.min(deadline)).await;
        };
        self.check_size(blob.size())?;
        Ok(blob)
    }

    /// The answer with a blob: what all routes end in.
    async fn answer(
        &self,
        blob_id: BlobId,
        wanted: &Wanted,
        headers: HeaderMap,
        method: &Method,
        request: &HeaderMap,
    ) -> Result<Response, Refusal> {
        let blob = self.open_wanted(blob_id, wanted).await?;
        if wanted.proof {
            return proof::answer(&*blob, proof::asked(request, blob.size())?, method).await;
        }
        let tag = match wanted.raw {
            true => EntityTag::new(format!("{blob_id}-raw")),
            false => EntityTag::new(blob_id),
        };
        let content = Content {
            blob,
            tag,
            headers,
            strictly: wanted.strictly,
        };
        content.answer(method, request).await
    }
}

/// A blob.
#[utoipa::path(
    get,
    path = "/v1/blobs/{blob_id}",
    tag = "aggregator",
    params(BlobPath, HowToRead, Conditions),
    responses(BlobAnswer, BlobRefusals),
    extensions(("x-codeSamples" = json!([{"lang": "Shell", "source": "curl --fail \"$AGGREGATOR/v1/blobs/$BLOB_ID\""}, {"lang": "Shell", "source": "curl --fail --range 0-9 \"$AGGREGATOR/v1/blobs/$BLOB_ID?wait=10\""}]))),
)]
pub(super) async fn by_blob_id(
    ForCaller(aggregator): ForCaller,
    method: Method,
    path: PathParts,
    query: QueryPairs,
    request: HeaderMap,
) -> Result<Response, Refusal> {
    let blob_id: BlobId = path.part("blob_id", "a blob ID")?;
    let wanted = Wanted::of(&query)?;
    let headers = headers::of_blob(&method, &request);
    aggregator
        .answer(blob_id, &wanted, headers, &method, &request)
        .await
}

/// The blob of a blob object.
///
/// Attributes of the object are headers of the answer, as far as the server allows them: `content-type` for one.
#[utoipa::path(
    get,
    path = "/v1/blobs/by-object-id/{object_id}",
    tag = "aggregator",
    params(ObjectPath, HowToRead, Conditions),
    responses(BlobAnswer, BlobRefusals),
    extensions(("x-codeSamples" = json!([{"lang": "Shell", "source": "curl --fail \"$AGGREGATOR/v1/blobs/by-object-id/$OBJECT_ID\""}]))),
)]
pub(super) async fn by_object_id(
    ForCaller(aggregator): ForCaller,
    method: Method,
    path: PathParts,
    query: QueryPairs,
    request: HeaderMap,
) -> Result<Response, Refusal> {
    let object_id: Address = path.part("object_id", "an object ID")?;
    let wanted = Wanted::of(&query)?;
    let object = aggregator.store.object(object_id).await?;
    let mut headers = headers::of_blob(&method, &request);
    aggregator.allowed.add(&mut headers, object.attributes);
    aggregator
        .answer(object.blob_id, &wanted, headers, &method, &request)
        .await
}

/// A part of a blob, which is a whole answer for whoever keeps it.
#[utoipa::path(
    get,
    path = "/v1/blobs/{blob_id}/byte-range",
    tag = "aggregator",
    params(BlobPath, PartQuery, Conditions),
    responses(BlobAnswer, RangeRefusals),
    extensions(("x-codeSamples" = json!([{"lang": "Shell", "source": "curl --fail \"$AGGREGATOR/v1/blobs/$BLOB_ID/byte-range?start=0&length=10\""}]))),
)]
pub(super) async fn byte_range(
    ForCaller(aggregator): ForCaller,
    method: Method,
    path: PathParts,
    query: QueryPairs,
    request: HeaderMap,
) -> Result<Response, Refusal> {
    let blob_id: BlobId = path.part("blob_id", "a blob ID")?;
    query.only(&["start", "length", "raw", "proof"])?;
    let required = |name: &str| {
        let missing = || invalid_query(format!("`{name}` is missing"));
        query.one::<u64>(name)?.ok_or_else(missing)
    };
    let (start, length) = (required("start")?, required("length")?);
    let wanted = Wanted {
        raw: is_set(&query, "raw")?,
        proof: is_set(&query, "proof")?,
        ..Wanted::default()
    };
    let blob = aggregator.open_wanted(blob_id, &wanted).await?;
    let size = blob.size();
    let end = start.checked_add(length);
    let Some(end) = end.filter(|end| length > 0 && *end <= size) else {
        let message =
            format!("there are {size} bytes: {length} of them from {start} on are not among these");
        return Err(Refusal::new(GatewayReason::InvalidByteRange, message));
    };
    if wanted.proof {
        return proof::answer(&*blob, start..end, &method).await;
    }
    let raw = if wanted.raw { "-raw" } else { "" };
    let content = Content {
        blob: Arc::new(Part { blob, start, end }),
        tag: EntityTag::new(format!("{blob_id}{raw}-{start}-{length}")),
        headers: headers::of_blob(&method, &request),
        strictly: false,
    };
    content.answer(&method, &request).await
}

/// A part of a blob that stands for itself.
struct Part {
    blob: Arc<dyn StoredBlob>,
    start: u64,
    end: u64,
}

impl StoredBlob for Part {
    fn blob_id(&self) -> BlobId {
        self.blob.blob_id()
    }

    fn size(&self) -> u64 {
        self.end.saturating_sub(self.start)
    }

    fn read(&self, range: std::ops::Range<u64>) -> crate::store::ByteStream {
        let place = |position: u64| self.start.saturating_add(position).min(self.end);
        self.blob.read(place(range.start)..place(range.end))
    }

    fn read_strictly(
        &self,
    ) -> futures::future::BoxFuture<'_, Result<crate::store::ByteStream, StoreError>> {
        Box::pin(std::future::ready(Ok(self.read(0..self.size()))))
    }
}

/// A blob; what all routes do now had a route of its own once.
#[utoipa::path(
    get,
    path = "/v1alpha/blobs/{blob_id}/stream",
    tag = "aggregator",
    params(BlobPath, Conditions),
    responses(BlobAnswer, StreamRefusals),
    extensions(("x-codeSamples" = json!([{"lang": "Shell", "source": "curl --fail \"$AGGREGATOR/v1alpha/blobs/$BLOB_ID/stream\""}]))),
)]
pub(super) async fn stream(
    ForCaller(aggregator): ForCaller,
    method: Method,
    path: PathParts,
    query: QueryPairs,
    request: HeaderMap,
) -> Result<Response, Refusal> {
    let blob_id: BlobId = path.part("blob_id", "a blob ID")?;
    query.only(&[])?;
    let mut headers = headers::of_blob(&method, &request);
    headers.insert(
        HeaderName::from_static("x-walrus-streaming"),
        HeaderValue::from_static("true"),
    );
    aggregator
        .answer(blob_id, &Wanted::default(), headers, &method, &request)
        .await
}
