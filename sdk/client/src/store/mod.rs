//! Storing blobs. Client spec 1.2 to 1.8.
//!
//! Bytes are encoded, the network is asked what it has already, storage is taken from the wallet or bought, slivers go to the
//! nodes, enough of them confirm, and the certificate goes on chain. [`upload_and_confirm`] is the part that needs no chain.

mod certify;
mod complete;
mod confirm;
mod cutting;
mod dry_run;
mod duplicates;
mod encode;
mod encode_all;
mod mixing;
mod parts;
mod phases;
mod plan;
mod planned_gas;
mod quorum;
mod register;
mod rivals;
mod slivers;
mod slot;
mod storage_end;
mod upload;

use std::{collections::BTreeMap, sync::Arc};

use futures::StreamExt as _;
use walrus_core::{Epoch, messages::BlobPersistence, parameters::max_faulty};
use walrus_node_client::BlobStatus;
use walrus_sui::transactions::ContractWriter;

pub(crate) use self::duplicates::Known;
use self::{encode::Unencoded, slot::Slot};
pub use self::{
    quorum::{CertifiedUpload, Tail, upload_and_confirm},
    slivers::EncodedSlivers,
    storage_end::{Registered, upload_while_stored},
    upload::BlobUpload,
};
use crate::{
    BlobStoreResult, BlobToStore, Client, ClientError, EventOrObject, Phase, Progress,
    StoreOptions, StoreReport, chain_witness::ChainWitness, committee_cache::NetworkView, limits,
    progress::Timer, read::StatusPoll,
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
    slots: Vec<Slot>,
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
        let (view, epochs_ahead) =
            tokio::try_join!(client.view(), client.epochs_ahead(options.epochs))?;
        let report = StoreReport {
            outcomes: Vec::new(),
            timings: BTreeMap::new(),
            gas: 0,
        };
        let slots = Vec::new();
        Ok(Self {
            client,
            writer,
            options,
            progress,
            view,
            epochs_ahead,
            slots,
            report,
        })
    }

    /// Runs all phases. Blobs that are `known` from before are not stored again.
    pub(crate) async fn run(
        mut self,
        blobs: Vec<BlobToStore>,
        known: &mut Known,
    ) -> Result<StoreReport, ClientError> {
        self.encode(blobs).await?;
        self.join_duplicates();
        self.take_known(known);
        if self.options.check_status {
            self.check_status().await?;
        }
        self.register().await?;
        self.upload_and_certify().await?;
        self.hand_over().await?;
        self.end_duplicates(known);
        self.report.gas = self.writer()?.executor().gas_spent();
        self.report.outcomes = self.slots.into_iter().map(Slot::into_outcome).collect();
        Ok(self.report)
    }

    fn writer(&self) -> Result<&ContractWriter, ClientError> {
        self.writer.as_ref().ok_or(ClientError::NoSigner(None))
    }

    /// A blob failed: with a single blob so does the store.
    fn fail(&mut self, slot: usize, phase: Phase, error: ClientError) -> Result<(), ClientError> {
        if self.slots.len() == 1 {
            return Err(error);
        }
        if let Some(slot) = self.slots.get_mut(slot) {
            tracing::warn!(label = slot.label, %error, "a blob could not be stored");
            slot.fail(phase, &error);
        }
        Ok(())
    }

    /// The blobs whose fate is open.
    fn pending(&self) -> Vec<usize> {
        let open = self
            .slots
            .iter()
            .enumerate()
            .filter(|(_, slot)| slot.result.is_none() && slot.same_as.is_none());
        open.map(|(index, _)| index).collect()
    }

    /// The first epoch that need not be paid for.
    fn end_epoch(&self) -> Epoch {
        self.view.current.epoch.saturating_add(self.epochs_ahead)
    }

    /// Asks the network what it has. Nodes of more than `f` shards that cannot be reached end the store here, before anything
    /// is paid.
    async fn check_status(&mut self) -> Result<(), ClientError> {
        let timer = Timer::start(Phase::CheckStatus, self.progress);
        let witness = ChainWitness(self.client.reader().clone());
        let blobs: Vec<_> = self
            .pending()
            .into_iter()
            .filter_map(|index| Some((index, self.slots.get(index)?.identity?.blob_id)))
            .collect();
        let view = Arc::clone(&self.view);
        let answers: Vec<_> = futures::stream::iter(blobs)
            .map(|(index, blob_id)| {
                let view = &view;
                async move {
                    let timeout = limits::STATUS_TIMEOUT;
                    (
                        index,
                        StatusPoll::run(&view.current, &blob_id, timeout).await,
                    )
                }
            })
            .buffer_unordered(limits::MAX_CONCURRENT_BLOBS)
            .collect()
            .await;
        for (index, poll) in answers {
            match unreachable_error(&view, &poll) {
                Some(error) => self.fail(index, Phase::CheckStatus, error)?,
                // Without a status that can be believed the blob is stored as if it were new.
                None => {
                    let status = poll.decide(&witness).await.ok();
                    self.short_circuit(index, status);
                }
            }
        }
        self.report.time(Phase::CheckStatus, timer.finish());
        Ok(())
    }

    /// Ends a blob that the network has, for long enough and as it is wanted. Client spec 1.4.
    fn short_circuit(&mut self, index: usize, status: Option<BlobStatus>) {
        let (end, deletable) = (self.end_epoch(), self.options.deletable);
        let Some(slot) = self.slots.get_mut(index) else {
            return;
        };
        let Some(blob_id) = slot.identity.map(|identity| identity.blob_id) else {
            return;
        };
        slot.result = match &status {
            Some(BlobStatus::Permanent {
                end_epoch,
                is_certified: true,
                status_event,
                ..
            }) if !deletable && *end_epoch >= end => Some(BlobStoreResult::AlreadyCertified {
                blob_id,
                event_or_object: EventOrObject::Event(*status_event),
                end_epoch: *end_epoch,
            }),
            // Nodes refuse it in either form, so paying for it would be for nothing.
            Some(BlobStatus::Invalid { event }) => Some(BlobStoreResult::MarkedInvalid {
                blob_id,
                event: *event,
            }),
            _ => None,
        };
        slot.status = status;
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
    slot: &Slot,
    permits: &Arc<tokio::sync::Semaphore>,
) -> Option<BlobUpload> {
    let registration = slot.registration.as_ref()?;
    let persistence: BlobPersistence = registration.persistence();
    Some(BlobUpload {
        blob: slot.encoded.clone()?,
        persistence,
        stored_already: is_stored_already(view, slot.status.as_ref()),
        permits: Arc::clone(permits),
    })
}
