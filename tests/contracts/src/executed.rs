//! Transaction results: what a transaction did.

use std::fmt;

use serde::de::DeserializeOwned;
use sui_devchain_executor::Outcome;
use sui_sdk_types::{
    Address, ExecutionError, ExecutionStatus, GasCostSummary, IdOperation, ObjectIn, ObjectOut,
    TransactionEffects, TransactionEffectsV2,
};
use walrus_sui::{events::ContractEvent, objects::decode};

/// A transaction that was executed; it may have failed.
#[derive(Clone, Debug)]
pub struct Executed {
    /// Everything the executor knows about it.
    pub outcome: Outcome,
}

/// Where Move code stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Abort {
    /// Defining package of the module.
    pub package: Address,
    /// The module.
    pub module: String,
    /// The function, if its name is known.
    pub function: Option<String>,
    /// The abort code.
    pub code: u64,
    /// The command of the transaction.
    pub command: u64,
}

impl fmt::Display for Abort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let function = self.function.as_deref().unwrap_or("?");
        write!(f, "{}::{function} aborted with {}", self.module, self.code)
    }
}

impl Executed {
    /// Whether the transaction succeeded.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.outcome.is_success()
    }

    /// The status in the effects.
    #[must_use]
    pub fn status(&self) -> &ExecutionStatus {
        self.outcome.effects.status()
    }

    /// Panics unless the transaction succeeded.
    #[track_caller]
    #[must_use]
    pub fn expect_success(self) -> Self {
        assert!(
            self.is_success(),
            "the transaction failed: {} ({:?})",
            self.outcome.error_message.as_deref().unwrap_or_default(),
            self.status()
        );
        self
    }

    /// The abort of a transaction that Move code stopped; panics when it ended in any other way.
    #[track_caller]
    #[must_use]
    pub fn expect_abort(&self) -> Abort {
        match self.status() {
            ExecutionStatus::Failure {
                error: ExecutionError::MoveAbort { location, code },
                command,
            } => Abort {
                package: location.package,
                module: location.module.to_string(),
                function: location.function_name.as_ref().map(ToString::to_string),
                code: *code,
                command: command.unwrap_or_default(),
            },
            other => panic!("not an abort: {other:?}"),
        }
    }

    /// Panics unless Move code stopped the transaction in `module` with `code`.
    #[track_caller]
    pub fn assert_abort(&self, module: &str, code: u64) {
        let abort = self.expect_abort();
        assert_eq!(
            (abort.module.as_str(), abort.code),
            (module, code),
            "{abort}"
        );
    }

    /// What it cost.
    #[must_use]
    pub fn gas(&self) -> GasCostSummary {
        self.outcome.gas.clone()
    }

    /// The effects.
    #[must_use]
    pub fn effects(&self) -> &TransactionEffectsV2 {
        match &self.outcome.effects {
            TransactionEffects::V2(effects) => effects,
            _ => panic!("the executor writes effects of version 2"),
        }
    }

    /// Type and BCS of the events with this module and name, in emission order.
    #[must_use]
    pub fn events_named(&self, module: &str, name: &str) -> Vec<&sui_sdk_types::Event> {
        let all = self.outcome.events.iter().flat_map(|events| &events.0);
        all.filter(|event| {
            event.type_.module().as_str() == module && event.type_.name().as_str() == name
        })
        .collect()
    }

    /// The events of package `walrus`, decoded, in emission order.
    #[must_use]
    pub fn contract_events(&self) -> Vec<ContractEvent> {
        let all = self.outcome.events.iter().flat_map(|events| &events.0);
        all.filter(|event| event.type_.module().as_str() == "events")
            .map(|event| {
                ContractEvent::decode(&event.type_, &event.contents).expect("a known layout")
            })
            .collect()
    }

    /// IDs of the objects of type `module::name` that the transaction created, in ID order.
    #[must_use]
    pub fn created_all(&self, module: &str, name: &str) -> Vec<Address> {
        self.ids(module, name, |operation, existed| {
            operation == IdOperation::Created && !existed
        })
    }

    /// ID of the one object of type `module::name` that the transaction created; panics when there is not
    /// exactly one.
    #[track_caller]
    #[must_use]
    pub fn created(&self, module: &str, name: &str) -> Address {
        let all = self.created_all(module, name);
        assert_eq!(all.len(), 1, "created objects of type {module}::{name}");
        all[0]
    }

    /// The contents of the one created object of type `module::name`, and so its ID.
    #[track_caller]
    #[must_use]
    pub fn created_value<T: DeserializeOwned>(&self, module: &str, name: &str) -> T {
        let id = self.created(module, name);
        let object = &self.outcome.written[&id];
        decode(object.as_struct().expect("a Move object").contents()).expect("the layout of T")
    }

    /// ID of the published or upgraded package.
    #[track_caller]
    #[must_use]
    pub fn package(&self) -> Address {
        let mut packages = self.outcome.packages();
        let package = packages.next().expect("a written package");
        assert!(packages.next().is_none(), "more than one package");
        package.object_id()
    }

    /// Number of objects created, mutated, and deleted or wrapped.
    #[must_use]
    pub fn object_counts(&self) -> (usize, usize, usize) {
        let (mut created, mut mutated, mut removed) = (0, 0, 0);
        for change in &self.effects().changed_objects {
            match (&change.input_state, &change.output_state) {
                (_, ObjectOut::NotExist) => removed += 1,
                (ObjectIn::NotExist, _) => created += 1,
                _ => mutated += 1,
            }
        }
        (created, mutated, removed)
    }

    fn ids(
        &self,
        module: &str,
        name: &str,
        wanted: impl Fn(IdOperation, bool) -> bool,
    ) -> Vec<Address> {
        let changes = self.effects().changed_objects.iter();
        changes
            .filter(|change| {
                let existed = matches!(change.input_state, ObjectIn::Exist { .. });
                wanted(change.id_operation, existed)
            })
            .map(|change| change.object_id)
            .filter(|id| {
                let object = self.outcome.written.get(id);
                let value = object.and_then(|object| object.as_struct());
                value.is_some_and(|value| {
                    let tag = value.object_type();
                    tag.module().as_str() == module && tag.name().as_str() == name
                })
            })
            .collect()
    }
}
