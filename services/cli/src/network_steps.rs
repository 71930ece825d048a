//! Start-up display: the steps of a network coming up, as lines and bars.

use std::{
    sync::{Mutex, PoisonError},
    time::Instant,
};

use indicatif::ProgressBar;
use walrus_localnet::{Observer, Step};

use crate::report::{Reporter, duration, wal};

/// Shows a network coming up.
pub(crate) struct NetworkSteps {
    reporter: Reporter,
    started: Instant,
    bar: Mutex<Option<ProgressBar>>,
}

impl NetworkSteps {
    pub(crate) fn new(reporter: Reporter) -> Self {
        Self {
            reporter,
            started: Instant::now(),
            bar: Mutex::new(None),
        }
    }

    /// Counts on a bar; prints `done` when it is full.
    fn count(&self, label: &str, position: u16, total: u16, done: &str) {
        let mut bar = self.bar.lock().unwrap_or_else(PoisonError::into_inner);
        bar.get_or_insert_with(|| self.reporter.bar(label, u64::from(total)))
            .set_position(u64::from(position));
        if position >= total {
            if let Some(bar) = bar.take() {
                bar.finish_and_clear();
            }
            self.reporter.field(done, total);
        }
    }
}

impl Observer for NetworkSteps {
    fn on_step(&self, step: Step) {
        let reporter = &self.reporter;
        match step {
            Step::ChainStarted { rpc_url, chain_id } => {
                reporter.line("Chain");
                reporter.field("gRPC", rpc_url);
                reporter.field("chain ID", chain_id);
            }
            Step::Published {
                name,
                package,
                digest,
            } => {
                reporter.line(format!("Package {name}"));
                reporter.field("package ID", package);
                reporter.field("transaction", digest);
            }
            Step::Initialized {
                system,
                staking,
                digest,
            } => {
                reporter.line("Contract");
                reporter.field("system object", system);
                reporter.field("staking object", staking);
                reporter.field("transaction", digest);
            }
            Step::Registered { done, total } => {
                if done == 1 {
                    reporter.line("Storage nodes");
                }
                self.count("register", done, total, "registered");
            }
            Step::Staked { frost_per_node } => reporter.field("stake on each", wal(frost_per_node)),
            Step::CommitteeSelected { epoch } => {
                reporter.field("committee", format!("selected for epoch {epoch}"));
            }
            Step::NodesStarted { done, total } => self.count("start", done, total, "running"),
            Step::Ready => {
                reporter.field(
                    "network ready",
                    format!("after {}", duration(self.started.elapsed())),
                );
            }
            _ => {}
        }
    }
}
