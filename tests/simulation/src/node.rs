//! A storage node of a simulation: the real one, on a directory and a disk that can be slow, full or lost.

use std::{
    fs,
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};
use futures::FutureExt as _;
use tokio::sync::oneshot;
use walrus_core::BlsPublicKey;
use walrus_node::{
    Listeners, NodeConfig, PreparedNode, RunningNode, Surroundings, WorkPlace,
    config::KeySource,
    operator,
    storage::{Storage, disks::FreeSpace},
};
use walrus_service::clock::Clock;

use crate::{
    chain,
    directories::Directories,
    lines::{Cut, CutId, Party},
    network::Site,
    snapshot::Known,
    syncs,
    wire::Wire,
};

/// What a disk has free that is not full.
const ROOM: u64 = 1 << 40;
/// Multiples of it, cut short, jump about.
const ROOM_FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
/// How often is tried again what has to wait for a node or for the chain.
const MOST_ATTEMPTS: u32 = 1000;

/// When a node that could not start is started again, as whoever runs it does; the error, if that is not what would help.
fn pause_before_restart(error: anyhow::Error) -> anyhow::Result<Duration> {
    let text = format!("{error:#}");
    // What was killed lets go of its directory when its last piece of work has ended.
    if text.contains(" is in use: ") {
        return Ok(Duration::from_millis(10));
    }
    // It is cut off from the chain.
    if text.contains("Unavailable") {
        return Ok(Duration::from_secs(1));
    }
    Err(error)
}

/// The disk of a node.
#[derive(Debug, Default)]
pub(crate) struct Disk {
    /// Added to every piece of work, in milliseconds.
    delay_ms: AtomicU64,
    full: AtomicBool,
}

impl Disk {
    /// How much longer everything takes.
    pub(crate) fn slow_down(&self, delay: Duration) {
        let delay = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        self.delay_ms.store(delay, Ordering::Relaxed);
    }

    /// Whether there is no room on it.
    pub(crate) fn fill(&self, is_full: bool) {
        self.full.store(is_full, Ordering::Relaxed);
    }
}

/// A node, up or down.
#[derive(Debug)]
pub(crate) struct SimNode {
    pub(crate) index: u16,
    pub(crate) known: Known,
    pub(crate) disk: Arc<Disk>,
    directories: Directories,
    /// Its configuration, if it is not that of [`Known`].
    file: Option<PathBuf>,
    /// How far its clock is ahead, in milliseconds.
    ahead_ms: i64,
    running: Option<RunningNode>,
}

/// A failure of power that is to come, or has come.
#[derive(Debug)]
pub(crate) struct PowerFailure {
    failed: oneshot::Receiver<()>,
    /// Nothing that a node does without power is heard of.
    cut: Arc<Mutex<Option<CutId>>>,
}

impl PowerFailure {
    /// Returns when the power has failed.
    pub(crate) async fn failed(&mut self) {
        // It is told, unless it does not fail any more.
        if (&mut self.failed).await.is_err() {
            std::future::pending().await
        }
    }

    fn end(self, site: &Site) {
        let cut = self.cut.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cut) = *cut {
            site.wires.mend(cut);
        }
    }
}

impl Drop for SimNode {
    fn drop(&mut self) {
        syncs::forget(self.directories.platter.root());
    }
}

impl SimNode {
    /// One that is down, on directories of its own below `site`; every third has two disks.
    pub(crate) fn new(known: Known, site: &Path, seed: u64) -> anyhow::Result<Self> {
        let index = known.index;
        let disks = if index.is_multiple_of(3) { 2 } else { 1 };
        let seed = seed.wrapping_add(u64::from(index));
        let directories = Directories::new(site, index, disks, seed)?;
        syncs::listen(Arc::clone(&directories.platter));
        Ok(Self {
            index,
            known,
            disk: Arc::default(),
            directories,
            file: None,
            ahead_ms: 0,
            running: None,
        })
    }

    pub(crate) fn is_up(&self) -> bool {
        self.running.is_some()
    }

    /// The node, if it is up.
    pub(crate) fn running(&self) -> Option<&RunningNode> {
        self.running.as_ref()
    }

