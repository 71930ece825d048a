//! Exchange rates of pools: what their shares were worth when an epoch began (contracts spec 8.9).

use std::collections::BTreeMap;

use sui_sdk_types::{Address, TypeTag};

use super::ContractReader;
use crate::{
    chain::ChainError,
    objects::{Field, PoolExchangeRate, StakedWal, StakedWalState, StakingPool, dynamic_field_id},
};

/// Epochs that are looked at backwards for one that has a rate.
const EPOCHS: u32 = 16;
/// Name of the gaps in the extra fields of a pool, in BCS.
const GAPS: &[u8] = b"\x04gaps";

impl ContractReader {
    /// The rate of each pool that holds in the epoch beside it, in the same order. `None` if it lies further back than is looked.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn exchange_rates(
        &self,
        wanted: &[(&StakingPool, u32)],
    ) -> Result<Vec<Option<PoolExchangeRate>>, ChainError> {
        let gaps = self.gaps(wanted).await?;
        let candidates: Vec<Vec<u32>> = wanted
            .iter()
            .map(|(pool, epoch)| {
                let gaps = gaps.get(&pool.id).map(Vec::as_slice).unwrap_or_default();
                let last = after_gap(gaps, (*epoch).min(pool.latest_epoch));
                let first = last.saturating_sub(EPOCHS).max(pool.activation_epoch);
                (first..=last).rev().collect()
            })
            .collect();
        let ids = wanted
            .iter()
            .zip(&candidates)
            .flat_map(|((pool, _), epochs)| {
                let field = move |epoch: &u32| {
                    dynamic_field_id(pool.exchange_rates.id, &TypeTag::U32, &epoch.to_le_bytes())
                };
                epochs.iter().map(field)
            });
        let mut found = self
            .chain()
            .objects(&ids.collect::<Vec<_>>())
            .await?
            .into_iter();
        let mut rates = Vec::with_capacity(wanted.len());
        for ((pool, _), epochs) in wanted.iter().zip(&candidates) {
            let of_pool: Vec<_> = found.by_ref().take(epochs.len()).flatten().collect();
            let reaches_back = epochs
                .last()
                .is_none_or(|first| *first <= pool.activation_epoch);
            rates.push(match of_pool.first() {
                Some(object) => Some(object.decode::<Field<u32, PoolExchangeRate>>()?.value),
                None => reaches_back.then_some(PoolExchangeRate::Flat),
            });
        }
        Ok(rates)
    }

    /// The epochs without rates of pools that have such: of each gap the last one before it and the first one after it.
    async fn gaps(
        &self,
        wanted: &[(&StakingPool, u32)],
    ) -> Result<BTreeMap<Address, Vec<u32>>, ChainError> {
        let pools = wanted.iter().filter(|(pool, _)| pool.extra_fields.size > 0);
        let fields = pools.map(|(pool, _)| {
            let name_type = TypeTag::Vector(Box::new(TypeTag::U8));
            (
                pool.id,
                dynamic_field_id(pool.extra_fields.id, &name_type, GAPS),
            )
        });
        let fields: BTreeMap<_, _> = fields.collect();
        let ids: Vec<_> = fields.values().copied().collect();
        let found = self.chain().objects(&ids).await?;
        let gaps = fields.keys().zip(found).filter_map(|(pool, object)| {
            let field = object?.decode::<Field<Vec<u8>, Vec<u32>>>();
            Some(field.map(|field| (*pool, field.value)))
        });
        gaps.collect()
    }

    /// What stakes are worth in the epoch `now` with all that they have earned, in FROST and in their order; `None` where a rate is not
    /// found. `pools` has their nodes.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn worth_of_stakes(
        &self,
        stakes: &[StakedWal],
        pools: &BTreeMap<Address, StakingPool>,
        now: u32,
    ) -> Result<Vec<Option<u64>>, ChainError> {
        let counting = stakes.iter().filter_map(|stake| {
            let pool = pools.get(&stake.node_id)?;
            (stake.activation_epoch <= now).then_some((stake, pool))
        });
        let counting: Vec<_> = counting.collect();
        let wanted = counting.iter().flat_map(|(stake, pool)| {
            let end = match stake.state {
                StakedWalState::Staked => now,
                StakedWalState::Withdrawing { withdraw_epoch } => withdraw_epoch.min(now),
            };
            [(*pool, stake.activation_epoch), (*pool, end)]
        });
        let rates = self.exchange_rates(&wanted.collect::<Vec<_>>()).await?;
        let mut rates = rates.chunks_exact(2);
        let worth = stakes.iter().map(|stake| {
            if stake.activation_epoch > now {
                return Some(stake.principal);
            }
            pools.get(&stake.node_id)?;
            match rates.next()? {
                [Some(begin), Some(end)] => {
                    let worth = end.to_wal(begin.to_shares(stake.principal));
                    Some(worth.max(stake.principal))
                }
                _ => None,
            }
        });
        Ok(worth.collect())
    }
}

/// The first epoch after the gap that `epoch` lies in; `epoch` itself if it lies in none.
fn after_gap(gaps: &[u32], epoch: u32) -> u32 {
    let around = gaps.chunks_exact(2).find_map(|gap| match gap {
        [before, after] if *before < epoch && epoch < *after => Some(*after),
        _ => None,
    });
    around.unwrap_or(epoch)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_a_gap_the_rate_after_it_holds() {
        let gaps = [3, 7, 9, 12];
        for (epoch, expected) in [
            (2, 2),
            (3, 3),
            (4, 7),
            (6, 7),
            (7, 7),
            (8, 8),
            (11, 12),
            (13, 13),
        ] {
            assert_eq!(after_gap(&gaps, epoch), expected, "{epoch}");
        }
        assert_eq!(after_gap(&[], 5), 5);
        assert_eq!(after_gap(&[5], 6), 6);
    }
}
