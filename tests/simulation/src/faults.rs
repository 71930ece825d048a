//! Faults: what goes wrong with nodes and between them, one at a time or several at once.
//!
//! Of what damages nodes there is never more than the protocol bears. The network as a whole may be parted for a while as nothing could
//! bear: that is [`Trouble`](crate::trouble::Trouble), in which requests may fail and epochs may wait, and nothing may be lost.

use std::{collections::BTreeSet, fmt, sync::Arc, time::Duration};

use anyhow::Context as _;
use rand::{
    Rng as _, RngCore as _, SeedableRng as _,
    rngs::StdRng,
    seq::{IndexedRandom as _, SliceRandom as _},
};
use tokio::{task::JoinSet, time::Instant};
use walrus_sui::objects::StakedWalState;

use crate::{
    lines::{Cut, Party},
    model::Model,
    network::Network,
    oracle, promises,
    snapshot::{CLIENTS, STAKE},
    victims::{Victims, Wanted},
    wire::Lie,
};

/// How long a fault lasts.
const LASTS: std::ops::Range<Duration> = Duration::from_secs(5)..Duration::from_secs(90);
/// How much longer everything takes on a slow disk.
const SLOW: Duration = Duration::from_millis(400);
/// Most bytes of a torn record.
const MOST_TORN: usize = 5000;
/// Longest time until a node that lost its slivers has them again.
const REPAIR: Duration = Duration::from_secs(480);
/// Power fails before so many syncs have come, or when there is nothing to write for a while.
const MOST_SYNCS: u32 = 12;
/// The same of a node that starts.
const MOST_SYNCS_OF_START: u32 = 80;
/// How long a machine that writes nothing keeps its power.
const QUIET: Duration = Duration::from_secs(20);

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// Ended where it stands; what was being written may be torn.
    Killed { torn: bool },
    /// Its machine loses power, in the middle of whatever it writes, and perhaps once more while it starts.
    PowerFails,
    /// Stopped in order, and started again.
    Restarted,
    /// Reaches nobody, and nobody reaches it, the chain included.
    CutOff,
    /// Some reach each other and nobody else.
    Parted(Parting),
    /// Answers falsely.
    Lies(Lie),
    /// Takes long for everything.
    SlowDisk,
    /// Has no room for slivers.
    FullDisk,
    /// Killed, and all slivers are gone.
    LostSlivers,
    /// A node more, from the next committee on.
    Joins,
    /// A node less.
    Leaves,
}

/// Between whom the network is parted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Parting {
    /// Some nodes and everybody else.
    Few,
    /// Nodes and nodes: clients and chain reach all of them.
    AmongNodes,
    /// Two sides of nodes, clients on either, the chain on one: more than the protocol bears.
    Sides,
}

const FAULTS: [Fault; 19] = [
    Fault::Killed { torn: false },
    Fault::Killed { torn: true },
    Fault::Killed { torn: true },
    Fault::PowerFails,
    Fault::PowerFails,
    Fault::Restarted,
    Fault::CutOff,
    Fault::CutOff,
    Fault::Parted(Parting::Few),
    Fault::Parted(Parting::AmongNodes),
    Fault::Parted(Parting::Sides),
    Fault::Lies(Lie::FlippedBytes),
    Fault::Lies(Lie::NothingThere),
    Fault::Lies(Lie::CutOff),
    Fault::SlowDisk,
    Fault::FullDisk,
    Fault::LostSlivers,
    Fault::Joins,
    Fault::Leaves,
];

/// What happens to every network, if so many faults happen at all.
const SURE: [Fault; 9] = [
    Fault::Killed { torn: true },
    Fault::PowerFails,
    Fault::Parted(Parting::Few),
    Fault::Parted(Parting::AmongNodes),
    Fault::Parted(Parting::Sides),
    Fault::FullDisk,
    Fault::LostSlivers,
    Fault::Joins,
    Fault::Leaves,
];

/// The faults of a network, in the order in which they happen.
fn sequence(count: u32, draw: &mut StdRng) -> Vec<Fault> {
    let mut sure = SURE.to_vec();
    sure.shuffle(draw);
    let mut faults: Vec<_> = (0..count)
        .filter_map(|_| sure.pop().or_else(|| FAULTS.choose(draw).copied()))
        .collect();
    faults.shuffle(draw);
    faults
}

impl Fault {
    /// With whom it happens.
    fn wants(self) -> Wanted {
        match self {
            Self::Joins => Wanted::Spare,
            Self::Leaves => Wanted::Leaver,
            Self::Parted(Parting::Few) => Wanted::Group,
            Self::Parted(Parting::AmongNodes | Parting::Sides) => Wanted::Side,
            _ => Wanted::Member,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Killed { torn: false } => "is killed",
            Self::Killed { torn: true } => "is killed while it writes",
            Self::PowerFails => "loses power",
            Self::Restarted => "is restarted",
            Self::CutOff => "is cut off",
            Self::Parted(Parting::Few) => "are cut off together",
            Self::Parted(Parting::AmongNodes) => "and the other nodes are parted",
            Self::Parted(Parting::Sides) => "are one side of the network",
            Self::Lies(Lie::FlippedBytes) => "lies in a byte",
            Self::Lies(Lie::NothingThere) => "denies everything",
            Self::Lies(Lie::CutOff) => "cuts answers off",
            Self::SlowDisk => "has a slow disk",
            Self::FullDisk => "has a full disk",
            Self::LostSlivers => "loses all slivers",
            Self::Joins => "joins",
            Self::Leaves => "leaves",
        })
    }
}

