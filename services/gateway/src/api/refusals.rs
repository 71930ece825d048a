//! Refusals, as the document has them: lists of reasons, whose statuses are those that they have.

use std::collections::BTreeMap;

use utoipa::{
    IntoResponses,
    openapi::{ContentBuilder, Ref, ResponseBuilder},
};
use walrus_service::envelope::{Reason, RequestReason};

use super::Responses;
use crate::{
    publisher::WriteReason::*,
    reason::{
        GatewayReason::{self, *},
        TokenReason,
    },
};

/// A reason: its status, its code, and what it means.
type Refused = (u16, &'static str, &'static str);

fn refused(reason: impl Reason, meaning: &'static str) -> Refused {
    (reason.http_status(), reason.code(), meaning)
}

/// Any route.
fn any() -> Vec<Refused> {
    let shed = refused(
        TooManyRequests,
        "as many requests are in work and waiting as may be",
    );
    [vec![shed], unshed()].concat()
}

/// Any route that takes requests however many there are.
fn unshed() -> Vec<Refused> {
    vec![
        refused(
            Internal,
            "something failed that is not the client's doing; the log has a trace of it",
        ),
        refused(
            RequestReason::Overloaded,
            "the client's share of connections or requests is used up",
        ),
    ]
}

/// Any request whose path or query may be wrong.
fn malformed() -> Vec<Refused> {
    vec![
        refused(
            RequestReason::InvalidPath,
            "a part of the path is malformed",
        ),
        refused(
            RequestReason::InvalidQuery,
            "the query is malformed, or has what the route does not know",
        ),
    ]
}

/// Any read of a blob.
fn of_blob() -> Vec<Refused> {
    vec![
        refused(
            BlobNotFound,
            "never stored, or what was paid for is long over",
        ),
        refused(
            BlobNotCertified,
            "registered; nothing says that its bytes are there",
        ),
        refused(BlobExpired, "what was paid for is over"),
        refused(BlobUnavailable, "certified, and cannot be read now"),
        refused(
            ForbiddenBlob,
            "blocked by the storage nodes, or by this server",
        ),
        refused(
            GatewayReason::BlobTooLarge,
            "larger than what this server serves",
        ),
    ]
}

/// Any answer with parts and conditions.
fn of_conditions() -> Vec<Refused> {
    vec![
        refused(PreconditionFailed, "`If-Match` names something else"),
        refused(
            RangeNotSatisfiable,
            "nothing of the blob is in the range, or it is malformed; `Content-Range` says how many bytes there are",
        ),
    ]
}

/// Any store.
fn of_store() -> Vec<Refused> {
    vec![
        refused(
            InvalidBlobPersistence,
            "deletable and permanent, or shared and not permanent",
        ),
        refused(
            MalformedRequest,
            "what is asked for cannot be, so many epochs for example",
        ),
        refused(InvalidBody, "the body broke off"),
        refused(
            RequestReason::BodyTooLarge,
            "larger than what is taken here; the message says how much is",
        ),
        refused(
            NotAllowed,
            "the server takes requests of programs on its own machine only, and this is none",
        ),
        refused(
            ForbiddenBlob,
            "blocked by the storage nodes, or by this server",
        ),
        refused(InsufficientFunds, "the publisher's wallet has too little"),
        refused(
            InsufficientConfirmations,
            "too few storage nodes confirmed that they have it",
        ),
    ]
}

/// Any store that is counted, kept, or repeated.
fn of_jobs() -> Vec<Refused> {
    vec![
        refused(MissingKey, "a key is needed here"),
        refused(InvalidKey, "there is no such key, or it was revoked"),
        refused(ExpiredKey, "the key has expired"),
        refused(
            BudgetExceeded,
            "the store costs more, or has more bytes, than what is left",
        ),
        refused(
            InvalidIdempotencyKey,
            "`Idempotency-Key` is empty, too long, or no ASCII",
        ),
        refused(
            IdempotencyKeyReused,
            "the same key came with another body or other parameters before",
        ),
        refused(
            TooManyUploads,
            "as many answers and uploads as are kept are there",
        ),
        refused(
            SpoolFull,
            "as many bytes that are not stored yet as are kept are there",
        ),
    ]
}

