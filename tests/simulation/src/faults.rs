//! Faults: what goes wrong with nodes, one at a time or several at once, but never more than the protocol bears.

use std::{
    collections::BTreeSet,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anyhow::Context as _;
use rand::{
    Rng as _, RngCore as _,
    rngs::StdRng,
    seq::{IndexedRandom as _, SliceRandom as _},
};
use tokio::{task::JoinSet, time::Instant};
use walrus_core::parameters::max_faulty;
use walrus_sui::objects::StakedWalState;

use crate::{
    model::Model,
    network::Network,
    oracle,
    snapshot::STAKE,
    wire::{Lie, Party},
};

/// How long a fault lasts.
const LASTS: std::ops::Range<Duration> = Duration::from_secs(5)..Duration::from_secs(90);
/// How much longer everything takes on a slow disk.
const SLOW: Duration = Duration::from_millis(400);
/// Most bytes of a torn record.
const MOST_TORN: usize = 5000;
/// How often is looked whether one more fault can be borne.
const LOOK: Duration = Duration::from_secs(2);
/// How long a fault is put off.
const PATIENCE: Duration = Duration::from_secs(120);
/// Longest time until a node that lost its slivers has them again.
const REPAIR: Duration = Duration::from_secs(480);

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// Ended where it stands; what was being written may be torn.
    Killed { torn: bool },
    /// Stopped in order, and started again.
    Restarted,
    /// Reaches nobody, and nobody reaches it, the chain included.
    CutOff,
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

const FAULTS: [Fault; 14] = [
    Fault::Killed { torn: false },
    Fault::Killed { torn: true },
    Fault::Killed { torn: true },
    Fault::Restarted,
    Fault::CutOff,
    Fault::CutOff,
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
const SURE: [Fault; 6] = [
    Fault::Killed { torn: true },
    Fault::CutOff,
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

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Killed { torn: false } => "is killed",
            Self::Killed { torn: true } => "is killed while it writes",
            Self::Restarted => "is restarted",
            Self::CutOff => "is cut off",
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

/// Makes faults.
#[derive(Clone)]
pub(crate) struct Faults {
    network: Arc<Network>,
    model: Arc<Model>,
    /// Nodes with which something is wrong just now.
    impaired: Arc<Mutex<BTreeSet<u16>>>,
    /// Nodes that have left, or are about to.
    leaving: Arc<Mutex<BTreeSet<u16>>>,
}

impl Faults {
    pub(crate) fn new(network: Arc<Network>, model: Arc<Model>) -> Self {
        Self {
            network,
            model,
            impaired: Arc::default(),
            leaving: Arc::default(),
        }
    }

    fn impaired(&self) -> MutexGuard<'_, BTreeSet<u16>> {
        self.impaired.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn leaving(&self) -> MutexGuard<'_, BTreeSet<u16>> {
        self.leaving.lock().unwrap_or_else(PoisonError::into_inner)
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
            let Some(node) = self.victim(fault, &mut draw).await? else {
                self.network.journal.note(format_args!("nobody {fault}"));
                continue;
            };
            let (this, lasts) = (self.clone(), draw.random_range(LASTS));
            let mut torn = vec![0; draw.random_range(1..MOST_TORN)];
            draw.fill_bytes(&mut torn);
            faults.spawn(async move {
                let happened = this.happen(fault, node, lasts, &torn).await;
                this.impaired().remove(&node);
                happened.with_context(|| format!("node {node} {fault}"))
            });
        }
        while let Some(fault) = faults.join_next().await {
            fault??;
        }
        Ok(())
    }

    /// With whom it goes wrong, as soon as that can be borne; `None` if it cannot be for long.
    async fn victim(&self, fault: Fault, draw: &mut StdRng) -> anyhow::Result<Option<u16>> {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            let candidates = self.candidates(fault).await?;
            if let Some(node) = candidates.choose(draw) {
                self.impaired().insert(*node);
                return Ok(Some(*node));
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(None)
    }

    /// Those with whom it may go wrong: with them, at most as many shards are impaired as the protocol bears, in each committee.
    async fn candidates(&self, fault: Fault) -> anyhow::Result<Vec<u16>> {
        let committees = self.network.reader.committees().await?;
        let current = self.network.shards(&committees.current);
        let next = committees
            .next
            .as_ref()
            .map(|next| self.network.shards(next));
        let previous = committees.previous.as_ref();
        let previous = previous.map(|previous| self.network.shards(previous));
        let impaired = self.impaired().clone();
        if fault == Fault::Joins {
            let mut spares = Vec::new();
            for index in self.network.indexes() {
                if !impaired.contains(&index) && !self.network.node(index).await?.is_up() {
                    spares.push(index);
                }
            }
            spares.retain(|spare| !current.contains_key(spare) && !self.leaving().contains(spare));
            return Ok(spares);
        }
        let most = usize::from(max_faulty(committees.current.n_shards));
        let bearable = |node: u16| {
            let all = [Some(&current), next.as_ref(), previous.as_ref()];
            all.into_iter().flatten().all(|shards| {
                let with = impaired.iter().chain([&node]);
                with.filter_map(|node| shards.get(node))
                    .map(Vec::len)
                    .sum::<usize>()
                    <= most
            })
        };
        let mut members: Vec<u16> = current.keys().copied().collect();
        members.retain(|node| !impaired.contains(node) && bearable(*node));
        if fault == Fault::Leaves {
            // As many stay as came first.
            let leaving = self.leaving().clone();
            let stay = current
                .keys()
                .filter(|node| !leaving.contains(node))
                .count();
            members.retain(|node| !leaving.contains(node));
            if stay < usize::from(self.network.plan.nodes) {
                members.clear();
            }
        }
        Ok(members)
    }

    async fn happen(
        &self,
        fault: Fault,
        index: u16,
        lasts: Duration,
        torn: &[u8],
    ) -> anyhow::Result<()> {
        let (network, party) = (&self.network, Party::Node(index));
        let (site, journal) = (&network.site, &network.journal);
        journal.note(format_args!("node {index} {fault}"));
        match fault {
            Fault::Killed { torn: is_torn } => {
                network.node(index).await?.kill(site);
                tokio::time::sleep(lasts).await;
                let mut node = network.node(index).await?;
                if is_torn {
                    node.tear(torn)?;
                }
                node.start(site).await?;
            }
            Fault::Restarted => {
                network.node(index).await?.stop(site).await?;
                tokio::time::sleep(lasts).await;
                network.node(index).await?.start(site).await?;
            }
            Fault::CutOff => {
                site.wires.cut(party, true);
                tokio::time::sleep(lasts).await;
                site.wires.cut(party, false);
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
        }
        journal.note(format_args!("node {index} is over it: {fault}"));
        Ok(())
    }

    async fn leave(&self, index: u16) -> anyhow::Result<()> {
        self.leaving().insert(index);
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
    use rand::SeedableRng as _;

    use super::*;

    #[test]
    fn a_dozen_faults_are_all_kinds_that_matter_most() {
        for seed in 0..20 {
            let faults = sequence(12, &mut StdRng::seed_from_u64(seed));
            assert_eq!(faults.len(), 12);
            assert!(SURE.iter().all(|fault| faults.contains(fault)));
        }
        assert_eq!(sequence(2, &mut StdRng::seed_from_u64(1)).len(), 2);
    }
}
