//! `walrus read`. Client spec 2.6.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use base64::{engine::general_purpose::STANDARD, write::EncoderWriter};
use serde::Serialize;
use walrus_core::BlobId;
use walrus_sdk::{BlobContent, Client, ClientError, ConsistencyCheck, ReadBlob, ReadOptions};

use super::{Report, print_json, read_part::Part, show_on};
use crate::{
    args::{GlobalOptions, ReadArgs},
    context::Network,
    input,
    lifetime::explain_read,
    output::{Target, write_into, write_to_standard_output},
    progress::Bars,
    report::{Reporter, bytes},
    standard_output,
    stop::{Stop, unattended},
};

/// The JSON result of a read into a file, and of an empty blob.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ReadOutput {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) out: Option<String>,
    pub(super) blob_id: BlobId,
    #[serde(skip)]
    pub(super) length: u64,
}

impl Report for ReadOutput {
    fn print(&self, reporter: &Reporter) {
        if let Some(out) = &self.out {
            reporter.line(format!("{out}: {}", bytes(self.length)));
        }
    }
}

/// Reads a blob.
pub(crate) async fn run(global: &GlobalOptions, args: ReadArgs) -> anyhow::Result<()> {
    let blob_id = input::parse_blob_id(&args.blob_id)?;
    let out = args.out.as_deref();
    // `-` is where it goes without the option as well.
    let out = out.filter(|out| Target::of(out) != Target::StandardOutput);
    let target = out.map(Target::of);
    // A pipe or a device may be standard output under another name.
    let reporter = Reporter::new(global.json || target == Some(Target::Special));
    let bars = Bars::new(reporter.clone());
    let stop = Stop::on_signals()?;
    let read = async {
        let network = Network::load(global, args.rpc_url.as_deref()).await?;
        let client = network.client_with(args.spool.spool());
        let read = Read {
            global,
            network: &network,
            client,
            blob_id,
            options: options(&args),
            raw: args.raw,
            bars: &bars,
        };
        if args.range.is_some() || args.resume {
            let part = Part {
                read: &read,
                reporter: &reporter,
                spool: args.spool.spool(),
            };
            return part.run(&args, out).await;
        }
        match out {
            Some(out) => {
                let output = ReadOutput {
                    length: read.to(out).await?,
                    out: Some(out.display().to_string()),
                    blob_id,
                };
                show_on(&reporter, global, &output)
            }
            None if global.json => read.to_json().await,
            None => read.to_standard_output().await,
        }
    };
    // What is left of the read ends with it: requests, computations, files.
    tokio::select! {
        result = read => result,
        () = stop.wait() => {
            bars.finish();
            anyhow::bail!("interrupted")
        }
    }
}

fn options(args: &ReadArgs) -> ReadOptions {
    let consistency_check = match (args.strict_consistency_check, args.skip_consistency_check) {
        (true, _) => ConsistencyCheck::Strict,
        (_, true) => ConsistencyCheck::Skip,
        _ => ConsistencyCheck::Default,
    };
    ReadOptions {
        consistency_check,
        ..ReadOptions::default()
    }
}

pub(super) struct Read<'a> {
    pub(super) global: &'a GlobalOptions,
    network: &'a Network,
    pub(super) client: Client,
    pub(super) blob_id: BlobId,
    options: ReadOptions,
    pub(super) raw: bool,
    bars: &'a Bars,
}

impl Read<'_> {
    /// Into a file, or into a device or a pipe, which cannot be replaced, only written to. The length of the blob.
    async fn to(&self, out: &Path) -> anyhow::Result<u64> {
        let Target::File(file) = Target::of(out) else {
            let content = self.content().await?;
            let length = content.length()?;
            let out: PathBuf = out.to_owned();
            unattended(move || write_into(&out, content)).await?;
            return Ok(length);
        };
        let read = self.request().to_file(file).await;
        self.bars.finish();
        if let Err(error) = read {
            return Err(self.explain(error).await);
        }
        Ok(fs::metadata(out)?.len())
    }

    fn request(&self) -> ReadBlob<'_> {
        let request = self.client.read(self.blob_id);
        let request = request.options(self.options).progress(self.bars);
        match self.raw {
            true => request.raw(),
            false => request,
        }
    }

    async fn to_standard_output(&self) -> anyhow::Result<()> {
        let content = self.content().await?;
        unattended(move || write_to_standard_output(content)).await
    }

    async fn to_json(&self) -> anyhow::Result<()> {
        content_to_json(self.blob_id, self.content().await?).await
    }

    async fn content(&self) -> anyhow::Result<BlobContent> {
        let content = self.request().content().await;
        self.bars.finish();
        match content {
            Ok(content) => Ok(content),
            Err(error) => Err(self.explain(error).await),
        }
    }

    pub(super) async fn explain(&self, error: ClientError) -> anyhow::Error {
        explain_read(error, self.global, self.network, &self.blob_id).await
    }
}

/// The blob in base64, which is not put together in memory either.
pub(super) async fn content_to_json(blob_id: BlobId, content: BlobContent) -> anyhow::Result<()> {
    if content.length()? == 0 {
        return print_json(&ReadOutput {
            out: None,
            blob_id,
            length: 0,
        });
    }
    unattended(move || {
        standard_output::stream(|stdout| {
            write!(stdout, "{{\n  \"blobId\": \"{blob_id}\",\n  \"blob\": \"")?;
            let mut encoder = EncoderWriter::new(&mut *stdout, &STANDARD);
            io::copy(&mut content.into_reader(), &mut encoder)?;
            encoder.finish()?;
            drop(encoder);
            stdout.write_all(b"\"\n}")
        })
    })
    .await
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn json_names_the_file_if_there_is_one() {
        let blob_id = BlobId([0; 32]);
        let output = |out: Option<&str>| ReadOutput {
            out: out.map(str::to_owned),
            blob_id,
            length: 5,
        };
        let json = |out| serde_json::to_value(output(out)).unwrap();
        let id = blob_id.to_string();
        assert_eq!(json(None), json!({"blobId": id}));
        assert_eq!(json(Some("f")), json!({"out": "f", "blobId": id}));
    }
}
