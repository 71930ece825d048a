//! System transactions, which only the engine makes: genesis, clock ticks, randomness, ends of epochs (devchain
//! spec 2.12).

use sui_sdk_types::{
    Address, Argument, ChangeEpoch, Command, ConsensusCommitPrologueV4,
    ConsensusDeterminedVersionAssignments, Digest, EndOfEpochTransactionKind, EpochId,
    GasCostSummary, GasPayment, Identifier, Input, MoveCall, ObjectReference,
    ProgrammableTransaction, RandomnessStateUpdate, SharedInput, SimpleSignature, Transaction,
    TransactionExpiration, TransactionKind, UserSignature,
};

use crate::{AdmissionError, ObjectStore};

/// The package of the system state.
pub(crate) const SYSTEM_PACKAGE: Address = Address::from_static("0x3");
/// The system state.
pub(crate) const SYSTEM_STATE: Address = Address::from_static("0x5");

/// Wraps a kind in the fixed frame of system transactions: sender 0x0, one zero payment reference,
/// price 1, budget 0, no expiration.
#[must_use]
pub fn transaction(kind: TransactionKind) -> Transaction {
    Transaction {
        kind,
        sender: Address::ZERO,
        gas_payment: GasPayment {
            objects: vec![ObjectReference::new(Address::ZERO, 0, Digest::ZERO)],
            owner: Address::ZERO,
            price: 1,
            budget: 0,
        },
        expiration: TransactionExpiration::None,
    }
}

/// The tick before the user transactions of a checkpoint: sets the Clock (0x6).
#[must_use]
pub fn consensus_commit_prologue(epoch: EpochId, round: u64, timestamp_ms: u64) -> Transaction {
    transaction(TransactionKind::ConsensusCommitPrologueV4(
        ConsensusCommitPrologueV4 {
            epoch,
            round,
            sub_dag_index: None,
            commit_timestamp_ms: timestamp_ms,
            consensus_commit_digest: Digest::ZERO,
            consensus_determined_version_assignments:
                ConsensusDeterminedVersionAssignments::CanceledTransactionsV2 {
                    canceled_transactions: Vec::new(),
                },
            additional_state_digest: Digest::ZERO,
        },
    ))
}

/// Gives the Random object (0x8) the bytes of a round. The first round of the chain is 0.
#[must_use]
pub fn randomness_update(epoch: EpochId, round: u64, bytes: Vec<u8>) -> Transaction {
    transaction(TransactionKind::RandomnessStateUpdate(
        RandomnessStateUpdate {
            epoch,
            randomness_round: round,
            random_bytes: bytes,
            randomness_obj_initial_shared_version: 1,
        },
    ))
}

/// The last transaction of an epoch. `next` is the epoch that begins, `gas` what the old one charged,
/// `timestamp_ms` the beginning in milliseconds since 1970.
#[must_use]
pub fn end_of_epoch_transaction(
    next: EpochId,
    protocol_version: u64,
    gas: &GasCostSummary,
    timestamp_ms: u64,
) -> Transaction {
    transaction(TransactionKind::EndOfEpoch(vec![
        EndOfEpochTransactionKind::ChangeEpoch(ChangeEpoch {
            epoch: next,
            protocol_version,
            storage_charge: gas.storage_cost,
            computation_charge: gas.computation_cost,
            storage_rebate: gas.storage_rebate,
            non_refundable_storage_fee: gas.non_refundable_storage_fee,
            epoch_start_timestamp_ms: timestamp_ms,
            system_packages: Vec::new(),
        }),
    ]))
}

/// The placeholder signature of system transactions: flag 0 and 96 zero bytes.
#[must_use]
pub fn placeholder_signature() -> UserSignature {
    UserSignature::Simple(SimpleSignature::Ed25519 {
        signature: sui_sdk_types::Ed25519Signature::new([0; 64]),
        public_key: sui_sdk_types::Ed25519PublicKey::new([0; 32]),
    })
}

/// The calls that a system transaction amounts to on the chain in `store`.
pub(crate) fn body(
    store: &dyn ObjectStore,
    kind: &TransactionKind,
) -> Result<ProgrammableTransaction, AdmissionError> {
    Ok(match kind {
        TransactionKind::ProgrammableSystemTransaction(programmable) => programmable.clone(),
        TransactionKind::ConsensusCommitPrologue(prologue) => {
            set_clock(prologue.commit_timestamp_ms)?
        }
        TransactionKind::ConsensusCommitPrologueV2(prologue) => {
            set_clock(prologue.commit_timestamp_ms)?
        }
        TransactionKind::ConsensusCommitPrologueV3(prologue) => {
            set_clock(prologue.commit_timestamp_ms)?
        }
        TransactionKind::ConsensusCommitPrologueV4(prologue) => {
            set_clock(prologue.commit_timestamp_ms)?
        }
        TransactionKind::RandomnessStateUpdate(update) => set_randomness(update)?,
        TransactionKind::ChangeEpoch(change) => change_epoch(store, change)?,
        TransactionKind::EndOfEpoch(operations) => end_of_epoch(store, operations)?,
        _ => return Err(AdmissionError::Unsupported("kind of transaction".into())),
    })
}

