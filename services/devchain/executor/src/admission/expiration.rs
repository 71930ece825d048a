//! Expiration: in which epochs and on which chain a transaction is valid (devchain spec 2.3 row 3).

use sui_sdk_types::{Digest, EpochId, TransactionExpiration};

use crate::AdmissionError;
use crate::ChainParams;

pub(super) fn check(
    params: &ChainParams,
    expiration: &TransactionExpiration,
) -> Result<(), AdmissionError> {
    match expiration {
        TransactionExpiration::None => Ok(()),
        TransactionExpiration::Epoch(last) if params.epoch <= *last => Ok(()),
        TransactionExpiration::Epoch(last) => Err(AdmissionError::Expired(format!(
            "valid until epoch {last}, the epoch is {}",
            params.epoch
        ))),
        TransactionExpiration::ValidDuring {
            min_epoch,
            max_epoch,
            min_timestamp,
            max_timestamp,
            chain,
            ..
        }
        | TransactionExpiration::Validity {
            min_epoch,
            max_epoch,
            min_timestamp,
            max_timestamp,
            chain,
            ..
        } => {
            if min_timestamp.is_some() || max_timestamp.is_some() {
                return Err(AdmissionError::Unsupported(
                    "expiration by timestamp".into(),
                ));
            }
            check_window(params, *min_epoch, *max_epoch, chain)
        }
        _ => Err(AdmissionError::Unsupported("kind of expiration".into())),
    }
}

fn check_window(
    params: &ChainParams,
    min: Option<EpochId>,
    max: Option<EpochId>,
    chain: &Digest,
) -> Result<(), AdmissionError> {
    let (Some(min), Some(max)) = (min, max) else {
        return Err(AdmissionError::Unsupported(
            "expiration without both epochs".into(),
        ));
    };
    if *chain != params.chain_id {
        return Err(AdmissionError::Expired(format!(
            "made for chain {chain}, this is {}",
            params.chain_id
        )));
    }
    if max != min && Some(max) != min.checked_add(1) {
        return Err(AdmissionError::Malformed(format!(
            "expiration window {min}..={max} is wider than two epochs"
        )));
    }
    if params.epoch < min || params.epoch > max {
        return Err(AdmissionError::Expired(format!(
            "valid in epochs {min}..={max}, the epoch is {}",
            params.epoch
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(epoch: EpochId) -> ChainParams {
        ChainParams {
            chain_id: Digest::ZERO,
            epoch,
            epoch_start_ms: 0,
            reference_gas_price: 1000,
        }
    }

    #[test]
    fn an_epoch_bound_is_inclusive() {
        assert!(check(&params(3), &TransactionExpiration::Epoch(3)).is_ok());
        assert!(check(&params(4), &TransactionExpiration::Epoch(3)).is_err());
    }

    #[test]
    fn a_window_spans_at_most_two_epochs_of_this_chain() {
        let window = |min, max, chain| TransactionExpiration::ValidDuring {
            min_epoch: Some(min),
            max_epoch: Some(max),
            min_timestamp: None,
            max_timestamp: None,
            chain,
            nonce: 0,
        };
        assert!(check(&params(4), &window(3, 4, Digest::ZERO)).is_ok());
        assert!(check(&params(4), &window(3, 5, Digest::ZERO)).is_err());
        assert!(check(&params(5), &window(3, 4, Digest::ZERO)).is_err());
        assert!(check(&params(4), &window(3, 4, Digest::new([1; 32]))).is_err());
    }
}