/// What is drawn for one fault.
struct Circumstances {
    lasts: Duration,
    draw: StdRng,
}

/// Makes faults.
#[derive(Clone)]
pub(crate) struct Faults {
    network: Arc<Network>,
    model: Arc<Model>,
    victims: Victims,
}

impl Faults {
    pub(crate) fn new(network: Arc<Network>, model: Arc<Model>) -> Self {
        Self {
            victims: Victims::new(Arc::clone(&network)),
            network,
            model,
        }
    }

    /// Has the faults of a plan happen over its span, and returns when all of them are over.
    pub(crate) async fn run(self, mut draw: StdRng) -> anyhow::Result<()> {
        let (plan, start) = (self.network.plan, Instant::now());
        let mut moments: Vec<_> = (0..plan.faults)
            .map(|_| plan.span().mul_f64(draw.random_range(0.0..0.9)))
            .collect();
        moments.sort();
        let mut faults = JoinSet::new();
        for (moment, fault) in moments.into_iter().zip(sequence(plan.faults, &mut draw)) {
            tokio::time::sleep_until(start + moment).await;
            let Some(nodes) = self.victims.choose(fault.wants(), &mut draw).await? else {
                self.network.journal.note(format_args!("nobody {fault}"));
                continue;
            };
            let this = self.clone();
            let circumstances = Circumstances {
                lasts: draw.random_range(LASTS),
                draw: StdRng::from_rng(&mut draw),
            };
            faults.spawn(async move {
                let begun = Instant::now();
                let happened = this.happen(fault, &nodes, circumstances).await;
                for node in this.touched(fault, &nodes) {
                    this.network.history.was_wrong(node, begun);
                }
                this.victims.release(fault.wants(), &nodes);
                happened.with_context(|| format!("nodes {nodes:?} {fault}"))
            });
        }
        while let Some(fault) = faults.join_next().await {
            fault??;
        }
        Ok(())
    }

    /// Those with which something was wrong.
    fn touched(&self, fault: Fault, nodes: &[u16]) -> Vec<u16> {
        match fault.wants() {
            Wanted::Side => self.network.indexes().collect(),
            _ => nodes.to_vec(),
        }
    }

    async fn happen(
        &self,
        fault: Fault,
        nodes: &[u16],
        mut circumstances: Circumstances,
    ) -> anyhow::Result<()> {
        let journal = &self.network.journal;
        let named: Vec<_> = nodes.iter().map(u16::to_string).collect();
        let named = format!("node {}", named.join(", "));
        journal.note(format_args!("{named} {fault}"));
        match (fault, nodes) {
            (Fault::Parted(parting), _) => self.part(parting, nodes, circumstances).await?,
            (_, [node]) => self.impair(fault, *node, &mut circumstances).await?,
            _ => anyhow::bail!("{fault}: of one node, not of {nodes:?}"),
        }
        journal.note(format_args!("{named} is over it: {fault}"));
        Ok(())
    }

    /// Parts the network for a while.
    async fn part(
        &self,
        parting: Parting,
        nodes: &[u16],
        circumstances: Circumstances,
    ) -> anyhow::Result<()> {
        let (network, mut draw) = (&self.network, circumstances.draw);
        let side: BTreeSet<u16> = nodes.iter().copied().collect();
        let one = side.iter().copied().map(Party::Node);
        let others = network.indexes().filter(|node| !side.contains(node));
        let (cut, lasts, troubles) = match parting {
            Parting::Few => (Cut::off(one), circumstances.lasts, Vec::new()),
            Parting::AmongNodes => {
                let cut = Cut::between(one, others.map(Party::Node));
                (cut, circumstances.lasts, vec![&network.nodes_in_trouble])
            }
            Parting::Sides => {
                let clients = (0..CLIENTS).map(Party::Client);
                let more = clients.chain([Party::Chain]).filter(|_| draw.random());
                let troubles = vec![&network.nodes_in_trouble, &network.clients_in_trouble];
                (Cut::off(one.chain(more)), circumstances.lasts / 2, troubles)
            }
        };
        network.journal.note(format_args!("{cut}"));
        let causes: Vec<_> = troubles
            .into_iter()
            .map(|trouble| trouble.begin())
            .collect();
        let cut = network.site.wires.cut(cut);
        tokio::time::sleep(lasts).await;
        network.site.wires.mend(cut);
        drop(causes);
        Ok(())
    }

