//! One simulation, from the snapshot to the last check.

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::Context as _;
use tokio::task::JoinSet;

use crate::{
    audit, contents,
    faults::Faults,
    journal::Journal,
    load::Worker,
    machine,
    model::Model,
    money,
    network::Network,
    oracle,
    plan::{EPOCH, Plan},
    reports,
    snapshot::{CLIENTS, Snapshot},
};

/// Longest time until everything is healed when the faults are over.
const HEALING: Duration = Duration::from_secs(600);
/// Longest time until expired slivers are gone.
const REMOVAL: Duration = Duration::from_secs(300);

/// What a simulation may take beyond three times its span.
const REST: Duration = Duration::from_secs(3600);

/// How a simulation went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// What happened, a line each, with virtual times.
    pub journal: String,
    /// Why it failed, if it did.
    pub failure: Option<String>,
    /// Blobs that were certified.
    pub blobs: usize,
}

impl Report {
    /// The same for the same events at the same times.
    pub fn digest(&self) -> String {
        blake3::hash(self.journal.as_bytes()).to_hex().to_string()
    }
}

/// Prepares the network that simulations of a plan's size start from, in a directory that is not there yet. It does not depend on the seed.
///
/// # Errors
/// If it cannot be made.
pub fn prepare(plan: &Plan, prepared: &Path) -> anyhow::Result<()> {
    Snapshot::keep(plan, prepared)
}

/// Runs a simulation from a network that [`prepare`] has made; `aloud` prints its journal as it goes.
///
/// # Errors
/// If it cannot be run. What fails in it is in the report.
pub fn simulate(plan: Plan, prepared: &Path, aloud: bool) -> anyhow::Result<Report> {
    let snapshot = Snapshot::kept(&plan, prepared)?;
    machine::run(plan.seed, move || async move {
        let (journal, model) = (Journal::new(aloud), Arc::new(Model::default()));
        let went = run(plan, snapshot, journal.clone(), Arc::clone(&model)).await;
        let failure = went.err().map(|error| format!("{error:#}"));
        if let Some(failure) = &failure {
            journal.note(format_args!("FAILED: {failure}"));
        }
        Ok(Report {
            journal: journal.text(),
            failure,
            blobs: model.len(),
        })
    })
}

async fn run(
    plan: Plan,
    snapshot: Arc<Snapshot>,
    journal: Journal,
    model: Arc<Model>,
) -> anyhow::Result<()> {
    let network = Arc::new(Network::start(plan, snapshot, journal).await?);
    let mut watching = JoinSet::new();
    watching.spawn(oracle::watch(Arc::clone(&network)));
    watching.spawn(audit::go_on(Arc::clone(&network), Arc::clone(&model)));
    {
        let longest = plan.span().saturating_mul(3).saturating_add(REST);
        let happening = tokio::time::timeout(longest, happen(&network, &model));
        tokio::select! {
            happened = happening => {
                happened.with_context(|| format!("it does not end in {longest:?}"))??;
            }
            Some(wrong) = watching.join_next() => wrong??,
        }
    }
    watching.shutdown().await;
    let network = Arc::into_inner(network).context("somebody is still at work")?;
    network.stop().await
}

/// Load and faults, and what must have become of everything when they are over.
async fn happen(network: &Arc<Network>, model: &Arc<Model>) -> anyhow::Result<()> {
    let plan = network.plan;
    let mut workers = JoinSet::new();
    for number in 0..CLIENTS {
        let worker = Worker {
            network: Arc::clone(network),
            model: Arc::clone(model),
            client: network.client(number).await?,
            number,
            draw: plan.draw(&format!("client {number}")),
        };
        let numbers =
            (0..plan.stores).filter(|store| store % u32::from(CLIENTS) == u32::from(number));
        workers.spawn(worker.run(numbers.collect(), plan.span()));
    }
    let faults = Faults::new(Arc::clone(network), Arc::clone(model));
    let faults = faults.run(plan.draw("faults"));
    let working = async {
        while let Some(worker) = workers.join_next().await {
            worker??;
        }
        anyhow::Ok(())
    };
    let ((), ()) = tokio::try_join!(working, faults)?;
    network.journal.note("no more faults");
    // Those that have begun meanwhile may still be changing.
    let last = plan.epochs.saturating_add(1);
    network
        .epoch_changed_by(last, EPOCH.saturating_mul(2))
        .await?;
    oracle::whole(network, model, None, HEALING).await?;
    network.journal.note("everything is healed");
    let (epoch, _) = network.epoch().await?;
    let reader = Worker {
        network: Arc::clone(network),
        model: Arc::clone(model),
        client: network.client(CLIENTS).await?,
        number: CLIENTS,
        draw: plan.draw("last reader"),
    };
    for blob in model.live(epoch) {
        reader.read(&blob).await?;
    }
    let all: Vec<_> = network.indexes().collect();
    contents::right(network, model, &all).await?;
    oracle::nothing_left(network, model, REMOVAL).await?;
    reports::once(network).await?;
    money::is_conserved(network).await
}
