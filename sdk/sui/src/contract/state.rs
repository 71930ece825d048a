//! State of the two shared objects, each an outer object and an inner one that an upgrade may replace.
//!
//! Which inner object it is depends on a version that hardly ever changes. So both are read by one call, and again if the outer
//! object says that there is another inner one.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use serde::de::DeserializeOwned;
use sui_sdk_types::Address;

use super::{ContractReader, Prices};
use crate::{
    chain::{Call, ChainError, ObjectData},
    limits,
    objects::{Field, Staking, StakingInnerV1, System, SystemStateInnerV1, versioned_field_id},
};

/// One of the two shared objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shared {
    System,
    Staking,
}

/// The versions of the inner objects, as last seen.
#[derive(Debug, Clone, Default)]
pub(super) struct Versions {
    system: Arc<AtomicU64>,
    staking: Arc<AtomicU64>,
}

impl Versions {
    fn of(&self, shared: Shared) -> &AtomicU64 {
        match shared {
            Shared::System => &self.system,
            Shared::Staking => &self.staking,
        }
    }

    fn get(&self, shared: Shared) -> u64 {
        self.of(shared).load(Ordering::Relaxed)
    }

    /// Notes a version; whether it is the one that was known.
    pub(super) fn note(&self, shared: Shared, version: u64) -> bool {
        self.of(shared).swap(version, Ordering::Relaxed) == version
    }
}

/// The inner states at about the same time.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct State {
    pub(super) system: SystemStateInnerV1,
    pub(super) staking: StakingInnerV1,
    pub(super) sales: Sales,
}

/// What the network sells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sales {
    /// Prices in force.
    pub prices: Prices,
    /// For how many epochs ahead storage is sold.
    pub max_epochs_ahead: u32,
    /// Version of the system object, which everything that is sold changes.
    pub system_version: u64,
}

/// A shared object and its inner state.
struct Read {
    outer: ObjectData,
    inner: ObjectData,
}

impl Read {
    fn value<T: DeserializeOwned>(&self) -> Result<T, ChainError> {
        let field: Field<u64, T> = self.inner.decode()?;
        Ok(field.value)
    }
}

impl ContractReader {
    /// The inner system state.
    ///
    /// # Errors
    /// [`ChainError`].
    pub fn system_state(&self) -> Call<'_, SystemStateInnerV1> {
        Box::pin(async move {
            let [system] = self.read_shared([Shared::System]).await?;
            system.value()
        })
    }

    /// The inner staking state.
    ///
    /// # Errors
    /// [`ChainError`].
    pub fn staking_state(&self) -> Call<'_, StakingInnerV1> {
        Box::pin(async move {
            let [staking] = self.read_shared([Shared::Staking]).await?;
            staking.value()
        })
    }

    pub(super) fn state(&self) -> Call<'_, State> {
        Box::pin(async move {
            let both = [Shared::System, Shared::Staking];
            let [system, staking] = self.read_shared(both).await?;
            let state: SystemStateInnerV1 = system.value()?;
            let sales = Sales {
                prices: Prices::of(&state),
                max_epochs_ahead: state.future_accounting.length,
                system_version: system.outer.version,
            };
            Ok(State {
                system: state,
                staking: staking.value()?,
                sales,
            })
        })
    }

    async fn read_shared<const N: usize>(
        &self,
        shared: [Shared; N],
    ) -> Result<[Read; N], ChainError> {
        let outer_ids = shared.map(|shared| self.id_of(shared));
        let mut attempt = 1;
        loop {
            let inner_ids = shared
                .map(|shared| versioned_field_id(self.id_of(shared), self.versions.get(shared)));
            let ids = [&outer_ids[..], &inner_ids[..]].concat();
            let mut found = self.chain().objects(&ids).await?;
            let inners = found.split_off(N);
            let mut is_current = true;
            for (shared, outer) in shared.into_iter().zip(&found) {
                let version = self.version_in(shared, outer.as_ref())?;
                is_current &= self.versions.note(shared, version);
            }
            if is_current || attempt == limits::READ_ATTEMPTS {
                return pairs(ids, found, inners);
            }
            attempt += 1;
        }
    }

    fn id_of(&self, shared: Shared) -> Address {
        match shared {
            Shared::System => self.objects().system,
            Shared::Staking => self.objects().staking,
        }
    }

    fn version_in(&self, shared: Shared, outer: Option<&ObjectData>) -> Result<u64, ChainError> {
        let id = self.id_of(shared);
        let outer = outer.ok_or(ChainError::ObjectNotFound { id })?;
        Ok(match shared {
            Shared::System => outer.decode::<System>()?.version,
            Shared::Staking => outer.decode::<Staking>()?.version,
        })
    }
}

/// Outer and inner objects together; `ids` names them in this order.
fn pairs<const N: usize>(
    ids: Vec<Address>,
    outers: Vec<Option<ObjectData>>,
    inners: Vec<Option<ObjectData>>,
) -> Result<[Read; N], ChainError> {
    let found = outers.into_iter().chain(inners).zip(ids);
    let mut found = found
        .map(|(object, id)| object.ok_or(ChainError::ObjectNotFound { id }))
        .collect::<Result<Vec<_>, _>>()?;
    let inners = found.split_off(N.min(found.len()));
    let pairs: Vec<Read> = found
        .into_iter()
        .zip(inners)
        .map(|(outer, inner)| Read { outer, inner })
        .collect();
    pairs.try_into().map_err(|pairs: Vec<Read>| {
        ChainError::malformed("BatchGetObjects", format!("{} of {N} objects", pairs.len()))
    })
}
