//! `HEAD`, `PATCH` and `DELETE /v1/uploads/{id}`: where an upload is, a part of it, and its end.

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use walrus_service::{envelope::Refusal, request::PathParts};

use super::{
    checksum,
    create::{blob_of, tell_blob},
    headers::{self, BLOB_ID, OFFSET, required_number},
    named, no_content, owner,
};
use crate::{
    api::{
        EndRefusals, EndedAnswer, OffsetAnswer, OffsetRefusals, PartAnswer, PartHeaders,
        PartRefusals, UploadHeaders, UploadPath,
    },
    publisher::{
        Publisher,
        jobs::{Part, PartEnd, disk_failed},
        refusal::WriteReason,
    },
};

/// Where an upload is.
///
/// Never refused for load: a client that is told to come back later here begins anew, from the first byte.
#[utoipa::path(
    head,
    path = "/v1/uploads/{id}",
    operation_id = "upload_offset",
    tag = "uploads",
    params(UploadPath),
    responses(OffsetAnswer, OffsetRefusals)
)]
pub(super) async fn offset(
    State(publisher): State<Publisher>,
    path: PathParts,
    request: HeaderMap,
) -> Result<Response, Refusal> {
    let (live, record) = named(&publisher, &path)?;
    owner(&publisher, &request, record.account)?;
    let mut answer = headers::of_upload(&record, live.received());
    if let Some(blob_id) = blob_of(&live) {
        answer.insert(BLOB_ID, blob_id);
    }
    Ok((StatusCode::OK, answer).into_response())
}

/// Appends a part to an upload, which is stored when all of it is there.
///
/// One request writes at a time. What came before a connection broke counts, unless the part has a checksum.
#[utoipa::path(
    patch,
    path = "/v1/uploads/{id}",
    operation_id = "append_part",
    tag = "uploads",
    params(UploadPath, PartHeaders),
    request_body(description = "The part.", content((Vec<u8> = "application/offset+octet-stream"))),
    responses(PartAnswer, PartRefusals),
    extensions(("x-codeSamples" = json!([{
        "lang": "Shell",
        "source": "UPLOAD=$(curl --fail --silent -X POST \"$PUBLISHER/v1/uploads?epochs=1\" -H \"Tus-Resumable: 1.0.0\" -H \"Upload-Length: 11\" \\\n  \
                   --output /dev/null --write-out '%header{location}')\n\
                   curl --fail --include -X PATCH \"$PUBLISHER$UPLOAD\" -H \"Tus-Resumable: 1.0.0\" -H \"Upload-Offset: 0\" \\\n  \
                   -H \"Content-Type: application/offset+octet-stream\" --data-binary \"hello world\""
    }]))),
)]
pub(super) async fn append(
    State(publisher): State<Publisher>,
    path: PathParts,
    request: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    headers::require_version(&request)?;
    let (live, record) = named(&publisher, &path)?;
    let caller = owner(&publisher, &request, record.account)?;
    let media_type = request.get(header::CONTENT_TYPE);
    if media_type.is_none_or(|value| value != "application/offset+octet-stream") {
        let message = "a part is `application/offset+octet-stream`";
        return Err(Refusal::new(WriteReason::UnsupportedPart, message));
    }
    let part = Part {
        offset: required_number(&request, &OFFSET)?,
        check: checksum::of(&request)?,
        body: body.into_data_stream(),
    };
    match publisher.jobs.write_part(live, caller, part).await? {
        PartEnd::At(offset) => Ok(no_content(headers::of_upload(&record, offset))),
        PartEnd::Complete(stored) => {
            let mut answer = headers::of_upload(&record, record.length);
            tell_blob(&stored, &mut answer).await?;
            Ok(no_content(answer))
        }
    }
}

/// Ends an upload, or forgets the answer of one that is over.
#[utoipa::path(
    delete,
    path = "/v1/uploads/{id}",
    operation_id = "end_upload",
    tag = "uploads",
    params(UploadPath, UploadHeaders),
    responses(EndedAnswer, EndRefusals)
)]
pub(super) async fn end(
    State(publisher): State<Publisher>,
    path: PathParts,
    request: HeaderMap,
) -> Result<Response, Refusal> {
    headers::require_version(&request)?;
    let (live, record) = named(&publisher, &path)?;
    owner(&publisher, &request, record.account)?;
    if !publisher.jobs.forget(live.id).await.map_err(disk_failed)? {
        let message = "another request is writing to this upload, or it is being stored";
        return Err(Refusal::new(WriteReason::UploadLocked, message));
    }
    let mut answer = HeaderMap::new();
    headers::describe(&mut answer);
    Ok(no_content(answer))
}
