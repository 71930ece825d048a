//! A blob on all nodes of a committee, until enough of them confirmed. Client spec 1.6.
//!
//! Each node goes at its own pace: all in one request, or metadata, slivers, confirmation. Nobody waits for the slowest. As soon as the nodes that are
//! lost have more than `f` shards, nothing can succeed any more, and the attempt ends.

use std::{sync::Arc, time::Duration};

use tokio::{sync::mpsc, task::JoinSet, time::Instant};
use walrus_core::{
    certificate::ProtocolMessageCertificate, messages::StorageConfirmationBody,
    parameters::max_faulty, quorum::min_certificate_weight,
};
use walrus_node_client::Stored;
use walrus_sui::transactions::BlobCertificate;

use super::{
    confirm::{self, Confirmation, Unconfirmed},
    upload::{self, BlobUpload},
    whole,
};
use crate::{
    ClientError, NodeFailure, NodeProblem, Progress, ProgressEvent, limits,
    nodes::{NodeCommittee, StorageNode},
};

/// Events of one node that wait to be heard; more hold it up.
const EVENTS_PER_NODE: usize = 4;

/// What happened on one node.
pub(super) enum NodeEvent {
    /// It has a sliver of so many bytes.
    Sent(u64),
    Uploaded(Arc<StorageNode>),
    Confirmed(Arc<StorageNode>, Confirmation),
    Lost(NodeFailure),
}

/// A blob that enough nodes confirmed.
#[derive(Debug)]
pub struct CertifiedUpload {
    /// What the contract takes as proof.
    pub certificate: BlobCertificate,
    /// When nodes of enough shards held their slivers, after the start.
    pub uploaded_after: Duration,
    /// The nodes that had failed by then.
    pub failures: Vec<NodeFailure>,
    /// The uploads that were still going on.
    pub tail: Tail,
}

/// Uploads beyond those that are needed. They go on until this is dropped.
#[derive(Debug)]
pub struct Tail {
    tasks: JoinSet<()>,
    until: Instant,
}

impl CertifiedUpload {
    /// One that somebody else made: nothing goes on.
    pub(super) fn by_relay(certificate: BlobCertificate, took: Duration) -> Self {
        Self {
            certificate,
            uploaded_after: took,
            failures: Vec::new(),
            tail: Tail {
                tasks: JoinSet::new(),
                until: Instant::now(),
            },
        }
    }
}

impl Tail {
    /// Waits until all uploads ended, or for as long as the tail may last. Client spec 1.6.4.
    pub async fn finish(mut self) {
        let all = async { while self.tasks.join_next().await.is_some() {} };
        // Cutting the tail off is no failure: nodes recover what they miss.
        let _ = tokio::time::timeout_at(self.until, all).await;
    }
}

/// Sends a blob to the nodes of `committee`, which must have been registered for, and collects confirmations of at least
/// `n - f` shards.
///
/// # Errors
/// [`ClientError::NotEnoughConfirmations`] as soon as nodes of more than `f` shards are lost: could not be reached twice in a
/// row, refused for good, or sent invalid confirmations. It names them.
pub async fn upload_and_confirm(
    committee: &NodeCommittee,
    upload: &BlobUpload,
    progress: &dyn Progress,
) -> Result<CertifiedUpload, ClientError> {
    let started = Instant::now();
    let capacity = committee.nodes.len().saturating_mul(EVENTS_PER_NODE).max(1);
    let (events, mut inbox) = mpsc::channel(capacity);
    let mut tasks = JoinSet::new();
    let in_one = committee.mostly_offers_uploads();
    for node in committee.nodes.iter() {
        tasks.spawn(serve(
            Arc::clone(node),
            committee.epoch,
            upload.clone(),
            in_one,
            events.clone(),
        ));
    }
    drop(events);
    let mut tally = Tally::new(committee, upload, started);
    while let Some(event) = inbox.recv().await {
        tally.take(event, progress);
        if let Some(certificate) = tally.certificate()? {
            let elapsed = started.elapsed();
            let until = Instant::now() + committee.tuning().tail(elapsed);
            return Ok(CertifiedUpload {
                certificate,
                uploaded_after: tally.uploaded_after.unwrap_or(elapsed),
                failures: tally.failures,
                tail: Tail { tasks, until },
            });
        }
        if tally.is_hopeless() {
            break;
        }
    }
    tally.expose_liars();
    Err(tally.into_error())
}

