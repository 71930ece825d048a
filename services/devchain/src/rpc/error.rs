//! The error model: gRPC status codes with `google.rpc.BadRequest` details (devchain spec 1.1).

use prost::Message;
use prost_types::Any;
use sui_devchain_executor::AdmissionError;
use sui_rpc::proto::google::rpc::bad_request::FieldViolation;
use sui_rpc::proto::google::rpc::{BadRequest, Status as RpcStatus};
use sui_rpc::proto::sui::rpc::v2::ErrorReason;
use tonic::{Code, Status};

use crate::error::LedgerError;
use crate::render::TooLarge;

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
    let message = error.to_string();
    bad_request(message, error.field_violation().clone())
}

fn violation(field: &str, description: String, reason: ErrorReason) -> Status {
    let message = format!("invalid {field}: {description}");
    let mut violation = FieldViolation::new(field);
    violation.description = description;
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
    Status::not_found(what.to_string())
}

/// The form of a status inside batch responses.
pub(crate) fn to_rpc_status(status: &Status) -> RpcStatus {
    RpcStatus {
        code: status.code().into(),
        message: status.message().to_owned(),
        details: Vec::new(),
    }
}

impl From<TooLarge> for Status {
    fn from(error: TooLarge) -> Self {
        Self::resource_exhausted(error.to_string())
    }
}

impl From<LedgerError> for Status {
    fn from(error: LedgerError) -> Self {
        match &error {
            LedgerError::Refused(refusal) if refusal.is_internal() => {
                Self::internal(error.to_string())
            }
            LedgerError::Refused(AdmissionError::Interrupted) => Self::cancelled(error.to_string()),
            LedgerError::Refused(_) => Self::invalid_argument(error.to_string()),
            LedgerError::Stopped => Self::unavailable(error.to_string()),
            LedgerError::Internal(_) => Self::internal(error.to_string()),
        }
    }
}

/// As [`From<LedgerError>`], except that missing objects and packages are NOT_FOUND: what
/// resolution reports (devchain spec 1.5).
pub(crate) fn resolution(error: LedgerError) -> Status {
    match &error {
        LedgerError::Refused(refusal) if refusal.is_not_found() => {
            Status::not_found(error.to_string())
        }
        _ => error.into(),
    }
}