/// Any request to an upload.
fn of_uploads() -> Vec<Refused> {
    vec![
        refused(UploadNotFound, "there is no such upload, or it has expired"),
        refused(
            NotAllowed,
            "the server takes requests of programs on its own machine only, and this is none",
        ),
    ]
}

/// Any request that changes an upload, or asks where it is.
fn of_owners() -> Vec<Refused> {
    vec![
        refused(NotYourUpload, "the upload was made with another key"),
        refused(InvalidKey, "there is no such key, or it was revoked"),
        refused(ExpiredKey, "the key has expired"),
        refused(UnsupportedVersion, "`Tus-Resumable: 1.0.0` is needed"),
    ]
}

/// What needs a key.
fn of_keys() -> Vec<Refused> {
    vec![
        refused(MissingKey, "a key is needed"),
        refused(InvalidKey, "there is no such key, or it was revoked"),
        refused(ExpiredKey, "the key has expired"),
        refused(
            NotAllowed,
            "the server takes requests of programs on its own machine only, and this is none",
        ),
    ]
}

/// What is done with an object of a key.
fn of_objects() -> Vec<Refused> {
    vec![
        refused(ObjectNotFound, "the key has no such object"),
        refused(ObjectUnsuitable, "it cannot be done with this object"),
        refused(BudgetExceeded, "it costs more than what is left"),
        refused(InvalidBody, "the body broke off"),
        refused(UnprocessableBody, "the body is JSON of another form"),
        refused(RequestReason::BodyTooLarge, "the body is too large"),
        refused(MalformedRequest, "what is asked for cannot be"),
        refused(InsufficientFunds, "the publisher's wallet has too little"),
        refused(ForbiddenBlob, "blocked by the storage nodes"),
        refused(InsufficientConfirmations, "too few storage nodes answered"),
    ]
}

fn of_tokens() -> Vec<Refused> {
    let all = TokenReason::ALL.into_iter();
    all.map(|reason| refused(reason, "the token does not let its bearer store this"))
        .collect()
}

/// One response for each status.
fn responses(lists: &[Vec<Refused>]) -> Responses {
    let mut by_status: BTreeMap<u16, Vec<(&str, &str)>> = BTreeMap::new();
    for (status, code, meaning) in lists.iter().flatten() {
        let reasons = by_status.entry(*status).or_default();
        if !reasons.iter().any(|(known, _)| known == code) {
            reasons.push((code, meaning));
        }
    }
    let response = |reasons: &[(&str, &str)]| {
        let lines = reasons
            .iter()
            .map(|(code, meaning)| match meaning.is_empty() {
                true => format!("`{code}`"),
                false => format!("`{code}`: {meaning}"),
            });
        let lines: Vec<_> = lines.collect();
        let schema = Ref::from_schema_name("Error");
        ResponseBuilder::new()
            .description(format!("{}.", lines.join("; ")))
            .content(
                "application/json",
                ContentBuilder::new().schema(Some(schema)).build(),
            )
            .build()
    };
    by_status
        .iter()
        .map(|(status, reasons)| (status.to_string(), response(reasons).into()))
        .collect()
}

