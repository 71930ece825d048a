//! Mishaps: what goes wrong with one node, until it is over it.

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, ensure};
use rand::{Rng as _, RngCore as _};
use tokio::time::Instant;
use walrus_sui::objects::StakedWalState;

use crate::{
    fault::Fault,
    faults::{Circumstances, Faults},
    lines::{Cut, Party},
    oracle,
    plan::EPOCH,
    promises,
    snapshot::STAKE,
};

/// How much longer everything takes on a slow disk.
const SLOW: Duration = Duration::from_millis(400);
/// Most bytes of a torn record.
const MOST_TORN: usize = 5000;
/// By how much a clock is wrong, in milliseconds.
const WRONG_BY_MS: std::ops::Range<i64> = -300_000..300_000;
/// A backup is older than the fault lasts by this factor.
const AGE_OF_BACKUP: u32 = 3;
/// How often is looked whether a node has to be started again.
const LOOK: Duration = Duration::from_secs(1);
/// Longest time until a node has another key: one that comes after the next committee was chosen is for the one after that, and
/// epochs may wait.
const CHANGE_OF_KEY: Duration = EPOCH.saturating_mul(3);
/// Longest time until a node that lost its slivers has them again.
const REPAIR: Duration = Duration::from_secs(480);
/// Power fails before so many syncs have come, or when there is nothing to write for a while.
const MOST_SYNCS: u32 = 12;
/// The same of a node that starts.
const MOST_SYNCS_OF_START: u32 = 80;
/// How long a machine that writes nothing keeps its power.
const QUIET: Duration = Duration::from_secs(20);

impl Faults {
    /// Has something go wrong with one node.
    pub(crate) async fn impair(
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
                    node.files()?.tear(&torn)?;
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
                node.files()?.lose_slivers()?;
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
            Fault::LosesDisk => self.lose_disk(index, lasts).await?,
            Fault::DiskAway => self.miss_disk(index, lasts).await?,
            Fault::OldBackup => self.go_back(index, lasts).await?,
            Fault::WrongClock => {
                let ahead = circumstances.draw.random_range(WRONG_BY_MS);
                self.restart_with_clock(index, ahead).await?;
                tokio::time::sleep(lasts).await;
                self.restart_with_clock(index, 0).await?;
            }
            Fault::ChangesKey => self.change_key(index).await?,
            Fault::BreaksUploads => {
                site.wires.break_uploads(index, true);
                tokio::time::sleep(lasts).await;
                site.wires.break_uploads(index, false);
            }
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

    /// One of its disks is gone: the others take what was on it. At last its operator puts an empty one in its place.
    async fn lose_disk(&self, index: u16, lasts: Duration) -> anyhow::Result<()> {
        let (network, site) = (&self.network, &self.network.site);
        network.node(index).await?.kill(site);
        tokio::time::sleep(lasts).await;
        let mut node = network.node(index).await?;
        node.files()?.unmount()?;
        site.wires.forget_promises(index);
        node.start(site).await?;
        drop(node);
        oracle::whole(network, &self.model, Some(index), REPAIR).await?;
        let mut node = network.node(index).await?;
        node.stop(site).await?;
        node.forget_disk(site).await?;
        node.start(site).await
    }

    /// One of its disks is away for a while, and comes back with what it had.
    async fn miss_disk(&self, index: u16, lasts: Duration) -> anyhow::Result<()> {
        let (network, site) = (&self.network, &self.network.site);
        network.node(index).await?.kill(site);
        tokio::time::sleep(lasts / 2).await;
        let mut node = network.node(index).await?;
        let disk = node.files()?.unmount()?;
        site.wires.forget_promises(index);
        node.start(site).await?;
        drop(node);
        tokio::time::sleep(lasts).await;
        let mut node = network.node(index).await?;
        node.stop(site).await?;
        node.files()?.mount(disk)?;
        node.start(site).await?;
        drop(node);
        oracle::whole(network, &self.model, Some(index), REPAIR).await
    }

    /// All that it has becomes what it was some time ago, as from a backup.
    async fn go_back(&self, index: u16, lasts: Duration) -> anyhow::Result<()> {
        let (network, site) = (&self.network, &self.network.site);
        let mut node = network.node(index).await?;
        node.stop(site).await?;
        let backup = node.files()?.back_up()?;
        node.start(site).await?;
        drop(node);
        tokio::time::sleep(lasts.saturating_mul(AGE_OF_BACKUP)).await;
        network.node(index).await?.kill(site);
        tokio::time::sleep(lasts / 4).await;
        let mut node = network.node(index).await?;
        node.files()?.restore(backup)?;
        site.wires.forget_promises(index);
        node.start(site).await?;
        drop(node);
        oracle::whole(network, &self.model, Some(index), REPAIR).await
    }

    async fn restart_with_clock(&self, index: u16, ahead_ms: i64) -> anyhow::Result<()> {
        let site = &self.network.site;
        let mut node = self.network.node(index).await?;
        node.stop(site).await?;
        node.set_clock_ahead(ahead_ms);
        node.start(site).await
    }

    /// It tells the chain its next key, and starts again with that when the chain knows it by it.
    async fn change_key(&self, index: u16) -> anyhow::Result<()> {
        let (network, begun) = (&self.network, Instant::now());
        let site = &network.site;
        let mut node = network.node(index).await?;
        node.stop(site).await?;
        let next = node.configure_next_key(site)?;
        node.start(site).await?;
        drop(node);
        loop {
            tokio::time::sleep(LOOK).await;
            let mut node = network.node(index).await?;
            if node.wants_restart() {
                node.stop(site).await?;
                node.start(site).await?;
                break;
            }
            ensure!(begun.elapsed() < CHANGE_OF_KEY, "it keeps its key");
        }
        let node_id = network.node(index).await?.known.node_id;
        let committees = network.reader.committees().await?;
        let mut members = committees.current.members.iter();
        let member = members.find(|member| member.node_id == node_id);
        let key = member.and_then(|member| member.public_key);
        ensure!(
            key == Some(next),
            "the chain does not know it by its new key"
        );
        Ok(())
    }
}