    fn config(&self, site: &Site) -> anyhow::Result<NodeConfig> {
        match &self.file {
            Some(file) => NodeConfig::load(file),
            None => Ok(self.known.config(&self.directories, site)),
        }
    }

    /// Whether it has more than one disk.
    pub(crate) fn has_further_disks(&self) -> bool {
        !self.directories.further().is_empty()
    }

    /// The files of a node that is down.
    pub(crate) fn files(&self) -> anyhow::Result<&Directories> {
        ensure!(!self.is_up(), "a node that is up holds its files");
        Ok(&self.directories)
    }

    /// The files of a node that may be up: to be looked at.
    pub(crate) fn seen_files(&self) -> &Directories {
        &self.directories
    }

    /// Has its clock be wrong from its next start on.
    pub(crate) fn set_clock_ahead(&mut self, milliseconds: i64) {
        self.ahead_ms = milliseconds;
    }

    /// Brings it up.
    pub(crate) async fn start(&mut self, site: &Site) -> anyhow::Result<()> {
        if self.is_up() {
            return Ok(());
        }
        let mut attempt = 1;
        let node = loop {
            match self.try_start(site).await {
                Ok(node) => break node,
                Err(error) if attempt < MOST_ATTEMPTS => {
                    attempt += 1;
                    tokio::time::sleep(pause_before_restart(error)?).await;
                }
                Err(error) => return Err(error),
            }
        };
        let address = self.known.address.as_str();
        site.wires.connect(address, self.index, node.router());
        self.running = Some(node);
        Ok(())
    }

    async fn try_start(&self, site: &Site) -> anyhow::Result<RunningNode> {
        let party = Party::Node(self.index);
        let disk = Arc::clone(&self.disk);
        let delay = move || Duration::from_millis(disk.delay_ms.load(Ordering::Relaxed));
        let (disk, asked) = (Arc::clone(&self.disk), AtomicU64::new(0));
        let room = move |_: &Path| match disk.full.load(Ordering::Relaxed) {
            true => Ok(0),
            // Now this disk has the most room, now that one.
            false => {
                let asked = asked.fetch_add(1, Ordering::Relaxed);
                Ok(ROOM + (asked.wrapping_mul(ROOM_FACTOR) >> 48))
            }
        };
        let surroundings = Surroundings {
            chain: Some(chain::client(&site.chain, party, &site.wires)?),
            transport: Some(Arc::new(Wire {
                from: party,
                wires: site.wires.clone(),
            })),
            free_space: FreeSpace::told_by(room),
            work: WorkPlace::Tasks(Arc::new(delay)),
            clock: match self.ahead_ms {
                0 => site.clock.clone(),
                ahead => Clock::of_runtime(site.clock.unix_ms().saturating_add_signed(ahead)),
            },
        };
        let listeners = Listeners {
            // Its server listens, and nobody connects.
            rest: TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?,
            metrics: None,
        };
        let node = PreparedNode::new_in(surroundings, listeners, self.config(site)?).await;
        let node = node.with_context(|| format!("cannot prepare node {}", self.index))?;
        let node = node.start().await;
        node.with_context(|| format!("cannot start node {}", self.index))
    }

    /// Stops it in order.
    pub(crate) async fn stop(&mut self, site: &Site) -> anyhow::Result<()> {
        site.wires.disconnect(&self.known.address);
        match self.running.take() {
            Some(node) => node.shutdown().await,
            None => Ok(()),
        }
    }

    /// Ends it where it stands, as `kill -9` would.
    pub(crate) fn kill(&mut self, site: &Site) {
        site.wires.disconnect(&self.known.address);
        self.running = None;
    }

    /// Has the power fail just before it syncs something, when it has synced so often.
    pub(crate) fn fail_power_after(&self, site: &Site, syncs: u32) -> PowerFailure {
        let (tell, failed) = oneshot::channel();
        let cut: Arc<Mutex<Option<CutId>>> = Arc::default();
        let (noted, wires) = (Arc::clone(&cut), site.wires.clone());
        let (address, party) = (self.known.address.clone(), Party::Node(self.index));
        self.directories.platter.fail_after(syncs, move || {
            wires.disconnect(&address);
            let cut = wires.cut(Cut::off([party]));
            *noted.lock().unwrap_or_else(PoisonError::into_inner) = Some(cut);
            let _ = tell.send(());
        });
        PowerFailure { failed, cut }
    }

