//! Expected failures: whether a test did what it should.

use sui_devchain_vm::{Location, Value, VmError, package::Module};

use crate::{
    bytecode::{Expected, FailureClass, Packages},
    run::CallResult,
};

/// `Err` says what is wrong.
pub(crate) fn check(
    packages: &Packages,
    expected: Option<&Expected>,
    result: &CallResult<Vec<Value>>,
) -> Result<(), String> {
    match (expected, result) {
        (None, Ok(_)) => Ok(()),
        (None, Err(error)) => Err(error.to_string()),
        (Some(expected), Ok(_)) => Err(format!("should have failed with {expected:?}")),
        (Some(expected), Err(error)) => {
            if is_machine_fault(error) {
                return Err(error.to_string());
            }
            match mismatch(packages, expected, error) {
                None => Ok(()),
                Some(what) => Err(format!("{what}: {error}")),
            }
        }
    }
}

/// Faults of the machine are no failures that a test could mean.
fn is_machine_fault(error: &VmError) -> bool {
    !matches!(
        error,
        VmError::Abort { .. } | VmError::Primitive { .. } | VmError::OutOfGas
    )
}

fn mismatch(packages: &Packages, expected: &Expected, error: &VmError) -> Option<&'static str> {
    let (class, minor, location) = match error {
        VmError::Abort { location, .. } => (FailureClass::Abort, None, Some(location)),
        VmError::Primitive { location, message } => {
            let (class, minor) = primitive_class(message);
            (class, minor, location.as_ref())
        }
        _ => (FailureClass::OutOfGas, None, None),
    };
    if expected.class != FailureClass::Any && (expected.class, expected.minor) != (class, minor) {
        return Some("failed in another way than expected");
    }
    if let VmError::Abort { location, code } = error {
        let wrong_code = expected
            .code
            .as_ref()
            .is_some_and(|wanted| *wanted != code.to_string());
        let wrong_error = expected
            .error
            .as_deref()
            .is_some_and(|wanted| error_name(packages, location, *code).as_deref() != Some(wanted));
        if wrong_code || wrong_error {
            return Some("aborted with another code than expected");
        }
    }
    let place = location.map(full_name);
    match &expected.location {
        Some(wanted) if place.as_ref() != Some(wanted) => {
            Some("failed in another module than expected")
        }
        _ => None,
    }
}

/// Class and minor status: the machine tells primitive errors apart by their messages only.
fn primitive_class(message: &str) -> (FailureClass, Option<u64>) {
    let minor = message.split_once("(sub-status ").map(|(_, rest)| rest);
    if message.starts_with("arithmetic error") {
        (FailureClass::ArithmeticError, None)
    } else if let Some(minor) = minor {
        let minor = minor.trim_end_matches(')').parse().ok();
        (FailureClass::VectorError, minor)
    } else {
        (FailureClass::Any, None)
    }
}

/// `0x2::balance`: short address and module.
fn full_name(location: &Location) -> String {
    let package = location.package.to_string();
    let digits = package.trim_start_matches("0x").trim_start_matches('0');
    let digits = if digits.is_empty() { "0" } else { digits };
    format!("0x{digits}::{}", location.module)
}

fn error_name(packages: &Packages, location: &Location, code: u64) -> Option<String> {
    let package = packages.0.get(&location.package)?;
    let module = Module::parse(package.modules.get(&location.module)?).ok()?;
    module.error_constant(code).map(str::to_owned)
}
