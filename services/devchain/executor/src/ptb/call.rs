//! MoveCall: visibility, linkage, typing, and the call itself.

use sui_devchain_vm::linkage::LinkageBuilder;
use sui_devchain_vm::{
    Argument as VmArgument, FunctionInfo, Linkage, Slot, Type, Value, Visibility, VmError,
};
use sui_sdk_types::{
    Address, Argument, CommandArgumentError, ExecutionError, MoveCall, TypeArgumentError, TypeTag,
};

use super::arguments::{Operand, Uses, named_place};
use super::slots::ResultSlot;
use super::{Ptb, is_context};
use crate::errors::type_argument;
use crate::failure::Failure;

/// Public functions with a type parameter that only the module declaring the type may instantiate.
const INTERNAL_GENERICS: [(Address, &str, &[&str]); 4] = [
    (
        Address::TWO,
        "transfer",
        &[
            "transfer",
            "share_object",
            "freeze_object",
            "party_transfer",
            "receive",
        ],
    ),
    (Address::TWO, "event", &["emit", "emit_authenticated"]),
    (Address::TWO, "coin_registry", &["new_currency"]),
    (Address::from_static("0x1"), "internal", &["permit"]),
];

/// An argument passed by mutable reference, remembered for the command outputs.
pub(super) struct Borrowed {
    pub(super) argument: Argument,
    pub(super) type_: Type,
    pub(super) slot: Slot,
}

impl Ptb<'_> {
    pub(super) fn move_call(&mut self, call: &MoveCall) -> Result<Vec<ResultSlot>, Failure> {
        let (linkage, info) = self.describe(call)?;
        if self.mode.checks() {
            check_callable(call, &info)?;
        }
        let type_arguments = self.type_arguments(&call.type_arguments, &info)?;
        let parameters = substitute(&info.parameters, &type_arguments)?;
        let returns = substitute(&info.returns, &type_arguments)?;
        if self.mode.checks() {
            reject_references(&returns)?;
        }
        let (arguments, borrowed) = self.call_arguments(call, &parameters)?;
        if self.mode.checks() && info.visibility != Visibility::Public {
            self.check_cold(call)?;
        }
        let tags = type_arguments
            .iter()
            .map(Type::to_tag)
            .collect::<Result<Vec<_>, _>>()?;
        let values = self.session.call(
            &linkage,
            call.package,
            call.module.as_str(),
            call.function.as_str(),
            &tags,
            arguments,
        )?;
        self.collect_events(call.package, &call.module);
        self.record_mutations(borrowed)?;
        if values.len() != returns.len() {
            return Err(Failure::invariant("number of results"));
        }
        Ok(returns
            .into_iter()
            .zip(values)
            .map(|(type_, value)| ResultSlot::new(type_, value))
            .collect())
    }

    /// Linkage and declaration. The linkage depends on whether the function is public, so the
    /// function is looked up under the package's own linkage first.
    fn describe(&mut self, call: &MoveCall) -> Result<(Linkage, FunctionInfo), Failure> {
        let linkage = self.call_linkage(call.package, &call.type_arguments, false)?;
        let info = self.function(&linkage, call)?;
        if info.visibility == Visibility::Public {
            return Ok((linkage, info));
        }
        let exact = self.call_linkage(call.package, &call.type_arguments, true)?;
        let info = self.function(&exact, call)?;
        Ok((exact, info))
    }

    fn function(&mut self, linkage: &Linkage, call: &MoveCall) -> Result<FunctionInfo, Failure> {
        let module = call.module.as_str();
        let function = call.function.as_str();
        Ok(self
            .session
            .function(linkage, call.package, module, function)?)
    }

    /// A private entry function takes nothing out of a hot clique; what it takes by value has left already.
    fn check_cold(&mut self, call: &MoveCall) -> Result<(), Failure> {
        for (index, argument) in call.arguments.iter().enumerate() {
            if self.cliques.is_hot(named_place(*argument)) {
                return Err(Failure::argument(
                    index,
                    CommandArgumentError::InvalidArgumentToPrivateEntryFunction,
                ));
            }
        }
        Ok(())
    }

    /// Unifies the version constraints of a call (devchain spec 3.5).
    fn call_linkage(
        &self,
        package: Address,
        type_arguments: &[TypeTag],
        exact_dependencies: bool,
    ) -> Result<Linkage, Failure> {
        let mut builder = LinkageBuilder::new();
        builder.system(self.bridge)?;
        let called = self.package(package)?.ok_or_else(|| {
            Failure::new(
                ExecutionError::FunctionNotFound,
                format!("package {package} does not exist"),
            )
        })?;
        builder.package(&called, true, exact_dependencies)?;
        let mut pending: Vec<&TypeTag> = type_arguments.iter().collect();
        while let Some(tag) = pending.pop() {
            match tag {
                TypeTag::Vector(inner) => pending.push(inner),
                TypeTag::Struct(tag) => {
                    if let Some(named) = self.package(*tag.address())? {
                        builder.package(&named, false, false)?;
                    }
                    pending.extend(tag.type_params());
                }
                _ => {}
            }
        }
        Ok(builder.build())
    }

    fn type_arguments(
        &mut self,
        tags: &[TypeTag],
        info: &FunctionInfo,
    ) -> Result<Vec<Type>, Failure> {
        if tags.len() != info.type_parameters.len() {
            return Err(Failure::new(
                ExecutionError::TypeArityMismatch,
                format!(
                    "{} type arguments given, {} expected",
                    tags.len(),
                    info.type_parameters.len()
                ),
            ));
        }
        let mut types = Vec::with_capacity(tags.len());
        for (index, (tag, constraint)) in tags.iter().zip(&info.type_parameters).enumerate() {
            let type_ = self.load_type_argument(index, tag)?;
            if !type_.abilities(&[]).has(*constraint) {
                return Err(Failure::new(
                    type_argument(index, TypeArgumentError::ConstraintNotSatisfied),
                    format!("type argument {tag} lacks an ability"),
                ));
            }
            types.push(type_);
        }
        Ok(types)
    }

    pub(super) fn load_type_argument(
        &mut self,
        index: usize,
        tag: &TypeTag,
    ) -> Result<Type, Failure> {
        self.session.load_type(tag).map_err(|error| match error {
            VmError::TypeNotFound { .. } | VmError::FunctionNotFound { .. } => Failure::new(
                type_argument(index, TypeArgumentError::TypeNotFound),
                format!("type {tag} does not exist"),
            ),
            VmError::TypeConstraint { .. } => Failure::new(
                type_argument(index, TypeArgumentError::ConstraintNotSatisfied),
                format!("type {tag}: a type argument lacks an ability"),
            ),
            other => other.into(),
        })
    }

    /// Types the operands by the parameters; the context is not an operand.
    fn call_arguments(
        &mut self,
        call: &MoveCall,
        parameters: &[Type],
    ) -> Result<(Vec<VmArgument>, Vec<Borrowed>), Failure> {
        let expected = parameters.iter().filter(|type_| !is_context(type_)).count();
        if call.arguments.len() != expected {
            return Err(Failure::new(
                ExecutionError::ArityMismatch,
                format!(
                    "{} arguments given, {expected} expected",
                    call.arguments.len()
                ),
            ));
        }
        let mut uses = Uses::default();
        let mut operands = call.arguments.iter().enumerate();
        let mut arguments = Vec::with_capacity(parameters.len());
        let mut borrowed = Vec::new();
        let sends_funds = is_send_funds(call);
        for parameter in parameters {
            if is_context(parameter) {
                arguments.push(VmArgument::TxContext);
                continue;
            }
            let Some((index, argument)) = operands.next() else {
                return Err(Failure::invariant("operands ran out"));
            };
            let mut operand = Operand {
                argument: *argument,
                index,
                uses: &mut uses,
            };
            let passed = self.argument_for(&mut operand, parameter, sends_funds)?;
            if let (VmArgument::Borrow(slot), Type::MutableReference(inner)) = (&passed, parameter)
            {
                borrowed.push(Borrowed {
                    argument: *argument,
                    type_: Type::clone(inner),
                    slot: slot.clone(),
                });
            }
            arguments.push(passed);
        }
        uses.check_aliases()?;
        if sends_funds
            && call.arguments.first() == Some(&Argument::Gas)
            && let Some(VmArgument::Value(Value::Address(recipient))) = arguments.get(1)
        {
            self.gas_sent_to = Some(*recipient);
        }
        Ok((arguments, borrowed))
    }
}

