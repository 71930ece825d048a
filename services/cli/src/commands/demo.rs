//! `walrus demo`: a network, one file stored and read back.

use std::{
    collections::BTreeMap,
    io::{self, Read},
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use serde::Serialize;
use walrus_core::EncodingConfig;
use walrus_localnet::{Localnet, LocalnetOptions};
use walrus_sdk::{
    BlobData, BlobToStore, Client, ClientOptions, EpochsAhead, StoreOptions, StoreReport, Stored,
};
use walrus_sui::{Address, Digest};

use super::{
    Report, show_on,
    store::{StoredFile, json_result, print_outcome},
};
use crate::{
    args::{DemoArgs, GlobalOptions},
    input::Inputs,
    network_steps::NetworkSteps,
    progress::Bars,
    report::{Reporter, bytes, count, duration, explain},
    stop::Stop,
};

/// For how many epochs the demo stores.
const EPOCHS: u32 = 3;

/// The JSON result. Client spec 2.4.
#[derive(Serialize)]
struct DemoOutput<'a> {
    packages: BTreeMap<&'static str, Address>,
    committee: Vec<Member>,
    store: Vec<StoredFile<'a>>,
    digests: Digests,
    timings: BTreeMap<String, u64>,
    /// Everything together.
    #[serde(skip)]
    took: Duration,
}

impl Report for DemoOutput<'_> {
    /// The rest was told while it happened.
    fn print(&self, reporter: &Reporter) {
        reporter.line(format!("Done in {}", duration(self.took)));
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Member {
    node_id: Address,
    n_shards: usize,
}

#[derive(Serialize)]
struct Digests {
    register: Option<Digest>,
    certify: Option<Digest>,
}

/// Runs the demo.
pub(crate) async fn run(global: &GlobalOptions, args: DemoArgs) -> anyhow::Result<()> {
    // Before anything is started: a file that cannot be read or is too large must not cost a network.
    let config = EncodingConfig::new(args.network.shards)?;
    let reporter = Reporter::new(global.json);
    // A signal drops the network, which stops everything and removes its temporary directory.
    let stop = Stop::on_signals()?;
    let demo = async {
        let mut inputs = Inputs::new(config, args.spool.spool());
        let data = inputs.blob(&args.file).await?;
        run_on_network(global, &args, data, &reporter).await
    };
    tokio::select! {
        result = demo => result,
        () = stop.wait() => anyhow::bail!("interrupted"),
    }
}

async fn run_on_network(
    global: &GlobalOptions,
    args: &DemoArgs,
    data: BlobData,
    reporter: &Reporter,
) -> anyhow::Result<()> {
    let started = Instant::now();
    let steps = NetworkSteps::new(reporter.clone());
    let options = LocalnetOptions {
        nodes: args.network.nodes,
        shards: args.network.shards,
        epoch_duration: args.network.epoch_duration,
        ..LocalnetOptions::default()
    };
    let network = Localnet::start(&options, &steps).await?;
    let booted = started.elapsed();
    let result = Demo {
        network: &network,
        reporter,
        args,
        data,
        started,
    }
    .run(global, booted.as_millis())
    .await;
    let stopped = network.shutdown().await;
    result.and(stopped)
}

struct Demo<'a> {
    network: &'a Localnet,
    reporter: &'a Reporter,
    args: &'a DemoArgs,
    data: BlobData,
    started: Instant,
}

