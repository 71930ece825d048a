//! `walrus verify`: whether bytes are those of a blob ID, all of them or a range with its proof. Proof spec 5.

use std::{
    fs::File,
    io::{self, Read as _},
    ops::Range,
    path::Path,
};

use anyhow::{Context as _, ensure};
use serde::Serialize;
use walrus_core::{BlobId, EncodingConfig};
use walrus_sdk::{BodyProof, ProofError};

use super::{Report, show};
use crate::{
    args::{GlobalOptions, VerifyArgs},
    context,
    encoding::identify,
    input,
    report::{Reporter, bytes},
    stop::unattended,
};

/// Longest proof that is read, in bytes.
const MAX_PROOF: u64 = 256 << 20;
/// Bytes that are hashed at once.
const PIECE: usize = 1 << 20;

/// What is verified. What is wrong is an error.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct VerifyOutput {
    blob_id: BlobId,
    file: String,
    verified: bool,
    /// Bytes of the whole.
    length: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    range: Option<VerifiedRange>,
}

/// First byte, and first byte after it.
#[derive(Serialize)]
struct VerifiedRange {
    start: u64,
    end: u64,
}

impl Report for VerifyOutput {
    fn print(&self, reporter: &Reporter) {
        match &self.range {
            None => reporter.line(format!("{}: the blob, all of it", self.file)),
            Some(VerifiedRange { start, end }) => {
                let last = end.saturating_sub(1);
                reporter.line(format!("{}: bytes {start}-{last} of the blob", self.file));
            }
        }
        reporter.field("blob ID", self.blob_id);
        reporter.field("whole size", bytes(self.length));
    }
}

/// Verifies.
pub(crate) async fn run(global: &GlobalOptions, args: VerifyArgs) -> anyhow::Result<()> {
    let blob_id = input::parse_blob_id(&args.blob_id)?;
    let n_shards = context::n_shards_given(global, args.n_shards, args.rpc_url.as_deref()).await?;
    let config = EncodingConfig::new(n_shards)?;
    let (length, range) = match &args.proof {
        None => (whole(global, &args, blob_id, config).await?, None),
        Some(proof) => {
            let proof = read_proof(proof)?;
            if let Some(wanted) = args.range {
                let (wanted, found) = (wanted.of(proof.body_length()), proof.range());
                ensure!(
                    wanted.as_ref() == Some(&found),
                    "the proof is of bytes {}-{}, not of those asked for",
                    found.start,
                    found.end.saturating_sub(1)
                );
            }
            let Range { start, end } = proof.range();
            let (length, path) = (proof.body_length(), args.file.clone());
            unattended(move || verify(&proof, blob_id, config, &path)).await?;
            (length, Some(VerifiedRange { start, end }))
        }
    };
    let output = VerifyOutput {
        blob_id,
        file: args.file.display().to_string(),
        verified: true,
        length,
        range,
    };
    show(global, &output)
}

/// That a file is all of the blob; its length.
async fn whole(
    global: &GlobalOptions,
    args: &VerifyArgs,
    blob_id: BlobId,
    config: EncodingConfig,
) -> anyhow::Result<u64> {
    let reporter = Reporter::new(global.json);
    let found = identify(&args.file, config, args.copy.spool(), &reporter).await?;
    ensure!(
        found.blob_id == blob_id,
        "{} is blob {} on {} shards, not {blob_id}",
        args.file.display(),
        found.blob_id,
        config.n_shards()
    );
    Ok(found.length)
}

fn read_proof(path: &Path) -> anyhow::Result<BodyProof> {
    let name = path.display();
    let unreadable = || format!("cannot read {name}");
    let mut bytes = Vec::new();
    let file = File::open(path).with_context(unreadable)?;
    let mut some = file.take(MAX_PROOF + 1);
    some.read_to_end(&mut bytes).with_context(unreadable)?;
    ensure!(
        bytes.len() as u64 <= MAX_PROOF,
        "{name} is too long for a proof"
    );
    BodyProof::from_bytes(&bytes).with_context(|| format!("{name} is no proof"))
}

/// What is wrong, said of the blob that was asked for: what proves bytes of a part names that alone.
fn of_whole(error: ProofError, proof: &BodyProof, blob_id: BlobId) -> anyhow::Error {
    let part = match (proof, &error) {
        (BodyProof::Manifest { manifest, .. }, ProofError::Mismatch { given, .. }) => {
            let pieces = manifest.pieces(proof.range());
            let of_given = pieces.filter(|piece| piece.part.blob_id == *given);
            let numbers = of_given.map(|piece| piece.number.saturating_add(1).to_string());
            let numbers: Vec<_> = numbers.collect();
            (!numbers.is_empty()).then(|| format!(", part {}", numbers.join(" or ")))
        }
        _ => None,
    };
    let part = part.unwrap_or_default();
    anyhow::Error::from(error).context(format!("it is not that range of blob {blob_id}{part}"))
}

/// Verifies the bytes of a file as they come.
fn verify(
    proof: &BodyProof,
    blob_id: BlobId,
    config: EncodingConfig,
    path: &Path,
) -> anyhow::Result<()> {
    let wrong = || format!("{} is not verified", path.display());
    let unreadable = || format!("cannot read {}", path.display());
    let mut file: Box<dyn io::Read> = match path == Path::new("-") {
        true => Box::new(io::stdin()),
        false => Box::new(File::open(path).with_context(unreadable)?),
    };
    let of_whole = |error| of_whole(error, proof, blob_id);
    let verifier = proof.verifier(blob_id, &config);
    let mut verifier = verifier.map_err(of_whole).with_context(wrong)?;
    let Range { start, end } = proof.range();
    let expected = end.saturating_sub(start);
    let mut piece = vec![0; PIECE];
    let mut found: u64 = 0;
    loop {
        let count = file.read(&mut piece).with_context(unreadable)?;
        let read = piece.get(..count).unwrap_or_default();
        found = found.saturating_add(read.len() as u64);
        // Of a part, the proof would tell of its own bytes.
        let is_over = read.is_empty();
        if found > expected || (is_over && found < expected) {
            return Err(ProofError::WrongCount { expected, found }).with_context(wrong);
        }
        if is_over {
            return verifier.finish().map_err(of_whole).with_context(wrong);
        }
        verifier
            .update(read)
            .map_err(of_whole)
            .with_context(wrong)?;
    }
}
