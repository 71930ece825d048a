//! Disk: `walrus-node disk`, and `walrus-node drain --disk`.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{bail, ensure};
use walrus_node::{
    NodeConfig,
    operator::{
        DiskView,
        admin::{AdminBody, AdminRequest, DiskCommand},
    },
};

use crate::{
    args::{ChangeDiskArgs, DiskArgs, DiskVerb, DoorArgs, RemoveDiskArgs},
    config_file::set_disks,
    door::{done, socket},
    exit::{Exit, Refused, unless_interrupted},
    output::{Output, field},
    words,
};

/// How often the node is asked how far it is.
const POLL: Duration = Duration::from_millis(500);

pub(crate) async fn run(args: DiskArgs, output: &Output) -> anyhow::Result<Exit> {
    match args.command {
        DiskVerb::List(door) => {
            let disks = list(&socket(&door)?).await?;
            output.result(&disks, |disks| disks.iter().map(line).collect())?;
            let wrong = ["missing", "failing", "full"];
            let is_wrong = |disk: &DiskView| wrong.contains(&disk.state.as_str());
            Ok(Exit::fine_if(!disks.iter().any(is_wrong)))
        }
        DiskVerb::Add(change) => add(&change, output),
        DiskVerb::Remove(remove) => self::remove(&remove, output).await,
    }
}

pub(crate) async fn list(socket: &Path) -> anyhow::Result<Vec<DiskView>> {
    ask(socket, DiskCommand::List).await
}

async fn ask(socket: &Path, command: DiskCommand) -> anyhow::Result<Vec<DiskView>> {
    let answer = done(socket, &AdminRequest::Disk { command }).await?;
    match answer.body {
        Some(AdminBody::Disks(disks)) => Ok(disks),
        _ => bail!("the node told nothing of its disks: {}", answer.message),
    }
}

/// A disk in one line.
pub(crate) fn line(disk: &DiskView) -> String {
    let free = disk.free_bytes.map_or("unknown".to_owned(), words::bytes);
    let cap = disk.at_cap.map_or(String::new(), |at_cap| {
        format!(
            " (slivers take {}, storage_max_bytes lets them take {})",
            words::bytes(at_cap.used_bytes),
            words::bytes(at_cap.max_bytes)
        )
    });
    let text = format!(
        "{}{cap}, {} of {} count, {free} free ({} kept so), {} damaged records",
        disk.state,
        words::bytes(disk.live_bytes),
        words::bytes(disk.used_bytes),
        words::bytes(disk.reserve_bytes),
        disk.damaged_records
    );
    field(&disk.path.display().to_string(), text)
}

fn add(change: &ChangeDiskArgs, output: &Output) -> anyhow::Result<Exit> {
    let path = std::path::absolute(&change.path)?;
    let mut disks = NodeConfig::load(&change.config.config_path)?.storage_disks;
    ensure!(
        !disks.contains(&path),
        "{} is one of the disks",
        path.display()
    );
    ensure!(
        path.is_dir(),
        "{} is no directory: mount the disk first",
        path.display()
    );
    disks.push(path);
    change_config(change, &disks, output)
}

fn change_config(
    change: &ChangeDiskArgs,
    disks: &[PathBuf],
    output: &Output,
) -> anyhow::Result<Exit> {
    if change.yes {
        set_disks(&change.config.config_path, disks)?;
    }
    output.result(&serde_json::json!({ "storageDisks": disks }), |_| {
        let headline = if change.yes {
            "The configuration has these disks besides that of storage_path; start the node again."
        } else {
            "The configuration would have these disks besides that of storage_path; --yes does it."
        };
        let mut lines = vec![headline.to_owned()];
        lines.extend(disks.iter().map(|disk| field("disk", disk.display())));
        lines
    })?;
    Ok(Exit::Fine)
}

async fn remove(remove: &RemoveDiskArgs, output: &Output) -> anyhow::Result<Exit> {
    let change = &remove.change;
    let path = std::path::absolute(&change.path)?;
    let config = NodeConfig::load(&change.config.config_path)?;
    if path == config.storage_path {
        let reason = format!(
            "{} has the database: move it with `walrus-node move`",
            path.display()
        );
        return Err(Refused(reason).into());
    }
    let mut disks = config.storage_disks;
    let known = disks.len();
    disks.retain(|disk| *disk != path);
    // A lost one may be out of the configuration already.
    ensure!(
        remove.lost || disks.len() < known,
        "{} is none of the disks",
        path.display()
    );
    if change.yes {
        let door = DoorArgs {
            config_path: Some(change.config.config_path.clone()),
            socket_path: None,
        };
        if remove.lost {
            ask(&socket(&door)?, DiskCommand::Forget { path }).await?;
        } else {
            drain(&door, &path).await?;
        }
    }
    change_config(change, &disks, output)
}

/// Lets everything on a disk move to the others, and waits for that.
async fn drain(door: &DoorArgs, path: &Path) -> anyhow::Result<DiskView> {
    let socket = socket(door)?;
    ask(
        &socket,
        DiskCommand::Drain {
            path: path.to_owned(),
        },
    )
    .await?;
    let moved = async {
        loop {
            let disks = list(&socket).await?;
            let disk = disks.into_iter().find(|disk| disk.path == path);
            match disk {
                Some(disk) if disk.live_bytes == 0 => return Ok(disk),
                Some(_) => tokio::time::sleep(POLL).await,
                None => bail!("{} is no disk of this node any more", path.display()),
            }
        }
    };
    let then = "the node goes on to move what is on the disk; the same command waits again";
    unless_interrupted(moved, then).await
}

/// `walrus-node drain --disk`.
pub(crate) async fn drain_disk(
    config_path: &Path,
    path: &Path,
    output: &Output,
) -> anyhow::Result<()> {
    let door = DoorArgs {
        config_path: Some(config_path.to_owned()),
        socket_path: None,
    };
    let disk = drain(&door, &std::path::absolute(path)?).await?;
    output.result(&disk, |disk| {
        vec![
            "Nothing on the disk counts any more; it takes no slivers.".to_owned(),
            line(disk),
        ]
    })
}
