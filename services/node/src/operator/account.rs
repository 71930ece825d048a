//! Account: what the chain says of the node itself. Its keys, its wallet, its stake and reward, and what is due next.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use walrus_core::BlsPublicKey;
use walrus_service::{
    clock::Clock,
    worker::{Failure, Step, Worker},
};
use walrus_sui::{
    Address,
    chain::ChainError,
    contract::{ContractReader, PoolSummary},
    money::Amount,
    objects::{EpochState, PendingValues, StakingInnerV1},
};

use super::{
    Problems,
    own_keys::{Known, differences},
};

/// How often the chain is asked.
const INTERVAL: Duration = Duration::from_secs(60);
/// Longest time for all that is asked.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the chain said of the node when it was asked last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Standing {
    /// When it was asked, in milliseconds since 1970.
    pub asked_at_ms: u64,
    /// The node's wallet.
    pub wallet: WalletStanding,
    /// The keys.
    pub keys: KeyStanding,
    /// Stake and reward.
    pub rewards: Rewards,
    /// What comes next, and when.
    pub duties: Vec<Duty>,
}

/// The wallet that pays the node's gas.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WalletStanding {
    /// Its address.
    pub address: Address,
    /// Its SUI.
    pub balance_mist: u64,
    /// Below so much it is called low.
    pub warning_mist: u64,
    /// Whether it is low.
    pub low: bool,
}

/// The node's keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyStanding {
    /// Whether the chain knows the node by the keys that it has.
    pub match_chain: bool,
    /// What differs, in sentences.
    pub differences: Vec<String>,
}

/// Stake and reward of the node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rewards {
    /// What is staked with the node, with its rewards, in FROST.
    pub stake_frost: u64,
    /// The operator's share that was not collected yet, in FROST.
    pub commission_frost: u64,
    /// That share, in basis points.
    pub commission_rate: u16,
    /// The share that was set last, if it is not in force yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_commission_rate: Option<NextCommissionRate>,
}

/// A share of the reward that comes into force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NextCommissionRate {
    /// The epoch with which it does.
    pub epoch: u32,
    /// The share, in basis points.
    pub rate: u64,
}

impl NextCommissionRate {
    fn of(pending: &PendingValues) -> Option<Self> {
        let last = pending.0.contents.last()?;
        Some(Self {
            epoch: last.key,
            rate: last.value,
        })
    }
}

/// Something that comes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Duty {
    /// When, in milliseconds since 1970; absent: now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_ms: Option<u64>,
    /// What, in a sentence.
    pub what: String,
}

/// Who the node is, for the chain.
#[derive(Debug)]
pub(crate) struct Identity {
    pub(crate) node_id: Address,
    pub(crate) wallet: Address,
    pub(crate) protocol_key: BlsPublicKey,
    pub(crate) network_key: Vec<u8>,
    /// Below so much SUI the wallet is called low.
    pub(crate) warning_mist: u64,
}

/// Asks the chain about the node, and remembers the answer.
#[derive(Debug)]
pub struct Account {
    reader: ContractReader,
    identity: Identity,
    problems: Arc<Problems>,
    standing: Mutex<Option<Standing>>,
}

impl Account {
    pub(crate) fn new(reader: ContractReader, identity: Identity, problems: Arc<Problems>) -> Self {
        Self {
            reader,
            identity,
            problems,
            standing: Mutex::default(),
        }
    }

    /// What the chain said when it was asked last.
    pub fn standing(&self) -> Option<Standing> {
        self.last().clone()
    }

    fn last(&self) -> MutexGuard<'_, Option<Standing>> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks the chain, and says what is wrong.
    ///
    /// # Errors
    /// If the chain does not answer.
    pub(crate) async fn refresh(&self) -> Result<(), AccountError> {
        let asked = tokio::time::timeout(PATIENCE, self.ask()).await;
        let standing = asked.map_err(|_| AccountError::Slow(PATIENCE))??;
        self.problems.set("keys", standing.keys.differences.clone());
        self.problems.set(
            "wallet",
            wallet_problem(&standing.wallet).into_iter().collect(),
        );
        *self.last() = Some(standing);
        Ok(())
    }

    async fn ask(&self) -> Result<Standing, ChainError> {
        let Identity {
            node_id, wallet, ..
        } = self.identity;
        let (pool, staking, balance_mist) = tokio::try_join!(
            self.reader.pool(node_id),
            self.reader.staking_state(),
            self.reader.chain().sui_balance(wallet),
        )?;
        Ok(self.standing_of(&pool, &staking, balance_mist))
    }

    fn standing_of(
        &self,
        pool: &PoolSummary,
        staking: &StakingInnerV1,
        balance_mist: u64,
    ) -> Standing {
        let identity = &self.identity;
        let differences = differences(
            &Known::from(&pool.pool.node_info),
            &identity.protocol_key,
            &identity.network_key,
        );
        Standing {
            asked_at_ms: Clock::system().unix_ms(),
            wallet: WalletStanding {
                address: identity.wallet,
                balance_mist,
                warning_mist: identity.warning_mist,
                low: balance_mist < identity.warning_mist,
            },
            keys: KeyStanding {
                match_chain: differences.is_empty(),
                differences,
            },
            rewards: Rewards {
                stake_frost: pool.pool.wal_balance,
                commission_frost: pool.pool.commission,
                commission_rate: pool.pool.commission_rate,
                next_commission_rate: NextCommissionRate::of(&pool.pool.pending_commission_rate),
            },
            duties: duties(staking, identity.node_id),
        }
    }
}

