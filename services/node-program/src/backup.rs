//! Backup: makes, lists, checks and restores backups of a node's storage.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context;
use walrus_node::{
    NodeConfig,
    operator::{
        admin::{AdminBody, AdminRequest, CheckpointCommand},
        backup::{self, BackupError, BackupSummary, Manifest},
    },
};

use crate::{
    args::{
        BackupPlaceArgs, BackupVerb, CreateBackupArgs, NamedBackupArgs, RestoreArgs,
        RestoreBackupArgs,
    },
    doctor::runs,
    door::{done, socket},
    exit::{Exit, Refused, unless_interrupted},
    output::{Output, field},
    words,
};

/// How often the node is asked whether the backup is made.
const POLL: Duration = Duration::from_millis(200);

pub(crate) async fn run(command: BackupVerb, output: &Output) -> anyhow::Result<Exit> {
    match command {
        BackupVerb::Create(args) => create(args, output).await,
        BackupVerb::List(place) => list(&directory(&place)?, output),
        BackupVerb::Verify(args) => verify(args, output).await,
        BackupVerb::Restore(args) => restore_node(args, output).await,
    }
}

fn directory(place: &BackupPlaceArgs) -> anyhow::Result<PathBuf> {
    match &place.path {
        Some(path) => Ok(path.clone()),
        None => Ok(NodeConfig::load(&place.config.config_path)?.backups_path()),
    }
}

async fn create(args: CreateBackupArgs, output: &Output) -> anyhow::Result<Exit> {
    let socket = socket(&args.door)?;
    let ask = async |command| done(&socket, &AdminRequest::Checkpoint { command }).await;
    let path = args.path.map(std::path::absolute).transpose()?;
    let delay_secs = None;
    ask(CheckpointCommand::Create { path, delay_secs }).await?;
    let made = async {
        loop {
            if let Some(AdminBody::Backup(made)) = ask(CheckpointCommand::Status).await?.body {
                return Ok(made);
            }
            tokio::time::sleep(POLL).await;
        }
    };
    let then = "the node goes on with the backup; `local-admin checkpoint cancel` ends it";
    let made = unless_interrupted(made, then).await?;
    output.result(&made, |made| {
        vec![
            "The backup is made. One on the same disk survives a damaged database, not a lost disk.".to_owned(),
            line(made),
        ]
    })?;
    Ok(Exit::Fine)
}

/// The backups of a directory.
pub(crate) fn list(directory: &Path, output: &Output) -> anyhow::Result<Exit> {
    let found = backup::list(directory)?;
    let found: Vec<_> = found.iter().map(BackupSummary::from).collect();
    output.result(&found, |found| {
        if found.is_empty() {
            return vec![format!("There is no backup in {}.", directory.display())];
        }
        found.iter().map(line).collect()
    })?;
    Ok(Exit::Fine)
}

async fn verify(args: NamedBackupArgs, output: &Output) -> anyhow::Result<Exit> {
    let (path, manifest) = backup::find(&directory(&args.place)?, args.id)?;
    let checking = {
        let manifest = manifest.clone();
        move || backup::verify(&path, &manifest)
    };
    let checking = async { Ok(tokio::task::spawn_blocking(checking).await?) };
    match unless_interrupted(checking, "nothing was changed").await? {
        Ok(()) => {
            output.result(&BackupSummary::from(&manifest), |made| {
                vec!["The backup is as it was made.".to_owned(), line(made)]
            })?;
            Ok(Exit::Fine)
        }
        Err(error @ BackupError::Damaged { .. }) => {
            crate::output::say(format_args!("Problem: {error}"));
            Ok(Exit::ProblemsLeft)
        }
        Err(error) => Err(error.into()),
    }
}

async fn restore_node(args: RestoreBackupArgs, output: &Output) -> anyhow::Result<Exit> {
    let config = NodeConfig::load(&args.backup.place.config.config_path)?;
    if runs(&config).await {
        let reason = "the node runs; stop it first".to_owned();
        return Err(Refused(reason).into());
    }
    let found = backup::find(&directory(&args.backup.place)?, args.backup.id)?;
    put_back(found, config.disk_paths(), args.yes, output).await
}

/// `walrus-node restore`.
pub(crate) async fn restore(args: RestoreArgs, output: &Output) -> anyhow::Result<Exit> {
    let found = backup::find(&args.db_checkpoint_path, args.checkpoint_id)?;
    put_back(found, vec![args.db_path], true, output).await
}

async fn put_back(
    (path, manifest): (PathBuf, Manifest),
    disks: Vec<PathBuf>,
    really: bool,
    output: &Output,
) -> anyhow::Result<Exit> {
    let summary = BackupSummary::from(&manifest);
    let restoring = move || backup::restore(&path, &manifest, &disks, really);
    let restoring = async { Ok(tokio::task::spawn_blocking(restoring).await?) };
    let then = "empty the directory before you begin again";
    match unless_interrupted(restoring, then).await? {
        Ok(()) => {}
        Err(error @ (BackupError::Occupied { .. } | BackupError::Disks { .. })) => {
            return Err(Refused(error.to_string()).into());
        }
        Err(error) => return Err(error).context("the backup is not restored"),
    }
    output.result(&summary, |made| {
        let headline = if really {
            "The backup is restored. The node reads the events since then, and recovers what it lacks."
        } else {
            "The backup can be restored; --yes does it."
        };
        vec![headline.to_owned(), line(made)]
    })?;
    Ok(Exit::Fine)
}

fn line(made: &BackupSummary) -> String {
    let ago = words::ago(made.created_ms);
    let text = format!(
        "{} in {} files, events before {}, by version {} {ago}",
        words::bytes(made.bytes),
        made.files,
        made.next_event_index.unwrap_or_default(),
        made.program
    );
    field(&format!("backup {}", made.id), text)
}
