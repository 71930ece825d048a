//! `walrus demo`: a network, one file stored and read back.

use std::{collections::BTreeMap, time::Instant};

use anyhow::{Context, ensure};
use serde::Serialize;
use walrus_core::EncodingConfig;
use walrus_localnet::Localnet;
use walrus_sdk::{
    BlobStoreResult, BlobToStore, ClientOptions, EpochsAhead, ReadOptions, StoreOptions,
    StoreReport, WalrusClient,
};
use walrus_sui::{Address, Digest};

use super::{
    print_json,
    store::{StoredFile, json_result, print_outcome},
};
use crate::{
    args::{DemoArgs, GlobalOptions},
    commands::localnet,
    input,
    network_steps::NetworkSteps,
    progress::Bars,
    report::{Reporter, bytes, duration},
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
    let data = input::read_file(&args.file, config.max_blob_size())?;
    let reporter = Reporter::new(global.json);
    // A signal drops the network, which stops everything and removes its temporary directory.
    let stop = Stop::on_signals()?;
    tokio::select! {
        result = run_on_network(global, args, data, &reporter) => result,
        () = stop.wait() => anyhow::bail!("interrupted"),
    }
}

async fn run_on_network(
    global: &GlobalOptions,
    args: DemoArgs,
    data: Vec<u8>,
    reporter: &Reporter,
) -> anyhow::Result<()> {
    let started = Instant::now();
    let steps = NetworkSteps::new(reporter.clone());
    let network = Localnet::start(&localnet::options(&args.network), &steps).await?;
    let booted = started.elapsed();
    let result = Demo {
        network: &network,
        reporter,
        args: &args,
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
    data: Vec<u8>,
    started: Instant,
}

impl Demo<'_> {
    async fn run(self, global: &GlobalOptions, booted_ms: u128) -> anyhow::Result<()> {
        let committee = self.print_committee().await?;
        let client = WalrusClient::new(self.network.reader().clone(), ClientOptions::default())
            .await?
            .with_wallet(self.network.admin().clone());
        let mut timings = BTreeMap::from([("boot".to_owned(), millis(booted_ms))]);
        let report = self.store(&client, &mut timings).await?;
        let outcome = report
            .outcomes
            .first()
            .context("the store returned nothing")?;
        let BlobStoreResult::NewlyCreated { blob_object, .. } = &outcome.result else {
            anyhow::bail!("the store did not create a blob: {:?}", outcome.result);
        };
        self.read_back(&client, &blob_object.blob_id, &mut timings)
            .await?;
        if global.json {
            let deployment = self.network.deployment();
            print_json(&DemoOutput {
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
            })?;
        }
        Ok(())
    }

    async fn print_committee(&self) -> anyhow::Result<Vec<Member>> {
        let committees = self.network.reader().committees().await?;
        self.reporter
            .line(format!("Committee of epoch {}", committees.epoch));
        let mut members: Vec<_> = committees.current.members.iter().collect();
        members.sort_by(|a, b| a.name.cmp(&b.name));
        for member in &members {
            self.reporter.field(
                &member.name,
                format!("{} shards, {}", member.shards.len(), member.network_address),
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
        client: &WalrusClient,
        timings: &mut BTreeMap<String, u64>,
    ) -> anyhow::Result<StoreReport> {
        self.reporter.line(format!(
            "Store {} ({})",
            self.args.file.display(),
            bytes(self.data.len() as u64)
        ));
        let blob = BlobToStore::new(self.args.file.display().to_string(), self.data.clone());
        let options = StoreOptions::new(EpochsAhead::Count(EPOCHS));
        let bars = Bars::verbose(self.reporter.clone());
        let report = client.store(vec![blob], &options, &bars).await?;
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
        client: &WalrusClient,
        blob_id: &walrus_core::BlobId,
        timings: &mut BTreeMap<String, u64>,
    ) -> anyhow::Result<()> {
        let started = Instant::now();
        self.reporter.line("Read it back from slivers");
        let bars = Bars::verbose(self.reporter.clone());
        let read = client.read(blob_id, &ReadOptions::default(), &bars).await?;
        bars.finish();
        timings.insert("read".to_owned(), millis(started.elapsed().as_millis()));
        ensure!(read == self.data, "what was read is not what was stored");
        self.reporter.field(
            "compared",
            format!("{}, identical", bytes(read.len() as u64)),
        );
        self.reporter
            .line(format!("Done in {}", duration(self.started.elapsed())));
        Ok(())
    }
}

fn millis(count: u128) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
