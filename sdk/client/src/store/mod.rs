//! Storing blobs. Client spec 1.2 to 1.8.
//!
//! Bytes are encoded, the network is asked what it has already, storage is taken from the wallet or bought, slivers go to the
//! nodes, enough of them confirm, and the certificate goes on chain. [`upload_and_confirm`] is the part that needs no chain.
//!
//! How far a blob has come is a type of its own, in `stage.rs`; what will be told of it is in `record.rs`.

mod backfill;
mod beforehand;
mod certify;
mod complete;
mod confirm;
mod cutting;
mod dry_run;
mod duplicates;
mod encode;
mod encode_all;
mod floor;
mod lost;
mod mixing;
mod on_demand;
mod parts;
mod phases;
mod plan;
mod planned_gas;
mod purse;
mod quorum;
mod record;
mod register;
mod registered_upload;
mod relayed;
mod resume;
mod rivals;
#[cfg(test)]
mod samples;
mod slivers;
mod sparing;
mod stage;
mod storage_end;
mod upload;
mod whole;

use std::{collections::BTreeMap, sync::Arc};

use futures::StreamExt as _;
use walrus_core::{BlobId, Epoch, parameters::max_faulty};
use walrus_node_client::BlobStatus;
use walrus_sui::transactions::ContractWriter;

pub(crate) use self::{
    beforehand::Beforehand, duplicates::Known, encode::Unencoded, floor::CostLimit,
};
use self::{lost::Objects, record::Record, stage::Placed};
pub use self::{
    quorum::{CertifiedUpload, Tail, upload_and_confirm},
    registered_upload::UploadCertificate,
    slivers::EncodedSlivers,
    storage_end::{Registered, upload_while_stored},
    upload::BlobUpload,
};
use crate::{
    BlobToStore, Client, ClientError, EventOrObject, Phase, PostStoreAction, Progress,
    StoreOptions, StoreReport, Stored, chain_witness::ChainWitness, committee_cache::NetworkView,
    journal::UploadLog, limits, progress::Timer, read::StatusPoll,
};

/// One store of several blobs.
pub(crate) struct Store<'a> {
    client: &'a Client,
    /// Who pays; only a dry run does without.
    writer: Option<ContractWriter>,
    options: &'a StoreOptions,
    progress: &'a dyn Progress,
    view: Arc<NetworkView>,
    epochs_ahead: u32,
    /// What will be told of each blob.
    records: Vec<Record>,
    /// Who may take objects away, and what was taken.
    objects: Objects,
    /// Where it is written down what is paid.
    log: Option<UploadLog>,
    report: StoreReport,
}

impl<'a> Store<'a> {
    /// Prepares a store: the committee, who pays, how long to store.
    pub(crate) async fn new(
        client: &'a Client,
        writer: Option<ContractWriter>,
        options: &'a StoreOptions,
        progress: &'a dyn Progress,
    ) -> Result<Self, ClientError> {
        let writer = writer.map(|writer| {
            let executor = writer.executor().clone();
            let executor = executor.with_gas_budget(options.gas_budget).metered();
            ContractWriter::with_executor(client.reader().clone(), executor)
        });
        let view = client.view().await?;
        if options.post_store == PostStoreAction::Share && options.deletable {
            return Err(ClientError::DeletableShared);
        }
        let epochs_ahead = client.epochs_ahead(options.epochs, &view).await?;
        let report = StoreReport {
            outcomes: Vec::new(),
            timings: BTreeMap::new(),
            gas: 0,
        };
        let records = Vec::new();
        Ok(Self {
            client,
            writer,
            options,
            progress,
            view,
            epochs_ahead,
            records,
            objects: Objects::default(),
            log: None,
            report,
        })
    }

    /// Runs all phases. Blobs that are `known` from before are not stored again.
    pub(crate) async fn run(
        mut self,
        blobs: Vec<BlobToStore>,
        known: &mut Known,
    ) -> Result<StoreReport, ClientError> {
        let mut encoded = self.encode(blobs).await?;
        self.join_duplicates();
        self.take_known(known);
        // The slivers of all others are given up.
        encoded.retain(|blob| self.is_open(blob));
        let (mut going_on, mut encoded) = self.go_on(encoded).await?;
        if self.options.check_status {
            let blobs = encoded.iter().map(|encoded| encoded.blob.id());
            let mut statuses = self.check_status(blobs.collect()).await?;
            encoded.retain(|blob| self.is_open(blob));
            for blob in &mut encoded {
                blob.status = statuses.remove(&blob.place());
            }
        }
        while !(encoded.is_empty() && going_on.is_empty()) {
            let mut registered = self.register(encoded).await?;
            registered.append(&mut going_on);
            registered.sort_by_key(Placed::place);
            self.upload_and_certify(registered).await?;
            self.check_borrowed().await?;
            encoded = self.objects.begin_again();
        }
        self.hand_over().await?;
        self.end_uploads().await?;
        self.end_duplicates(known);
        self.report.gas = self.writer()?.executor().gas_spent();
        let outcomes = self.records.into_iter().map(Record::into_outcome);
        self.report.outcomes = outcomes.collect();
        Ok(self.report)
    }

