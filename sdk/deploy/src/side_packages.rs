//! Side packages of the contract, for test networks: `wal_exchange`, `walrus_subsidies`, `blob_bucket`.

use serde::{Deserialize, Serialize};
use sui_sdk_types::{Address, Digest, Identifier, StructTag};
use walrus_artifacts::{Package, WAL_PLACEHOLDER, WALRUS_PLACEHOLDER};
use walrus_sui::transactions::{
    CoinNeed, ExecutedTransaction, TransactionError, TransactionExecutor,
};

use crate::publish::{DeployError, Deployment, step};

/// FROST that the exchange of a test network gets: 10 000 000 WAL (contracts spec 12.1).
pub const EXCHANGE_FUNDS: u64 = 10_000_000 * 1_000_000_000;

/// What the deployment of the side packages created. The deployer holds the admin caps and the upgrade caps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SidePackages {
    /// Package `wal_exchange`.
    pub wal_exchange_package: Address,
    /// Package `walrus_subsidies`.
    pub walrus_subsidies_package: Address,
    /// Package `blob_bucket`.
    pub blob_bucket_package: Address,
    /// A funded `wal_exchange::Exchange`, one FROST for one MIST.
    pub exchange_object: Address,
    /// Its `wal_exchange::AdminCap`.
    pub exchange_admin_cap: Address,
    /// A `walrus_subsidies::WalrusSubsidies` without funds and with all rates zero.
    pub subsidies_object: Address,
    /// Its `walrus_subsidies::AdminCap`.
    pub subsidies_admin_cap: Address,
    /// The transactions.
    pub digests: SideDigests,
}

/// The transactions that made the side packages; as JSON an array of them in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "[Digest; 4]", into = "[Digest; 4]")]
pub struct SideDigests {
    /// Published `wal_exchange`.
    pub wal_exchange: Digest,
    /// Published `walrus_subsidies`.
    pub walrus_subsidies: Digest,
    /// Published `blob_bucket`.
    pub blob_bucket: Digest,
    /// Made the objects.
    pub objects: Digest,
}

impl From<[Digest; 4]> for SideDigests {
    fn from([wal_exchange, walrus_subsidies, blob_bucket, objects]: [Digest; 4]) -> Self {
        Self {
            wal_exchange,
            walrus_subsidies,
            blob_bucket,
            objects,
        }
    }
}

impl From<SideDigests> for [Digest; 4] {
    fn from(digests: SideDigests) -> Self {
        [
            digests.wal_exchange,
            digests.walrus_subsidies,
            digests.blob_bucket,
            digests.objects,
        ]
    }
}

/// Publishes the side packages of a deployment, makes subsidies, and an exchange with `exchange_funds` FROST of the
/// sender, who pays the gas and gets all capabilities.
///
/// # Errors
/// [`DeployError`].
pub async fn deploy_side_packages(
    executor: &TransactionExecutor,
    deployment: &Deployment,
    exchange_funds: u64,
) -> Result<SidePackages, DeployError> {
    let wal = (WAL_PLACEHOLDER, deployment.wal_package);
    let walrus = (WALRUS_PLACEHOLDER, deployment.walrus_package);
    let publish = async |mut package: Package, links: &[(Address, Address)]| {
        for (placeholder, id) in links {
            package.link(*placeholder, *id)?;
        }
        let published = publish(executor, &package).await;
        published.map_err(step("publish a side package"))
    };
    let (wal_exchange_package, wal_exchange) = publish(Package::wal_exchange()?, &[wal]).await?;
    let (walrus_subsidies_package, walrus_subsidies) =
        publish(Package::walrus_subsidies()?, &[wal, walrus]).await?;
    let (blob_bucket_package, blob_bucket) =
        publish(Package::blob_bucket()?, &[wal, walrus]).await?;
    let what = "create exchange and subsidies";
    let packages = (wal_exchange_package, walrus_subsidies_package);
    let made = create_objects(executor, deployment, packages, exchange_funds)
        .await
        .map_err(step(what))?;
    // Both packages have a type `AdminCap`, in modules of different names.
    let one = |module, name| made.created_one(module, name).map_err(step(what));
    Ok(SidePackages {
        wal_exchange_package,
        walrus_subsidies_package,
        blob_bucket_package,
        exchange_object: one("wal_exchange", "Exchange")?,
        exchange_admin_cap: one("wal_exchange", "AdminCap")?,
        subsidies_object: one("walrus_subsidies", "WalrusSubsidies")?,
        subsidies_admin_cap: one("walrus_subsidies", "AdminCap")?,
        digests: SideDigests {
            wal_exchange,
            walrus_subsidies,
            blob_bucket,
            objects: made.digest,
        },
    })
}

async fn publish(
    executor: &TransactionExecutor,
    package: &Package,
) -> Result<(Address, Digest), TransactionError> {
    let sender = executor.sender();
    let executed = executor
        .execute(None, |ptb, _| {
            let cap = ptb.publish(package.bytecode(), package.dependencies.clone());
            ptb.transfer(vec![cap], sender)
        })
        .await?;
    Ok((executed.published()?, executed.digest))
}

/// Makes an exchange with `funds` FROST and subsidies without funds and rates.
async fn create_objects(
    executor: &TransactionExecutor,
    deployment: &Deployment,
    (wal_exchange, walrus_subsidies): (Address, Address),
    funds: u64,
) -> Result<ExecutedTransaction, TransactionError> {
    let wal = CoinNeed {
        coin_type: StructTag::new(
            deployment.wal_package,
            Identifier::from_static("wal"),
            Identifier::from_static("WAL"),
            vec![],
        ),
        amount: funds,
    };
    let sender = executor.sender();
    executor
        .execute(Some(&wal), |ptb, payment| {
            let mut arguments: Vec<_> = payment.into_iter().collect();
            arguments.push(ptb.pure(&funds)?);
            let module = "wal_exchange";
            let exchange = ptb.call(wal_exchange, module, "new_funded", vec![], arguments)?;
            let arguments = vec![
                ptb.object(deployment.system_object),
                ptb.object(deployment.staking_object),
                ptb.pure(&0u32)?,
                ptb.pure(&0u64)?,
                ptb.pure(&0u64)?,
            ];
            let module = "walrus_subsidies";
            let subsidies = ptb.call(walrus_subsidies, module, "new", vec![], arguments)?;
            ptb.transfer(vec![exchange, subsidies], sender)
        })
        .await
}
