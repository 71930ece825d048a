//! Epochs: the current one, its system state and the protocol's limits. Served from the configuration of the
//! chain: there is no staking behind it (devchain spec 1.2, 6.2).

use sui_devchain_executor::PROTOCOL_VERSION;
use sui_rpc::field::FieldMaskTree;
use sui_rpc::merge::Merge;
use sui_rpc::proto::sui::rpc::v2 as proto;

use super::protocol;
use super::transaction::timestamp;
use crate::indexes::Epoch;
use crate::ledger::State;

const MAX_VALIDATORS: u64 = 150;
const SUI: u64 = 1_000_000_000;

/// An epoch, cut to the mask.
pub(crate) fn epoch(chain: &State, epoch: &Epoch, mask: &FieldMaskTree) -> proto::Epoch {
    let mut message = proto::Epoch::default();
    message.epoch = Some(epoch.number);
    message.committee = Some(chain.committee(epoch.number).into());
    message.system_state = Some(Box::new(system_state(chain, epoch)));
    message.first_checkpoint = Some(epoch.first_checkpoint);
    message.start = Some(timestamp(epoch.start_ms));
    if let Some((last_checkpoint, end_ms)) = epoch.end {
        message.last_checkpoint = Some(last_checkpoint);
        message.end = Some(timestamp(end_ms));
    }
    message.reference_gas_price = Some(chain.params().reference_gas_price);
    message.protocol_config = Some(protocol::config());
    proto::Epoch::merge_from(&message, mask)
}

fn system_state(chain: &State, epoch: &Epoch) -> proto::SystemState {
    let mut parameters = proto::SystemParameters::default();
    // Without a duration, epochs end only when told to.
    parameters.epoch_duration_ms = Some(chain.epoch_duration_ms().unwrap_or(u64::MAX));
    parameters.stake_subsidy_start_epoch = Some(0);
    parameters.min_validator_count = Some(1);
    parameters.max_validator_count = Some(MAX_VALIDATORS);
    parameters.min_validator_joining_stake = Some(30_000_000 * SUI);
    parameters.validator_low_stake_threshold = Some(20_000_000 * SUI);
    parameters.validator_very_low_stake_threshold = Some(15_000_000 * SUI);
    parameters.validator_low_stake_grace_period = Some(7);
    let mut fund = proto::StorageFund::default();
    fund.total_object_storage_rebates = Some(0);
    fund.non_refundable_balance = Some(0);
    let mut subsidy = proto::StakeSubsidy::default();
    subsidy.balance = Some(0);
    subsidy.distribution_counter = Some(0);
    subsidy.current_distribution_amount = Some(0);
    subsidy.stake_subsidy_period_length = Some(10);
    subsidy.stake_subsidy_decrease_rate = Some(1000);
    let mut state = proto::SystemState::default();
    state.version = Some(2);
    state.epoch = Some(epoch.number);
    state.protocol_version = Some(PROTOCOL_VERSION);
    state.validators = Some(proto::ValidatorSet::default());
    state.storage_fund = Some(fund);
    state.parameters = Some(parameters);
    state.reference_gas_price = Some(chain.params().reference_gas_price);
    state.stake_subsidy = Some(subsidy);
    state.safe_mode = Some(false);
    state.safe_mode_storage_rewards = Some(0);
    state.safe_mode_computation_rewards = Some(0);
    state.safe_mode_storage_rebates = Some(0);
    state.safe_mode_non_refundable_storage_fee = Some(0);
    state.epoch_start_timestamp_ms = Some(epoch.start_ms);
    state
}
