//! Subsidies, which somebody has to hand out: what nobody processes in time is lost.

use std::time::Duration;

use walrus_sui::{
    Address,
    objects::{EpochState, StakingInnerV1, WalrusSubsidiesInnerV1},
    transactions::TransactionError,
};

use super::{EpochDriver, wait_at_random};
use crate::limits::{CHAIN_RETRY_MIN, DRIVER_POLL_MAX, MAX_SUBSIDIES_CALLS, SUBSIDIES_BEFORE_END};

/// The fewest extra fields of subsidies that owe something to nodes which have left: the ends of their queue and one committee of
/// them. What members are owed is one field alone.
const QUEUE_FIELDS: u64 = 2;

impl EpochDriver {
    /// Processes the subsidies if that is due; returns when to look again.
    pub(super) async fn subsidies_step(
        &self,
        subsidies: Address,
    ) -> Result<Duration, TransactionError> {
        let Some((staking, due_ms)) = self.next_payment(subsidies).await? else {
            return Ok(DRIVER_POLL_MAX);
        };
        if let Some(wait) = self.wait_for(due_ms) {
            return Ok(wait);
        }
        wait_at_random(&staking).await;
        let next = self.next_payment(subsidies).await?;
        if next.is_some_and(|(_, due_ms)| self.wait_for(due_ms).is_none()) {
            let paid = self.pay(subsidies).await;
            let calls = paid.inspect_err(|error| {
                tracing::warn!(%error, %subsidies, "cannot process the subsidies");
            })?;
            tracing::info!(epoch = staking.epoch, calls, "processed the subsidies");
        }
        Ok(CHAIN_RETRY_MIN)
    }

    /// Makes calls, one at least, as long as another one pays somebody who waits; returns how many.
    async fn pay(&self, subsidies: Address) -> Result<usize, TransactionError> {
        let mut calls = 0;
        loop {
            self.writer.process_subsidies(subsidies).await?;
            calls += 1;
            let state = self.writer.reader().subsidies(subsidies).await?.state;
            if !needs_another_call(calls, &state) {
                return Ok(calls);
            }
        }
    }

    /// The state of the epoch, and when the next payment is due.
    async fn next_payment(
        &self,
        subsidies: Address,
    ) -> Result<Option<(StakingInnerV1, u64)>, TransactionError> {
        let reader = self.writer.reader();
        let state = reader.subsidies(subsidies).await?.state;
        let staking = reader.staking_state().await?;
        Ok(due_payment(&staking, &state).map(|due_ms| (staking, due_ms)))
    }
}

/// Whether, after so many calls, there are funds and nodes that have left with a claim, and not yet [`MAX_SUBSIDIES_CALLS`] made.
///
/// A call pays a limited number of the nodes that have left. Were it the only one, those behind them would wait for an epoch each time,
/// with the funds for them in the object.
fn needs_another_call(calls: usize, subsidies: &WalrusSubsidiesInnerV1) -> bool {
    calls < MAX_SUBSIDIES_CALLS
        && subsidies.subsidy_pool > 0
        && subsidies.extra_fields.size >= QUEUE_FIELDS
}

/// When subsidies are to be processed next, in milliseconds since 1970; 0 for at once.
///
/// Once after each epoch change, for the committee of the epoch before; and once shortly before the epoch ends, for what users
/// have paid until then and for nodes that are owed something.
fn due_payment(staking: &StakingInnerV1, subsidies: &WalrusSubsidiesInnerV1) -> Option<u64> {
    if staking.epoch > subsidies.latest_epoch.saturating_add(1) {
        return Some(0);
    }
    let pays_nothing = subsidies.system_subsidy_rate == 0 && subsidies.extra_fields.size == 0;
    if pays_nothing || subsidies.subsidy_pool == 0 {
        return None;
    }
    let (EpochState::EpochChangeDone(start) | EpochState::NextParamsSelected(start)) =
        staking.epoch_state
    else {
        return None;
    };
    let duration = staking.epoch_duration;
    let longest = u64::try_from(SUBSIDIES_BEFORE_END.as_millis()).unwrap_or(u64::MAX);
    let before_end = longest.min(duration / 10);
    let due_ms = start.saturating_add(duration).saturating_sub(before_end);
    // Somebody who called a little earlier, also by a clock that is a little behind, has done it.
    let done = subsidies.last_subsidized_ts.saturating_add(before_end) >= due_ms;
    (!done).then_some(due_ms)
}

