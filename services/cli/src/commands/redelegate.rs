//! `walrus redelegate`: stakes that go from their nodes to another one. Client spec 2.8.

use anyhow::ensure;
use serde::Serialize;
use walrus_sui::{Address, Digest, objects::StakeExit};

use super::{
    Report, show,
    stake::Before,
    staked::{Holdings, Stake, read_again},
};
use crate::{
    args::{GlobalOptions, RedelegateArgs},
    context::Network,
    report::{Reporter, count},
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RedelegateOutput {
    /// The new stakes.
    staked_wal: Vec<Stake>,
    /// Those that are not free yet.
    waiting: Vec<Stake>,
    tx_digests: Vec<Digest>,
    #[serde(skip)]
    moved: Holdings,
    #[serde(skip)]
    left: Holdings,
    #[serde(skip)]
    to: Address,
}

impl Report for RedelegateOutput {
    fn print(&self, reporter: &Reporter) {
        for holdings in [&self.moved, &self.left] {
            for held in &holdings.stakes {
                holdings.print(reporter, held);
            }
        }
        let (moved, left) = (self.moved.stakes.len(), self.left.stakes.len());
        reporter.line(format!("Moved {}", count(moved as u64, "stake")));
        let epochs = self.left.stakes.iter().filter_map(|held| match held.exit {
            StakeExit::Requested { withdraw_epoch } => Some(withdraw_epoch),
            _ => None,
        });
        if let Some(last) = epochs.max() {
            let (left, when) = (count(left as u64, "stake"), self.left.when(last));
            reporter.line(format!(
                "{left} not free yet; from {when} on, the same moves them:"
            ));
            let ids: Vec<_> = self.left.ids().iter().map(ToString::to_string).collect();
            reporter.line(format!(
                "  walrus redelegate {} --to {}",
                ids.join(" "),
                self.to
            ));
        }
        for digest in &self.tx_digests {
            reporter.field("transaction", digest);
        }
    }
}

/// Moves what is free, and requests the rest.
pub(crate) async fn run(global: &GlobalOptions, args: RedelegateArgs) -> anyhow::Result<()> {
    let network = Network::load(global, None).await?;
    let (reader, writer) = (network.reader(), network.writer(global)?);
    let owner = writer.address();
    Before::look(&network, &[args.to]).await?;
    let holdings = Holdings::of(reader, owner).await?;
    let holdings = holdings.named(&args.staked_wal_ids, owner)?;
    let (mut free, mut to_request, mut left) = (Vec::new(), Vec::new(), Vec::new());
    for held in &holdings.stakes {
        let id = held.stake.id;
        ensure!(
            held.stake.node_id != args.to,
            "the stake {id} is with node {} already; nothing was moved",
            args.to
        );
        match held.exit {
            exit if exit.is_open(holdings.staking.epoch) => free.push(id),
            StakeExit::OnRequest { .. } => {
                to_request.push(id);
                left.push(id);
            }
            _ => left.push(id),
        }
    }
    let mut tx_digests = Vec::new();
    let mut moved = Vec::new();
    if !free.is_empty() {
        let (executed, staked) = writer.restake(&free, args.to).await?;
        tx_digests.push(executed.digest);
        moved = staked;
    }
    if !to_request.is_empty() {
        let executed = writer.request_withdraw_stakes(&to_request).await?;
        tx_digests.push(executed.digest);
    }
    let left = read_again(reader, &left).await?;
    let left = Holdings::look_up(reader, left).await?;
    let moved = Holdings::look_up(reader, moved).await?;
    let output = RedelegateOutput {
        staked_wal: moved.json(),
        waiting: left.json(),
        tx_digests,
        moved,
        left,
        to: args.to,
    };
    show(global, &output)
}