/// What is known of all nodes together.
struct Tally<'a> {
    committee: &'a NodeCommittee,
    upload: &'a BlobUpload,
    started: Instant,
    n_shards: u16,
    needed: u16,
    sent: u64,
    uploaded: Vec<bool>,
    uploaded_weight: u16,
    uploaded_after: Option<Duration>,
    confirmed_weight: u16,
    /// Their signatures are not checked.
    confirmations: Vec<(Arc<StorageNode>, Confirmation)>,
    lost_weight: u16,
    failures: Vec<NodeFailure>,
}

impl<'a> Tally<'a> {
    fn new(committee: &'a NodeCommittee, upload: &'a BlobUpload, started: Instant) -> Self {
        Self {
            committee,
            upload,
            started,
            n_shards: committee.n_shards(),
            needed: min_certificate_weight(committee.n_shards()),
            sent: 0,
            uploaded: vec![false; committee.nodes.len()],
            uploaded_weight: 0,
            uploaded_after: None,
            confirmed_weight: 0,
            confirmations: Vec::new(),
            lost_weight: 0,
            failures: Vec::new(),
        }
    }

    fn take(&mut self, event: NodeEvent, progress: &dyn Progress) {
        let blob_id = *self.upload.blob_id();
        match event {
            NodeEvent::Sent(bytes) => {
                let total = self.upload.blob.sliver_bytes();
                // A node that gets slivers again counts once.
                self.sent = self.sent.saturating_add(bytes).min(total);
                let done = self.sent;
                progress.on_event(ProgressEvent::Sent {
                    blob_id,
                    done,
                    total,
                });
            }
            NodeEvent::Uploaded(node) => self.uploaded(&node, progress),
            NodeEvent::Confirmed(node, confirmation) => {
                // Whoever confirms holds its slivers, whoever sent them.
                self.uploaded(&node, progress);
                self.confirmed_weight = self.confirmed_weight.saturating_add(node.weight);
                self.confirmations.push((node, confirmation));
                progress.on_event(ProgressEvent::Confirmed {
                    blob_id,
                    weight: self.confirmed_weight,
                    needed: self.needed,
                });
            }
            NodeEvent::Lost(failure) => self.lose(failure),
        }
    }

    fn lose(&mut self, failure: NodeFailure) {
        let blob_id = self.upload.blob_id();
        tracing::debug!(%blob_id, node = failure.node, reason = %failure.problem, "lost a node");
        self.lost_weight = self.lost_weight.saturating_add(failure.weight);
        self.failures.push(failure);
    }

    /// The certificate, once there are enough confirmations that their nodes have signed. The sum of the signatures is checked, as on
    /// chain; each by itself only if the sum is wrong.
    fn certificate(&mut self) -> Result<Option<BlobCertificate>, ClientError> {
        if !self.is_enough() {
            return Ok(None);
        }
        if let Ok(certificate) = aggregate(&self.confirmations)
            && is_signed(&self.confirmations, &certificate)
        {
            return certificate_of(&certificate, self.committee.size()).map(Some);
        }
        self.expose_liars();
        if !self.is_enough() {
            return Ok(None);
        }
        let certificate = aggregate(&self.confirmations)?;
        certificate_of(&certificate, self.committee.size()).map(Some)
    }

    /// Loses the nodes that have not signed what they sent.
    fn expose_liars(&mut self) {
        for (node, confirmation) in std::mem::take(&mut self.confirmations) {
            match confirm::verify_signature(&node, &confirmation) {
                Ok(()) => self.confirmations.push((node, confirmation)),
                Err(problem) => {
                    self.confirmed_weight = self.confirmed_weight.saturating_sub(node.weight);
                    self.lose(node.failure(problem));
                }
            }
        }
    }

    fn uploaded(&mut self, node: &StorageNode, progress: &dyn Progress) {
        let Some(done @ false) = self.uploaded.get_mut(usize::from(node.position)) else {
            return;
        };
        *done = true;
        self.uploaded_weight = self.uploaded_weight.saturating_add(node.weight);
        if self.uploaded_weight >= self.needed && self.uploaded_after.is_none() {
            self.uploaded_after = Some(self.started.elapsed());
        }
        progress.on_event(ProgressEvent::Uploaded {
            blob_id: *self.upload.blob_id(),
            weight: self.uploaded_weight,
            needed: self.needed,
            total: self.n_shards,
        });
    }

    fn is_enough(&self) -> bool {
        self.confirmed_weight >= self.needed
    }

