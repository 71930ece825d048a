//! Who the storage nodes are, as the chain said a moment ago. Client spec 1.1, 1.9 and 1.10.1.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;
use walrus_core::Epoch;
use walrus_sui::{
    contract::{Committees, ContractReader, Sales},
    objects::EpochState,
};

use crate::{
    ClientError,
    nodes::{Connections, NodeCommittee},
};

/// The committees at one moment, with connections to their nodes.
#[derive(Debug)]
pub(crate) struct NetworkView {
    pub(crate) committees: Arc<Committees>,
    pub(crate) current: NodeCommittee,
    pub(crate) sales: Sales,
    previous: Option<NodeCommittee>,
}

impl NetworkView {
    fn new(
        committees: Committees,
        sales: Sales,
        connections: &Connections,
    ) -> Result<Self, ClientError> {
        let current = NodeCommittee::new(&committees.current, connections)?;
        let previous = committees
            .previous
            .as_ref()
            .and_then(|committee| NodeCommittee::new(committee, connections).ok());
        let known = [
            Some(&committees.current),
            committees.previous.as_ref(),
            committees.next.as_ref(),
        ];
        connections.retain(known.into_iter().flatten());
        Ok(Self {
            committees: Arc::new(committees),
            current,
            sales,
            previous,
        })
    }

    /// Whether shards are still moving to the current committee.
    pub(crate) fn is_changing(&self) -> bool {
        matches!(self.committees.epoch_state, EpochState::EpochChangeSync(_))
    }

    /// The nodes to read a blob from that was certified first in this epoch. Client spec 1.10.1.
    pub(crate) fn readers(&self, certified: Option<Epoch>) -> Result<&NodeCommittee, ClientError> {
        match certified {
            Some(epoch) if epoch > self.current.epoch => {
                Err(ClientError::BehindCurrentEpoch(self.current.epoch))
            }
            Some(epoch) if self.is_changing() && epoch < self.current.epoch => {
                Ok(self.previous.as_ref().unwrap_or(&self.current))
            }
            _ => Ok(&self.current),
        }
    }

    /// Whether what failed with the other view may succeed with this one.
    pub(crate) fn differs_from(&self, other: &Self) -> bool {
        self.committees.current != other.committees.current
            || self.committees.previous != other.committees.previous
            || self.is_changing() != other.is_changing()
    }
}

/// Reads the committees when they are needed and older than they may be.
pub(crate) struct CommitteeCache {
    reader: ContractReader,
    connections: Connections,
    ttl: Duration,
    latest: tokio::sync::Mutex<Option<(Instant, Arc<NetworkView>)>>,
}

impl CommitteeCache {
    pub(crate) fn new(reader: ContractReader, connections: Connections, ttl: Duration) -> Self {
        Self {
            reader,
            connections,
            ttl,
            latest: tokio::sync::Mutex::new(None),
        }
    }

    /// Connections to nodes, those of the committees among them.
    pub(crate) fn connections(&self) -> &Connections {
        &self.connections
    }

    /// A view that is not too old.
    pub(crate) async fn get(&self) -> Result<Arc<NetworkView>, ClientError> {
        let mut latest = self.latest.lock().await;
        match latest.as_ref() {
            Some((read_at, view)) if read_at.elapsed() < self.ttl => Ok(Arc::clone(view)),
            _ => self.read(&mut latest).await,
        }
    }

    /// A view from now.
    pub(crate) async fn refresh(&self) -> Result<Arc<NetworkView>, ClientError> {
        self.read(&mut *self.latest.lock().await).await
    }

    async fn read(
        &self,
        latest: &mut Option<(Instant, Arc<NetworkView>)>,
    ) -> Result<Arc<NetworkView>, ClientError> {
        let (committees, sales) = self.reader.committees_and_sales().await?;
        let view = NetworkView::new(committees, sales, &self.connections);
        let view = Arc::new(view?);
        *latest = Some((Instant::now(), Arc::clone(&view)));
        Ok(view)
    }
}
