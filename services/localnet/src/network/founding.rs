//! Founding of a network: the deployment, the registration of its operators and the election of its first committee.

use std::{fs, net::TcpListener, sync::Arc};

use anyhow::Context;
use sui_devchain::RunningChain;
use walrus_deploy::{
    DeployParameters, Deployment, EXCHANGE_FUNDS, SidePackages, deploy, deploy_side_packages,
};
use walrus_sui::{
    Address, Digest,
    chain::ChainClient,
    contract::{ContractObjects, ContractReader},
    transactions::{ContractWriter, TransactionExecutor},
    wallet::Keypair,
};

use crate::{
    LocalnetOptions, Observer, Step,
    directory::Directory,
    operator::{Operator, REGISTRATION_EPOCH, Registered},
    options::STAKE_PER_NODE,
    ports,
    state::{NodeState, State},
};

/// How many MIST each operator gets, for gas.
pub(crate) const OPERATOR_MIST: u64 = 100 * 1_000_000_000;

/// What happens once in the life of a network.
pub(super) struct Founding<'a> {
    pub(super) options: &'a LocalnetOptions,
    pub(super) directory: &'a Directory,
    pub(super) chain: &'a RunningChain,
    pub(super) observer: &'a dyn Observer,
}

impl Founding<'_> {
    /// Deploys the contract, registers operators, and has their nodes elected. Comes with the listeners of the nodes' addresses, which
    /// are held from the registration of an address until its node listens there.
    pub(super) async fn run(
        &self,
        client: &ChainClient,
        admin: &Arc<Keypair>,
    ) -> anyhow::Result<(State, Vec<TcpListener>)> {
        let listen = |_| ports::listen(self.options.host);
        let listeners: Vec<_> = (0..self.options.nodes)
            .map(listen)
            .collect::<Result<_, _>>()?;
        let executor = TransactionExecutor::new(client.clone(), Arc::clone(admin));
        let epoch_duration_ms = u64::try_from(self.options.epoch_duration.as_millis())
            .context("the epoch duration is too long")?;
        let deployment = deploy(
            &executor,
            DeployParameters {
                epoch_zero_duration_ms: 0,
                epoch_duration_ms,
                n_shards: self.options.shards,
                max_epochs_ahead: self.options.max_epochs_ahead,
                threshold_stake: self.options.threshold_stake,
            },
        )
        .await?;
        self.report_deployment(&deployment);
        let side_packages = self.side_packages(&executor, &deployment).await?;
        let operators = self.operators(&listeners)?;
        let registered = self
            .register(client, &executor, &operators, &deployment)
            .await?;
        self.select_committee(client, executor, &registered, deployment.objects())
            .await?;
        let nodes = operators
            .iter()
            .zip(&registered)
            .map(|(operator, registered)| NodeState {
                address: operator.address,
                node_id: registered.node_id,
                cap_id: registered.cap_id,
                metrics_address: None,
                leaves: false,
                has_left: false,
            });
        let state = State::new(
            self.options,
            epoch_duration_ms,
            deployment,
            side_packages,
            nodes.collect(),
        );
        Ok((state, listeners))
    }

    async fn side_packages(
        &self,
        executor: &TransactionExecutor,
        deployment: &Deployment,
    ) -> anyhow::Result<Option<SidePackages>> {
        if !self.options.side_packages {
            return Ok(None);
        }
        let side = deploy_side_packages(executor, deployment, EXCHANGE_FUNDS).await?;
        let digests = &side.digests;
        for (name, package, digest) in [
            (
                "wal_exchange",
                side.wal_exchange_package,
                digests.wal_exchange,
            ),
            (
                "walrus_subsidies",
                side.walrus_subsidies_package,
                digests.walrus_subsidies,
            ),
            ("blob_bucket", side.blob_bucket_package, digests.blob_bucket),
        ] {
            self.published(name, package, digest);
        }
        Ok(Some(side))
    }

    fn report_deployment(&self, deployment: &Deployment) {
        let digests = &deployment.digests;
        for (name, package, digest) in [
            ("wal", deployment.wal_package, digests.wal),
            ("walrus", deployment.walrus_package, digests.walrus),
        ] {
            self.published(name, package, digest);
        }
        self.observer.on_step(Step::Initialized {
            system: deployment.system_object,
            staking: deployment.staking_object,
            digest: digests.initialized,
        });
    }

    fn published(&self, name: &str, package: Address, digest: Digest) {
        self.observer.on_step(Step::Published {
            name: name.to_owned(),
            package,
            digest,
        });
    }

    /// An operator with fresh keys for every address.
    fn operators(&self, listeners: &[TcpListener]) -> anyhow::Result<Vec<Operator>> {
        let mut operators = Vec::new();
        for (index, listener) in (0..).zip(listeners) {
            let operator = Operator::generate(index, listener.local_addr()?);
            let dir = self.directory.node(index);
            fs::create_dir_all(&dir).with_context(|| format!("cannot create {}", dir.display()))?;
            operator.write_keys(&dir)?;
            operator.write_wallet(&dir, &self.chain.rpc_url())?;
            operators.push(operator);
        }
        Ok(operators)
    }

    async fn register(
        &self,
        client: &ChainClient,
        executor: &TransactionExecutor,
        operators: &[Operator],
        deployment: &Deployment,
    ) -> anyhow::Result<Vec<Registered>> {
        let grants: Vec<_> = operators
            .iter()
            .map(|operator| (operator.wallet.address(), OPERATOR_MIST))
            .collect();
        executor
            .send_sui(&grants)
            .await
            .context("cannot give the operators gas")?;
        let total = self.options.nodes;
        let mut registered = Vec::with_capacity(operators.len());
        for operator in operators {
            registered.push(
                operator
                    .register(client, deployment.objects(), total, REGISTRATION_EPOCH)
                    .await?,
            );
            self.observer.on_step(Step::Registered {
                done: operator.index + 1,
                total,
            });
        }
        Ok(registered)
    }

    async fn select_committee(
        &self,
        client: &ChainClient,
        executor: TransactionExecutor,
        registered: &[Registered],
        objects: ContractObjects,
    ) -> anyhow::Result<()> {
        let reader = ContractReader::new(client.clone(), objects).await?;
        let admin = ContractWriter::with_executor(reader.clone(), executor);
        let stakes: Vec<_> = registered
            .iter()
            .map(|node| (node.node_id, STAKE_PER_NODE))
            .collect();
        admin
            .stake(&stakes)
            .await
            .context("cannot stake on the nodes")?;
        self.observer.on_step(Step::Staked {
            frost_per_node: STAKE_PER_NODE,
        });
        admin
            .voting_end()
            .await
            .context("cannot select the first committee")?;
        admin
            .initiate_epoch_change()
            .await
            .context("cannot begin the first epoch")?;
        self.observer.on_step(Step::CommitteeSelected {
            epoch: reader.epoch().await?,
        });
        Ok(())
    }
}