    fn writer(&self) -> Result<&ContractWriter, ClientError> {
        self.writer.as_ref().ok_or(ClientError::NoSigner(None))
    }

    /// Notes something to tell of a blob.
    fn note(&mut self, place: usize, change: impl FnOnce(&mut Record)) {
        if let Some(record) = self.records.get_mut(place) {
            change(record);
        }
    }

    /// A blob failed: with a single blob so does the store.
    fn fail(&mut self, place: usize, phase: Phase, error: ClientError) -> Result<(), ClientError> {
        if self.records.len() == 1 {
            return Err(error);
        }
        self.note(place, |record| {
            tracing::debug!(label = record.label, %error, "a blob could not be stored");
            record.fail(phase, error);
        });
        Ok(())
    }

    /// Whether the fate of a blob is open.
    fn is_open(&self, blob: &impl Placed) -> bool {
        let record = self.records.get(blob.place());
        record.is_some_and(|record| record.result.is_none() && record.same_as.is_none())
    }

    /// The first epoch that need not be paid for.
    fn end_epoch(&self) -> Epoch {
        self.view.current.epoch.saturating_add(self.epochs_ahead)
    }

    /// Asks the network what it has; the statuses that can be believed, by place. Nodes of more than `f` shards that cannot be
    /// reached end the store here, before anything is paid.
    async fn check_status(
        &mut self,
        blobs: Vec<(usize, BlobId)>,
    ) -> Result<BTreeMap<usize, BlobStatus>, ClientError> {
        let timer = Timer::start(Phase::CheckStatus, self.progress);
        let witness = ChainWitness(self.client.reader().clone());
        let view = Arc::clone(&self.view);
        let polls: Vec<_> = futures::stream::iter(blobs)
            .map(|(place, blob_id)| {
                let view = &view;
                async move {
                    let timeout = limits::STATUS_TIMEOUT;
                    let poll = StatusPoll::sparing(&view.current, &blob_id, timeout).await;
                    (place, blob_id, poll)
                }
            })
            .buffer_unordered(limits::MAX_CONCURRENT_BLOBS)
            .collect()
            .await;
        let mut statuses = BTreeMap::new();
        for (place, blob_id, poll) in polls {
            if let Some(error) = unreachable_error(&view, &poll) {
                self.fail(place, Phase::CheckStatus, error)?;
                continue;
            }
            // Without a status that can be believed the blob is stored as if it were new.
            if let Ok(status) = poll.decide(&witness).await {
                self.short_circuit(place, blob_id, &status);
                statuses.insert(place, status);
            }
        }
        self.report.time(Phase::CheckStatus, timer.finish());
        Ok(statuses)
    }

    /// Ends a blob that the network has, for long enough and as it is wanted. Client spec 1.4.
    fn short_circuit(&mut self, place: usize, blob_id: BlobId, status: &BlobStatus) {
        let (end, deletable) = (self.end_epoch(), self.options.deletable);
        match *status {
            BlobStatus::Permanent {
                end_epoch,
                is_certified: true,
                status_event,
                ..
            } if !deletable && end_epoch >= end => self.note(place, |record| {
                record.result = Some(Ok(Stored::AlreadyCertified {
                    blob_id,
                    event_or_object: EventOrObject::Event(status_event),
                    end_epoch,
                }));
            }),
            // Nodes refuse it in either form, so paying for it would be for nothing.
            BlobStatus::Invalid { event } => self.note(place, |record| {
                let error = ClientError::MarkedInvalid { blob_id, event };
                record.fail(Phase::CheckStatus, error);
            }),
            _ => {}
        }
    }
}

/// The error of a network that cannot confirm anything.
fn unreachable_error(view: &NetworkView, poll: &StatusPoll) -> Option<ClientError> {
    let n_shards = view.current.n_shards();
    let lost: u64 = poll
        .failures
        .iter()
        .map(|failure| u64::from(failure.weight))
        .sum();
    (lost > u64::from(max_faulty(n_shards))).then(|| ClientError::NotEnoughConfirmations {
        got: n_shards.saturating_sub(u16::try_from(lost).unwrap_or(u16::MAX)),
        needed: walrus_core::quorum::min_certificate_weight(n_shards),
        failures: poll.failures.clone(),
        registered: None,
    })
}

/// Whether nodes hold their slivers of the blob already, so that only confirmations are missing. Client spec 1.6.1.
fn is_stored_already(view: &NetworkView, status: Option<&BlobStatus>) -> bool {
    !view.is_changing() && status.is_some_and(|status| status.initial_certified_epoch().is_some())
}

/// What a confirmation must be about, and whether slivers must be sent.
fn upload_of(
    view: &NetworkView,
    blob: &stage::Registered,
    slivers: &EncodedSlivers,
    permits: &Arc<tokio::sync::Semaphore>,
) -> BlobUpload {
    BlobUpload {
        blob: slivers.clone(),
        persistence: blob.registration.persistence(),
        stored_already: is_stored_already(view, blob.encoded.status.as_ref()),
        resumes: blob.resumed.is_some(),
        permits: Arc::clone(permits),
    }
}
