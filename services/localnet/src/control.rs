//! Control socket: the process of a running network takes orders about its nodes, from the same user (mode 0600), one JSON object per
//! line each way.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, bail, ensure};
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{UnixListener, UnixStream},
    sync::{mpsc, oneshot},
    task::JoinHandle,
};
use walrus_node::operator::admin::AdminDoor;
use walrus_sui::{Address, local_network};

const SOCKET_FILE: &str = "localnet.sock";
/// Longest order.
const MAX_ORDER_BYTES: u64 = 4 << 10;
/// Longest answer: that of a network of 256 nodes takes a tenth.
const MAX_ANSWER_BYTES: u64 = 1 << 20;
/// Longest wait for an order, once somebody is connected.
const PATIENCE: Duration = Duration::from_secs(10);
/// Longest wait for an order to be carried out: a node may take a minute to start.
const ANSWER_PATIENCE: Duration = Duration::from_secs(180);

/// What a network is to do with its nodes. A node is named as on chain, `node-3`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum NodeOrder {
    /// Tell which there are.
    List {},
    /// Set one up, register it, stake on it and start it.
    Add {},
    /// Take the stake off one. It serves as long as the network needs it, and is stopped then.
    Remove {
        /// Its name.
        name: String,
    },
    /// Stop one; what it stores stays.
    Stop {
        /// Its name.
        name: String,
    },
    /// Start one that was stopped.
    Start {
        /// Its name.
        name: String,
    },
}

/// What came of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderAnswer {
    /// Whether it was carried out.
    pub success: bool,
    /// A sentence.
    pub message: String,
    /// The nodes as they are afterwards.
    pub nodes: Vec<NodeListing>,
}

/// A node of the network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeListing {
    /// Its name.
    pub name: String,
    /// Its ID on chain.
    pub node_id: Address,
    /// Whether it runs.
    pub is_running: bool,
    /// Whether it is about to leave, or has left.
    pub is_removed: bool,
    /// Its shards in the current epoch.
    pub shards: usize,
    /// Those of the next epoch, once they are known.
    pub next_shards: Option<usize>,
}

/// An order that waits for its answer.
#[derive(Debug)]
pub struct Order {
    pub(crate) order: NodeOrder,
    answer: oneshot::Sender<OrderAnswer>,
}

impl Order {
    pub(crate) fn answer(self, answer: OrderAnswer) {
        // Whoever asked may be gone.
        let _ = self.answer.send(answer);
    }
}

/// The orders that others give. Dropping it closes the socket.
#[derive(Debug)]
pub struct Orders {
    orders: mpsc::Receiver<Order>,
    accepting: JoinHandle<()>,
    path: PathBuf,
}

impl Drop for Orders {
    fn drop(&mut self) {
        self.accepting.abort();
        // One that stays is replaced by the next network.
        let _ = fs::remove_file(&self.path);
    }
}

impl Orders {
    /// Listens in the directory of a network, which the caller has for itself.
    pub(crate) fn listen(dir: &Path) -> anyhow::Result<Self> {
        let path = dir.join(SOCKET_FILE);
        ensure!(
            AdminDoor::fits(&path),
            "{} is too long for a Unix socket: the nodes of this network cannot be added or removed while it is up; choose a shorter --dir for that",
            path.display()
        );
        // The directory is ours, so whoever left it is dead.
        let _ = fs::remove_file(&path);
        let make = || {
            let private = tempfile::Builder::new()
                .prefix(".")
                .rand_bytes(6)
                .tempdir_in(dir)?;
            let hidden = private.path().join("s");
            let listener = UnixListener::bind(&hidden)?;
            fs::set_permissions(&hidden, fs::Permissions::from_mode(0o600))?;
            fs::rename(&hidden, &path)?;
            std::io::Result::Ok(listener)
        };
        let listener = make().with_context(|| format!("cannot listen on {}", path.display()))?;
        let (sender, orders) = mpsc::channel(1);
        Ok(Self {
            orders,
            accepting: tokio::spawn(accept(listener, sender)),
            path,
        })
    }

    /// The next order.
    pub async fn next(&mut self) -> Order {
        match self.orders.recv().await {
            Some(order) => order,
            None => std::future::pending().await,
        }
    }
}

/// Takes one order after the other: they change the same network.
async fn accept(listener: UnixListener, orders: mpsc::Sender<Order>) {
    loop {
        match listener.accept().await {
            // Who says nothing, or nothing of use, is not answered.
            Ok((stream, _)) => drop(serve(stream, &orders).await),
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

async fn serve(stream: UnixStream, orders: &mpsc::Sender<Order>) -> anyhow::Result<()> {
    let (reading, mut writing) = stream.into_split();
    let mut line = String::new();
    let mut reading = BufReader::new(reading.take(MAX_ORDER_BYTES));
    tokio::time::timeout(PATIENCE, reading.read_line(&mut line)).await??;
    let order = serde_json::from_str(&line)?;
    let (answer, answered) = oneshot::channel();
    orders.send(Order { order, answer }).await?;
    let mut text = serde_json::to_vec(&answered.await?)?;
    text.push(b'\n');
    tokio::time::timeout(PATIENCE, writing.write_all(&text)).await??;
    Ok(())
}

/// Gives an order to the network that is up in `dir`.
///
/// # Errors
/// If none is, or it does not answer. An order that is refused is an answer.
pub async fn give_order(dir: &Path, order: &NodeOrder) -> anyhow::Result<OrderAnswer> {
    ensure!(
        local_network::is_running(dir),
        "no local network is up in {}; start one with `walrus localnet`, or say where it is with --dir",
        dir.display()
    );
    let path = dir.join(SOCKET_FILE);
    let stream = UnixStream::connect(&path).await.with_context(|| {
        format!(
            "the local network does not listen on {} (it may still be starting, or the path is too long for a socket)",
            path.display()
        )
    })?;
    let (reading, mut writing) = stream.into_split();
    let mut text = serde_json::to_vec(order)?;
    text.push(b'\n');
    writing.write_all(&text).await?;
    let mut line = String::new();
    let mut reading = BufReader::new(reading.take(MAX_ANSWER_BYTES));
    let read = tokio::time::timeout(ANSWER_PATIENCE, reading.read_line(&mut line)).await;
    match read.context("the local network does not answer; its own output says why")?? {
        0 => bail!("the local network ended before it answered"),
        _ => serde_json::from_str(&line).context("the local network answered something else"),
    }
}
