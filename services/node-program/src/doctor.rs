//! Doctor: `walrus-node doctor`.

use std::path::Path;

use walrus_node::{
    NodeConfig,
    operator::{
        DiskView,
        admin::AdminDoor,
        doctor::{Check, Finding, examine},
    },
};

use crate::{
    args::{ConfigPathArgs, DoorArgs},
    disk,
    door::socket,
    exit::Exit,
    output::{Output, field},
};

pub(crate) async fn run(args: &ConfigPathArgs, output: &Output) -> anyhow::Result<Exit> {
    let config = NodeConfig::load(&args.config_path)?;
    let running = runs(&config).await;
    let mut checks = examine(&config, running).await;
    if running {
        checks.push(disks(&args.config_path).await?);
    }
    output.result(&checks, |checks| lines(checks))?;
    let problem = checks.iter().any(|check| check.finding == Finding::Problem);
    Ok(Exit::fine_if(!problem))
}

/// What the node that runs says of its disks.
async fn disks(config_path: &Path) -> anyhow::Result<Check> {
    let door = DoorArgs {
        config_path: Some(config_path.to_owned()),
        socket_path: None,
    };
    let disks = disk::list(&socket(&door)?).await?;
    // What is being recovered is told by the status.
    let problems = DiskView::problems(&disks, false);
    let (finding, says) = if problems.is_empty() {
        (Finding::Fine, "they take slivers".to_owned())
    } else {
        (Finding::Problem, problems.join("; "))
    };
    Ok(Check {
        name: "disks".to_owned(),
        finding,
        says,
    })
}

/// Whether a node runs with this configuration, as far as its admin socket tells.
pub(crate) async fn runs(config: &NodeConfig) -> bool {
    match &config.admin_socket_path {
        Some(path) => AdminDoor::is_answered(path).await,
        None => false,
    }
}

fn lines(checks: &[Check]) -> Vec<String> {
    let count = |finding| {
        checks
            .iter()
            .filter(|check| check.finding == finding)
            .count()
    };
    let headline = match (count(Finding::Problem), count(Finding::Warning)) {
        (0, 0) => "Everything is as it should be.".to_owned(),
        (0, warnings) => format!("Nothing is in the way; {warnings} things to look at."),
        (problems, _) => format!("{problems} problems are in the way of the node."),
    };
    let mut lines = vec![headline];
    lines.extend(checks.iter().map(|check| {
        let mark = match check.finding {
            Finding::Fine => "ok",
            Finding::Warning => "look at this",
            Finding::Problem => "PROBLEM",
        };
        field(&check.name, format!("{mark}: {}", check.says))
    }));
    lines
}
