//! `walrus read --range` and `--resume`: a part of a blob, or the rest of it. Client spec 2.6 and 8.4.

use std::{
    fs::{self, File},
    io::{Read as _, Seek as _, SeekFrom, Write as _},
    ops::Range,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, ensure};
use walrus_core::manifest::BodyDigest;
use walrus_sdk::{RangeBody, RemoteBody, Spool};

use super::{
    read::{Read, ReadOutput, content_to_json},
    show_on,
};
use crate::{
    args::{ByteRange, ReadArgs},
    encoding::encode_file,
    output::{Target, write_into},
    report::{Reporter, bytes, explain, say},
    standard_output,
    stop::unattended,
};

/// A read of less than a whole blob.
pub(super) struct Part<'a> {
    pub(super) read: &'a Read<'a>,
    pub(super) reporter: &'a Reporter,
    pub(super) spool: Spool,
}

impl Part<'_> {
    pub(super) async fn run(self, args: &ReadArgs, out: Option<&Path>) -> anyhow::Result<()> {
        let client = &self.read.client;
        let opened = match self.read.raw {
            true => {
                let blob = client.open_blob(self.read.blob_id).await;
                blob.map(RemoteBody::raw)
            }
            false => client.open(self.read.blob_id).await,
        };
        let blob = match opened {
            Ok(blob) => blob,
            Err(error) => return Err(self.read.explain(error).await),
        };
        let length = match (args.range, out) {
            (Some(range), out) => {
                let body = body(&blob, range)?;
                let length = body.length();
                if let Some(out) = &args.proof_out {
                    prove(&blob, body.range(), out).await?;
                }
                match out {
                    Some(out) => self.to(out, body).await?,
                    None if self.read.global.json => {
                        let content = body.content(&self.spool).await.map_err(explain)?;
                        return content_to_json(self.read.blob_id, content).await;
                    }
                    None => return to_standard_output(body).await,
                }
                length
            }
            (None, Some(out)) => self.rest(&blob, out).await?,
            (None, None) => anyhow::bail!("--resume needs a file, named with --out"),
        };
        let output = ReadOutput {
            out: out.map(|out| out.display().to_string()),
            blob_id: self.read.blob_id,
            length,
        };
        show_on(self.reporter, self.read.global, &output)
    }

    async fn to(&self, out: &Path, body: RangeBody) -> anyhow::Result<()> {
        if let Target::File(file) = Target::of(out) {
            return body.to_file(&file).await.map_err(explain);
        }
        let content = body.content(&self.spool).await.map_err(explain)?;
        let out: PathBuf = out.to_owned();
        unattended(move || write_into(&out, content)).await
    }

    /// Reads what is not there yet, checks the whole and gives it its name. What has come stays if it is not all.
    async fn rest(&self, blob: &RemoteBody, out: &Path) -> anyhow::Result<u64> {
        let Target::File(target) = Target::of(out) else {
            anyhow::bail!("{} is no file; --resume needs one", out.display());
        };
        ensure!(!target.is_dir(), "{} is a directory", out.display());
        let partial = partial(&target, &blob.id().to_string())?;
        let unwritable = || format!("cannot write {}", partial.display());
        let mut options = File::options();
        let opened = options
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&partial);
        let mut file = opened.with_context(unwritable)?;
        let there = file
            .metadata()
            .with_context(unwritable)?
            .len()
            .min(blob.length());
        file.set_len(there).with_context(unwritable)?;
        file.seek(SeekFrom::End(0)).with_context(unwritable)?;
        if there > 0 {
            say(format_args!("Going on after {}", bytes(there)));
        }
        let mut body = blob.range(there..blob.length()).map_err(explain)?;
        while let Some(piece) = body.next().await.map_err(explain)? {
            let written = unattended(move || {
                file.write_all(&piece)?;
                Ok(file)
            });
            file = written.await.with_context(unwritable)?;
        }
        file.sync_all().with_context(unwritable)?;
        // What was there before may be anything.
        if !self.is_whole(blob, &partial).await? {
            let _ = fs::remove_file(&partial);
            anyhow::bail!(
                "what was there of the blob is not of it, or the blob is inconsistent; read it again"
            );
        }
        fs::rename(&partial, &target).with_context(|| format!("cannot write {}", out.display()))?;
        Ok(blob.length())
    }

    /// Whether what has come is what was asked for: by its blob ID, or by the digest of its manifest.
    async fn is_whole(&self, blob: &RemoteBody, partial: &Path) -> anyhow::Result<bool> {
        if let Some(manifest) = blob.manifest() {
            let (path, digest) = (partial.to_owned(), *manifest.digest());
            return unattended(move || has_digest(&path, &digest)).await;
        }
        let config = self.read.client.committees().await?.current.n_shards;
        let config = walrus_core::EncodingConfig::new(config)?;
        let found = encode_file(partial, config, None, self.spool.clone(), self.reporter).await?;
        Ok(*found.blob_id() == blob.id())
    }
}

/// Bytes of a file that are hashed at once.
const PIECE: usize = 1 << 20;

/// Whether a file has this digest.
fn has_digest(path: &Path, expected: &[u8; 32]) -> anyhow::Result<bool> {
    let mut file = File::open(path)?;
    let mut digest = BodyDigest::default();
    let mut piece = vec![0; PIECE];
    loop {
        let count = file.read(&mut piece)?;
        match piece.get(..count) {
            None | Some([]) => return Ok(digest.finish() == *expected),
            Some(read) => digest.update(read),
        }
    }
}

/// Where what has come of a blob is kept.
fn partial(target: &Path, blob_id: &str) -> anyhow::Result<PathBuf> {
    let name = target.file_name().context("it is no name of a file")?;
    Ok(target.with_file_name(format!(".{}.{blob_id}.partial", name.display())))
}

fn body(blob: &RemoteBody, range: ByteRange) -> anyhow::Result<RangeBody> {
    let length = blob.length();
    let range = range
        .of(length)
        .with_context(|| format!("the blob has no such bytes, only {}", bytes(length)))?;
    blob.range(range).map_err(explain)
}

/// Writes a proof of a range.
async fn prove(blob: &RemoteBody, range: Range<u64>, out: &Path) -> anyhow::Result<()> {
    let proof = blob.prove(range).await.map_err(explain)?.to_bytes();
    let out = out.to_owned();
    unattended(move || {
        fs::write(&out, proof).with_context(|| format!("cannot write {}", out.display()))
    })
    .await
}

/// As it comes. An error in the middle is told when a part was written.
async fn to_standard_output(mut body: RangeBody) -> anyhow::Result<()> {
    while let Some(piece) = body.next().await.map_err(explain)? {
        unattended(move || standard_output::stream(|out| out.write_all(&piece))).await?;
    }
    Ok(())
}
