//! Tips: whether a transaction has paid one for a blob. Client spec 4.2, 4.4 and 4.6.

use std::time::Duration;

use sha2::{Digest as _, Sha256};
use walrus_sdk::Address;
use walrus_sui::chain::Payment;

/// Bytes of the input that names a blob: its digest, that of the nonce, and its length.
const PACKAGE: usize = 72;

/// A body that was taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Received {
    pub(super) digest: [u8; 32],
    pub(super) length: u64,
}

/// What a transaction has to have paid.
#[derive(Debug, Clone, Copy)]
pub(super) struct Due {
    pub(super) to: Address,
    pub(super) amount: u64,
    pub(super) freshness: Duration,
    pub(super) max_future: Duration,
    /// The time, in milliseconds since 1970.
    pub(super) now_ms: u64,
}

/// Why a transaction does not pay for a blob.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum TipError {
    #[error("the transaction of the tip was not executed")]
    NotExecuted,
    #[error("the transaction of the tip is from the future")]
    Future,
    #[error("the transaction of the tip is older than {0:?}")]
    Old(Duration),
    #[error("the transaction pays no tip to {0}")]
    NoTip(Address),
    #[error("the tip is insufficient: balance change {found}; expected {expected}")]
    Insufficient { found: i128, expected: u64 },
    #[error("the transaction of the tip is not a programmable one")]
    NotProgrammable,
    #[error(
        "the first input of the transaction is not the {} bytes that name a blob",
        PACKAGE
    )]
    NoPackage,
    #[error("the nonce is not the one that the transaction names")]
    Nonce,
    #[error("the body has {found} bytes, and the transaction names {expected}")]
    Length { found: u64, expected: u64 },
    #[error("the body is not the one that the transaction names")]
    Digest,
}

/// Checks that a transaction has paid what is due for a body. Client spec 4.6, in its order.
pub(super) fn check(
    payment: &Payment,
    due: &Due,
    nonce: &[u8; 32],
    body: &Received,
) -> Result<(), TipError> {
    check_payment(payment, due)?;
    check_package(package(payment)?, nonce, body)
}

/// The part of that which needs no body.
pub(super) fn check_payment(payment: &Payment, due: &Due) -> Result<(), TipError> {
    if !payment.succeeded {
        return Err(TipError::NotExecuted);
    }
    let made = payment.timestamp_ms.ok_or(TipError::NotExecuted)?;
    let made = Duration::from_millis(made);
    let now = Duration::from_millis(due.now_ms);
    if made > now.saturating_add(due.max_future) {
        return Err(TipError::Future);
    }
    if made.saturating_add(due.freshness) < now {
        return Err(TipError::Old(due.freshness));
    }
    let mut changes = payment.sui_changes.iter();
    let change = changes.find(|(address, _)| *address == due.to);
    let (_, found) = *change.ok_or(TipError::NoTip(due.to))?;
    if found < i128::from(due.amount) {
        let expected = due.amount;
        return Err(TipError::Insufficient { found, expected });
    }
    if !payment.is_programmable {
        return Err(TipError::NotProgrammable);
    }
    package(payment).map(|_| ())
}

/// The bytes that name the body.
fn package(payment: &Payment) -> Result<&[u8; PACKAGE], TipError> {
    let package = payment.first_pure_input.as_deref();
    let package = package.and_then(|bytes| bytes.try_into().ok());
    package.ok_or(TipError::NoPackage)
}

fn check_package(
    package: &[u8; PACKAGE],
    nonce: &[u8; 32],
    body: &Received,
) -> Result<(), TipError> {
    let (digest, rest) = package.split_at(32);
    let (nonce_digest, length) = rest.split_at(32);
    let found: [u8; 32] = Sha256::digest(nonce).into();
    if found.as_slice() != nonce_digest {
        return Err(TipError::Nonce);
    }
    let expected = length.try_into().map_or(0, u64::from_le_bytes);
    if body.length != expected {
        let found = body.length;
        return Err(TipError::Length { found, expected });
    }
    if body.digest.as_slice() != digest {
        return Err(TipError::Digest);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TO: Address = Address::new([42; 32]);
    const NONCE: [u8; 32] = [7; 32];
    const HOUR: Duration = Duration::from_secs(3600);

    fn paid() -> (Payment, Due, Received) {
        let body = Received {
            digest: Sha256::digest(b"body").into(),
            length: 4,
        };
        let mut package = body.digest.to_vec();
        package.extend(Sha256::digest(NONCE));
        package.extend(4_u64.to_le_bytes());
        let payment = Payment {
            succeeded: true,
            timestamp_ms: Some(1_000_000_000),
            sui_changes: vec![(Address::new([1; 32]), -1000), (TO, 100)],
            first_pure_input: Some(package),
            is_programmable: true,
        };
        let due = Due {
            to: TO,
            amount: 100,
            freshness: HOUR,
            max_future: Duration::from_secs(30),
            now_ms: 1_000_000_000,
        };
        (payment, due, body)
    }

    #[test]
    fn a_tip_that_was_paid_for_the_body_is_good_until_it_is_old() {
        let (payment, due, body) = paid();
        let at = |now_ms| check(&payment, &Due { now_ms, ..due }, &NONCE, &body);
        assert_eq!(at(1_000_000_000), Ok(()));
        assert_eq!(at(1_000_000_000 + 3_600_000), Ok(()));
        assert_eq!(at(1_000_000_000 + 3_600_001), Err(TipError::Old(HOUR)));
        assert_eq!(at(1_000_000_000 - 30_000), Ok(()));
        assert_eq!(at(1_000_000_000 - 30_001), Err(TipError::Future));
    }

    #[test]
    fn what_was_not_paid_for_this_body_is_refused() {
        let refused = |change: fn(&mut Payment, &mut Due, &mut Received)| {
            let (mut payment, mut due, mut body) = paid();
            change(&mut payment, &mut due, &mut body);
            check(&payment, &due, &NONCE, &body).unwrap_err()
        };
        assert_eq!(
            refused(|payment, _, _| payment.succeeded = false),
            TipError::NotExecuted
        );
        assert_eq!(
            refused(|payment, _, _| payment.timestamp_ms = None),
            TipError::NotExecuted
        );
        assert_eq!(
            refused(|payment, _, _| payment.sui_changes.truncate(1)),
            TipError::NoTip(TO)
        );
        let too_little = TipError::Insufficient {
            found: 100,
            expected: 101,
        };
        assert_eq!(refused(|_, due, _| due.amount = 101), too_little);
        let changes = |payment: &mut Payment, _: &mut Due, _: &mut Received| {
            // The first change of the address counts.
            payment.sui_changes.insert(0, (TO, 99));
        };
        assert!(matches!(
            refused(changes),
            TipError::Insufficient { found: 99, .. }
        ));
        assert_eq!(
            refused(|payment, _, _| payment.is_programmable = false),
            TipError::NotProgrammable
        );
        assert_eq!(
            refused(|payment, _, _| payment.first_pure_input = None),
            TipError::NoPackage
        );
        let longer = |payment: &mut Payment, _: &mut Due, _: &mut Received| {
            payment.first_pure_input.as_mut().unwrap().push(0);
        };
        assert_eq!(refused(longer), TipError::NoPackage);
        assert!(matches!(
            refused(|_, _, body| body.length = 5),
            TipError::Length { .. }
        ));
        assert_eq!(
            refused(|_, _, body| body.digest = [0; 32]),
            TipError::Digest
        );
        let (payment, due, body) = paid();
        assert_eq!(check(&payment, &due, &[8; 32], &body), Err(TipError::Nonce));
    }
}
