//! Victims: with whom something goes wrong, so that the protocol bears it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rand::{
    Rng as _,
    rngs::StdRng,
    seq::{IndexedRandom as _, SliceRandom as _},
};
use tokio::time::Instant;
use walrus_core::{ShardIndex, parameters::max_faulty};

use crate::network::Network;

/// How often is looked whether one more fault can be borne.
const LOOK: Duration = Duration::from_secs(2);
/// How long a fault is put off.
const PATIENCE: Duration = Duration::from_secs(120);

/// Which nodes a fault wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// A member.
    Member,
    /// A member with more disks than one.
    ManyDisks,
    /// A member that is not about to leave.
    Stayer,
    /// Two members or more, as many as can be borne at most.
    Group,
    /// A part of the members, however many: nothing is wrong with them, only between them and the others.
    Side,
    /// A node that is no member and not up.
    Spare,
    /// A member that may go.
    Leaver,
}

/// Chooses victims. Clones know the same ones.
#[derive(Clone)]
pub(crate) struct Victims {
    network: Arc<Network>,
    /// Nodes with which something is wrong just now.
    impaired: Arc<Mutex<BTreeSet<u16>>>,
    /// Nodes that have left, or are about to.
    leaving: Arc<Mutex<BTreeSet<u16>>>,
}

/// The shards of the members of each committee that counts.
struct Members {
    current: BTreeMap<u16, Vec<ShardIndex>>,
    others: Vec<BTreeMap<u16, Vec<ShardIndex>>>,
    /// Most shards that may be impaired.
    most: usize,
}

impl Members {
    async fn of(network: &Network) -> anyhow::Result<Self> {
        let committees = network.reader.committees().await?;
        let others = [&committees.next, &committees.previous];
        let others = others.into_iter().flatten();
        Ok(Self {
            current: network.shards(&committees.current),
            others: others.map(|other| network.shards(other)).collect(),
            most: usize::from(max_faulty(committees.current.n_shards)),
        })
    }

    /// Whether it is borne that something is wrong with all of these.
    fn bear(&self, impaired: &BTreeSet<u16>) -> bool {
        [&self.current]
            .into_iter()
            .chain(&self.others)
            .all(|shards| {
                let of_impaired = impaired.iter().filter_map(|node| shards.get(node));
                of_impaired.map(Vec::len).sum::<usize>() <= self.most
            })
    }
}

impl Victims {
    pub(crate) fn new(network: Arc<Network>) -> Self {
        Self {
            network,
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

    /// With whom it goes wrong, as soon as that can be borne; `None` if it cannot be for long. [`Victims::release`] ends it.
    pub(crate) async fn choose(
        &self,
        wanted: Wanted,
        draw: &mut StdRng,
    ) -> anyhow::Result<Option<Vec<u16>>> {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            let chosen = self.candidates(wanted, draw).await?;
            if !chosen.is_empty() {
                if wanted != Wanted::Side {
                    self.impaired().extend(&chosen);
                }
                return Ok(Some(chosen));
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(None)
    }

    /// Nothing is wrong with them any more.
    pub(crate) fn release(&self, wanted: Wanted, nodes: &[u16]) {
        if wanted != Wanted::Side {
            self.impaired().retain(|node| !nodes.contains(node));
        }
    }

    /// A node leaves for good.
    pub(crate) fn leaves(&self, node: u16) {
        self.leaving().insert(node);
    }

    async fn candidates(&self, wanted: Wanted, draw: &mut StdRng) -> anyhow::Result<Vec<u16>> {
        let members = Members::of(&self.network).await?;
        let impaired = self.impaired().clone();
        let mut chosen: Vec<u16> = members.current.keys().copied().collect();
        let bears_one_more = |node: &u16| {
            let with = impaired.iter().chain([node]);
            !impaired.contains(node) && members.bear(&with.copied().collect())
        };
        match wanted {
            Wanted::Spare => chosen = self.spares(&members, &impaired).await?,
            Wanted::Side => {
                let count = draw.random_range(1..chosen.len().max(2));
                return Ok(chosen.choose_multiple(draw, count).copied().collect());
            }
            Wanted::Group => {
                chosen.shuffle(draw);
                let mut with = impaired.clone();
                chosen.retain(|node| {
                    let is_borne = with.insert(*node) && members.bear(&with);
                    if !is_borne && !impaired.contains(node) {
                        with.remove(node);
                    }
                    is_borne
                });
                if chosen.len() > 2 {
                    chosen.truncate(draw.random_range(2..=chosen.len()));
                }
                return Ok(chosen);
            }
            Wanted::Member => chosen.retain(bears_one_more),
            Wanted::ManyDisks => {
                chosen.retain(bears_one_more);
                chosen = self.with_many_disks(chosen).await?;
            }
            Wanted::Stayer => {
                let leaving = self.leaving().clone();
                chosen.retain(|node| !leaving.contains(node) && bears_one_more(node));
            }
            Wanted::Leaver => {
                let leaving = self.leaving().clone();
                // As many stay as came first.
                let stay = chosen.iter().filter(|node| !leaving.contains(node));
                if stay.count() < usize::from(self.network.plan.nodes) {
                    return Ok(Vec::new());
                }
                chosen.retain(|node| !leaving.contains(node) && bears_one_more(node));
            }
        }
        Ok(chosen.choose(draw).copied().into_iter().collect())
    }

    async fn with_many_disks(&self, of: Vec<u16>) -> anyhow::Result<Vec<u16>> {
        let mut found = Vec::new();
        for index in of {
            if self.network.node(index).await?.has_further_disks() {
                found.push(index);
            }
        }
        Ok(found)
    }

    /// Those that may join.
    async fn spares(
        &self,
        members: &Members,
        impaired: &BTreeSet<u16>,
    ) -> anyhow::Result<Vec<u16>> {
        let mut spares = Vec::new();
        for index in self.network.indexes() {
            if !impaired.contains(&index) && !self.network.node(index).await?.is_up() {
                spares.push(index);
            }
        }
        let leaving = self.leaving().clone();
        spares.retain(|spare| !members.current.contains_key(spare) && !leaving.contains(spare));
        Ok(spares)
    }
}