#[cfg(test)]
mod tests {
    use walrus_sui::objects::{EpochBalanceRingBuffer, TableRef};

    use super::{super::tests::staking, *};

    const DAY: u64 = 24 * 3_600_000;

    fn subsidies() -> WalrusSubsidiesInnerV1 {
        WalrusSubsidiesInnerV1 {
            system_subsidy_rate: 5000,
            subsidy_pool: 1,
            base_subsidy: 0,
            subsidy_per_shard: 0,
            latest_epoch: 6,
            already_subsidized_balances: EpochBalanceRingBuffer {
                current_index: 0,
                ring_buffer: vec![],
            },
            last_subsidized_ts: 10 * DAY,
            extra_fields: TableRef {
                id: Address::ZERO,
                size: 0,
            },
        }
    }

    #[test]
    fn the_epoch_before_is_paid_at_once_and_users_payments_before_the_end() {
        let subsidies = subsidies();
        let now = staking(7, EpochState::EpochChangeDone(10 * DAY), DAY);
        let before_end = 11 * DAY - 300_000;
        assert_eq!(due_payment(&now, &subsidies), Some(before_end));
        let selected = staking(7, EpochState::NextParamsSelected(10 * DAY), DAY);
        assert_eq!(due_payment(&selected, &subsidies), Some(before_end));
        let short = staking(7, EpochState::EpochChangeDone(10 * DAY), 60_000);
        assert_eq!(due_payment(&short, &subsidies), Some(10 * DAY + 54_000));
        // As soon as the next epoch begins, even without funds: what is owed is written down.
        let next = staking(8, EpochState::EpochChangeSync(3), DAY);
        let empty = WalrusSubsidiesInnerV1 {
            subsidy_pool: 0,
            ..subsidies
        };
        assert_eq!(due_payment(&next, &empty), Some(0));
    }

    #[test]
    fn calls_go_on_while_nodes_that_left_wait_and_there_are_funds() {
        let after = |calls, subsidy_pool, fields| {
            let mut left = subsidies();
            left.subsidy_pool = subsidy_pool;
            left.extra_fields.size = fields;
            needs_another_call(calls, &left)
        };
        // Nobody waits; members alone do, whom every call pays first.
        assert!(!after(1, 9, 0));
        assert!(!after(1, 9, 1));
        // Committees of nodes that left, and members besides.
        assert!(after(1, 9, 2));
        assert!(after(2, 1, 3));
        // The funds have run out.
        assert!(!after(2, 0, 3));
        // However many wait.
        assert!(after(MAX_SUBSIDIES_CALLS - 1, 9, 2));
        assert!(!after(MAX_SUBSIDIES_CALLS, 9, 2));
    }

    #[test]
    fn nothing_is_done_twice_or_in_vain() {
        let now = staking(7, EpochState::EpochChangeDone(10 * DAY), DAY);
        let before_end = 11 * DAY - 300_000;
        for (last_subsidized_ts, due) in [
            (before_end - 300_001, Some(before_end)),
            (before_end - 300_000, None),
            (before_end, None),
        ] {
            let recent = WalrusSubsidiesInnerV1 {
                last_subsidized_ts,
                ..subsidies()
            };
            assert_eq!(due_payment(&now, &recent), due, "{last_subsidized_ts}");
        }
        let without_funds = WalrusSubsidiesInnerV1 {
            subsidy_pool: 0,
            ..subsidies()
        };
        assert_eq!(due_payment(&now, &without_funds), None);
        let mut nothing_due = WalrusSubsidiesInnerV1 {
            system_subsidy_rate: 0,
            ..subsidies()
        };
        assert_eq!(due_payment(&now, &nothing_due), None);
        // Debts.
        nothing_due.extra_fields.size = 1;
        assert_eq!(due_payment(&now, &nothing_due), Some(before_end));
        let syncing = staking(7, EpochState::EpochChangeSync(3), DAY);
        assert_eq!(due_payment(&syncing, &subsidies()), None);
    }
}
