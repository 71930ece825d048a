//! Sealed checkpoints and their transactions, as readers use them.

use std::sync::Arc;

use sui_sdk_types::{
    Address, CheckpointContents, CheckpointSummary, Digest, Object, TransactionKind,
    ValidatorAggregatedSignature, Version,
};

use crate::record::{CheckpointRecord, TransactionRecord};

/// A checkpoint.
#[derive(Clone, Debug)]
pub(crate) struct Checkpoint {
    pub(crate) digest: Digest,
    pub(crate) summary: CheckpointSummary,
    pub(crate) contents: CheckpointContents,
    pub(crate) signature: ValidatorAggregatedSignature,
    /// Its transactions in order.
    pub(crate) transactions: Vec<Arc<Executed>>,
}

/// An executed transaction and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Executed {
    /// Without the objects that it wrote: those are in `written`.
    pub(crate) record: TransactionRecord,
    /// The objects that it wrote.
    pub(crate) written: Vec<Arc<Object>>,
    pub(crate) digest: Digest,
    pub(crate) checkpoint: u64,
    pub(crate) timestamp_ms: u64,
    /// Position inside the checkpoint.
    pub(crate) index: u64,
}

impl Checkpoint {
    pub(crate) fn new(record: CheckpointRecord) -> Self {
        let CheckpointRecord {
            summary,
            contents,
            signature,
            transactions,
        } = record;
        let transactions = (0u64..)
            .zip(transactions)
            .map(|(index, record)| Arc::new(Executed::new(record, &summary, index)))
            .collect();
        Self {
            digest: summary.digest(),
            summary,
            contents,
            signature,
            transactions,
        }
    }

    /// How much there is in it for a filter to look at: transactions, commands and events.
    pub(crate) fn weight(&self) -> u64 {
        let transactions = self.transactions.iter();
        let weights = transactions.map(|executed| {
            let record = &executed.record;
            let commands = match &record.transaction.kind {
                TransactionKind::ProgrammableTransaction(programmable) => {
                    programmable.commands.len()
                }
                _ => 0,
            };
            let events = record.events.as_ref().map_or(0, |events| events.0.len());
            commands.saturating_add(events).saturating_add(1) as u64
        });
        weights.fold(0, u64::saturating_add)
    }

    /// The transaction at a position.
    pub(crate) fn transaction(&self, index: u64) -> Option<&Arc<Executed>> {
        self.transactions.get(usize::try_from(index).ok()?)
    }
}

impl Executed {
    fn new(mut record: TransactionRecord, summary: &CheckpointSummary, index: u64) -> Self {
        let written = std::mem::take(&mut record.written);
        Self {
            written: written.into_iter().map(Arc::new).collect(),
            digest: record.digest(),
            checkpoint: summary.sequence_number,
            timestamp_ms: summary.timestamp_ms,
            index,
            record,
        }
    }

    /// The object that it wrote as this version.
    pub(crate) fn object(&self, id: &Address, version: Version) -> Option<&Arc<Object>> {
        let mut written = self.written.iter();
        written.find(|object| object.object_id() == *id && object.version() == version)
    }
}