impl Demo<'_> {
    async fn run(self, global: &GlobalOptions, booted_ms: u128) -> anyhow::Result<()> {
        let committee = self.print_committee().await?;
        let options = ClientOptions {
            spool: self.args.spool.spool(),
            ..ClientOptions::default()
        };
        let client = Client::new(self.network.reader().clone(), options)
            .with_signer(self.network.admin().clone());
        let mut timings = BTreeMap::from([("boot".to_owned(), millis(booted_ms))]);
        let report = self.store(&client, &mut timings).await?;
        let outcome = report
            .outcomes
            .first()
            .context("the store returned nothing")?;
        let Ok(Stored::NewlyCreated { blob_object, .. }) = &outcome.result else {
            anyhow::bail!("the store did not create a blob: {:?}", outcome.result);
        };
        self.read_back(&client, &blob_object.blob_id, &mut timings)
            .await?;
        let deployment = self.network.deployment();
        let output = DemoOutput {
            packages: BTreeMap::from([
                ("wal", deployment.wal_package),
                ("walrus", deployment.walrus_package),
            ]),
            committee,
            store: json_result(&report.outcomes),
            digests: Digests {
                register: outcome.register_digest,
                certify: outcome.certify_digest,
            },
            timings,
            took: self.started.elapsed(),
        };
        show_on(self.reporter, global, &output)
    }

    async fn print_committee(&self) -> anyhow::Result<Vec<Member>> {
        let committees = self.network.reader().committees().await?;
        self.reporter
            .line(format!("Committee of epoch {}", committees.epoch));
        let mut members: Vec<_> = committees.current.members.iter().collect();
        members.sort_by(|a, b| alphanumeric_sort::compare_str(&a.name, &b.name));
        for member in &members {
            self.reporter.field(
                &member.name,
                format!(
                    "{}, {}",
                    count(member.shards.len() as u64, "shard"),
                    member.network_address
                ),
            );
        }
        Ok(members
            .iter()
            .map(|member| Member {
                node_id: member.node_id,
                n_shards: member.shards.len(),
            })
            .collect())
    }

    async fn store(
        &self,
        client: &Client,
        timings: &mut BTreeMap<String, u64>,
    ) -> anyhow::Result<StoreReport> {
        self.reporter.line(format!(
            "Store {} ({})",
            self.args.file.display(),
            bytes(self.data.length()?)
        ));
        let blob = BlobToStore::new(self.args.file.display().to_string(), self.data.clone());
        let options = StoreOptions::new(EpochsAhead::Count(EPOCHS));
        let bars = Bars::verbose(self.reporter.clone());
        let report = client
            .store_many([blob])
            .options(options)
            .progress(&bars)
            .await
            .map_err(explain)?;
        bars.finish();
        for outcome in &report.outcomes {
            print_outcome(self.reporter, outcome);
        }
        for (phase, time) in &report.timings {
            timings.insert(phase.label().to_owned(), millis(time.as_millis()));
        }
        let certified = self.started.elapsed();
        timings.insert(
            "start to certified".to_owned(),
            millis(certified.as_millis()),
        );
        self.reporter.field(
            "from start",
            format!("{} to certified", duration(certified)),
        );
        Ok(report)
    }

    async fn read_back(
        &self,
        client: &Client,
        blob_id: &walrus_core::BlobId,
        timings: &mut BTreeMap<String, u64>,
    ) -> anyhow::Result<()> {
        let started = Instant::now();
        self.reporter.line("Read it back from slivers");
        let bars = Bars::verbose(self.reporter.clone());
        let read = client
            .read(blob_id)
            .progress(&bars)
            .content()
            .await
            .map_err(explain)?;
        bars.finish();
        timings.insert("read".to_owned(), millis(started.elapsed().as_millis()));
        let (length, stored) = (read.length()?, self.data.reader()?);
        let identical = tokio::task::spawn_blocking(move || same(stored, read.into_reader()));
        ensure!(identical.await??, "what was read is not what was stored");
        self.reporter
            .field("compared", format!("{}, identical", bytes(length)));
        Ok(())
    }
}

/// Whether both have the same bytes.
fn same(one: impl Read, other: impl Read) -> io::Result<bool> {
    const PIECE: u64 = 1 << 20;
    let (mut one, mut other) = (one, other);
    let (mut a, mut b) = (Vec::new(), Vec::new());
    loop {
        a.clear();
        b.clear();
        (&mut one).take(PIECE).read_to_end(&mut a)?;
        (&mut other).take(PIECE).read_to_end(&mut b)?;
        if a != b {
            return Ok(false);
        }
        if a.is_empty() {
            return Ok(true);
        }
    }
}

fn millis(count: u128) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contents_are_compared_to_the_last_byte() {
        let long = vec![7; (1 << 20) + 1];
        let mut other = long.clone();
        assert!(same(&long[..], &other[..]).unwrap());
        assert!(!same(&long[..1 << 20], &long[..]).unwrap());
        if let Some(last) = other.last_mut() {
            *last = 8;
        }
        assert!(!same(&long[..], &other[..]).unwrap());
        assert!(same(io::empty(), io::empty()).unwrap());
    }
}
