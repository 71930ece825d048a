//! Archive of a quilt on its way into a file or to standard output.

use std::{
    io::{self, Write as _},
    path::Path,
    sync::Arc,
};

use anyhow::Context as _;
use bytes::Bytes;
use futures::{Stream, TryStreamExt as _};
use tokio::sync::mpsc;
use walrus_sdk::Output;

use crate::{standard_output, stop::unattended};

/// Pieces that wait for standard output to take them.
const AHEAD: usize = 4;

/// What stands for standard output where a file is named.
const STANDARD_OUTPUT: &str = "-";

/// Whether this names standard output.
pub(super) fn is_standard_output(to: &Path) -> bool {
    to == Path::new(STANDARD_OUTPUT)
}

/// Writes an archive into a regular file, which is there whole or not at all.
///
/// # Errors
/// The first of the pieces, and whatever the system says.
pub(super) async fn into_file(
    mut pieces: impl Stream<Item = anyhow::Result<Bytes>> + Unpin,
    to: &Path,
) -> anyhow::Result<()> {
    let output = Arc::new(Output::create(to)?);
    while let Some(piece) = pieces.try_next().await? {
        let output = Arc::clone(&output);
        let write = move || {
            let written = output.file().write_all(&piece);
            written.map_err(|error| output.failed(error))
        };
        tokio::task::spawn_blocking(write).await??;
    }
    unattended(move || {
        output.sync()?;
        Ok(output.commit()?)
    })
    .await
}

/// Writes an archive to standard output, piece by piece.
///
/// # Errors
/// The first of the pieces, by then after those before it; and whatever the system says.
pub(super) async fn to_standard_output(
    mut pieces: impl Stream<Item = anyhow::Result<Bytes>> + Unpin,
) -> anyhow::Result<()> {
    let (sender, mut receiver) = mpsc::channel::<Bytes>(AHEAD);
    let write = unattended(move || {
        standard_output::stream(|out| {
            while let Some(piece) = receiver.blocking_recv() {
                out.write_all(&piece)?;
            }
            Ok::<_, io::Error>(())
        })
    });
    let send = async move {
        while let Some(piece) = pieces.try_next().await? {
            if sender.send(piece).await.is_err() {
                // Nobody reads it any more.
                break;
            }
        }
        Ok::<_, anyhow::Error>(())
    };
    let (written, sent) = tokio::join!(write, send);
    sent.context("the archive is not whole")?;
    written
}
