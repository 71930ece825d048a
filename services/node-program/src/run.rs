//! Run: the node from its start to its orderly end.

use std::{fs, future::Future, io::ErrorKind, path::Path, pin::pin};

use anyhow::{Context, anyhow, bail, ensure};
use walrus_node::{
    NodeConfig, PreparedNode, RunningNode, operator::admin::AdminDoor, upkeep::Restart,
};

use crate::{
    args::RunArgs,
    logging::SetFilter,
    output::{Output, field, say},
};

/// What a node makes in its storage directory.
const STORED: [&str; 5] = ["db", "db.damaged", "db.left", "events", "shards"];

pub(crate) async fn run(args: &RunArgs, output: &Output, logging: SetFilter) -> anyhow::Result<()> {
    let mut config = NodeConfig::load(&args.config_path)?;
    #[cfg(unix)]
    raise_open_files();
    if let Some(path) = &config.admin_socket_path {
        AdminDoor::check(path).await?;
    }
    if args.cleanup_storage {
        clean_up(&config.storage_path)?;
        config
            .storage_disks
            .iter()
            .try_for_each(|disk| clean_up(disk))?;
    }
    // From here on a signal ends the node in order, instead of the process in the middle of a write.
    let mut signals = Signals::new()?;
    let mut is_told = false;
    while let End::Restart(why) =
        life(&config, args, output, &logging, &mut signals, &mut is_told).await?
    {
        tracing::info!(%why, "the node is started again");
        config = NodeConfig::load(&args.config_path)?;
    }
    Ok(())
}

/// How a node ended in order.
enum End {
    /// It was to.
    Stopped,
    /// It has to go on with what its configuration says by now.
    Restart(Restart),
}

/// A node from its start to its orderly end.
async fn life(
    config: &NodeConfig,
    args: &RunArgs,
    output: &Output,
    logging: &SetFilter,
    signals: &mut Signals,
    is_told: &mut bool,
) -> anyhow::Result<End> {
    let prepared = tokio::select! {
        prepared = PreparedNode::new(config.clone()) => prepared?,
        () = signals.next() => return Ok(End::Stopped),
    };
    #[cfg(unix)]
    let prepared = prepared.with_log_level(logging.clone());
    #[cfg(not(unix))]
    let _ = logging;
    let (node, stopped) = to_its_end(prepared.start(), async || signals.next().await).await?;
    // Whatever goes wrong from here on, the node stops in order: a storage that is not closed is read from end to end by the next
    // start.
    let served = if stopped {
        Ok(End::Stopped)
    } else {
        serve(&node, config, args, output, signals, is_told).await
    };
    let stopped = tokio::select! {
        stopped = node.shutdown() => stopped,
        () = signals.next() => bail!("stopped at once by a second signal; open requests were cut off"),
    };
    let end = served?;
    stopped?;
    Ok(end)
}

/// Lets the process have as many files open as the system allows it to: a node has some hundreds for what it stores, and one for
/// each connection.
#[cfg(unix)]
fn raise_open_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limits = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limits.maximum,
        ..limits
    };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, current = limits.current, maximum = limits.maximum, "the limit of open files stays as it is");
    }
}

/// Waits for the end of a start also if a signal comes in between, since it may have opened the storage already. Returns whether one
/// came.
async fn to_its_end<N>(
    start: impl Future<Output = anyhow::Result<N>>,
    mut signal: impl AsyncFnMut(),
) -> anyhow::Result<(N, bool)> {
    let mut start = pin!(start);
    tokio::select! {
        node = &mut start => return Ok((node?, false)),
        () = signal() => say(format_args!("stopping as soon as the start has come to its end")),
    }
    tokio::select! {
        node = start => Ok((node?, true)),
        () = signal() => bail!(
            "stopped at once by a second signal, in the middle of the start; the next one reads the storage from end to end"
        ),
    }
}

/// Says that a node is up, once for the process, and waits for its end.
async fn serve(
    node: &RunningNode,
    config: &NodeConfig,
    args: &RunArgs,
    output: &Output,
    signals: &mut Signals,
    is_told: &mut bool,
) -> anyhow::Result<End> {
    if !std::mem::replace(is_told, true) {
        tell(node, config, output)?;
    }
    tokio::select! {
        failed = node.failed() => Err(anyhow!("the node stopped: {failed}")),
        why = node.restart_wanted() => Ok(End::Restart(why)),
        () = signals.next() => Ok(End::Stopped),
        () = input_end(), if args.until_input_ends => Ok(End::Stopped),
    }
}

