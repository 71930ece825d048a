//! Deployment of `wal` and `walrus`.

use serde::{Deserialize, Serialize};
use sui_sdk_types::{Address, Digest};
use walrus_artifacts::{ArtifactError, Package, WAL_PLACEHOLDER};
use walrus_sui::{
    contract::ContractObjects,
    transactions::{ExecutedTransaction, TransactionError, TransactionExecutor},
};

/// Parameters that cannot be changed after deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeployParameters {
    /// Milliseconds of epoch 0; 0 is normal for test networks.
    pub epoch_zero_duration_ms: u64,
    /// Milliseconds of every other epoch.
    pub epoch_duration_ms: u64,
    /// Number of shards.
    pub n_shards: u16,
    /// How many epochs ahead storage can be bought, at most 1000.
    pub max_epochs_ahead: u32,
    /// FROST that must be staked with a node before it can become a member of the committee; 0 for any amount.
    ///
    /// Below 20 nodes a node holds at most twice the average number of shards, from 20 nodes on at most a tenth of them, whatever
    /// its stake: without a threshold, somebody who registers many nodes with next to no stake takes the shards that the large
    /// ones may not hold.
    pub threshold_stake: u64,
}

/// Most shards: the end of a vote on many more can take more gas than a transaction has.
const MAX_SHARDS: u16 = 2000;
/// Longest epoch, in ms: later sums of times do not overflow.
const MAX_EPOCH_DURATION_MS: u64 = 1 << 51;
/// All WAL there is, in FROST.
const WAL_SUPPLY: u64 = 5_000_000_000 * 1_000_000_000;

impl DeployParameters {
    /// Checks what the contract would refuse with a number.
    ///
    /// # Errors
    /// [`DeployError::Parameter`].
    pub fn validate(&self) -> Result<(), DeployError> {
        let within = |name: &str, value: u64, least: u64, most: u64| {
            if (least..=most).contains(&value) {
                return Ok(());
            }
            let sentence = format!("{name} is {value}, not between {least} and {most}");
            Err(DeployError::Parameter(sentence))
        };
        within("n_shards", self.n_shards.into(), 1, MAX_SHARDS.into())?;
        within("max_epochs_ahead", self.max_epochs_ahead.into(), 1, 1000)?;
        let (zero, later) = (self.epoch_zero_duration_ms, self.epoch_duration_ms);
        within("epoch_duration_ms", later, 1, MAX_EPOCH_DURATION_MS)?;
        within("epoch_zero_duration_ms", zero, 0, MAX_EPOCH_DURATION_MS)?;
        within("threshold_stake", self.threshold_stake, 0, WAL_SUPPLY)
    }
}

/// What a deployment created.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Deployment {
    /// Package `wal`.
    pub wal_package: Address,
    /// Package `walrus`.
    pub walrus_package: Address,
    /// `system::System`.
    pub system_object: Address,
    /// `staking::Staking`.
    pub staking_object: Address,
    /// `upgrade::UpgradeManager`.
    pub upgrade_manager: Address,
    /// `upgrade::EmergencyUpgradeCap`, held by the deployer.
    pub emergency_upgrade_cap: Address,
    /// `wal::ProtectedTreasury`.
    pub treasury_object: Address,
    /// Its transactions.
    pub digests: DeploymentDigests,
}

/// The transactions of a deployment; as JSON an array of them in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "[Digest; 3]", into = "[Digest; 3]")]
pub struct DeploymentDigests {
    /// Published `wal`.
    pub wal: Digest,
    /// Published `walrus`.
    pub walrus: Digest,
    /// Made the shared objects.
    pub initialized: Digest,
}

impl From<[Digest; 3]> for DeploymentDigests {
    fn from([wal, walrus, initialized]: [Digest; 3]) -> Self {
        Self {
            wal,
            walrus,
            initialized,
        }
    }
}

impl From<DeploymentDigests> for [Digest; 3] {
    fn from(digests: DeploymentDigests) -> Self {
        [digests.wal, digests.walrus, digests.initialized]
    }
}

impl Deployment {
    /// The shared objects for a reader.
    pub fn objects(&self) -> ContractObjects {
        ContractObjects {
            system: self.system_object,
            staking: self.staking_object,
            treasury: Some(self.treasury_object),
        }
    }
}

/// A deployment failed.
#[derive(Debug, thiserror::Error)]
pub enum DeployError {
    /// A compiled package is unusable.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    /// A step failed on chain.
    #[error("cannot {step}: {source}")]
    Step {
        /// What was attempted.
        step: &'static str,
        /// Why it failed.
        source: TransactionError,
    },
    /// A parameter is out of range.
    #[error("{0}")]
    Parameter(String),
}

pub(super) fn step(step: &'static str) -> impl FnOnce(TransactionError) -> DeployError {
    move |source| DeployError::Step { step, source }
}

