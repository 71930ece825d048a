//! Doctor: `walrus-node doctor`.

use walrus_node::{
    NodeConfig,
    operator::{
        admin::AdminDoor,
        doctor::{Check, Finding, examine},
    },
};

use crate::{
    args::ConfigPathArgs,
    exit::Exit,
    output::{Output, field},
};

pub(crate) async fn run(args: &ConfigPathArgs, output: &Output) -> anyhow::Result<Exit> {
    let config = NodeConfig::load(&args.config_path)?;
    let checks = examine(&config, runs(&config).await).await;
    output.result(&checks, |checks| lines(checks))?;
    let problem = checks.iter().any(|check| check.finding == Finding::Problem);
    Ok(Exit::fine_if(!problem))
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