/// Why the chain could not be asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AccountError {
    /// It did not answer.
    #[error("the chain cannot be asked about the node: {0}")]
    Chain(#[from] ChainError),
    /// It took too long.
    #[error("the chain did not say within {0:?} how it knows the node")]
    Slow(Duration),
}

fn wallet_problem(wallet: &WalletStanding) -> Option<String> {
    wallet.low.then(|| {
        format!(
            "the wallet {} has {} and should have {} (balance_check.warning_threshold_mist): without SUI for gas the node \
             cannot report that its shards are complete. Send it some",
            wallet.address,
            Amount::sui(wallet.balance_mist),
            Amount::sui(wallet.warning_mist)
        )
    })
}

/// What comes next for the node.
fn duties(staking: &StakingInnerV1, node_id: Address) -> Vec<Duty> {
    let shards = |committee: &walrus_sui::objects::CommitteeShards| {
        let entries = &committee.0.contents;
        let own = entries.iter().find(|entry| entry.key == node_id);
        own.map_or(0, |entry| entry.value.len())
    };
    let (epoch, next) = (staking.epoch, staking.epoch.saturating_add(1));
    let owned = shards(&staking.committee);
    let begins = |since: u64| Duty {
        at_ms: Some(since.saturating_add(staking.epoch_duration)),
        what: format!("epoch {next} begins"),
    };
    match staking.epoch_state {
        EpochState::EpochChangeSync(_) if owned > 0 => vec![Duty {
            at_ms: None,
            what: format!(
                "report that the {owned} shards of epoch {epoch} are complete, unless that is done"
            ),
        }],
        EpochState::EpochChangeSync(_) => vec![Duty {
            at_ms: None,
            what: format!(
                "none: the committee of epoch {epoch}, of which the node is no member, fills its shards"
            ),
        }],
        EpochState::EpochChangeDone(since) => vec![
            Duty {
                at_ms: Some(since.saturating_add(staking.epoch_duration / 2)),
                what: format!(
                    "the committee of epoch {next} is chosen, by the stake of that moment"
                ),
            },
            begins(since),
        ],
        EpochState::NextParamsSelected(since) => {
            let coming = staking.next_committee.as_ref().map_or(0, shards);
            let mut begins = begins(since);
            begins.what += &format!(": the node has {owned} shards now and {coming} then");
            vec![begins]
        }
    }
}

/// Keeps the account up to date.
pub(crate) struct AccountKeeper(pub(crate) Arc<Account>);

impl Worker for AccountKeeper {
    fn name(&self) -> &'static str {
        "account"
    }

    async fn work(&mut self) -> Result<Step, Failure> {
        Ok(match self.0.refresh().await {
            Ok(()) => Step::WaitAtMost(INTERVAL),
            Err(error) => Step::Retry(error.into()),
        })
    }
}

#[cfg(test)]
mod tests {
    use walrus_core::ShardIndex;
    use walrus_sui::objects::{CommitteeShards, VecMap, VecMapEntry};

    use super::*;
    use crate::chain::staking;

    const NODE: Address = Address::new([7; 32]);

    #[test]
    fn a_commission_rate_that_is_set_and_not_in_force_is_told() {
        let mut pending = PendingValues::default();
        assert_eq!(NextCommissionRate::of(&pending), None);
        let entry = |key, value| VecMapEntry { key, value };
        pending.0.contents = vec![entry(3, 50), entry(4, 6000)];
        let next = NextCommissionRate {
            epoch: 4,
            rate: 6000,
        };
        assert_eq!(NextCommissionRate::of(&pending), Some(next));
    }

    fn committee(shards: u16) -> CommitteeShards {
        let entry = VecMapEntry {
            key: NODE,
            value: (0..shards).map(ShardIndex).collect(),
        };
        CommitteeShards(VecMap {
            contents: vec![entry],
        })
    }

    #[test]
    fn what_comes_next_is_told_with_its_time() {
        let mut state = staking(4, EpochState::EpochChangeDone(1_000), 600);
        state.committee = committee(3);
        let next = duties(&state, NODE);
        assert_eq!(next[0].at_ms, Some(1_300));
        assert_eq!(next[1].at_ms, Some(1_600));
        state.epoch_state = EpochState::NextParamsSelected(1_000);
        state.next_committee = Some(committee(5));
        let next = duties(&state, NODE);
        assert!(next[0].what.contains("3 shards now and 5 then"), "{next:?}");
        state.epoch_state = EpochState::EpochChangeSync(2);
        assert!(duties(&state, NODE)[0].what.starts_with("report"));
        assert!(duties(&state, Address::TWO)[0].what.starts_with("none"));
    }

    #[test]
    fn a_wallet_is_low_below_its_threshold() {
        let mut wallet = WalletStanding {
            address: NODE,
            balance_mist: 5,
            warning_mist: 5,
            low: false,
        };
        assert_eq!(wallet_problem(&wallet), None);
        wallet.low = true;
        assert!(wallet_problem(&wallet).unwrap().contains("5 MIST"));
    }
}
