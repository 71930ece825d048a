//! Faults: what goes wrong with nodes and between them, one at a time or several at once.
//!
//! Of what damages nodes there is never more than the protocol bears. The network as a whole may be parted for a while as nothing could
//! bear: that is [`Trouble`](crate::trouble::Trouble), in which requests may fail and epochs may wait, and nothing may be lost.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use anyhow::Context as _;
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use tokio::{task::JoinSet, time::Instant};

use crate::{
    fault::{Fault, Parting, sequence},
    lines::{Cut, Party},
    model::Model,
    network::Network,
    snapshot::CLIENTS,
    victims::{Victims, Wanted},
};

/// How long a fault lasts.
const LASTS: std::ops::Range<Duration> = Duration::from_secs(5)..Duration::from_secs(90);

/// What is drawn for one fault.
pub(crate) struct Circumstances {
    pub(crate) lasts: Duration,
    pub(crate) draw: StdRng,
}

/// Makes faults.
#[derive(Clone)]
pub(crate) struct Faults {
    pub(crate) network: Arc<Network>,
    pub(crate) model: Arc<Model>,
    pub(crate) victims: Victims,
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
}
