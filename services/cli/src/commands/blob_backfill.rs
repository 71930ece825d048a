//! `walrus blob-backfill`: blobs from files for nodes that miss them. Client spec 2.8.

use std::{
    collections::HashSet,
    fs::{self, File, OpenOptions},
    io::{BufRead as _, BufReader, Read as _, Write as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, ensure};
use walrus_sdk::{BlobData, BlobId, Client};
use walrus_sui::Address;

use crate::{
    args::{BlobBackfillArgs, GlobalOptions},
    context::Network,
    report::{count, explain, say},
    stop::{Stop, unattended},
};

/// Blobs that are looked at in one go, and that are remembered.
const MAX_BLOBS: usize = 10_000_000;
/// Bytes of the file that names them.
const MAX_STATE: u64 = 1 << 30;

/// The blobs that are done, as the file has them.
struct Pushed {
    file: File,
    blobs: HashSet<BlobId>,
}

impl Pushed {
    fn open(path: &Path) -> anyhow::Result<Self> {
        let unusable = || format!("cannot use {}", path.display());
        let mut options = OpenOptions::new();
        let file = options.read(true).append(true).create(true).open(path);
        let file = file.with_context(unusable)?;
        let mut blobs = HashSet::new();
        for (line, number) in BufReader::new(&file).take(MAX_STATE).lines().zip(1_u64..) {
            let line = line.with_context(unusable)?;
            // A line that was cut off by a crash is done again.
            let Ok(blob_id) = line.trim().parse() else {
                say(format_args!(
                    "Note: line {number} of {} is no blob ID",
                    path.display()
                ));
                continue;
            };
            blobs.insert(blob_id);
            ensure!(
                blobs.len() <= MAX_BLOBS,
                "{} has more than {MAX_BLOBS} lines",
                path.display()
            );
        }
        Ok(Self { file, blobs })
    }

    fn add(&mut self, blob_id: BlobId) -> anyhow::Result<()> {
        let line = format!("{blob_id}\n");
        let written = self.file.write_all(line.as_bytes());
        let written = written.and_then(|()| self.file.sync_data());
        written.context("cannot write down which blobs are done")?;
        self.blobs.insert(blob_id);
        Ok(())
    }
}

/// The files that are called by a blob ID, by their names.
fn blobs_in(directory: &Path) -> anyhow::Result<Vec<(BlobId, PathBuf)>> {
    let unreadable = || format!("cannot read {}", directory.display());
    let mut blobs = Vec::new();
    for entry in fs::read_dir(directory).with_context(unreadable)? {
        let path = entry.with_context(unreadable)?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        match name.and_then(|name| name.parse().ok()) {
            Some(blob_id) if path.is_file() => blobs.push((blob_id, path)),
            _ => say(format_args!(
                "Note: {} is no file called by a blob ID",
                path.display()
            )),
        }
        ensure!(
            blobs.len() <= MAX_BLOBS,
            "{} has more than {MAX_BLOBS} files",
            directory.display()
        );
    }
    blobs.sort();
    Ok(blobs)
}

/// Sends all that is not done to the nodes.
pub(crate) async fn run(global: &GlobalOptions, args: BlobBackfillArgs) -> anyhow::Result<()> {
    let stop = Stop::on_signals()?;
    let push = async {
        let (directory, state) = (args.backfill_dir.clone(), args.pushed_state.clone());
        let look = move || {
            let blobs = blobs_in(&directory)?;
            Ok((Pushed::open(&state)?, blobs))
        };
        let (mut pushed, blobs) = unattended(look).await?;
        let network = Network::load(global, None).await?;
        let client = network.client_with(args.spool.spool());
        let (mut done, mut failed): (u64, u64) = (0, 0);
        for (blob_id, path) in blobs {
            if pushed.blobs.contains(&blob_id) {
                continue;
            }
            match send(&client, blob_id, path, &args.node_ids).await {
                Ok(()) => {
                    pushed.add(blob_id)?;
                    done = done.saturating_add(1);
                    say(format_args!("{blob_id}: all nodes have it"));
                }
                Err(error) => {
                    failed = failed.saturating_add(1);
                    say(format_args!("{blob_id}: {error:#}"));
                }
            }
        }
        say(format_args!("{} sent", count(done, "blob")));
        ensure!(
            failed == 0,
            "{} not sent; the same command tries them again",
            count(failed, "blob")
        );
        Ok(())
    };
    tokio::select! {
        result = push => result,
        () = stop.wait() => anyhow::bail!("interrupted"),
    }
}

async fn send(
    client: &Client,
    blob_id: BlobId,
    path: PathBuf,
    nodes: &[Address],
) -> anyhow::Result<()> {
    let failures = client.backfill(blob_id, BlobData::Path(path), nodes).await;
    let failures = failures.map_err(explain)?;
    let reasons: Vec<_> = failures
        .iter()
        .map(|failure| format!("{}: {}", failure.node, failure.problem))
        .collect();
    ensure!(reasons.is_empty(), "{}", reasons.join("; "));
    Ok(())
}
