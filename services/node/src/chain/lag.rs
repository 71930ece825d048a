//! Lag at the start: whether the events that a node goes on with are of an epoch long gone. Node spec 2.8.

use walrus_core::Epoch;
use walrus_sui::events::ContractEvent;

/// Looks at the first event that says of which epoch it is.
#[derive(Debug, Default)]
pub(crate) struct LagCheck {
    is_done: bool,
}

impl LagCheck {
    /// Whether the node is behind by more than an epoch change, told once: with the first event of which the epoch is known.
    pub(crate) fn is_behind(&mut self, event: &ContractEvent, current: Epoch) -> bool {
        if self.is_done {
            return false;
        }
        let Some(epoch) = epoch_of(event) else {
            return false;
        };
        self.is_done = true;
        epoch.saturating_add(1) < current
    }
}

/// The epoch of the network when an event was emitted, if it tells.
fn epoch_of(event: &ContractEvent) -> Option<Epoch> {
    use ContractEvent as E;
    Some(match event {
        // That of the first certification.
        E::BlobCertified(event) if event.is_extension => return None,
        E::BlobCertified(event) => event.epoch,
        E::BlobRegistered(event) => event.epoch,
        E::BlobDeleted(event) => event.epoch,
        E::InvalidBlobId(event) => event.epoch,
        E::DenyListBlobDeleted(event) => event.epoch,
        E::PooledBlobRegistered(event) => event.epoch,
        E::PooledBlobCertified(event) => event.epoch,
        E::PooledBlobDeleted(event) => event.epoch,
        E::EpochParametersSelected(event) => event.next_epoch.saturating_sub(1),
        E::EpochChangeStart(event) => event.epoch,
        E::EpochChangeDone(event) => event.epoch,
        E::ShardsReceived(event) => event.epoch,
        E::ShardRecoveryStart(event) => event.epoch,
        E::ContractUpgraded(event) => event.epoch,
        E::ContractUpgradeProposed(event) => event.epoch,
        E::ContractUpgradeQuorumReached(event) => event.epoch,
        E::RegisterDenyListUpdate(event) => event.epoch,
        E::DenyListUpdate(event) => event.epoch,
        E::ProtocolVersionUpdated(event) => event.epoch,
        E::PricesUpdated(event) => event.epoch,
        E::StoragePoolCreated(event) => event.epoch,
        E::StoragePoolExtended(event) => event.epoch,
        E::Unknown(_) => return None,
    })
}

#[cfg(test)]
mod tests {
    use walrus_core::BlobId;
    use walrus_sui::{
        Address,
        events::{BlobCertified, EpochChangeStart, EpochParametersSelected},
    };

    use super::*;

    fn start(epoch: Epoch) -> ContractEvent {
        ContractEvent::EpochChangeStart(EpochChangeStart { epoch })
    }

    #[test]
    fn more_than_an_epoch_change_behind_is_behind() {
        for (epoch, current, behind) in [(4, 4, false), (4, 5, false), (4, 6, true), (7, 6, false)]
        {
            let found = LagCheck::default().is_behind(&start(epoch), current);
            assert_eq!(found, behind, "{epoch} of {current}");
        }
        let selected =
            ContractEvent::EpochParametersSelected(EpochParametersSelected { next_epoch: 1 });
        assert!(
            !LagCheck::default().is_behind(&selected, 1),
            "a new network"
        );
        assert!(LagCheck::default().is_behind(&selected, 2));
    }

    #[test]
    fn the_first_event_that_tells_decides() {
        let mut check = LagCheck::default();
        let extension = ContractEvent::BlobCertified(BlobCertified {
            epoch: 1,
            blob_id: BlobId([1; 32]),
            end_epoch: 9,
            deletable: false,
            object_id: Address::ZERO,
            is_extension: true,
        });
        assert!(
            !check.is_behind(&extension, 5),
            "it has the epoch of the first certification"
        );
        assert!(!check.is_behind(&start(5), 5));
        assert!(!check.is_behind(&start(5), 9), "asked once");
    }
}
