//! Protocol of the admin socket: requests and answers. Node spec 6.3.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::operator::{
    DiskView, Explanation, FsckReport, RepairReport, RepairScope, ScrubState, Status, WorkerStatus,
    backup::{BackupSummary, SliverDigest, SliverName},
};

/// What an operator asks of a running node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum AdminRequest {
    /// How the node is.
    Status {},
    /// How its background jobs are.
    Workers {},
    /// Steers a background job.
    Worker {
        /// Its name.
        name: String,
        /// What it is to do.
        command: WorkerCommand,
    },
    /// Sets what is logged.
    LogLevel {
        /// Directives as in `RUST_LOG`.
        level: String,
    },
    /// Looks for what is missing, and queues it for recovery.
    Repair {
        /// What is to be done.
        command: RepairCommand,
    },
    /// Why a blob is complete, or is not.
    Explain {
        /// The blob ID.
        blob_id: String,
    },
    /// The scrub.
    Scrub {
        /// What is to be done.
        command: ScrubCommand,
    },
    /// Whether index and files agree.
    Fsck {
        /// What is to be done.
        command: FsckCommand,
    },
    /// The disks.
    Disk {
        /// What is to be done.
        command: DiskCommand,
    },
    /// Backups.
    Checkpoint {
        /// What is to be done.
        command: CheckpointCommand,
    },
}

/// What a background job is to do. It stays so after a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum WorkerCommand {
    /// Nothing, once its step ends.
    Pause,
    /// Go on.
    Resume,
    /// Pause after each step for so many times as long as it took.
    Throttle(u32),
}

/// What is to be repaired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RepairCommand {
    /// Begin.
    Start(RepairScope),
    /// Say how far it is.
    Status,
}

/// What is to be done about the scrub.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ScrubCommand {
    /// Begin one now, or go on with one that was paused.
    Start,
    /// The same, and compare every sliver with the metadata of its blob.
    StartDeep,
    /// Say how far it is.
    Status,
    /// Read so much each second at most.
    Set {
        /// Bytes.
        bytes_per_sec: u64,
    },
}

/// What is to be done about the check of index and files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum FsckCommand {
    /// Begin one.
    Start {
        /// Whether to mend what is found.
        fix: bool,
    },
    /// Say how far it is.
    Status,
}

/// What is to be done about disks. All of them say how the disks are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum DiskCommand {
    /// Only that.
    List,
    /// Give up one that is missing.
    Forget {
        /// Its directory.
        path: PathBuf,
    },
    /// Move what is on one to the others.
    Drain {
        /// Its directory.
        path: PathBuf,
    },
    /// Only whether that would be done.
    CheckDrain {
        /// Its directory.
        path: PathBuf,
    },
}

/// What is to be done about backups.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum CheckpointCommand {
    /// Make one; one at a time.
    Create {
        /// In another directory than the configured one.
        path: Option<PathBuf>,
        /// Not at once.
        delay_secs: Option<u64>,
        /// Keys and configuration, encrypted and in Base64, to be kept in it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sealed_keys: Option<String>,
    },
    /// Do not make the one that is ordered or under way.
    Cancel,
    /// Say how the last one ended.
    Status,
    /// Say what the node has of these slivers, to be compared with a backup.
    Compare(Vec<SliverName>),
}

/// What the node answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AdminAnswer {
    /// Whether it was done.
    pub success: bool,
    /// A sentence.
    pub message: String,
    /// Whether it was not done because it would not be safe.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub refused: bool,
    /// What was asked for, if it is more than a sentence.
    #[serde(flatten)]
    pub body: Option<AdminBody>,
}

/// An answer that is more than a sentence, under its name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum AdminBody {
    /// To [`AdminRequest::Status`].
    Status(Box<Status>),
    /// To [`AdminRequest::Workers`] and [`AdminRequest::Worker`].
    Workers(Vec<WorkerStatus>),
    /// To [`AdminRequest::Repair`].
    Repair(RepairReport),
    /// To [`AdminRequest::Explain`].
    Explanation(Box<Explanation>),
    /// To [`AdminRequest::Scrub`].
    Scrub(ScrubState),
    /// To [`AdminRequest::Fsck`].
    Fsck(FsckReport),
    /// To [`AdminRequest::Disk`].
    Disks(Vec<DiskView>),
    /// To [`CheckpointCommand::Status`], once a backup is made.
    Backup(BackupSummary),
    /// To [`CheckpointCommand::Compare`].
    Slivers(Vec<SliverDigest>),
}

impl AdminAnswer {
    /// It was done.
    pub fn done(message: impl Into<String>) -> Self {
        Self {
            success: true,
            message: message.into(),
            refused: false,
            body: None,
        }
    }

    /// It was done, and this is what was asked for.
    pub fn with(message: impl Into<String>, body: AdminBody) -> Self {
        Self {
            body: Some(body),
            ..Self::done(message)
        }
    }

    /// It is not done, because it would not be safe.
    pub fn refused(message: impl Into<String>) -> Self {
        Self {
            success: false,
            refused: true,
            ..Self::done(message)
        }
    }

    /// It could not be done.
    pub fn failed(message: impl Into<String>) -> Self {
        Self {
            success: false,
            ..Self::done(message)
        }
    }
}

impl<T: Into<String>> From<Result<T, String>> for AdminAnswer {
    fn from(result: Result<T, String>) -> Self {
        match result {
            Ok(message) => Self::done(message),
            Err(message) => Self::failed(message),
        }
    }
}
