//! Nodes of a network: in this process, or each in one of its own.

use std::{
    fs::OpenOptions,
    net::TcpListener,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, anyhow, bail, ensure};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, ChildStdin, Command},
};
use walrus_node::{Listeners, NodeConfig, RunningNode};

/// What the program is called that runs a node.
const PROGRAM_NAME: &str = "walrus-node";
/// Longest start of a process.
const START_TIMEOUT: Duration = Duration::from_secs(60);
/// Longest end of one; it is killed then.
const STOP_TIMEOUT: Duration = Duration::from_secs(60);
/// How much of a log is told when a process does not start.
const TOLD_LINES: usize = 5;

/// A node that runs.
#[derive(Debug)]
pub(crate) enum HostedNode {
    /// In this process.
    Here(Box<RunningNode>),
    /// In one of its own.
    Process(Box<NodeProcess>),
}

/// How a node is started.
#[derive(Debug)]
pub(crate) struct NodeStart<'a> {
    pub(crate) index: u16,
    pub(crate) config: NodeConfig,
    pub(crate) config_path: PathBuf,
    /// Where its log goes if it is a process of its own.
    pub(crate) log: PathBuf,
    /// The program of such a process.
    pub(crate) program: Option<&'a Path>,
}

impl HostedNode {
    /// Starts a node on the listeners that are there, or else where its configuration says.
    pub(crate) async fn start(
        start: NodeStart<'_>,
        rest: Option<TcpListener>,
        metrics: Option<TcpListener>,
    ) -> anyhow::Result<Self> {
        let index = start.index;
        let node = async {
            if let Some(program) = start.program {
                // The process listens there itself.
                drop((rest, metrics));
                return NodeProcess::start(program, &start.config_path, &start.log)
                    .await
                    .map(|process| Self::Process(Box::new(process)));
            }
            let rest = match rest {
                Some(rest) => rest,
                None => listen(&start.config)?,
            };
            let node = RunningNode::start_on(Listeners { rest, metrics }, start.config).await?;
            Ok(Self::Here(Box::new(node)))
        };
        node.await
            .with_context(|| format!("cannot start node {index}"))
    }

    /// Waits until the node fails by itself; returns why.
    pub(crate) async fn failed(&mut self) -> String {
        match self {
            Self::Here(node) => tokio::select! {
                failed = node.failed() => failed,
                why = node.restart_wanted() => why.to_string(),
            },
            Self::Process(process) => process.ended().await,
        }
    }

    /// Stops the node in order.
    pub(crate) async fn shutdown(self) -> anyhow::Result<()> {
        match self {
            Self::Here(node) => node.shutdown().await,
            Self::Process(process) => process.stop().await,
        }
    }
}

fn listen(config: &NodeConfig) -> anyhow::Result<TcpListener> {
    TcpListener::bind(config.rest_api_address).with_context(|| {
        format!(
            "it cannot listen on {}, which is where the chain says it is; stop the program that does, or choose another --dir",
            config.rest_api_address
        )
    })
}

/// A node in a process of its own. The process ends when its standard input does, and so with this one, however that ends.
#[derive(Debug)]
pub(crate) struct NodeProcess {
    child: Child,
    /// Kept apart from the child, which would close it to be waited for.
    input: Option<ChildStdin>,
    log: PathBuf,
}

impl NodeProcess {
    async fn start(program: &Path, config: &Path, log: &Path) -> anyhow::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(log);
        let file = file.with_context(|| format!("cannot write the log {}", log.display()))?;
        let mut command = Command::new(program);
        #[cfg(unix)]
        command.arg0(PROGRAM_NAME);
        command
            .args(["--json", "run", "--until-input-ends", "--config-path"])
            .arg(config)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(file)
            .kill_on_drop(true);
        let mut child = command
            .spawn()
            .with_context(|| format!("cannot run {}", program.display()))?;
        let output = child.stdout.take().context("no standard output")?;
        // One line comes when the node serves, and nothing after it.
        let mut line = String::new();
        let mut output = BufReader::new(output);
        let heard = tokio::time::timeout(START_TIMEOUT, output.read_line(&mut line)).await;
        match heard {
            Ok(Ok(length)) if length > 0 => Ok(Self::of(child, log)),
            Ok(_) => {
                let status = child.wait().await?;
                bail!("its process ended with {status}: {}", tail(log))
            }
            Err(_) => bail!("it was not up within {START_TIMEOUT:?}: {}", tail(log)),
        }
    }

    fn of(mut child: Child, log: &Path) -> Self {
        Self {
            input: child.stdin.take(),
            child,
            log: log.to_owned(),
        }
    }

    /// Waits until the process ends though nobody stopped it; returns how.
    async fn ended(&mut self) -> String {
        match self.child.wait().await {
            Ok(status) => format!("its process ended with {status}: {}", tail(&self.log)),
            Err(error) => format!("its process cannot be waited for: {error}"),
        }
    }

    async fn stop(mut self) -> anyhow::Result<()> {
        drop(self.input.take());
        let status = tokio::time::timeout(STOP_TIMEOUT, self.child.wait())
            .await
            .map_err(|_| anyhow!("a node did not stop within {STOP_TIMEOUT:?} and is killed"))??;
        ensure!(
            status.success(),
            "the process of a node ended with {status}"
        );
        Ok(())
    }
}

/// The last lines of a log.
fn tail(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<_> = text.lines().rev().take(TOLD_LINES).collect();
    let lines: Vec<_> = lines.into_iter().rev().collect();
    format!("{} (all of it is in {})", lines.join("; "), log.display())
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    /// A process that ends when its input does.
    fn process(log: &Path) -> NodeProcess {
        let mut command = Command::new("cat");
        let command = command.stdin(Stdio::piped()).stdout(Stdio::null());
        NodeProcess::of(command.kill_on_drop(true).spawn().unwrap(), log)
    }

    #[tokio::test]
    async fn a_process_that_ends_by_itself_is_noticed_and_one_that_is_waited_for_goes_on() {
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join("log");
        std::fs::write(&log, "the last words\n").unwrap();
        let mut process = process(&log);
        assert_eq!(process.ended().now_or_never(), None);
        assert!(process.child.try_wait().unwrap().is_none());
        process.child.start_kill().unwrap();
        let said = process.ended().await;
        assert!(said.contains("signal: 9"), "{said}");
        assert!(said.contains("the last words"), "{said}");
    }

    #[tokio::test]
    async fn a_process_that_was_watched_stops_in_order() {
        let directory = tempfile::tempdir().unwrap();
        let mut process = process(&directory.path().join("log"));
        assert_eq!(process.ended().now_or_never(), None);
        process.stop().await.unwrap();
    }
}
