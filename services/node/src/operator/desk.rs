//! Desk: answers what an operator asks of the running node through its admin socket.

use std::{sync::Arc, time::Duration};

use base64::{Engine as _, prelude::BASE64_STANDARD as BASE64};
use futures::future::BoxFuture;
use walrus_service::worker::{State, WorkerInfo};

use super::{
    Status, WorkerStatus,
    admin::{
        AdminAnswer, AdminBody, AdminRequest, AdminTarget, CheckpointCommand, DiskCommand,
        FsckCommand, RepairCommand, ScrubCommand, WorkerCommand,
    },
    backup::{Backups, digests},
    disk::{DiskView, check_drain},
    explain::Explainer,
    fsck::Fscks,
    repair::{RepairRefused, RepairScope, Repairs},
    scrub::Scrubs,
    settings::WorkerSettings,
};
use crate::{
    NodeView,
    storage::Storage,
    work::{Work, WorkError},
};

/// Changes what is logged; a sentence if that is not possible.
pub type SetLogLevel = Arc<dyn Fn(&str) -> Result<(), String> + Send + Sync>;

/// Answers for one node.
pub(crate) struct Desk {
    pub(crate) name: String,
    pub(crate) public_address: String,
    pub(crate) view: NodeView,
    pub(crate) settings: WorkerSettings,
    /// Absent where many nodes share a log.
    pub(crate) set_log_level: Option<SetLogLevel>,
    pub(crate) repairs: Arc<Repairs>,
    pub(crate) backups: Arc<Backups>,
    pub(crate) scrubs: Arc<Scrubs>,
    pub(crate) fscks: Arc<Fscks>,
    pub(crate) storage: Arc<Storage>,
    pub(crate) explainer: Explainer,
    pub(crate) work: Work,
}

/// Why there is no answer.
struct Unanswered(String);

impl From<WorkError> for Unanswered {
    fn from(error: WorkError) -> Self {
        Self(error.to_string())
    }
}

impl AdminTarget for Desk {
    fn answer(&self, request: AdminRequest) -> BoxFuture<'_, AdminAnswer> {
        Box::pin(async move {
            match request {
                AdminRequest::Status {} => self.status().await,
                AdminRequest::Workers {} => {
                    let workers = self.view.workers().list();
                    let message = format!("{} background jobs", workers.len());
                    AdminAnswer::with(message, listed(&workers))
                }
                AdminRequest::Worker { name, command } => self.steer(&name, command),
                AdminRequest::LogLevel { level } => self.set_log_level(&level).into(),
                AdminRequest::Repair { command } => self.repair(command).await,
                AdminRequest::Explain { blob_id } => self.explain(&blob_id).await,
                AdminRequest::Scrub { command } => self.scrub(command),
                AdminRequest::Fsck { command } => self.fsck(command),
                AdminRequest::Disk { command } => self.disk(command).await,
                AdminRequest::Checkpoint { command } => self.backup(command).await,
            }
        })
    }
}

impl Desk {
    async fn status(&self) -> AdminAnswer {
        let (view, name) = (self.view.clone(), self.name.clone());
        let address = self.public_address.clone();
        let read = move || {
            Status::of(&view, &name, &address).map_err(|error| Unanswered(error.to_string()))
        };
        match self.work.run(read).await {
            Ok(status) => {
                AdminAnswer::with(status.verdict.clone(), AdminBody::Status(Box::new(status)))
            }
            Err(Unanswered(reason)) => AdminAnswer::failed(reason),
        }
    }

    async fn repair(&self, command: RepairCommand) -> AdminAnswer {
        if let RepairCommand::Start(scope) = command {
            // Of one blob it can be told whether there is any use in it.
            if let RepairScope::Blob(blob_id) = scope {
                match self.explainer.explain(blob_id).await {
                    Ok(explained) if explained.recoverable == Some(false) => {
                        return AdminAnswer::refused(explained.says);
                    }
                    Ok(_) => {}
                    Err(error) => return AdminAnswer::failed(error.to_string()),
                }
            }
            if let Err(error) = self.repairs.order(scope, &self.explainer.holdings) {
                let message = error.to_string();
                return match error {
                    RepairRefused::UnderWay { .. } => AdminAnswer::failed(message),
                    RepairRefused::NotOurs(_) => AdminAnswer::refused(message),
                };
            }
        }
        let report = self.repairs.report();
        let message = format!(
            "{} certified blobs looked at, {} of them incomplete: {} slivers are missing",
            report.checked, report.incomplete, report.missing_slivers
        );
        AdminAnswer::with(message, AdminBody::Repair(report))
    }

    fn scrub(&self, command: ScrubCommand) -> AdminAnswer {
        let message = match command {
            ScrubCommand::Start | ScrubCommand::StartDeep => {
                let resumed = self.steer("scrub", WorkerCommand::Resume);
                if !resumed.success {
                    return resumed;
                }
                if self.scrubs.start(command == ScrubCommand::StartDeep) {
                    "the scrub begins"
                } else {
                    "a scrub is under way"
                }
            }
            ScrubCommand::Status => "so far",
            ScrubCommand::Set { bytes_per_sec } => {
                self.scrubs.set_bytes_per_sec(bytes_per_sec);
                "the scrub keeps to that"
            }
        };
        AdminAnswer::with(message, AdminBody::Scrub(self.scrubs.state()))
    }

