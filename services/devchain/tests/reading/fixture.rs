//! Hand-made checkpoints.

use sui_sdk_types::{
    Address, Digest, Event, ExecutionStatus, GasCostSummary, GasPayment, Identifier, MoveStruct,
    Object, ObjectData, Owner, ProgrammableTransaction, StructTag, Transaction, TransactionEffects,
    TransactionEffectsV2, TransactionEvents, TransactionExpiration, TransactionKind,
};

use crate::account::validator_key;
use crate::checkpoint::{Stamp, Validator};
use crate::indexes::Indexes;
use crate::record::{CheckpointRecord, TransactionRecord};
use crate::store::{Archive, Memory};

pub(super) const SEED: Digest = Digest::new([7; 32]);

/// A chain under construction.
pub(super) struct Chain {
    pub(super) indexes: Indexes,
    /// Where its records are.
    pub(super) memory: Memory,
    validator: Validator,
    made: u64,
}

pub(super) fn address(number: u64) -> Address {
    let mut bytes = [0; 32];
    bytes[24..].copy_from_slice(&number.to_be_bytes());
    Address::new(bytes)
}

impl Chain {
    pub(super) fn new() -> Self {
        let memory = Memory::default();
        Self {
            indexes: Indexes::new(Archive::Memory(memory.clone())),
            memory,
            validator: Validator::new(validator_key(&SEED).unwrap()),
            made: 0,
        }
    }

    /// Adds a checkpoint.
    pub(super) fn checkpoint(&mut self, transactions: Vec<TransactionRecord>) {
        let record = self.seal(transactions);
        self.apply(record);
    }

    /// Adds a sealed checkpoint.
    pub(super) fn apply(&mut self, record: CheckpointRecord) {
        let place = self.memory.append(&record).unwrap();
        self.indexes.apply(record, place);
    }

    pub(super) fn seal(&self, transactions: Vec<TransactionRecord>) -> CheckpointRecord {
        let previous = self.indexes.previous();
        let number = previous.as_ref().map_or(0, |p| p.sequence_number + 1);
        let stamp = Stamp {
            epoch: 0,
            timestamp_ms: 1000 * number,
            ends_epoch: false,
        };
        self.validator.seal(previous.as_ref(), stamp, transactions)
    }

    /// A transaction that emits events with these values and writes these objects.
    pub(super) fn transaction(
        &mut self,
        sender: Address,
        events: &[u64],
        written: Vec<Object>,
    ) -> TransactionRecord {
        self.made += 1;
        let transaction = Transaction {
            kind: TransactionKind::ProgrammableTransaction(ProgrammableTransaction {
                inputs: Vec::new(),
                commands: Vec::new(),
            }),
            sender,
            gas_payment: GasPayment {
                objects: Vec::new(),
                owner: sender,
                price: 1000,
                budget: self.made,
            },
            expiration: TransactionExpiration::None,
        };
        let effects = TransactionEffects::V2(Box::new(TransactionEffectsV2 {
            status: ExecutionStatus::Success,
            epoch: 0,
            gas_used: GasCostSummary::new(1, 2, 3, 4),
            transaction_digest: transaction.digest(),
            gas_object_index: None,
            events_digest: None,
            dependencies: Vec::new(),
            lamport_version: 1,
            changed_objects: Vec::new(),
            unchanged_consensus_objects: Vec::new(),
            auxiliary_data_digest: None,
        }));
        let events: Vec<Event> = events
            .iter()
            .map(|value| Event {
                package_id: address(0x77),
                module: Identifier::from_static("shop"),
                sender,
                type_: StructTag::new(
                    address(0x77),
                    Identifier::from_static("shop"),
                    Identifier::from_static(if value.is_multiple_of(2) {
                        "Even"
                    } else {
                        "Odd"
                    }),
                    vec![],
                ),
                contents: value.to_le_bytes().to_vec(),
            })
            .collect();
        TransactionRecord {
            transaction,
            signatures: Vec::new(),
            effects,
            events: (!events.is_empty()).then_some(TransactionEvents(events)),
            written,
            removed: Vec::new(),
            balance_changes: Vec::new(),
            address_balance_changes: Vec::new(),
            error_message: None,
        }
    }
}

/// A SUI coin.
pub(super) fn coin(id: u64, owner: Address, balance: u64) -> Object {
    let mut contents = address(id).as_bytes().to_vec();
    contents.extend_from_slice(&balance.to_le_bytes());
    Object::new(
        ObjectData::Struct(MoveStruct::new(StructTag::gas_coin(), true, 1, contents).unwrap()),
        Owner::Address(owner),
        Digest::ZERO,
        0,
    )
}