/// Publishes `wal` and `walrus` and initialises the contract. The sender pays the gas, gets the whole WAL
/// supply and the emergency upgrade cap; `wal` is made immutable, so that nobody can mint.
///
/// # Errors
/// [`DeployError`].
pub async fn deploy(
    executor: &TransactionExecutor,
    parameters: DeployParameters,
) -> Result<Deployment, DeployError> {
    parameters.validate()?;
    let wal = publish_wal(executor, &Package::wal()?)
        .await
        .map_err(step("publish package wal"))?;
    let (wal_package, treasury_object) = wal.1;
    let mut walrus = Package::walrus()?;
    walrus.link(WAL_PLACEHOLDER, wal_package)?;
    let published = publish_walrus(executor, &walrus)
        .await
        .map_err(step("publish package walrus"))?;
    let initialized = initialize(executor, &published, parameters)
        .await
        .map_err(step("initialise the contract"))?;
    let one = |module, name| {
        initialized
            .created_one(module, name)
            .map_err(step("initialise the contract"))
    };
    Ok(Deployment {
        wal_package,
        walrus_package: published.package,
        system_object: one("system", "System")?,
        staking_object: one("staking", "Staking")?,
        upgrade_manager: one("upgrade", "UpgradeManager")?,
        emergency_upgrade_cap: one("upgrade", "EmergencyUpgradeCap")?,
        treasury_object,
        digests: DeploymentDigests {
            wal: wal.0.digest,
            walrus: published.digest,
            initialized: initialized.digest,
        },
    })
}

/// Publishes `wal` and destroys its upgrade cap.
async fn publish_wal(
    executor: &TransactionExecutor,
    wal: &Package,
) -> Result<(ExecutedTransaction, (Address, Address)), TransactionError> {
    let executed = executor
        .execute(None, |ptb, _| {
            let cap = ptb.publish(wal.bytecode(), wal.dependencies.clone());
            ptb.call(Address::TWO, "package", "make_immutable", vec![], vec![cap])?;
            Ok(())
        })
        .await?;
    let ids = (
        executed.published()?,
        executed.created_one("wal", "ProtectedTreasury")?,
    );
    Ok((executed, ids))
}

struct PublishedWalrus {
    digest: Digest,
    package: Address,
    init_cap: Address,
    upgrade_cap: Address,
}

async fn publish_walrus(
    executor: &TransactionExecutor,
    walrus: &Package,
) -> Result<PublishedWalrus, TransactionError> {
    let sender = executor.sender();
    let executed = executor
        .execute(None, |ptb, _| {
            let cap = ptb.publish(walrus.bytecode(), walrus.dependencies.clone());
            ptb.transfer(vec![cap], sender)
        })
        .await?;
    Ok(PublishedWalrus {
        digest: executed.digest,
        package: executed.published()?,
        init_cap: executed.created_one("init", "InitCap")?,
        upgrade_cap: executed.created_one("package", "UpgradeCap")?,
    })
}

async fn initialize(
    executor: &TransactionExecutor,
    walrus: &PublishedWalrus,
    parameters: DeployParameters,
) -> Result<ExecutedTransaction, TransactionError> {
    let sender = executor.sender();
    executor
        .execute(None, |ptb, _| {
            let arguments = vec![
                ptb.object(walrus.init_cap),
                ptb.object(walrus.upgrade_cap),
                ptb.pure(&parameters.epoch_zero_duration_ms)?,
                ptb.pure(&parameters.epoch_duration_ms)?,
                ptb.pure(&parameters.n_shards)?,
                ptb.pure(&parameters.max_epochs_ahead)?,
                ptb.pure(&parameters.threshold_stake)?,
                ptb.clock(),
            ];
            let cap = ptb.call(
                walrus.package,
                "init",
                "initialize_walrus_v2",
                vec![],
                arguments,
            )?;
            ptb.transfer(vec![cap], sender)
        })
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_live_is_refused_with_its_bounds() {
        let good = DeployParameters {
            epoch_zero_duration_ms: 0,
            epoch_duration_ms: 1,
            n_shards: MAX_SHARDS,
            max_epochs_ahead: 1000,
            threshold_stake: WAL_SUPPLY,
        };
        assert!(good.validate().is_ok());
        let refused = |change: fn(&mut DeployParameters)| {
            let mut bad = good;
            change(&mut bad);
            let error = bad.validate().map_err(|error| error.to_string());
            error.err().unwrap_or_default()
        };
        for (change, sentence) in [
            (
                (|p| p.n_shards = 0) as fn(&mut DeployParameters),
                "n_shards is 0, not between 1 and 2000",
            ),
            (
                |p| p.n_shards = 2001,
                "n_shards is 2001, not between 1 and 2000",
            ),
            (
                |p| p.max_epochs_ahead = 1001,
                "max_epochs_ahead is 1001, not between 1 and 1000",
            ),
            (
                |p| p.epoch_duration_ms = 0,
                "epoch_duration_ms is 0, not between 1 and 2251799813685248",
            ),
            (
                |p| p.epoch_zero_duration_ms = MAX_EPOCH_DURATION_MS + 1,
                "epoch_zero_duration_ms is 2251799813685249, not between 0 and 2251799813685248",
            ),
            (
                |p| p.threshold_stake = WAL_SUPPLY + 1,
                "threshold_stake is 5000000000000000001, not between 0 and 5000000000000000000",
            ),
        ] {
            assert_eq!(refused(change), sentence);
        }
    }
}