/// Says that the node is up.
fn tell(node: &RunningNode, config: &NodeConfig, output: &Output) -> anyhow::Result<()> {
    let up = serde_json::json!({ "nodeId": node.node_id(), "address": node.address() });
    output.result(&up, |_| {
        let mut lines = vec![
            "The node is up; SIGTERM or Ctrl-C stops it.".to_owned(),
            field("node ID", node.node_id()),
            field("listens on", node.address()),
        ];
        lines.extend(
            config
                .admin_socket_path
                .iter()
                .map(|path| field("admin socket", path.display())),
        );
        lines
    })
}

/// Deletes what a node has stored, and nothing else.
fn clean_up(storage: &Path) -> anyhow::Result<()> {
    ensure!(
        storage.is_absolute() || storage.components().count() > 0,
        "storage_path is empty"
    );
    for name in STORED {
        let path = storage.join(name);
        match fs::remove_dir_all(&path) {
            Ok(()) => say(format_args!("deleted {}", path.display())),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => {
                return Err(error).with_context(|| format!("cannot delete {}", path.display()));
            }
        }
    }
    Ok(())
}

/// Returns when standard input ends.
async fn input_end() {
    let read = || std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
    // A read cannot be cut off, and ends with the process.
    let _ = tokio::task::spawn_blocking(read).await;
}

/// SIGTERM and SIGINT.
struct Signals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    fn new() -> anyhow::Result<Self> {
        Ok(Self {
            #[cfg(unix)]
            terminate: tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
                .context("cannot wait for signals")?,
        })
    }

    async fn next(&mut self) {
        #[cfg(unix)]
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
        #[cfg(not(unix))]
        let _ = tokio::signal::ctrl_c().await;
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::{Notify, mpsc};

    use super::*;

    #[tokio::test]
    async fn a_start_comes_to_its_end_when_a_signal_comes_and_is_dropped_at_the_second() {
        let (signal, mut signals) = mpsc::unbounded_channel::<()>();
        signal.send(()).unwrap();
        let heard = Notify::new();
        // The storage is open only after the signal was heard.
        let start = async {
            heard.notified().await;
            Ok("the node")
        };
        let next = async || {
            signals.recv().await;
            heard.notify_one();
        };
        let up = to_its_end(start, next).await.unwrap();
        assert_eq!(up, ("the node", true), "it is there to be stopped in order");

        signal.send(()).unwrap();
        signal.send(()).unwrap();
        let never = std::future::pending::<anyhow::Result<()>>();
        let next = async || {
            signals.recv().await;
        };
        let error = to_its_end(never, next).await.unwrap_err();
        assert!(error.to_string().contains("second signal"), "{error}");
    }

    #[tokio::test]
    async fn a_socket_that_cannot_be_is_refused_before_anything_is_touched() {
        let dir = tempfile::tempdir().unwrap();
        let (storage, config) = (dir.path().join("data"), dir.path().join("node.yaml"));
        fs::create_dir_all(storage.join("db")).unwrap();
        let long = dir.path().join("x".repeat(120));
        let text = format!(
            "name: n\nstorage_path: {}\nprotocol_key_pair: {{path: /p}}\nnetwork_key_pair: {{path: /n}}\n\
             public_host: h.example\npublic_port: 1\nadmin_socket_path: {}\nsui:\n  rpc: http://127.0.0.1:9\n  \
             system_object: '0x2'\n  staking_object: '0x3'\n  wallet_config: /w\n",
            storage.display(),
            long.display()
        );
        fs::write(&config, text).unwrap();
        let args = RunArgs {
            config_path: config,
            cleanup_storage: true,
            ignore_sync_failures: false,
            until_input_ends: false,
        };
        let logging: SetFilter = std::sync::Arc::new(|_| Ok(()));
        let output = Output::new(false);
        let error = run(&args, &output, logging).await.unwrap_err().to_string();
        assert!(
            error.contains("choose another admin_socket_path"),
            "{error}"
        );
        assert!(storage.join("db").exists());
    }
}
