//! Error model: gRPC status codes with `google.rpc.BadRequest` details (devchain spec 1.1).

use prost::Message;
use prost_types::Any;
use sui_devchain_executor::AdmissionError;
use sui_rpc::proto::google::rpc::bad_request::FieldViolation;
use sui_rpc::proto::google::rpc::{BadRequest, Status as RpcStatus};
use sui_rpc::proto::sui::rpc::v2::ErrorReason;
use tonic::{Code, Status};

use crate::error::LedgerError;
use crate::history::Unreadable;
use crate::limits::MAX_ERROR_BYTES;
use crate::render::RenderError;

/// Cuts a text that may repeat what a request said: errors travel in headers, and clients refuse headers beyond 16 KiB.
fn shortened(mut text: String) -> String {
    if text.len() > MAX_ERROR_BYTES {
        let end = (0..=MAX_ERROR_BYTES).rfind(|at| text.is_char_boundary(*at));
        text.truncate(end.unwrap_or_default());
        text.push('…');
    }
    text
}

/// INVALID_ARGUMENT for a field that holds something unusable.
pub(crate) fn invalid(field: &str, description: impl ToString) -> Status {
    violation(field, description.to_string(), ErrorReason::FieldInvalid)
}

/// INVALID_ARGUMENT for a field that has to be there.
pub(crate) fn missing(field: &str) -> Status {
    violation(field, "missing field".into(), ErrorReason::FieldMissing)
}

/// INVALID_ARGUMENT from a failed proto conversion.
pub(crate) fn conversion(field: &str, error: sui_rpc::proto::TryFromProtoError) -> Status {
    let error = error.nested(field);
    let message = shortened(error.to_string());
    let mut violation = error.field_violation().clone();
    violation.description = shortened(violation.description);
    bad_request(message, violation)
}

fn violation(field: &str, description: String, reason: ErrorReason) -> Status {
    let message = shortened(format!("invalid {field}: {description}"));
    let mut violation = FieldViolation::new(field);
    violation.description = shortened(description);
    violation.reason = reason.into();
    bad_request(message, violation)
}

fn bad_request(message: String, violation: FieldViolation) -> Status {
    let details = Any::from_msg(&BadRequest::from(violation))
        .map(|detail| vec![detail])
        .unwrap_or_default();
    let status = RpcStatus {
        code: Code::InvalidArgument.into(),
        message: message.clone(),
        details,
    };
    Status::with_details(
        Code::InvalidArgument,
        message,
        status.encode_to_vec().into(),
    )
}

/// NOT_FOUND.
pub(crate) fn not_found(what: impl ToString) -> Status {
    Status::not_found(shortened(what.to_string()))
}

/// UNIMPLEMENTED: no service has this method.
pub(super) fn no_method(path: &str) -> Status {
    Status::unimplemented(shortened(format!("there is no {path}")))
}

/// The form of a status inside batch responses.
pub(crate) fn to_rpc_status(status: &Status) -> RpcStatus {
    RpcStatus {
        code: status.code().into(),
        message: status.message().to_owned(),
        details: Vec::new(),
    }
}

impl From<RenderError> for Status {
    fn from(error: RenderError) -> Self {
        match error {
            RenderError::TooLarge => Self::resource_exhausted(error.to_string()),
            RenderError::Unreadable(error) => error.into(),
        }
    }
}

impl From<Unreadable> for Status {
    fn from(error: Unreadable) -> Self {
        Self::data_loss(shortened(error.to_string()))
    }
}

impl From<LedgerError> for Status {
    fn from(error: LedgerError) -> Self {
        let code = match &error {
            LedgerError::Refused(refusal) if refusal.is_internal() => Code::Internal,
            LedgerError::Refused(AdmissionError::Interrupted) => Code::Cancelled,
            LedgerError::Refused(_) => Code::InvalidArgument,
            LedgerError::Stopped => Code::Unavailable,
            LedgerError::Internal(_) => Code::Internal,
        };
        Self::new(code, shortened(error.to_string()))
    }
}

/// As [`From<LedgerError>`], except that missing objects and packages are NOT_FOUND: what
/// resolution reports (devchain spec 1.5).
pub(crate) fn resolution(error: LedgerError) -> Status {
    match &error {
        LedgerError::Refused(refusal) if refusal.is_not_found() => not_found(error),
        _ => error.into(),
    }
}
