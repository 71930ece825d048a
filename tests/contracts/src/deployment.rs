//! The packages and their shared objects, published as contracts spec 12.1 says.

use sui_sdk_types::{Address, Identifier, StructTag, TypeTag};
use walrus_artifacts::{Package, WAL_PLACEHOLDER, WALRUS_PLACEHOLDER};

use crate::{Account, Chain, Executed, Ptb};

/// Parameters that cannot be changed after deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeploymentOptions {
    /// Milliseconds of epoch 0.
    pub epoch_zero_duration_ms: u64,
    /// Milliseconds of every other epoch.
    pub epoch_duration_ms: u64,
    /// Number of shards.
    pub n_shards: u16,
    /// How many epochs ahead storage can be bought.
    pub max_epochs_ahead: u32,
    /// FROST that a node needs to be a candidate for the committee.
    pub threshold_stake: u64,
}

impl Default for DeploymentOptions {
    /// Two weeks per epoch, 1000 shards, 53 epochs ahead: what mainnet has.
    fn default() -> Self {
        Self {
            epoch_zero_duration_ms: 0,
            epoch_duration_ms: 14 * 24 * 60 * 60 * 1000,
            n_shards: 1000,
            max_epochs_ahead: 53,
            threshold_stake: 0,
        }
    }
}

/// What the deployment created. The deployer holds the WAL supply and all capabilities.
#[derive(Clone, Debug)]
pub struct Deployment {
    /// Who deployed.
    pub admin: Account,
    /// Package `wal`.
    pub wal: Address,
    /// Package `walrus`: the one that defines the types.
    pub walrus: Address,
    /// `wal::ProtectedTreasury`.
    pub treasury: Address,
    /// `system::System`.
    pub system: Address,
    /// `staking::Staking`.
    pub staking: Address,
    /// `upgrade::UpgradeManager`.
    pub upgrade_manager: Address,
    /// `upgrade::EmergencyUpgradeCap`.
    pub emergency_upgrade_cap: Address,
    /// `slashing::SlashingManager`.
    pub slashing_manager: Address,
    /// Package `wal_exchange`.
    pub wal_exchange: Address,
    /// Package `walrus_subsidies`.
    pub walrus_subsidies: Address,
    /// Package `blob_bucket`.
    pub blob_bucket: Address,
    /// The transactions with the names of their steps, for example for their gas.
    pub steps: Vec<(&'static str, Executed)>,
}

impl Deployment {
    /// Publishes all packages and initializes `walrus`.
    #[must_use]
    pub fn publish(chain: &mut Chain, admin: &Account, options: DeploymentOptions) -> Self {
        let mut deployer = Deployer {
            chain,
            admin,
            steps: Vec::new(),
        };
        let wal_published = deployer.publish_wal();
        let wal = wal_published.package();
        let link = |mut package: Package, walrus: Option<Address>| {
            package.link(WAL_PLACEHOLDER, wal).expect("uses wal");
            if let Some(walrus) = walrus {
                let linked = package.link(WALRUS_PLACEHOLDER, walrus);
                linked.expect("uses walrus");
            }
            package
        };
        let exchange = link(Package::wal_exchange().expect("artifact"), None);
        let wal_exchange = deployer.publish("publish wal_exchange", &exchange);
        let walrus = link(Package::walrus().expect("artifact"), None);
        let walrus_published = deployer.publish("publish walrus", &walrus);
        let walrus = walrus_published.package();
        let subsidies = link(Package::walrus_subsidies().expect("artifact"), Some(walrus));
        let walrus_subsidies = deployer.publish("publish walrus_subsidies", &subsidies);
        let bucket = link(Package::blob_bucket().expect("artifact"), Some(walrus));
        let blob_bucket = deployer.publish("publish blob_bucket", &bucket);
        let initialized = deployer.initialize(&walrus_published, options);
        Self {
            admin: admin.clone(),
            wal,
            walrus,
            treasury: wal_published.created("wal", "ProtectedTreasury"),
            system: initialized.created("system", "System"),
            staking: initialized.created("staking", "Staking"),
            upgrade_manager: initialized.created("upgrade", "UpgradeManager"),
            emergency_upgrade_cap: initialized.created("upgrade", "EmergencyUpgradeCap"),
            slashing_manager: initialized.created("slashing", "SlashingManager"),
            wal_exchange: wal_exchange.package(),
            walrus_subsidies: walrus_subsidies.package(),
            blob_bucket: blob_bucket.package(),
            steps: deployer.steps,
        }
    }

    /// The type of the WAL coin.
    #[must_use]
    pub fn wal_type(&self) -> StructTag {
        let name = |text| Identifier::new(text).expect("an identifier");
        StructTag::new(self.wal, name("wal"), name("WAL"), vec![])
    }

    /// `Balance<WAL>`.
    #[must_use]
    pub fn balance_type(&self) -> TypeTag {
        let name = |text| Identifier::new(text).expect("an identifier");
        let wal = vec![self.wal_type().into()];
        StructTag::new(Address::TWO, name("balance"), name("Balance"), wal).into()
    }

    /// A type of package `walrus`.
    #[must_use]
    pub fn walrus_type(&self, module: &str, name: &str) -> TypeTag {
        let identifier = |text| Identifier::new(text).expect("an identifier");
        StructTag::new(self.walrus, identifier(module), identifier(name), vec![]).into()
    }
}

struct Deployer<'a> {
    chain: &'a mut Chain,
    admin: &'a Account,
    steps: Vec<(&'static str, Executed)>,
}

impl Deployer<'_> {
    fn run(&mut self, step: &'static str, ptb: &Ptb) -> Executed {
        let executed = self.chain.run(self.admin, ptb).expect_success();
        self.steps.push((step, executed.clone()));
        executed
    }

    /// `wal` becomes immutable, so that nobody can mint.
    fn publish_wal(&mut self) -> Executed {
        let wal = Package::wal().expect("artifact");
        let mut ptb = Ptb::new();
        let cap = ptb.publish(wal.bytecode(), wal.dependencies.clone());
        ptb.call(Address::TWO, "package", "make_immutable", vec![cap]);
        self.run("publish wal", &ptb)
    }

    fn publish(&mut self, step: &'static str, package: &Package) -> Executed {
        let mut ptb = Ptb::new();
        let cap = ptb.publish(package.bytecode(), package.dependencies.clone());
        ptb.transfer(vec![cap], self.admin.address);
        self.run(step, &ptb)
    }

    fn initialize(&mut self, walrus: &Executed, options: DeploymentOptions) -> Executed {
        let mut ptb = Ptb::new();
        let arguments = vec![
            ptb.object(walrus.created("init", "InitCap")),
            ptb.object(walrus.created("package", "UpgradeCap")),
            ptb.pure(&options.epoch_zero_duration_ms),
            ptb.pure(&options.epoch_duration_ms),
            ptb.pure(&options.n_shards),
            ptb.pure(&options.max_epochs_ahead),
            ptb.pure(&options.threshold_stake),
            ptb.clock(),
        ];
        let cap = ptb.call(walrus.package(), "init", "initialize_walrus_v2", arguments);
        ptb.transfer(vec![cap], self.admin.address);
        self.run("initialize_walrus_v2", &ptb)
    }
}
