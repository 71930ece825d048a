//! `walrus request-withdraw-stake` and `walrus withdraw-stake`. Client spec 2.8.

use anyhow::{Context as _, bail};
use serde::Serialize;
use walrus_sui::{Address, Digest, objects::StakeExit};

use super::{
    Report, show,
    staked::{Holdings, Stake, read_again},
};
use crate::{
    args::{GlobalOptions, RequestWithdrawStakeArgs, WithdrawStakeArgs},
    context::Network,
    report::{Reporter, count, wal},
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RequestOutput {
    staked_wals: Vec<Stake>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tx_digest: Option<Digest>,
    #[serde(skip)]
    holdings: Holdings,
    /// Why nothing was requested, if nothing was.
    #[serde(skip)]
    because: Option<&'static str>,
}

impl Report for RequestOutput {
    fn print(&self, reporter: &Reporter) {
        for held in &self.holdings.stakes {
            self.holdings.print(reporter, held);
        }
        match (self.tx_digest, self.because) {
            (Some(digest), _) => {
                let all = count(self.holdings.stakes.len() as u64, "stake");
                reporter.line(format!(
                    "{all} requested; `walrus withdraw-stake` fetches them then"
                ));
                reporter.field("transaction", digest);
            }
            (None, because) => {
                let because = because.unwrap_or_default();
                reporter.line(format!("Nothing was requested: {because}"));
            }
        }
    }
}

/// Requests stakes.
pub(crate) async fn request(
    global: &GlobalOptions,
    args: RequestWithdrawStakeArgs,
) -> anyhow::Result<()> {
    let network = Network::load(global, None).await?;
    let reader = network.reader();
    let writer = network.writer(global)?;
    let owner = writer.address();
    let mut holdings = Holdings::of(reader, owner).await?;
    let node = args.node_id;
    let because = match args.staked_wal_ids.is_empty() {
        false => {
            holdings = holdings.named(&args.staked_wal_ids, owner)?;
            args.dry_run.then_some("it is a dry run")
        }
        true => {
            holdings.stakes.retain(|held| held.stake.node_id == node);
            match holdings.stakes.as_slice() {
                [] => bail!(
                    "the wallet {owner} has no stake with node {node}; `walrus list-staked-wal` lists those that it has"
                ),
                [_] => args.dry_run.then_some("it is a dry run"),
                [..] => Some("there are several; name those that are meant"),
            }
        }
    };
    if because.is_none() || !args.staked_wal_ids.is_empty() {
        check_requests(&holdings, node)?;
    }
    let tx_digest = match because {
        Some(_) => None,
        None => {
            let executed = writer.request_withdraw_stakes(&holdings.ids()).await?;
            let changed = read_again(reader, &holdings.ids()).await?;
            holdings = Holdings::look_up(reader, changed).await?;
            Some(executed.digest)
        }
    };
    let output = RequestOutput {
        staked_wals: holdings.json(),
        tx_digest,
        holdings,
        because,
    };
    show(global, &output)
}

/// Says what the contract would refuse with a code.
fn check_requests(holdings: &Holdings, node: Address) -> anyhow::Result<()> {
    for held in &holdings.stakes {
        let (id, with) = (held.stake.id, held.stake.node_id);
        if with != node {
            bail!("the stake {id} is with node {with}, not with {node}");
        }
        match held.exit {
            StakeExit::OnRequest { .. } => {}
            StakeExit::Requested { withdraw_epoch } => bail!(
                "the stake {id} was requested before; it can be withdrawn from {} on",
                holdings.when(withdraw_epoch)
            ),
            StakeExit::NotCounting | StakeExit::NodeIsOut => {
                bail!(
                    "the stake {id} needs no request: `walrus withdraw-stake {id}` fetches it now"
                )
            }
        }
    }
    Ok(())
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WithdrawOutput {
    staked_wal_ids: Vec<Address>,
    tx_digest: Digest,
    /// FROST, if it is known.
    #[serde(skip)]
    worth: Option<u64>,
    #[serde(skip)]
    principal: u64,
}

impl Report for WithdrawOutput {
    fn print(&self, reporter: &Reporter) {
        let all = count(self.staked_wal_ids.len() as u64, "stake");
        reporter.line(format!("Withdrew {all}"));
        reporter.field("staked", wal(self.principal));
        if let Some(worth) = self.worth {
            reporter.field("earned", wal(worth.saturating_sub(self.principal)));
        }
        reporter.field("transaction", self.tx_digest);
    }
}

/// Withdraws stakes.
pub(crate) async fn withdraw(
    global: &GlobalOptions,
    args: WithdrawStakeArgs,
) -> anyhow::Result<()> {
    let network = Network::load(global, None).await?;
    let writer = network.writer(global)?;
    let owner = writer.address();
    let holdings = Holdings::of(network.reader(), owner).await?;
    let holdings = holdings.named(&args.staked_wal_ids, owner)?;
    for held in &holdings.stakes {
        let checked = holdings.check_open(held);
        checked.context("nothing was withdrawn")?;
    }
    let staked_wal_ids = holdings.ids();
    let executed = writer.withdraw_stakes(&staked_wal_ids).await?;
    let stakes = holdings.stakes.iter();
    let principal = stakes.clone().map(|held| held.stake.principal);
    let mut worth = stakes.map(|held| held.worth);
    let output = WithdrawOutput {
        staked_wal_ids,
        tx_digest: executed.digest,
        worth: worth.try_fold(0_u64, |sum, worth| sum.checked_add(worth?)),
        principal: principal.fold(0, u64::saturating_add),
    };
    show(global, &output)
}