/// Refusals that go together: a name for lists of reasons.
macro_rules! refusals {
    ($($(#[$about:meta])* $name:ident => [$($list:expr),* $(,)?];)*) => {$(
        $(#[$about])*
        pub(crate) enum $name {}

        impl IntoResponses for $name {
            fn responses() -> Responses {
                responses(&[$($list),*])
            }
        }
    )*};
}

refusals! {
    /// Of a route that cannot fail on its own.
    AnyRefusals => [any()];

    /// Of reads of a blob.
    BlobRefusals => [
        any(),
        malformed(),
        of_blob(),
        of_conditions(),
        vec![
            refused(InvalidConsistencyCheck, "the consistency check is both strict and skipped"),
            refused(InvalidByteRange, "a proof of a malformed range, or of more bytes than one may have"),
        ],
    ];

    /// Of reads of a part that is named in the query.
    RangeRefusals => [
        any(),
        malformed(),
        of_blob(),
        of_conditions(),
        vec![refused(InvalidByteRange, "the part is empty, or not all of it is there")],
    ];

    /// Of reads of a whole blob without options.
    StreamRefusals => [any(), malformed(), of_blob(), of_conditions()];

    /// Of reads of several blobs.
    ConcatRefusals => [
        any(),
        malformed(),
        of_blob(),
        of_conditions(),
        vec![
            refused(InvalidConsistencyCheck, "the consistency check is both strict and skipped"),
            refused(InvalidIdFormat, "neither a blob ID nor an object ID"),
            refused(ObjectNotResolved, "there is no such blob object"),
        ],
    ];

    /// Of reads of blobs that a body names.
    ConcatBodyRefusals => [
        vec![
            refused(InvalidBody, "the body is no JSON, or broke off"),
            refused(UnprocessableBody, "the body is JSON of another form"),
            refused(UnsupportedMediaType, "the body says that it is no JSON"),
            refused(RequestReason::BodyTooLarge, "the body is larger than what is taken here"),
        ],
    ];

    /// Of lists of patches.
    PatchesRefusals => [any(), malformed(), of_blob(), vec![refused(QuiltPatchNotFound, "the blob is no quilt")]];

    /// Of archives.
    ArchiveRefusals => [
        any(),
        malformed(),
        of_blob(),
        vec![
            refused(PreconditionFailed, "`If-Match` names something else"),
            refused(QuiltPatchNotFound, "the blob is no quilt"),
        ],
    ];

    /// Of reads of a patch.
    PatchRefusals => [
        any(),
        malformed(),
        of_blob(),
        of_conditions(),
        vec![refused(QuiltPatchNotFound, "the quilt has no such patch, or the blob is no quilt")],
    ];

    /// Of stores.
    StoreRefusals => [any(), malformed(), of_store(), of_jobs(), of_tokens()];

    /// Of uploads that begin.
    NewUploadRefusals => [
        unshed(),
        malformed(),
        of_store(),
        of_jobs(),
        of_tokens(),
        vec![
            refused(UnsupportedVersion, "`Tus-Resumable: 1.0.0` is needed"),
            refused(InvalidUpload, "a header is missing or malformed"),
        ],
    ];

    /// Of parts of uploads.
    PartRefusals => [
        unshed(),
        of_store(),
        of_uploads(),
        of_owners(),
        vec![
            refused(InvalidUpload, "a header is missing or malformed, or the part goes beyond the end"),
            refused(OffsetMismatch, "the upload is at another offset"),
            refused(UnsupportedPart, "a part is `application/offset+octet-stream`"),
            refused(UploadLocked, "another request writes to the upload, or it is complete"),
            refused(ChecksumMismatch, "the bytes are not those of the checksum; they were forgotten"),
            refused(DigestMismatch, "the whole is not what was promised; the upload is over"),
            refused(BudgetExceeded, "the store costs more, or has more bytes, than what is left; the upload is over"),
        ],
    ];

    /// Of questions where an upload is.
    OffsetRefusals => [unshed(), of_uploads(), of_owners()];

    /// Of ends of uploads.
    EndRefusals => [
        unshed(),
        of_uploads(),
        of_owners(),
        vec![refused(UploadLocked, "another request writes to the upload, or it is being stored")],
    ];

    /// Of questions how far a store is.
    StatusRefusals => [unshed(), of_uploads()];

    /// Of events.
    EventsRefusals => [
        unshed(),
        of_uploads(),
        vec![refused(TooManyUploads, "as many clients follow uploads as may")],
    ];

    /// Of what is asked of the server itself.
    UnshedRefusals => [unshed()];

    /// Of a key itself.
    KeyRefusals => [any(), malformed(), of_keys()];

    /// Of the objects of a key.
    ObjectRefusals => [any(), malformed(), of_keys(), of_objects()];

    /// Of uploads for others. They are plain text unless `Accept` names `application/json`.
    RelayRefusals => [any(), crate::relay::refusals()];
}
