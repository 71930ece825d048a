//! Inputs: the objects and packages that a transaction names, loaded and checked (devchain spec 2.3 rows 5
//! to 9).

mod load;
mod packages;
mod payment;
mod withdrawals;

pub(crate) use load::load;
pub(crate) use payment::{MOCK_COIN_ID, address_balance_can_pay, coin_balance, mock_coin};
pub(crate) use withdrawals::Shortage;
pub use withdrawals::withdrawn;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use sui_sdk_types::{Address, Digest, Object, Owner, Version};

use crate::payment::Payment;

/// How a transaction may use one of its input objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Address-owned (by the sender, or by the gas owner if it is a payment coin).
    Owned,
    /// Immutable; only by `&`.
    Immutable,
    /// Shared or owned through consensus.
    Consensus {
        /// Declared mutable.
        mutable: bool,
    },
}

impl Access {
    /// Whether the object is written back at the end of the transaction.
    pub(crate) fn is_mutable(self) -> bool {
        matches!(self, Self::Owned | Self::Consensus { mutable: true })
    }
}

/// One Move object that is an input.
#[derive(Clone, Debug)]
pub(crate) struct InputObject {
    pub(crate) object: Arc<Object>,
    pub(crate) access: Access,
}

/// All inputs of one transaction.
#[derive(Clone, Debug)]
pub(crate) struct Inputs {
    /// Owned, immutable and shared objects, payment coins included.
    pub(crate) objects: BTreeMap<Address, InputObject>,
    /// Objects that may be received.
    pub(crate) receiving: BTreeMap<Address, Arc<Object>>,
    /// Packages named by commands, type arguments and dependencies.
    pub(crate) packages: BTreeMap<Address, Arc<Object>>,
    /// Ids of shared inputs in the order of the transaction.
    pub(crate) consensus_order: Vec<Address>,
    /// Who pays.
    pub(crate) payment: Payment,
    /// SUI of the gas owner's address balance that is part of the payment.
    pub(crate) gas_reserved: u64,
    /// An address balance that is too low: the transaction fails before its first command.
    pub(crate) shortage: Option<Shortage>,
}

impl Inputs {
    /// No inputs and nobody who pays: the genesis transaction.
    pub(crate) fn none() -> Self {
        Self {
            objects: BTreeMap::new(),
            receiving: BTreeMap::new(),
            packages: BTreeMap::new(),
            consensus_order: Vec::new(),
            payment: Payment::Unmetered,
            gas_reserved: 0,
            shortage: None,
        }
    }

    /// Version of everything the transaction writes (devchain spec 2.6).
    pub(crate) fn lamport_version(&self) -> Version {
        let objects = self.objects.values().map(|input| input.object.version());
        let receiving = self.receiving.values().map(|object| object.version());
        objects
            .chain(receiving)
            .max()
            .unwrap_or_default()
            .saturating_add(1)
    }

    /// Previous transactions of the inputs and named packages (devchain spec 2.9). Received objects
    /// are added when they are received.
    pub(crate) fn dependencies(&self) -> BTreeSet<Digest> {
        let objects = self.objects.values().map(|input| &input.object);
        objects
            .chain(self.packages.values())
            .map(|object| object.previous_transaction())
            .filter(|digest| *digest != Digest::ZERO)
            .collect()
    }

    /// The inputs that are written back whatever happens, in id order.
    pub(crate) fn mutable(&self) -> impl Iterator<Item = (&Address, &Arc<Object>)> {
        self.objects
            .iter()
            .filter(|(_, input)| input.access.is_mutable())
            .map(|(id, input)| (id, &input.object))
    }
}

/// Whether an owner is shared or an address through consensus.
pub(crate) fn is_consensus(owner: &Owner) -> bool {
    matches!(owner, Owner::Shared(_) | Owner::ConsensusAddress { .. })
}