    fn is_hopeless(&self) -> bool {
        self.lost_weight > max_faulty(self.n_shards)
    }

    fn into_error(self) -> ClientError {
        ClientError::NotEnoughConfirmations {
            got: self.n_shards.saturating_sub(self.lost_weight),
            needed: self.needed,
            failures: self.failures,
            registered: None,
        }
    }
}

async fn serve(
    node: Arc<StorageNode>,
    epoch: walrus_core::Epoch,
    upload: BlobUpload,
    in_one: bool,
    events: mpsc::Sender<NodeEvent>,
) {
    let result = deliver(&node, epoch, &upload, in_one, &events).await;
    let event = match result {
        Ok(confirmation) => NodeEvent::Confirmed(node, confirmation),
        Err(problem) => NodeEvent::Lost(node.failure(problem)),
    };
    // Nobody listens any more once there is a quorum.
    let _ = events.send(event).await;
}

/// Sends a node its part until it confirms: in one request where it offers that, and piece by piece elsewhere. `in_one` says what is
/// tried with a node of which that is not known.
async fn deliver(
    node: &Arc<StorageNode>,
    epoch: walrus_core::Epoch,
    upload: &BlobUpload,
    in_one: bool,
    events: &mpsc::Sender<NodeEvent>,
) -> Result<Confirmation, NodeProblem> {
    let offers = |unknown| {
        let client = node.client()?;
        let known = client.extensions().map(|extensions| extensions.upload);
        Ok::<_, NodeProblem>(known.unwrap_or(unknown))
    };
    for round in 0..=limits::REUPLOAD_ROUNDS {
        if round > 0 || !upload.stored_already {
            if round == 0 && offers(in_one)? {
                let missing = whole::missing_at_first(node, upload).await?;
                let delivered = whole::deliver(node, epoch, upload, missing, events).await?;
                if let Some(confirmation) = delivered {
                    return Ok(confirmation);
                }
            }
            let stored = upload::send_metadata(node, upload).await?;
            // Its answer has told what it offers.
            if offers(false)? {
                let lacking = match stored {
                    Stored::Existing => whole::lacking(node, node.client()?, upload).await?,
                    Stored::New => whole::slivers(node, upload),
                };
                let delivered = whole::deliver(node, epoch, upload, lacking, events).await?;
                if let Some(confirmation) = delivered {
                    return Ok(confirmation);
                }
            }
            let on_sent = |bytes| async move {
                // Nobody listens any more once there is a quorum.
                let _ = events.send(NodeEvent::Sent(bytes)).await;
            };
            upload::send_slivers(node, upload, stored, on_sent).await?;
        }
        if round == 0 && !upload.stored_already {
            let _ = events.send(NodeEvent::Uploaded(Arc::clone(node))).await;
        }
        match confirm::request(node, epoch, upload.blob_id(), &upload.persistence).await {
            Ok(confirmation) => return Ok(confirmation),
            Err(Unconfirmed::Lost(problem)) => return Err(problem),
            Err(Unconfirmed::MissingSlivers) => {}
        }
    }
    Err(NodeProblem::MissesSlivers)
}

type Certificate = ProtocolMessageCertificate<StorageConfirmationBody>;

fn aggregate(
    confirmations: &[(Arc<StorageNode>, Confirmation)],
) -> Result<Certificate, ClientError> {
    let signed = confirmations.iter();
    let signed = signed.map(|(node, confirmation)| (node.position, confirmation.clone()));
    Ok(Certificate::aggregate(signed)?)
}

/// Whether these nodes have signed together. Their keys came with proofs that they have them.
fn is_signed(
    confirmations: &[(Arc<StorageNode>, Confirmation)],
    certificate: &Certificate,
) -> bool {
    let keys: Option<Vec<_>> = confirmations
        .iter()
        .map(|(node, _)| node.public_key())
        .collect();
    let Some(keys) = keys else {
        return false;
    };
    let message = &certificate.serialized_message;
    certificate
        .signature
        .verify_aggregate(keys, message)
        .is_ok()
}

fn certificate_of(
    certificate: &Certificate,
    committee_size: u16,
) -> Result<BlobCertificate, ClientError> {
    Ok(BlobCertificate {
        signature: certificate.signature.0.to_vec(),
        signers_bitmap: certificate.signers_bitmap(committee_size)?,
        message: certificate.serialized_message.clone(),
    })
}