/// A call of a framework function without type arguments.
pub(crate) fn framework_call(
    module: &'static str,
    function: &'static str,
    arguments: Vec<Argument>,
) -> Command {
    Command::MoveCall(MoveCall {
        package: Address::TWO,
        module: Identifier::from_static(module),
        function: Identifier::from_static(function),
        type_arguments: Vec::new(),
        arguments,
    })
}

/// A call of `0x3::sui_system`.
pub(crate) fn system_call(function: &'static str, arguments: Vec<Argument>) -> Command {
    Command::MoveCall(MoveCall {
        package: SYSTEM_PACKAGE,
        module: Identifier::from_static("sui_system"),
        function: Identifier::from_static(function),
        type_arguments: Vec::new(),
        arguments,
    })
}

fn set_clock(timestamp_ms: u64) -> Result<ProgrammableTransaction, AdmissionError> {
    let arguments = vec![Argument::Input(0), Argument::Input(1)];
    Ok(ProgrammableTransaction {
        inputs: vec![
            Input::Shared(SharedInput::new(Address::from_static("0x6"), 1, true)),
            pure(&timestamp_ms)?,
        ],
        commands: vec![framework_call(
            "clock",
            "consensus_commit_prologue",
            arguments,
        )],
    })
}

fn set_randomness(
    update: &RandomnessStateUpdate,
) -> Result<ProgrammableTransaction, AdmissionError> {
    let random = SharedInput::new(
        Address::from_static("0x8"),
        update.randomness_obj_initial_shared_version,
        true,
    );
    let arguments = vec![Argument::Input(0), Argument::Input(1), Argument::Input(2)];
    Ok(ProgrammableTransaction {
        inputs: vec![
            Input::Shared(random),
            pure(&update.randomness_round)?,
            pure(&update.random_bytes)?,
        ],
        commands: vec![framework_call(
            "random",
            "update_randomness_state",
            arguments,
        )],
    })
}

/// Moves the system state (0x5) to the next epoch. Chains whose genesis had none go without.
fn change_epoch(
    store: &dyn ObjectStore,
    change: &ChangeEpoch,
) -> Result<ProgrammableTransaction, AdmissionError> {
    if store.latest(&SYSTEM_STATE).is_none() {
        return Ok(ProgrammableTransaction {
            inputs: Vec::new(),
            commands: Vec::new(),
        });
    }
    let inputs = vec![
        Input::Shared(SharedInput::new(SYSTEM_STATE, 1, true)),
        pure(&change.epoch)?,
        pure(&change.protocol_version)?,
        pure(&change.epoch_start_timestamp_ms)?,
    ];
    let arguments = (0u16..4).map(Argument::Input).collect();
    Ok(ProgrammableTransaction {
        inputs,
        commands: vec![system_call("advance_epoch", arguments)],
    })
}

/// Creation of system objects, and last the change of the epoch.
fn end_of_epoch(
    store: &dyn ObjectStore,
    operations: &[EndOfEpochTransactionKind],
) -> Result<ProgrammableTransaction, AdmissionError> {
    let mut commands = Vec::new();
    let mut inputs = Vec::new();
    for operation in operations {
        let module = match operation {
            EndOfEpochTransactionKind::ChangeEpoch(change) => {
                let change = change_epoch(store, change)?;
                inputs = change.inputs;
                commands.extend(change.commands);
                continue;
            }
            EndOfEpochTransactionKind::StoreExecutionTimeObservations(_)
            | EndOfEpochTransactionKind::WriteAccumulatorStorageCost { .. } => continue,
            EndOfEpochTransactionKind::AuthenticatorStateCreate => "authenticator_state",
            EndOfEpochTransactionKind::RandomnessStateCreate => "random",
            EndOfEpochTransactionKind::DenyListStateCreate => "deny_list",
            EndOfEpochTransactionKind::AccumulatorRootCreate => "accumulator",
            EndOfEpochTransactionKind::CoinRegistryCreate => "coin_registry",
            EndOfEpochTransactionKind::DisplayRegistryCreate => "display_registry",
            EndOfEpochTransactionKind::AddressAliasStateCreate => "address_alias",
            _ => {
                return Err(AdmissionError::Unsupported("end of epoch operation".into()));
            }
        };
        commands.push(framework_call(module, "create", Vec::new()));
    }
    Ok(ProgrammableTransaction { inputs, commands })
}

fn pure<T: serde::Serialize>(value: &T) -> Result<Input, AdmissionError> {
    bcs::to_bytes(value)
        .map(Input::Pure)
        .map_err(|error| AdmissionError::Internal(error.to_string()))
}
