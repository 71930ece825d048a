//! `walrus read-quilt`. Client spec 2.6.

use std::{
    io::{self, Read as _, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::{Context as _, bail, ensure};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde::Serialize;
use walrus_core::quilt::QuiltPatchId;
use walrus_sdk::{
    ArchivedPatch, BlobContent, BlobId, Client, PatchBody, PatchHead, Quilt, QuiltPatch, Spool,
    Tags, archive,
};

use super::{Report, quilt_archive, show_on};
use crate::{
    args::{GlobalOptions, ReadQuiltArgs},
    context::Network,
    input,
    lifetime::explain_read,
    named_files::PatchDirectory,
    output::write_to_standard_output,
    printable,
    report::{Reporter, bytes, count, explain, say},
    standard_output,
    stop::{Stop, unattended},
};

/// A patch that was read.
#[derive(Serialize)]
struct RetrievedBlob {
    /// Empty: the bytes are in a file.
    blob: [u8; 0],
    identifier: String,
    tags: Tags,
    #[serde(skip)]
    path: PathBuf,
    #[serde(skip)]
    length: u64,
}

/// The JSON result of a read into files.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ReadQuiltOutput {
    out: String,
    retrieved_blobs: Vec<RetrievedBlob>,
}

impl Report for ReadQuiltOutput {
    fn print(&self, reporter: &Reporter) {
        for file in &self.retrieved_blobs {
            reporter.line(format!("{}: {}", file.path.display(), bytes(file.length)));
        }
    }
}

/// Reads patches.
pub(crate) async fn run(global: &GlobalOptions, args: ReadQuiltArgs) -> anyhow::Result<()> {
    let reporter = Reporter::new(global.json);
    let stop = Stop::on_signals()?;
    let read = async {
        let which = Which::of(&args)?;
        let network = Network::load(global, args.rpc_url.as_deref()).await?;
        let client = network.client_with(args.spool.spool());
        let chosen = match &which {
            Which::Ids(ids) => Chosen::Ids(ids.clone()),
            Which::OfQuilt(quilt_id) => match client.quilt(quilt_id).await {
                Ok(quilt) => choose(quilt, &args).await?,
                Err(error) => return Err(explain_read(error, global, &network, quilt_id).await),
            },
        };
        let reading = Reading {
            client,
            chosen,
            failed: 0,
        };
        match (&args.out, &args.tar) {
            (Some(out), _) => reading.write_files(global, &reporter, out.clone()).await,
            (None, Some(tar)) => reading.write_archive(global, &reporter, tar).await,
            (None, None) if global.json => reading.print_json(args.spool.spool()).await,
            (None, None) => reading.print(args.spool.spool()).await,
        }
    };
    // What is left of the read ends with it: requests, files.
    tokio::select! {
        result = read => result,
        () = stop.wait() => bail!("interrupted"),
    }
}

/// What was asked for.
enum Which {
    OfQuilt(BlobId),
    Ids(Vec<QuiltPatchId>),
}

impl Which {
    fn of(args: &ReadQuiltArgs) -> anyhow::Result<Self> {
        let ids = args.quilt_patch_ids.iter().map(|text| {
            let id = text.parse::<QuiltPatchId>();
            id.with_context(|| format!("`{text}` is not the ID of a patch"))
        });
        let ids: Vec<_> = ids.collect::<anyhow::Result<_>>()?;
        match &args.quilt_id {
            Some(id) if ids.is_empty() => Ok(Self::OfQuilt(input::parse_blob_id(id)?)),
            None if !ids.is_empty() => Ok(Self::Ids(ids)),
            _ => bail!("exactly one of `--quilt-id` and `--quilt-patch-ids` must be given"),
        }
    }
}

/// What is read.
enum Chosen {
    Ids(Vec<QuiltPatchId>),
    OfQuilt {
        quilt: Box<Quilt>,
        patches: Vec<QuiltPatch>,
        /// Names that the quilt does not have.
        absent: Vec<String>,
    },
}

async fn choose(quilt: Quilt, args: &ReadQuiltArgs) -> anyhow::Result<Chosen> {
    let mut absent = Vec::new();
    let patches = match (args.identifiers.as_slice(), args.tag.as_slice()) {
        ([], []) => {
            // All of them: nodes are asked for the fewest bytes, and that they belong together is checked.
            quilt.decode().await.map_err(explain)?;
            quilt.patches().to_vec()
        }
        ([], [key, value]) => quilt.index().by_tag(key, value).cloned().collect(),
        (identifiers, []) => {
            let mut found = Vec::new();
            for identifier in identifiers {
                match quilt.index().by_identifier(identifier) {
                    Some(patch) => found.push(patch.clone()),
                    None => absent.push(identifier.clone()),
                }
            }
            found
        }
        _ => {
            bail!("at most one of `--identifiers` and `--tag` can be given, a tag as key and value")
        }
    };
    Ok(Chosen::OfQuilt {
        quilt: Box::new(quilt),
        patches,
        absent,
    })
}

struct Reading {
    client: Client,
    chosen: Chosen,
    failed: usize,
}

/// Which patch is read: its place among those chosen.
#[derive(Clone, Copy)]
struct Next(usize);

impl Reading {
    fn count(&self) -> usize {
        match &self.chosen {
            Chosen::Ids(ids) => ids.len(),
            Chosen::OfQuilt { patches, .. } => patches.len(),
        }
    }

    /// Begins to read a patch; `None` after the last one.
    async fn open(&self, Next(place): Next) -> Option<anyhow::Result<PatchBody>> {
        let opened = match &self.chosen {
            Chosen::Ids(ids) => {
                let id = ids.get(place)?;
                let opened = self.client.read_patch(id).await.map_err(explain);
                opened.with_context(|| format!("patch {id}"))
            }
            Chosen::OfQuilt { quilt, patches, .. } => {
                let patch = patches.get(place)?;
                let opened = quilt.read(patch).await.map_err(explain);
                opened.with_context(|| format!("patch {:?}", patch.identifier))
            }
        };
        Some(opened)
    }

    /// Tells what could not be read, and goes on.
    fn fail(&mut self, error: &anyhow::Error) {
        self.failed += 1;
        say(format_args!("Error: {error:#}"));
    }

    /// An error if not all could be read.
    fn conclude(mut self) -> anyhow::Result<()> {
        let all = self.count();
        if let Chosen::OfQuilt { absent, .. } = &mut self.chosen {
            for identifier in std::mem::take(absent) {
                self.failed += 1;
                say(format_args!("Error: the quilt has no patch {identifier:?}"));
            }
        }
        ensure!(
            self.failed == 0,
            "{} not read",
            count(self.failed as u64, "file")
        );
        ensure!(all > 0, "no patch has this tag");
        Ok(())
    }

    async fn write_files(
        mut self,
        global: &GlobalOptions,
        reporter: &Reporter,
        out: PathBuf,
    ) -> anyhow::Result<()> {
        let mut directory = PatchDirectory::create(&out)?;
        let mut retrieved_blobs = Vec::new();
        let planned = self.places(&mut directory);
        for number in 0..self.count() {
            let path = match &planned {
                None => None,
                Some(paths) => match paths.get(number).cloned().flatten() {
                    None => continue,
                    path => path,
                },
            };
            let Some(opened) = self.open(Next(number)).await else {
                break;
            };
            match into_file(opened, path, &mut directory).await {
                Ok(file) => retrieved_blobs.push(file),
                Err(error) => self.fail(&error),
            }
        }
        let output = ReadQuiltOutput {
            out: out.display().to_string(),
            retrieved_blobs,
        };
        show_on(reporter, global, &output)?;
        self.conclude()
    }

    /// Where the patches of a quilt are to be written, none where that is impossible, which is told: before anything is written. Of single
    /// patches, the names are not known yet.
    fn places(&mut self, directory: &mut PatchDirectory) -> Option<Vec<Option<PathBuf>>> {
        let Chosen::OfQuilt { patches, .. } = &self.chosen else {
            return None;
        };
        let places = patches.iter().map(|patch| {
            let place = directory.place(&patch.identifier);
            place.with_context(|| format!("patch {:?}", patch.identifier))
        });
        let places: Vec<_> = places.collect();
        let places = places.into_iter().map(|place| match place {
            Ok(path) => Some(path),
            Err(error) => {
                self.fail(&error);
                None
            }
        });
        Some(places.collect())
    }

    /// Reads all into an archive. One that cannot be read ends it.
    async fn write_archive(
        self,
        global: &GlobalOptions,
        reporter: &Reporter,
        to: &Path,
    ) -> anyhow::Result<()> {
        if let Chosen::OfQuilt { absent, .. } = &self.chosen
            && let Some(identifier) = absent.first()
        {
            bail!("the quilt has no patch {identifier:?}");
        }
        ensure!(self.count() > 0, "no patch has this tag");
        let read = Arc::new(Mutex::new(Vec::new()));
        let (told, out) = (Arc::clone(&read), to.to_owned());
        let patches = stream::try_unfold((self, 0), move |(reading, place)| {
            let (told, out) = (Arc::clone(&told), out.clone());
            async move {
                let Some(opened) = reading.open(Next(place)).await else {
                    return Ok(None);
                };
                let body = opened?;
                let head = body.head().clone();
                let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
                told.push(RetrievedBlob {
                    blob: [],
                    path: out.join(&head.identifier),
                    length: head.data_length,
                    identifier: head.identifier.clone(),
                    tags: head.tags,
                });
                let patch = ArchivedPatch {
                    identifier: head.identifier,
                    length: head.data_length,
                    bytes: body.into_stream().map_err(explain).boxed(),
                };
                Ok(Some((patch, (reading, place + 1))))
            }
        });
        let pieces = archive(patches);
        if quilt_archive::is_standard_output(to) {
            return quilt_archive::to_standard_output(pieces).await;
        }
        quilt_archive::into_file(pieces, to).await?;
        let retrieved_blobs =
            std::mem::take(&mut *read.lock().unwrap_or_else(PoisonError::into_inner));
        let output = ReadQuiltOutput {
            out: to.display().to_string(),
            retrieved_blobs,
        };
        show_on(reporter, global, &output)
    }

    /// Reads all, in memory as long as there is room.
    async fn contents(&mut self, mut spool: Spool) -> Vec<(PatchHead, BlobContent)> {
        let mut all = Vec::new();
        let mut place = 0;
        while let Some(opened) = self.open(Next(place)).await {
            place += 1;
            let read = async {
                let body = opened?;
                let head = body.head().clone();
                let content = body.content(&spool).await.map_err(explain);
                Ok::<_, anyhow::Error>((
                    head.clone(),
                    content.with_context(|| format!("patch {:?}", head.identifier))?,
                ))
            };
            match read.await {
                Ok((head, content)) => {
                    if matches!(content, BlobContent::Bytes(_)) {
                        spool.in_memory = spool.in_memory.saturating_sub(head.data_length);
                    }
                    all.push((head, content));
                }
                Err(error) => self.fail(&error),
            }
        }
        all
    }

    async fn print(mut self, spool: Spool) -> anyhow::Result<()> {
        let files = self.count();
        ensure!(
            files <= 1,
            "{} are chosen; name a directory with --out, or choose one of them, or --json",
            count(files as u64, "file")
        );
        if let Some((_, content)) = self.contents(spool).await.pop() {
            unattended(move || write_to_standard_output(content)).await?;
        }
        self.conclude()
    }

    async fn print_json(mut self, spool: Spool) -> anyhow::Result<()> {
        let all = self.contents(spool).await;
        unattended(move || standard_output::stream(|out| write_json(out, all))).await?;
        self.conclude()
    }
}

/// Writes a patch to its place, if that is known, or to where its name says.
async fn into_file(
    opened: anyhow::Result<PatchBody>,
    path: Option<PathBuf>,
    directory: &mut PatchDirectory,
) -> anyhow::Result<RetrievedBlob> {
    let body = opened?;
    let head = body.head().clone();
    let context = || format!("patch {:?}", head.identifier);
    let path = match path {
        Some(path) => path,
        None => directory.place(&head.identifier).with_context(context)?,
    };
    directory.make_way(&path).with_context(context)?;
    body.to_file(&path).await.with_context(context)?;
    Ok(RetrievedBlob {
        blob: [],
        path,
        length: head.data_length,
        identifier: head.identifier,
        tags: head.tags,
    })
}

/// Bytes as numbers, none of which are in memory as text.
fn write_json(out: &mut dyn Write, all: Vec<(PatchHead, BlobContent)>) -> io::Result<()> {
    write!(out, "{{\n  \"retrievedBlobs\": [")?;
    for (place, (head, content)) in all.into_iter().enumerate() {
        let comma = if place == 0 { "" } else { "," };
        write!(out, "{comma}\n    {{\n      \"blob\": [")?;
        write_numbers(out, content)?;
        let (identifier, tags) = (json(&head.identifier)?, json(&head.tags)?);
        write!(
            out,
            "],\n      \"identifier\": {identifier},\n      \"tags\": {tags}\n    }}"
        )?;
    }
    write!(out, "\n  ]\n}}")
}

/// A value without control characters that a terminal would obey.
fn json(value: &impl Serialize) -> io::Result<String> {
    let text = serde_json::to_string(value)?;
    Ok(printable::json(&text).into_owned())
}

fn write_numbers(out: &mut dyn Write, content: BlobContent) -> io::Result<()> {
    let mut reader = content.into_reader();
    let mut buffer = vec![0; 1 << 16];
    let mut is_first = true;
    loop {
        let read = reader.read(&mut buffer)?;
        let Some(bytes) = buffer.get(..read).filter(|bytes| !bytes.is_empty()) else {
            return Ok(());
        };
        let mut text = String::with_capacity(4 * bytes.len());
        for byte in bytes {
            if !std::mem::take(&mut is_first) {
                text.push(',');
            }
            text.push_str(&byte.to_string());
        }
        out.write_all(text.as_bytes())?;
    }
}
