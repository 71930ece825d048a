//! `walrus list-staked-wal`. Client spec 2.8.

use serde::Serialize;
use walrus_sui::objects::StakedWalState;

use super::{
    Report, show,
    staked::{Holdings, Stake},
};
use crate::{
    args::{GlobalOptions, ListStakedWalArgs},
    context::Network,
    report::{Reporter, count, wal},
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ListOutput {
    staked_wals: Vec<Stake>,
    #[serde(skip)]
    holdings: Holdings,
}

impl Report for ListOutput {
    fn print(&self, reporter: &Reporter) {
        let stakes = &self.holdings.stakes;
        for held in stakes {
            self.holdings.print(reporter, held);
        }
        let worth = stakes
            .iter()
            .map(|held| held.worth.unwrap_or(held.stake.principal));
        let worth = worth.fold(0, u64::saturating_add);
        let all = count(stakes.len() as u64, "stake");
        reporter.line(match stakes.is_empty() {
            true => "The wallet has no such stakes; `walrus stake nodes` lists whom to stake with"
                .to_owned(),
            false => format!("{all}, worth {}", wal(worth)),
        });
    }
}

/// Lists the stakes of the wallet.
pub(crate) async fn run(global: &GlobalOptions, args: ListStakedWalArgs) -> anyhow::Result<()> {
    let network = Network::load(global, None).await?;
    let owner = network.writer(global)?.address();
    let mut holdings = Holdings::of(network.reader(), owner).await?;
    holdings.stakes.retain(|held| match held.stake.state {
        StakedWalState::Staked => !args.withdrawing_only,
        StakedWalState::Withdrawing { .. } => !args.staked_only,
    });
    let staked_wals = holdings.json();
    let output = ListOutput {
        staked_wals,
        holdings,
    };
    show(global, &output)
}