/// Whether the call is `0x2::coin::send_funds`, which may take the whole gas coin.
fn is_send_funds(call: &MoveCall) -> bool {
    call.package == Address::TWO
        && call.module.as_str() == "coin"
        && call.function.as_str() == "send_funds"
}

fn check_callable(call: &MoveCall, info: &FunctionInfo) -> Result<(), Failure> {
    let visible = info.visibility == Visibility::Public || info.is_entry;
    let internal = INTERNAL_GENERICS
        .iter()
        .any(|(package, module, functions)| {
            call.package == *package
                && call.module.as_str() == *module
                && functions.contains(&call.function.as_str())
        });
    if visible && !internal && call.function.as_str() != "init" {
        return Ok(());
    }
    Err(Failure::new(
        ExecutionError::NonEntryFunctionInvoked,
        format!("{}::{} is not callable", call.module, call.function),
    ))
}

fn reject_references(returns: &[Type]) -> Result<(), Failure> {
    let position = returns
        .iter()
        .position(|type_| matches!(type_, Type::Reference(_) | Type::MutableReference(_)));
    match position {
        None => Ok(()),
        Some(position) => Err(Failure::new(
            ExecutionError::InvalidPublicFunctionReturnType {
                index: u16::try_from(position).unwrap_or(u16::MAX),
            },
            format!("result {position} is a reference"),
        )),
    }
}

fn substitute(types: &[Type], arguments: &[Type]) -> Result<Vec<Type>, Failure> {
    types
        .iter()
        .map(|type_| type_.substitute(arguments).map_err(Failure::from))
        .collect()
}