    /// Whether it goes on only because it has not noticed yet that it has no power.
    pub(crate) fn is_without_power(&self) -> bool {
        self.directories.platter.is_off()
    }

    /// Ends it as a failure of power does: what was not synced may be lost.
    pub(crate) fn lose_power(&mut self, site: &Site) -> anyhow::Result<()> {
        site.wires.disconnect(&self.known.address);
        self.directories
            .platter
            .fail()
            .context("the power does not fail")?;
        self.running = None;
        Ok(())
    }

    /// The power is back: its directory is what the disk has kept.
    pub(crate) async fn restore_power(
        &mut self,
        site: &Site,
        failure: PowerFailure,
    ) -> anyhow::Result<()> {
        ensure!(!self.is_up(), "a node that is up has power");
        let lock = self.directories.lock_without_power();
        for _ in 0..MOST_ATTEMPTS {
            let is_free = match fs::File::open(&lock) {
                Ok(lock) => lock.try_lock().is_ok(),
                Err(_) => true,
            };
            if is_free {
                failure.end(site);
                let restored = self.directories.platter.restore();
                return restored.context("the power is not back");
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        bail!("node {} does not end without power", self.index)
    }

    /// Starts it, and has the power fail when it has synced so often, if it does so before it is up; then the power is back, and the
    /// node is down. Returns whether it has failed.
    pub(crate) async fn start_without_power(
        &mut self,
        site: &Site,
        syncs: u32,
    ) -> anyhow::Result<bool> {
        let mut failure = self.fail_power_after(site, syncs);
        let started = tokio::select! {
            biased;
            () = failure.failed() => Ok(()),
            started = self.start(site) => started,
        };
        if !self.directories.platter.hold() {
            started?;
            return Ok(false);
        }
        self.lose_power(site)?;
        self.restore_power(site, failure).await?;
        Ok(true)
    }

    /// Forgets the further disk that is not there, as its operator does when it never comes back.
    pub(crate) async fn forget_disk(&self, site: &Site) -> anyhow::Result<()> {
        let disk = self.files()?.further().last().context("it has one disk")?;
        let mut attempt = 1;
        let storage = loop {
            match Storage::open_with(self.config(site)?.storage_options()) {
                Ok(storage) => break storage,
                Err(error) if attempt < MOST_ATTEMPTS => {
                    attempt += 1;
                    tokio::time::sleep(pause_before_restart(error.into())?).await;
                }
                Err(error) => return Err(error.into()),
            }
        };
        ensure!(
            storage.forget_disk(disk)?,
            "node {} has all disks",
            self.index
        );
        Ok(storage.close()?)
    }

    /// Configures the protocol key that is to take the place of its own from its next start on; returns what others know it by.
    pub(crate) fn configure_next_key(&mut self, site: &Site) -> anyhow::Result<BlsPublicKey> {
        let keys = self.known.keys(&site.directory);
        let file = keys.join("node.yaml");
        let key = (1_u32..)
            .map(|number| keys.join(format!("protocol-{number}.key")))
            .find(|key| !key.exists());
        let key = key.context("no name for a key")?;
        let text = operator::generate(operator::KeyKind::Protocol, operator::KeyFormat::Tagged)?;
        operator::write_key(&key, &text, false)?;
        let mut config = self.config(site)?;
        config.next_protocol_key_pair = Some(KeySource::file(key));
        config.config_synchronizer.enabled = true;
        fs::write(&file, config.to_yaml()?)?;
        self.file = Some(file);
        let next = config.next_protocol_key()?.context("it has no next key")?;
        Ok(next.public_key())
    }

    /// Whether it has to be started again.
    pub(crate) fn wants_restart(&self) -> bool {
        let running = self.running.as_ref();
        running.is_some_and(|node| node.restart_wanted().now_or_never().is_some())
    }

    /// Checks the storage of a node that is down.
    pub(crate) fn check(&self, site: &Site) -> anyhow::Result<operator::FsckReport> {
        let options = self.config(site)?.storage_options();
        Ok(operator::check_unused(options, false)?)
    }
}
