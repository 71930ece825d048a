//! Resumable uploads by tus 1.0 (core, creation, expiration, termination, checksum), and what becomes of any job. Client spec 3.13.
//!
//! The URL of an upload cannot be guessed; if it was made with a key, only requests with that key write to it or end it. An upload that
//! is complete is stored, as a body that was put is: its status and its events are those of both.

mod append;
mod checksum;
mod create;
mod events;
mod headers;
mod metadata;
mod status;

use axum::{
    extract::{DefaultBodyLimit, Request},
    http::{HeaderMap, Method, StatusCode},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use utoipa::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};
use walrus_service::{envelope::Refusal, request::PathParts};

pub(super) use self::status::{location, status_of};
use super::{
    Publisher,
    account::{Account, Caller},
    jobs::{JobId, Live, Record},
    refusal::{WriteReason, no_upload},
};
use crate::api::{DescribedAnswer, UnshedRefusals};

/// The routes, described. No load sheds them: a client that is told to come back later may begin anew.
pub(super) fn described() -> OpenApiRouter<Publisher> {
    OpenApiRouter::with_openapi(WithoutHandlers::openapi())
        .routes(routes!(create::create))
        .routes(routes!(
            status::status,
            append::offset,
            append::append,
            append::end
        ))
        .routes(routes!(events::events))
        // A part is as long as it is; what is left of the upload bounds it.
        .layer(DefaultBodyLimit::disable())
}

/// What is answered before any handler.
#[derive(OpenApi)]
#[openapi(paths(describe))]
struct WithoutHandlers;

/// What can be done with uploads, to whoever asks, browsers included.
#[utoipa::path(
    options,
    path = "/v1/uploads",
    operation_id = "describe_uploads",
    tag = "uploads",
    responses(DescribedAnswer, UnshedRefusals),
    extensions(("x-codeSamples" = json!([{"lang": "Shell", "source": "curl --fail --include -X OPTIONS \"$PUBLISHER/v1/uploads\""}]))),
)]
pub(crate) async fn describe(request: Request, next: Next) -> Response {
    let asks = request.method() == Method::OPTIONS && is_of_uploads(request.uri().path());
    let mut response = next.run(request).await;
    if asks {
        headers::describe(response.headers_mut());
    }
    response
}

fn is_of_uploads(path: &str) -> bool {
    path == "/v1/uploads" || path.starts_with("/v1/uploads/")
}

/// The job that a path names.
fn named(
    publisher: &Publisher,
    path: &PathParts,
) -> Result<(std::sync::Arc<Live>, Record), Refusal> {
    // What is no ID names nothing.
    let id: JobId = path.part("id", "an upload").map_err(|_| no_upload())?;
    publisher.jobs.find(id)
}

/// Whoever may write to an upload: who made it, if that was with a key.
fn owner(publisher: &Publisher, headers: &HeaderMap, account: Account) -> Result<Caller, Refusal> {
    let holder = publisher.holder(headers)?;
    let made_with_key = account != Account::EVERYBODY && publisher.is_key(account);
    match holder {
        Some(holder) if holder.caller().account == account => Ok(holder.caller()),
        // Whoever has the URL.
        None if !made_with_key => Ok(publisher.caller_of(account)),
        _ => {
            let message = "the upload was made with another key, or with one and none is shown";
            Err(Refusal::new(WriteReason::NotYourUpload, message))
        }
    }
}

fn no_content(headers: HeaderMap) -> Response {
    (StatusCode::NO_CONTENT, headers).into_response()
}
