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
        is_unmarked, was_never_used,
    },
};

use crate::{
    args::{ChangeDiskArgs, DiskArgs, DiskVerb, DoorArgs, RemoveDiskArgs},
    config_file::set_disks,
    doctor::runs,
    door::{done, socket},
    exit::{Exit, Refused, unless_interrupted},
    output::{Output, field},
    stopped, words,
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
    let config = NodeConfig::load(&change.config.config_path)?;
    stopped::whole(&config.storage_path)?;
    check_new(&config, &path)?;
    let mut disks = config.storage_disks;
    ensure!(
        path.is_dir(),
        "{} is no directory: mount the disk first",
        path.display()
    );
    disks.push(path);
    change_config(change, &disks, output)
}

/// Whether a directory can be one more disk: it is none yet, also by another name, and is not within the storage, or around it.
fn check_new(config: &NodeConfig, path: &Path) -> Result<(), Refused> {
    let refused = |what: &str| Err(Refused(format!("{} {what}", path.display())));
    let real = real(path);
    let storage = self::real(&config.storage_path);
    if real == storage {
        return refused("is storage_path, which is a disk already");
    }
    if config
        .disk_paths()
        .iter()
        .any(|disk| self::real(disk) == real)
    {
        return refused("is one of the disks");
    }
    if real.starts_with(&storage) {
        return refused("is inside storage_path: name a directory on another disk");
    }
    if storage.starts_with(&real) {
        return refused("is above storage_path: name a directory on another disk");
    }
    Ok(())
}

/// A path without links, as far as it is there.
fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

fn change_config(
    change: &ChangeDiskArgs,
    disks: &[PathBuf],
    output: &Output,
) -> anyhow::Result<Exit> {
    if change.consent.yes {
        set_disks(&change.config.config_path, disks)?;
    }
    output.result(&serde_json::json!({ "storageDisks": disks }), |_| {
        let headline = if disks.is_empty() && change.consent.yes {
            "The configuration has no disk besides that of storage_path; start the node again."
        } else if disks.is_empty() {
            "The configuration would have no disk besides that of storage_path; --yes does it."
        } else if change.consent.yes {
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
    stopped::whole(&config.storage_path)?;
    // Named twice, no node starts: nothing is on it that would have to move first.
    let twice = config.storage_disks.contains(&path) && real(&path) == real(&config.storage_path);
    if path == config.storage_path && !twice {
        let reason = format!(
            "{} has the database: move it with `walrus-node move`",
            path.display()
        );
        return Err(Refused(reason).into());
    }
    let unused = twice || (!remove.lost && is_unused(&config, &path).await?);
    let mut disks = config.storage_disks;
    let known = disks.len();
    disks.retain(|disk| *disk != path);
    // A lost one may be out of the configuration already.
    ensure!(
        remove.lost || disks.len() < known,
        "{} is none of the disks",
        path.display()
    );
    if !unused {
        let door = DoorArgs {
            config_path: Some(change.config.config_path.clone()),
            socket_path: None,
        };
        match (remove.lost, change.consent.yes) {
            (true, true) => drop(ask(&socket(&door)?, DiskCommand::Forget { path }).await?),
            (true, false) => {}
            (false, true) => drop(drain(&door, &path).await?),
            (false, false) => drop(ask(&socket(&door)?, DiskCommand::CheckDrain { path }).await?),
        }
    }
    change_config(change, &disks, output)
}

/// Whether the node, which may run or not, has never used a disk: then nothing has to move off it.
async fn is_unused(config: &NodeConfig, path: &Path) -> anyhow::Result<bool> {
    if !is_unmarked(path) {
        return Ok(false);
    }
    if let Some(socket) = &config.admin_socket_path
        && runs(config).await
    {
        let disks = list(socket).await?;
        return Ok(disks.iter().all(|disk| disk.path != path));
    }
    stopped::no_node(config).await?;
    let (mut options, path) = (config.storage_options(), path.to_owned());
    options.disks.retain(|disk| *disk != path);
    let look = move || was_never_used(options, &path);
    Ok(tokio::task::spawn_blocking(look).await??)
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
    only_look: bool,
    output: &Output,
) -> anyhow::Result<()> {
    let door = DoorArgs {
        config_path: Some(config_path.to_owned()),
        socket_path: None,
    };
    let path = std::path::absolute(path)?;
    if only_look {
        let socket = socket(&door)?;
        let disks = ask(&socket, DiskCommand::CheckDrain { path }).await?;
        let would =
            "what counts on the disk moves to the others, and it takes no slivers any more.";
        return output.would(would, &disks, |disks| disks.iter().map(line).collect());
    }
    let disk = drain(&door, &path).await?;
    output.result(&disk, |disk| {
        vec![
            "Nothing on the disk counts any more; it takes no slivers.".to_owned(),
            line(disk),
        ]
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{ConfigPathArgs, ConsentArgs};

    #[tokio::test]
    async fn no_disk_is_added_that_keeps_the_node_from_starting_and_one_that_does_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        let storage = dir.path().join("storage");
        let (inside, other) = (storage.join("shards"), dir.path().join("other"));
        std::fs::create_dir_all(&inside).unwrap();
        std::fs::create_dir(&other).unwrap();
        let config_path = dir.path().join("node.yaml");
        let text = format!(
            "name: n\nstorage_path: {}\nprotocol_key_pair: {{path: /p}}\nnetwork_key_pair: {{path: /n}}\npublic_host: h.example\npublic_port: 1\n\
             rest_api_address: 127.0.0.1:0\nsui: {{rpc: 'http://r', system_object: '0x2', staking_object: '0x3', wallet_config: /w}}\n",
            storage.display()
        );
        std::fs::write(&config_path, text).unwrap();
        let output = Output::new(true);
        let change = |path: &Path| ChangeDiskArgs {
            path: path.to_owned(),
            config: ConfigPathArgs {
                config_path: config_path.clone(),
            },
            consent: ConsentArgs {
                yes: true,
                dry_run: false,
            },
        };
        let disks = || NodeConfig::load(&config_path).unwrap().storage_disks;
        for (path, says) in [
            (storage.as_path(), "is storage_path"),
            (&inside, "inside"),
            (dir.path(), "above"),
        ] {
            let refused = add(&change(path), &output).unwrap_err();
            assert!(refused.is::<Refused>(), "{refused}");
            assert!(refused.to_string().contains(says), "{refused}");
        }
        add(&change(&other), &output).unwrap();
        let again = add(&change(&other), &output).unwrap_err();
        assert!(again.is::<Refused>(), "{again}");
        assert_eq!(disks(), std::slice::from_ref(&other));
        // By hand, or by an older version.
        set_disks(&config_path, &[storage.clone(), other.clone()]).unwrap();
        let undo = RemoveDiskArgs {
            change: change(&storage),
            lost: false,
        };
        remove(&undo, &output).await.unwrap();
        assert_eq!(disks(), std::slice::from_ref(&other));
        // The node does not run; it has never used the disk.
        let mut unused = RemoveDiskArgs {
            change: change(&other),
            lost: false,
        };
        std::fs::write(other.join("walrus-disk"), "it has").unwrap();
        remove(&unused, &output).await.unwrap_err();
        std::fs::remove_file(other.join("walrus-disk")).unwrap();
        unused.change.consent.yes = false;
        remove(&unused, &output).await.unwrap();
        assert_eq!(disks(), std::slice::from_ref(&other), "only looked at");
        unused.change.consent.yes = true;
        remove(&unused, &output).await.unwrap();
        assert!(disks().is_empty());
    }
}
