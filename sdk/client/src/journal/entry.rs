//! Journal entry: what the lines say together about an upload that is not over.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use walrus_core::{BlobId, Epoch};
use walrus_sui::{
    Address,
    objects::Blob,
    transactions::{BlobCertificate, SignedTransaction},
};

use super::{
    UploadKey,
    line::{Begun, KeptResult, Line, PaidUpload, SignedTip},
};

/// How far an upload has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum UploadStage {
    /// A transaction that pays for it is signed. Only the chain tells what became of that.
    Paying,
    /// The blob is registered.
    Registered,
    /// Enough nodes have confirmed that they hold it.
    Confirmed,
    /// It is stored, and the result is kept; see [`Journal::keeping_results`](super::Journal::keeping_results).
    Stored,
}

/// An upload that is paid for, or may be, and is not over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenUpload {
    /// What it is found by.
    pub key: UploadKey,
    /// When it was begun.
    pub begun: SystemTime,
    /// The system object of the network.
    pub network: Address,
    /// Who pays.
    pub signer: Address,
    /// The blob.
    pub blob_id: BlobId,
    /// What storage costs, in FROST.
    pub cost: u64,
    /// How far it has come.
    pub stage: UploadStage,
}

/// All that is known of such an upload.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    pub(crate) paid: PaidUpload,
    pub(crate) transaction: Arc<SignedTransaction>,
    pub(crate) object: Option<Blob>,
    /// With the epoch in which it counts.
    pub(crate) certificate: Option<(Epoch, BlobCertificate)>,
    /// The transaction that shares the object.
    pub(crate) sharing: Option<SignedTransaction>,
    /// The tip of an upload relay.
    pub(crate) tip: Option<SignedTip>,
    pub(crate) stored: Option<KeptResult>,
}

impl Entry {
    fn new(paid: PaidUpload, transaction: Arc<SignedTransaction>) -> Self {
        Self {
            paid,
            transaction,
            object: None,
            certificate: None,
            sharing: None,
            tip: None,
            stored: None,
        }
    }

    /// When the upload was begun.
    pub(crate) fn begun(&self) -> SystemTime {
        let since = Duration::from_millis(self.paid.begun);
        UNIX_EPOCH.checked_add(since).unwrap_or(UNIX_EPOCH)
    }

    pub(crate) fn blob_id(&self) -> BlobId {
        self.paid.registration.blob_id
    }

    pub(crate) fn stage(&self) -> UploadStage {
        match (&self.stored, &self.object, &self.certificate) {
            (Some(_), _, _) => UploadStage::Stored,
            (None, None, _) => UploadStage::Paying,
            (None, Some(_), None) => UploadStage::Registered,
            (None, Some(_), Some(_)) => UploadStage::Confirmed,
        }
    }

    pub(super) fn describe(&self) -> OpenUpload {
        OpenUpload {
            key: self.paid.key,
            begun: self.begun(),
            network: self.paid.network,
            signer: self.transaction.sender(),
            blob_id: self.blob_id(),
            cost: self.paid.cost,
            stage: self.stage(),
        }
    }

    /// The lines that say the same, for a store that goes on with it.
    pub(super) fn into_lines(self) -> Vec<Line> {
        let key = self.paid.key;
        let mut lines = vec![Line::Paying {
            transaction: (*self.transaction).clone(),
            uploads: vec![PaidUpload {
                generation: self.paid.generation.saturating_add(1),
                ..self.paid
            }],
        }];
        let object = self.object.map(Box::new);
        lines.extend(object.map(|object| Line::Registered { key, object }));
        let confirmed = |(epoch, certificate)| Line::Confirmed {
            key,
            epoch,
            certificate,
        };
        lines.extend(self.certificate.map(confirmed));
        let sharing = |transaction| Line::Sharing { key, transaction };
        lines.extend(self.sharing.map(sharing));
        let tipping = |tip| Line::Tipping { key, tip };
        lines.extend(self.tip.map(tipping));
        let result = self.stored.map(Box::new);
        lines.extend(result.map(|result| Line::Stored { key, result }));
        lines
    }
}

/// The uploads of one file.
#[derive(Debug, Default)]
pub(super) struct Entries {
    begun: Option<Begun>,
    /// What the store is at work on.
    claimed: Vec<UploadKey>,
    open: BTreeMap<UploadKey, Entry>,
}

impl Entries {
    /// Takes the next line. What cannot come now is a reason to distrust the file.
    pub(super) fn take(&mut self, line: Line) -> Result<(), &'static str> {
        if self.begun.is_none() {
            let Line::Begun(begun) = line else {
                return Err("the file does not say how it begins");
            };
            if begun.format != super::line::FORMAT {
                return Err("it was written by another version of this program");
            }
            self.claimed.clone_from(&begun.keys);
            self.begun = Some(begun);
            return Ok(());
        }
        match line {
            Line::Begun(_) => return Err("it begins twice"),
            Line::Paying {
                transaction,
                uploads,
            } => {
                let transaction = Arc::new(transaction);
                let entry =
                    |paid: PaidUpload| (paid.key, Entry::new(paid, Arc::clone(&transaction)));
                self.open.extend(uploads.into_iter().map(entry));
            }
            Line::Registered { key, object } => self.of(key)?.object = Some(*object),
            Line::Confirmed {
                key,
                epoch,
                certificate,
            } => self.of(key)?.certificate = Some((epoch, certificate)),
            Line::Sharing { key, transaction } => self.of(key)?.sharing = Some(transaction),
            Line::Tipping { key, tip } => self.of(key)?.tip = Some(tip),
            Line::Stored { key, result } => self.of(key)?.stored = Some(*result),
            Line::Ended { keys } => {
                self.claimed.retain(|key| !keys.contains(key));
                self.open.retain(|key, _| !keys.contains(key));
            }
        }
        Ok(())
    }

    fn of(&mut self, key: UploadKey) -> Result<&mut Entry, &'static str> {
        let entry = self.open.get_mut(&key);
        entry.ok_or("it tells of an upload that was not paid for")
    }

    pub(super) fn begun(&self) -> Option<&Begun> {
        self.begun.as_ref()
    }

    /// What a store that runs is at work on.
    pub(super) fn is_claimed(&self, key: &UploadKey) -> bool {
        self.claimed.contains(key)
    }

    pub(super) fn open(&self) -> &BTreeMap<UploadKey, Entry> {
        &self.open
    }

    /// Whether nothing is paid for that is not over.
    pub(super) fn is_over(&self) -> bool {
        self.open.is_empty()
    }
}
