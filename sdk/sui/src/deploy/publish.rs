//! The deployment itself.

use serde::{Deserialize, Serialize};
use sui_sdk_types::{Address, Digest};

use super::artifacts::{ArtifactError, Package, WAL_PLACEHOLDER};
use crate::{
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
    /// Transactions: publish `wal`, publish `walrus`, initialise.
    pub digests: Vec<Digest>,
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
    if parameters.n_shards == 0 {
        return Err(DeployError::Parameter("n_shards must not be 0".to_owned()));
    }
    if parameters.max_epochs_ahead == 0 || parameters.max_epochs_ahead > 1000 {
        return Err(DeployError::Parameter(format!(
            "max_epochs_ahead is {}, not between 1 and 1000",
            parameters.max_epochs_ahead
        )));
    }
    let wal = publish_wal(executor)
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
        digests: vec![wal.0.digest, published.digest, initialized.digest],
    })
}

/// Publishes `wal` and destroys its upgrade cap.
async fn publish_wal(
    executor: &TransactionExecutor,
) -> Result<(ExecutedTransaction, (Address, Address)), TransactionError> {
    let wal = Package::wal().map_err(TransactionError::build)?;
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
                ptb.clock(),
            ];
            let cap = ptb.call(
                walrus.package,
                "init",
                "initialize_walrus",
                vec![],
                arguments,
            )?;
            ptb.transfer(vec![cap], sender)
        })
        .await
}