    fn fsck(&self, command: FsckCommand) -> AdminAnswer {
        if let FsckCommand::Start { fix } = command
            && !self.fscks.order(fix)
        {
            return AdminAnswer::failed(
                "a check is under way; `worker info fsck` says how far it is",
            );
        }
        let report = self.fscks.report();
        let message = format!("{} looked at, {} found", report.checked, report.found);
        AdminAnswer::with(message, AdminBody::Fsck(report))
    }

    async fn disk(&self, command: DiskCommand) -> AdminAnswer {
        if let DiskCommand::Drain { path } | DiskCommand::CheckDrain { path } = &command
            && let Err(error) = check_drain(&self.storage.disks(), path)
        {
            return AdminAnswer::refused(error.to_string());
        }
        let storage = Arc::clone(&self.storage);
        let change = move || {
            let done = match &command {
                DiskCommand::List | DiskCommand::CheckDrain { .. } => Ok(true),
                DiskCommand::Drain { path } => storage.set_draining(path, true),
                DiskCommand::Forget { path } => storage.forget_disk(path),
            };
            done.map_err(|error| Unanswered(error.to_string()))
        };
        match self.work.run(change).await {
            Ok(true) => {}
            Ok(false) => {
                return AdminAnswer::refused("the disk is not missing, or none of this node");
            }
            Err(Unanswered(reason)) => return AdminAnswer::failed(reason),
        }
        let disks = self.storage.disks();
        let message = format!("{} disks", disks.len());
        AdminAnswer::with(
            message,
            AdminBody::Disks(disks.iter().map(DiskView::from).collect()),
        )
    }

    async fn backup(&self, command: CheckpointCommand) -> AdminAnswer {
        match command {
            CheckpointCommand::Create {
                path,
                delay_secs,
                sealed_keys,
            } => {
                let delay = Duration::from_secs(delay_secs.unwrap_or_default());
                let sealed = sealed_keys.map(|keys| BASE64.decode(keys)).transpose();
                let Ok(sealed) = sealed else {
                    return AdminAnswer::failed("the encrypted keys are no Base64");
                };
                if self.backups.order(path, delay, sealed) {
                    AdminAnswer::done("the backup is ordered")
                } else {
                    AdminAnswer::failed("a backup is already in progress")
                }
            }
            CheckpointCommand::Cancel if self.backups.cancel() => {
                AdminAnswer::done("the backup is cancelled")
            }
            CheckpointCommand::Cancel => AdminAnswer::failed("no backup is in progress"),
            CheckpointCommand::Status => match self.backups.last() {
                Some(Ok(made)) => {
                    let message = format!("backup {} was made", made.id);
                    AdminAnswer::with(message, AdminBody::Backup(made))
                }
                Some(Err(error)) => AdminAnswer::failed(error),
                None => AdminAnswer::done("no backup was made yet"),
            },
            CheckpointCommand::Compare(names) => {
                let storage = Arc::clone(&self.storage);
                let read = move || {
                    digests(&storage, &names).map_err(|error| Unanswered(error.to_string()))
                };
                match self.work.run(read).await {
                    Ok(found) => AdminAnswer::with(
                        format!("{} slivers", found.len()),
                        AdminBody::Slivers(found),
                    ),
                    Err(Unanswered(reason)) => AdminAnswer::failed(reason),
                }
            }
        }
    }

    async fn explain(&self, blob_id: &str) -> AdminAnswer {
        let blob_id = match blob_id.parse() {
            Ok(blob_id) => blob_id,
            Err(error) => {
                return AdminAnswer::failed(format!("`{blob_id}` is no blob ID: {error}"));
            }
        };
        match self.explainer.explain(blob_id).await {
            Ok(explained) => AdminAnswer::with(
                explained.says.clone(),
                AdminBody::Explanation(Box::new(explained)),
            ),
            Err(error) => AdminAnswer::failed(error.to_string()),
        }
    }

    fn steer(&self, name: &str, command: WorkerCommand) -> AdminAnswer {
        let workers = self.view.workers();
        let done = match command {
            WorkerCommand::Pause => workers.pause(name),
            WorkerCommand::Resume => workers.resume(name),
            WorkerCommand::Throttle(factor) => workers.throttle(name, factor),
        };
        if let Err(error) = done {
            return AdminAnswer::failed(error.to_string());
        }
        let list = workers.list();
        let (named, mut message): (Vec<_>, _) = (
            list.iter()
                .filter(|worker| worker.name == name)
                .cloned()
                .collect(),
            standing(&list, name),
        );
        if let Err(error) = self.settings.save(&list) {
            message += &format!(", until the node is started again: {error}");
        }
        AdminAnswer::with(message, listed(&named))
    }

    fn set_log_level(&self, directives: &str) -> Result<String, String> {
        let set = self.set_log_level.as_ref();
        let set = set.ok_or("this node shares its log with others; set RUST_LOG at the start")?;
        set(directives).map(|()| format!("logging {directives}"))
    }
}

fn listed(workers: &[WorkerInfo]) -> AdminBody {
    AdminBody::Workers(workers.iter().map(WorkerStatus::from).collect())
}

/// What a worker is to do now, in words.
fn standing(list: &[WorkerInfo], name: &str) -> String {
    let Some(worker) = list.iter().find(|worker| worker.name == name) else {
        return format!("{name}: done");
    };
    let runs = match (worker.paused, worker.state) {
        (true, State::Paused) => "is paused",
        (true, _) => "pauses when its step ends",
        (false, _) => "is not paused",
    };
    match worker.throttle {
        0 => format!("{name} {runs}, at full speed"),
        factor => format!("{name} {runs}, and rests {factor} times as long as each step takes"),
    }
}
