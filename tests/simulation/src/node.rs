//! A storage node of a simulation: the real one, on a directory and a disk that can be slow, full or lost.

use std::{
    fs,
    io::Write as _,
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};
use tokio::sync::oneshot;
use walrus_node::{
    Listeners, NodeConfig, PreparedNode, RunningNode, Surroundings, WorkPlace, operator,
    storage::{StorageOptions, disks::FreeSpace},
};

use crate::{
    chain,
    lines::{Cut, CutId, Party},
    network::Site,
    platter::Platter,
    snapshot::Known,
    syncs,
    wire::Wire,
};

/// What a disk has free that is not full.
const ROOM: u64 = 1 << 40;
/// How often a directory is opened again that a killed node has not let go of.
const LETTING_GO: u32 = 1000;

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
    directory: PathBuf,
    platter: Arc<Platter>,
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
        syncs::forget(self.platter.root());
    }
}

impl SimNode {
    /// One that is down, on a directory of its own below `site`.
    pub(crate) fn new(known: Known, site: &Path, seed: u64) -> anyhow::Result<Self> {
        let index = known.index;
        let directory = site.join("nodes").join(index.to_string());
        let copies = site.join("platters").join(index.to_string());
        let seed = seed.wrapping_add(u64::from(index));
        let platter = Arc::new(Platter::new(directory.clone(), copies, seed)?);
        syncs::listen(Arc::clone(&platter));
        Ok(Self {
            index,
            known,
            disk: Arc::default(),
            directory,
            platter,
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

    fn config(&self, site: &Site) -> NodeConfig {
        self.known.config(&self.directory, site)
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
                // What was killed lets go of its directory when its last piece of work has ended.
                Err(error) if attempt < LETTING_GO && format!("{error:#}").contains("ocked") => {
                    attempt += 1;
                    tokio::time::sleep(Duration::from_millis(10)).await;
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
        let disk = Arc::clone(&self.disk);
        let room = move |_: &Path| match disk.full.load(Ordering::Relaxed) {
            true => Ok(0),
            false => Ok(ROOM),
        };
        let surroundings = Surroundings {
            chain: Some(chain::client(&site.chain, party, &site.wires)?),
            transport: Some(Arc::new(Wire {
                from: party,
                wires: site.wires.clone(),
            })),
            free_space: FreeSpace::told_by(room),
            work: WorkPlace::Tasks(Arc::new(delay)),
            clock: site.clock.clone(),
        };
        let listeners = Listeners {
            // Its server listens, and nobody connects.
            rest: TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?,
            metrics: None,
        };
        let node = PreparedNode::new_in(surroundings, listeners, self.config(site)).await;
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
        self.platter.fail_after(syncs, move || {
            wires.disconnect(&address);
            let cut = wires.cut(Cut::off([party]));
            *noted.lock().unwrap_or_else(PoisonError::into_inner) = Some(cut);
            let _ = tell.send(());
        });
        PowerFailure { failed, cut }
    }

    /// Whether it goes on only because it has not noticed yet that it has no power.
    pub(crate) fn is_without_power(&self) -> bool {
        self.platter.is_off()
    }

    /// Ends it as a failure of power does: what was not synced may be lost.
    pub(crate) fn lose_power(&mut self, site: &Site) -> anyhow::Result<()> {
        site.wires.disconnect(&self.known.address);
        self.platter.fail().context("the power does not fail")?;
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
        let lock = self.platter.without_power().join("db").join("lock");
        for _ in 0..LETTING_GO {
            let is_free = match fs::File::open(&lock) {
                Ok(lock) => lock.try_lock().is_ok(),
                Err(_) => true,
            };
            if is_free {
                failure.end(site);
                return self.platter.restore().context("the power is not back");
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
        if !self.platter.hold() {
            started?;
            return Ok(false);
        }
        self.lose_power(site)?;
        self.restore_power(site, failure).await?;
        Ok(true)
    }

    /// The end of what was being written when it was killed: bytes that are no record, behind the last of some segment.
    pub(crate) fn tear(&self, bytes: &[u8]) -> anyhow::Result<()> {
        ensure!(!self.is_up(), "a node that is up writes on");
        let mut segments = Vec::new();
        find_files(&self.directory.join("shards"), &mut segments)?;
        segments.sort();
        let Some(segment) = segments.last() else {
            return Ok(());
        };
        let mut file = fs::OpenOptions::new().append(true).open(segment)?;
        Ok(file.write_all(bytes)?)
    }

    /// Loses all slivers, as a disk that is replaced has.
    pub(crate) fn lose_slivers(&self) -> anyhow::Result<()> {
        ensure!(!self.is_up(), "a node that is up holds its files");
        let shards = self.directory.join("shards");
        if shards.exists() {
            fs::remove_dir_all(&shards)?;
        }
        // Not even a failure of power brings them back.
        Ok(self.platter.settle()?)
    }

    /// Checks the storage of a node that is down.
    pub(crate) fn check(&self, site: &Site) -> anyhow::Result<operator::FsckReport> {
        let options: StorageOptions = self.config(site).storage_options();
        Ok(operator::check_unused(options, false)?)
    }
}

/// All files below a directory.
fn find_files(directory: &Path, found: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    if !directory.exists() {
        return Ok(());
    }
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            find_files(&path, found)?;
        } else {
            found.push(path);
        }
    }
    Ok(())
}
