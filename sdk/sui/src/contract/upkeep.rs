//! Reads that tell when the network needs a call that anybody may make.

use serde::{Deserialize, Serialize};
use sui_sdk_types::Address;

use super::ContractReader;
use crate::{
    chain::Call,
    objects::{
        EpochState, Field, StakingInnerV1, WalrusSubsidies, WalrusSubsidiesInnerV1,
        epoch_change_start_field_id, subsidies_field_id,
    },
};

/// The shared `0x2::clock::Clock`.
const CLOCK: Address = Address::from_static("0x6");

/// Epoch durations after which an epoch change that no quorum reported as done is overdue (contracts spec section 13, number 6).
const OVERDUE_AFTER: u64 = 2;

/// Subsidies as they are now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subsidies {
    /// The shared object.
    pub id: Address,
    /// The package to call.
    pub package: Address,
    /// Their state.
    pub state: WalrusSubsidiesInnerV1,
}

/// `0x2::clock::Clock`.
#[derive(Serialize, Deserialize)]
struct Clock {
    id: Address,
    timestamp_ms: u64,
}

impl ContractReader {
    /// The time on chain, in milliseconds since 1970.
    ///
    /// # Errors
    /// [`ChainError`](crate::chain::ChainError).
    pub fn time_ms(&self) -> Call<'_, u64> {
        Box::pin(async move {
            let clock: Clock = self.chain().object(CLOCK).await?.decode()?;
            Ok(clock.timestamp_ms)
        })
    }

    /// From when on anybody may close the epoch change that goes on, in milliseconds since 1970. `None` when none goes on, and in
    /// deployments whose contract does not remember when it began: there only a quorum of nodes ends it.
    ///
    /// # Errors
    /// [`ChainError`](crate::chain::ChainError).
    pub fn epoch_change_overdue_at<'a>(
        &'a self,
        staking: &'a StakingInnerV1,
    ) -> Call<'a, Option<u64>> {
        Box::pin(async move {
            if !matches!(staking.epoch_state, EpochState::EpochChangeSync(_)) {
                return Ok(None);
            }
            let id = epoch_change_start_field_id(self.objects().staking);
            let Some(object) = self.chain().objects(&[id]).await?.pop().flatten() else {
                return Ok(None);
            };
            let start = object.decode::<Field<Vec<u8>, u64>>()?.value;
            let patience = staking.epoch_duration.saturating_mul(OVERDUE_AFTER);
            Ok(Some(start.saturating_add(patience)))
        })
    }

    /// The subsidies with this object ID.
    ///
    /// # Errors
    /// [`ChainError`](crate::chain::ChainError), [`WrongType`](crate::chain::ChainError::WrongType) when the object is something else.
    pub fn subsidies(&self, id: Address) -> Call<'_, Subsidies> {
        Box::pin(async move {
            let object = self.chain().object(id).await?;
            let origin = *object
                .expect_type("walrus_subsidies", "WalrusSubsidies")?
                .address();
            let outer: WalrusSubsidies = object.decode()?;
            let field = self.chain().object(subsidies_field_id(id, origin)).await?;
            let field: Field<bool, WalrusSubsidiesInnerV1> = field.decode()?;
            Ok(Subsidies {
                id,
                package: outer.package_id,
                state: field.value,
            })
        })
    }
}
