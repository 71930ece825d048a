//! `walrus node-admin`: what whoever is authorized for a storage node does. Client spec 2.8. The results are text, always.

use anyhow::{Context as _, ensure};
#[cfg(feature = "dev")]
use base64::{Engine as _, engine::general_purpose::STANDARD};
use walrus_sui::{
    Address, Owner,
    objects::{Authorized, StakingPool},
    transactions::{Authentication, ContractWriter},
};

#[cfg(feature = "dev")]
use crate::{args::PackageArgs, devchain};
use crate::{
    args::{AuthorizeArgs, GlobalOptions, NodeAdminArgs, NodeAdminCommand, NodeArgs, VoteArgs},
    context::Network,
    report::{Reporter, wal},
};

/// Which of the two authorizations of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Commission,
    Governance,
}

/// Does what was asked for.
pub(crate) async fn run(global: &GlobalOptions, args: NodeAdminArgs) -> anyhow::Result<()> {
    match args.command {
        NodeAdminCommand::CollectCommission(args) => collect(global, &args).await,
        NodeAdminCommand::SetGovernanceAuthorized(args) => {
            authorize(global, &args, Role::Governance).await
        }
        NodeAdminCommand::SetCommissionAuthorized(args) => {
            authorize(global, &args, Role::Commission).await
        }
        NodeAdminCommand::VoteForUpgrade(args) => vote(global, args).await,
        #[cfg(feature = "dev")]
        NodeAdminCommand::PackageDigest(args) => show_digest(global, args).await,
    }
}

/// The wallet, and the node that is meant.
async fn node_of(
    global: &GlobalOptions,
    node_id: Address,
) -> anyhow::Result<(ContractWriter, StakingPool)> {
    let network = Network::load(global, None).await?;
    let writer = network.writer(global)?;
    let pool = pool(&writer, node_id).await?;
    Ok((writer, pool))
}

async fn pool(writer: &ContractWriter, node_id: Address) -> anyhow::Result<StakingPool> {
    let pools = writer.reader().pools(&[node_id]).await;
    let mut pools = pools.context("something else than a storage node is named")?;
    pools.remove(&node_id).with_context(|| {
        format!("the network has no storage node {node_id}; `walrus-node status` says the ID of one that runs")
    })
}

/// How the wallet can act for whoever is authorized.
async fn authentication(
    writer: &ContractWriter,
    authorized: Authorized,
) -> anyhow::Result<Authentication> {
    let authentication = writer.authentication(authorized).await?;
    if let Authorized::ObjectID(id) = authorized {
        let owner = writer.reader().chain().object(id).await?.owner;
        let is_elsewhere = match owner {
            Owner::Address(owner) | Owner::ConsensusAddress { owner, .. } => {
                owner != writer.address()
            }
            Owner::Object(_) => true,
            // Anybody may name it.
            _ => false,
        };
        ensure!(
            !is_elsewhere,
            "the wallet {} does not have it",
            writer.address()
        );
    }
    Ok(authentication)
}

fn describe(authorized: Authorized) -> String {
    match authorized {
        Authorized::Address(address) => format!("the address {address}"),
        Authorized::ObjectID(object) => format!("whoever has the object {object}"),
    }
}

async fn collect(global: &GlobalOptions, args: &NodeArgs) -> anyhow::Result<()> {
    let (writer, before) = node_of(global, args.node_id).await?;
    let receiver = authentication(&writer, before.commission_receiver).await;
    let receiver = receiver.with_context(|| {
        let receiver = describe(before.commission_receiver);
        format!("the commission of {} is for {receiver}", args.node_id)
    })?;
    let reporter = Reporter::new(false);
    if before.commission == 0 {
        reporter.line("There is nothing to collect");
        return Ok(());
    }
    let executed = writer.collect_commission(args.node_id, &receiver).await?;
    let left = pool(&writer, args.node_id).await?.commission;
    let collected = before.commission.saturating_sub(left);
    reporter.line(format!("Collected {}", wal(collected)));
    if left > 0 {
        let left = format!("{}, until the vote of this epoch has ended", wal(left));
        reporter.field("stays", left);
    }
    reporter.field("transaction", executed.digest);
    Ok(())
}

async fn authorize(global: &GlobalOptions, args: &AuthorizeArgs, role: Role) -> anyhow::Result<()> {
    let new = args.whom();
    let new = new.context("exactly one of `--address` and `--object` must be given")?;
    let (writer, pool) = node_of(global, args.node_id).await?;
    let (present, what) = match role {
        Role::Commission => (pool.commission_receiver, "receives the commission of"),
        Role::Governance => (pool.governance_authorized, "votes for"),
    };
    let node = args.node_id;
    let shown = authentication(&writer, present).await;
    let shown = shown.with_context(|| format!("{} {what} the node {node}", describe(present)))?;
    if let Authorized::ObjectID(id) = new {
        let found = writer.reader().chain().objects(&[id]).await?;
        ensure!(
            found.iter().flatten().next().is_some(),
            "there is no object {id}; whoever is named could not act any more"
        );
    }
    let executed = match role {
        Role::Commission => writer.set_commission_receiver(node, &shown, new).await?,
        Role::Governance => writer.set_governance_authorized(node, &shown, new).await?,
    };
    let reporter = Reporter::new(false);
    reporter.line(format!("From now on {} {what} the node", describe(new)));
    reporter.field("node ID", node);
    reporter.field("transaction", executed.digest);
    Ok(())
}

async fn vote(global: &GlobalOptions, args: VoteArgs) -> anyhow::Result<()> {
    #[cfg(feature = "dev")]
    let compiled = match &args.package_path {
        Some(path) => Some(devchain::package_digest(global, path, args.compiler.clone()).await?),
        None => None,
    };
    #[cfg(not(feature = "dev"))]
    let compiled = None;
    let digest = args.digest.map(|digest| digest.0).or(compiled);
    let digest = digest.context("the digest of the package must be given")?;
    let (writer, pool) = node_of(global, args.node_id).await?;
    let voter = authentication(&writer, pool.governance_authorized).await;
    let voter = voter.with_context(|| {
        let voter = describe(pool.governance_authorized);
        format!("{voter} votes for the node {}", args.node_id)
    })?;
    let manager = args.upgrade_manager_object_id;
    let executed = writer.vote_for_upgrade(manager, args.node_id, &voter, digest);
    let executed = executed.await?;
    let reporter = Reporter::new(false);
    reporter.line(format!("Voted for the package 0x{}", hex::encode(digest)));
    reporter.field("node ID", args.node_id);
    reporter.field("transaction", executed.digest);
    Ok(())
}

#[cfg(feature = "dev")]
async fn show_digest(global: &GlobalOptions, args: PackageArgs) -> anyhow::Result<()> {
    let digest = devchain::package_digest(global, &args.package_path, args.compiler).await?;
    let reporter = Reporter::new(false);
    reporter.line("Digest of the package");
    reporter.field("hexadecimal", format!("0x{}", hex::encode(digest)));
    reporter.field("base64", STANDARD.encode(digest));
    Ok(())
}