    /// Has something go wrong with one node.
    async fn impair(
        &self,
        fault: Fault,
        index: u16,
        circumstances: &mut Circumstances,
    ) -> anyhow::Result<()> {
        let (network, lasts) = (&self.network, circumstances.lasts);
        let site = &network.site;
        match fault {
            Fault::Killed { torn: is_torn } => {
                network.node(index).await?.kill(site);
                tokio::time::sleep(lasts).await;
                let mut node = network.node(index).await?;
                if is_torn {
                    let mut torn = vec![0; circumstances.draw.random_range(1..MOST_TORN)];
                    circumstances.draw.fill_bytes(&mut torn);
                    node.tear(&torn)?;
                }
                node.start(site).await?;
            }
            Fault::PowerFails => self.lose_power(index, circumstances).await?,
            Fault::Restarted => {
                network.node(index).await?.stop(site).await?;
                tokio::time::sleep(lasts).await;
                network.node(index).await?.start(site).await?;
            }
            Fault::CutOff => {
                let cut = site.wires.cut(Cut::off([Party::Node(index)]));
                tokio::time::sleep(lasts).await;
                site.wires.mend(cut);
            }
            Fault::Lies(lie) => {
                site.wires.lie(index, Some(lie));
                tokio::time::sleep(lasts).await;
                site.wires.lie(index, None);
            }
            Fault::SlowDisk => {
                let disk = Arc::clone(&network.node(index).await?.disk);
                disk.slow_down(SLOW);
                tokio::time::sleep(lasts).await;
                disk.slow_down(Duration::ZERO);
            }
            Fault::FullDisk => {
                let disk = Arc::clone(&network.node(index).await?.disk);
                disk.fill(true);
                tokio::time::sleep(lasts).await;
                disk.fill(false);
            }
            Fault::LostSlivers => {
                network.node(index).await?.kill(site);
                tokio::time::sleep(lasts).await;
                let mut node = network.node(index).await?;
                node.lose_slivers()?;
                site.wires.forget_promises(index);
                node.start(site).await?;
                drop(node);
                oracle::whole(network, &self.model, Some(index), REPAIR).await?;
            }
            Fault::Joins => {
                let mut node = network.node(index).await?;
                let stake = [(node.known.node_id, STAKE)];
                network.admin.stake(&stake).await.context("no stake")?;
                node.start(site).await?;
            }
            Fault::Leaves => self.leave(index).await?,
            Fault::Parted(_) => anyhow::bail!("one node has no sides"),
        }
        Ok(())
    }

    /// The machine of a node loses power while it writes, and what it has promised is there when it is back.
    async fn lose_power(
        &self,
        index: u16,
        circumstances: &mut Circumstances,
    ) -> anyhow::Result<()> {
        let (network, draw) = (&self.network, &mut circumstances.draw);
        let site = &network.site;
        let syncs = draw.random_range(0..MOST_SYNCS);
        let mut failing = network.node(index).await?.fail_power_after(site, syncs);
        let failed = tokio::time::timeout(QUIET, failing.failed()).await;
        network.node(index).await?.lose_power(site)?;
        network.journal.note(format_args!(
            "node {index} is without power{}",
            if failed.is_ok() {
                ", in the middle of its work"
            } else {
                ""
            }
        ));
        tokio::time::sleep(circumstances.lasts).await;
        let mut node = network.node(index).await?;
        node.restore_power(site, failing).await?;
        let again = draw
            .random_bool(0.3)
            .then(|| draw.random_range(0..MOST_SYNCS_OF_START));
        if let Some(syncs) = again
            && node.start_without_power(site, syncs).await?
        {
            network
                .journal
                .note(format_args!("node {index} loses power as it starts"));
        }
        // Nobody gives it back what it may have lost before it has told what it has.
        let others = network.indexes().filter(|other| *other != index);
        let alone = Cut::between([Party::Node(index)], others.map(Party::Node));
        let alone = site.wires.cut(alone);
        let promised = site.wires.promises(index);
        node.start(site).await?;
        drop(node);
        let kept = promises::kept(network, &self.model, index, &promised).await;
        site.wires.mend(alone);
        kept
    }

    async fn leave(&self, index: u16) -> anyhow::Result<()> {
        self.victims.leaves(index);
        let network = &self.network;
        let node_id = network.node(index).await?.known.node_id;
        let owner = network.admin.address();
        for stake in network.reader.owned_stakes(owner).await? {
            if stake.node_id == node_id && matches!(stake.state, StakedWalState::Staked) {
                let withdrawn = network.admin.request_withdraw_stake(stake.id).await;
                withdrawn.context("the stake stays")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_faults_are_all_kinds_that_matter_most() {
        for seed in 0..20 {
            let faults = sequence(16, &mut StdRng::seed_from_u64(seed));
            assert_eq!(faults.len(), 16);
            assert!(SURE.iter().all(|fault| faults.contains(fault)));
        }
        assert_eq!(sequence(2, &mut StdRng::seed_from_u64(1)).len(), 2);
    }
}
