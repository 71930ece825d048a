//! Backup: makes, lists, checks and restores backups of a node's storage.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, bail};
use serde::Serialize;
use walrus_node::{
    NodeConfig,
    operator::{
        admin::{AdminBody, AdminRequest, CheckpointCommand},
        backup::{self, BackupError, BackupSummary, Manifest, SliverDigest, SliverName, Verified},
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
    output::{Output, field, say},
    sealed, stopped, words,
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
    let config = args.door.config_path.as_deref().map(NodeConfig::load);
    let config = config.transpose()?;
    let path = args.path.map(std::path::absolute).transpose()?;
    let sealed_keys = match (&config, &args.with_keys) {
        (Some(config), Some(recipient)) => Some(sealed::seal(config, recipient)?),
        _ => None,
    };
    if args.look.dry_run {
        let usual = config.map(|config| config.backups_path());
        let place = path.or(usual).map(|path| path.display().to_string());
        let place = place.unwrap_or_else(|| "the configured directory".to_owned());
        let would = format!("the node makes a backup in {place}.");
        let last = ask(CheckpointCommand::Status).await?;
        output.would(&would, &last, |last| vec![last.message.clone()])?;
        return Ok(Exit::Fine);
    }
    ask(CheckpointCommand::Create {
        path,
        delay_secs: None,
        sealed_keys,
    })
    .await?;
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
    warn_of_links(&made);
    output.result(&made, |made| {
        vec!["The backup is made.".to_owned(), line(made)]
    })?;
    Ok(Exit::Fine)
}

/// What is on one file system is linked, and no second copy.
fn warn_of_links(made: &BackupSummary) {
    if made.linked_files > 0 {
        say(format_args!(
            "Warning: {} of its files are hard links to the node's own, since both are on one file system. They survive a damaged \
             database and what the node removes, but not a lost disk, and whatever damages one damages both. `--path` with a directory \
             on another disk makes copies.",
            made.linked_files
        ));
    }
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

/// What a check of a backup tells.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Checked {
    #[serde(flatten)]
    backup: BackupSummary,
    /// Slivers that a restored node would have at once.
    slivers: u64,
    /// Slivers that went while the backup was made.
    missing: u64,
    /// Files of which only the length could be compared.
    without_digest: u64,
    /// Slivers that the running node has as well, with the same bytes; absent if none runs.
    same_as_node: Option<usize>,
    /// Slivers of the sample that the running node has with other bytes.
    other_than_node: Vec<SliverName>,
}

async fn verify(args: NamedBackupArgs, output: &Output) -> anyhow::Result<Exit> {
    let (path, manifest) = backup::find(&directory(&args.place)?, args.id)?;
    let checking = {
        let manifest = manifest.clone();
        move || backup::verify(&path, &manifest)
    };
    let checking = async { Ok(tokio::task::spawn_blocking(checking).await?) };
    let verified = match unless_interrupted(checking, "nothing was changed").await? {
        Ok(verified) => verified,
        Err(error @ BackupError::Damaged { .. }) => {
            say(format_args!("Problem: {error}"));
            return Ok(Exit::ProblemsLeft);
        }
        Err(error) => return Err(error.into()),
    };
    let now = of_node(&args.place.config.config_path, &verified).await?;
    let same = now.as_ref().map(|now| {
        let pairs = verified.sample.iter().zip(now);
        pairs.filter(|(backup, node)| backup == node).count()
    });
    let pairs = verified.sample.iter().zip(now.iter().flatten());
    let differ = pairs.filter(|(backup, node)| node.digest.is_some() && backup != node);
    let checked = Checked {
        backup: BackupSummary::from(&manifest),
        slivers: verified.slivers,
        missing: verified.missing,
        without_digest: verified.without_digest,
        same_as_node: same,
        other_than_node: differ.map(|(_, node)| node.name()).collect(),
    };
    warn_of_links(&checked.backup);
    let fine = checked.other_than_node.is_empty();
    output.result(&checked, checked_lines)?;
    Ok(Exit::fine_if(fine))
}

/// What the running node has of the sample, in the same order; nothing if none runs, or another one than the backup is of.
async fn of_node(config: &Path, verified: &Verified) -> anyhow::Result<Option<Vec<SliverDigest>>> {
    let config = NodeConfig::load(config)?;
    let Some(socket) = &config.admin_socket_path else {
        return Ok(None);
    };
    if !runs(&config).await {
        return Ok(None);
    }
    let names = verified.sample.iter().map(SliverDigest::name).collect();
    let command = CheckpointCommand::Compare(names);
    match done(socket, &AdminRequest::Checkpoint { command })
        .await?
        .body
    {
        Some(AdminBody::Slivers(found)) => Ok(Some(found)),
        _ => bail!("the node did not say what it has"),
    }
}

fn checked_lines(checked: &Checked) -> Vec<String> {
    let headline = if checked.other_than_node.is_empty() {
        "The backup is as it was made, and opens."
    } else {
        "The backup is as it was made, but the running node has other bytes: `scrub start --deep` says which are wrong."
    };
    let mut lines = vec![
        headline.to_owned(),
        line(&checked.backup),
        field("slivers", checked.slivers),
    ];
    if checked.missing > 0 {
        let text = format!(
            "{} slivers were removed while it was made; a restored node recovers what is still needed",
            checked.missing
        );
        lines.push(field("missing", text));
    }
    if checked.without_digest > 0 {
        let text = format!(
            "{} files by an older version: only their lengths were compared",
            checked.without_digest
        );
        lines.push(field("no digest", text));
    }
    let compared = match checked.same_as_node {
        Some(same) => format!("{same} slivers are the same as those of the running node"),
        None => "no node runs that it could be compared with".to_owned(),
    };
    lines.push(field("compared", compared));
    let other = checked.other_than_node.iter();
    lines.extend(other.map(|name| {
        let text = format!(
            "the {} sliver of {} in shard {}",
            name.sliver_type, name.blob_id, name.shard
        );
        field("other bytes", text)
    }));
    lines
}

async fn restore_node(args: RestoreBackupArgs, output: &Output) -> anyhow::Result<Exit> {
    let config = NodeConfig::load(&args.backup.place.config.config_path)?;
    stopped::storage(&config).await?;
    let found = backup::find(&directory(&args.backup.place)?, args.backup.id)?;
    put_back(found, config.disk_paths(), args.consent.yes, output).await
}

/// `walrus-node restore`.
pub(crate) async fn restore(args: RestoreArgs, output: &Output) -> anyhow::Result<Exit> {
    stopped::whole(&args.db_path)?;
    let found = backup::find(&args.db_checkpoint_path, args.checkpoint_id)?;
    put_back(found, vec![args.db_path], !args.look.dry_run, output).await
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
    let text = if made.with_keys {
        text + ", with keys"
    } else {
        text
    };
    field(&format!("backup {}", made.id), text)
}
