//! `walrus devchain call`.

use std::collections::BTreeSet;

use anyhow::{Context, bail, ensure};
use serde::Serialize;
use sui_rpc::proto::sui::rpc::v2::{
    self as proto, CommandResult, FunctionDescriptor, OpenSignature,
    function_descriptor::Visibility, open_signature::Reference,
};
use walrus_sui::{
    Address, Digest, TypeTag,
    transactions::{ExecutedTransaction, Ptb, TransactionError, WithOutputs},
};

use super::{
    aborts::{self, Evidence},
    arguments::{self, Value},
    objects::{self, Named},
    outcome::{NewObject, created_objects, show_created},
    results::{self, Fate},
    returns::Returned,
    short_addresses::short_addresses,
    simulation::{self, Simulated},
    target::Target,
};
use crate::{
    args::{
        GlobalOptions,
        devchain::{CallArgs, FunctionName},
    },
    commands::{Report, show},
    report::{Reporter, count, sui},
};

/// The JSON result.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CallOutput {
    /// `MODULE::FUNCTION`.
    #[serde(skip)]
    function: String,
    /// `null` if nothing was executed, because nothing would have changed.
    digest: Option<Digest>,
    return_values: Vec<Returned>,
    created: Vec<NewObject>,
    /// Types.
    events: Vec<String>,
    gas_used: i128,
}

impl Report for CallOutput {
    fn print(&self, reporter: &Reporter) {
        reporter.line(format!("Called {}", self.function));
        for value in &self.return_values {
            reporter.field("returns", value.line());
        }
        match self.digest {
            Some(digest) => {
                reporter.field("transaction", digest);
                reporter.field("gas", sui(self.gas_used));
            }
            None => reporter.field("transaction", "none: it changes nothing, and costs nothing"),
        }
        show_created(reporter, &self.created);
        for event in &self.events {
            reporter.field("event", short_addresses(event));
        }
    }
}

/// Calls the function and shows what it did.
pub(crate) async fn run(global: &GlobalOptions, args: CallArgs) -> anyhow::Result<()> {
    let target = Target::find(global, &args.target).await?;
    // Before anything is paid: a wrong folder is a mistake of the caller.
    let sources = match &args.source {
        Some(path) => sui_devchain_move_build::sources(path, &target.published)?,
        None => Vec::new(),
    };
    let function = descriptor(&target, &args.function).await?;
    let values = read_arguments(&args, &function)?;
    let named = named_objects(&args, &function, &values)?;
    objects::check(target.executor.chain(), &named).await?;
    let fates = results::fates(&target, &function).await?;
    let kept: Vec<_> = fates.iter().map(|fate| *fate == Fate::Kept).collect();
    let call = Call {
        name: &args.function,
        kept: &kept,
    };
    let evidence = Evidence {
        sources: &sources,
        modules: &[],
    };
    if is_callable(&function) && !kept.contains(&true) {
        let types = &args.type_arguments;
        let read_only = read_only(&function, &values);
        match simulation::of_call(&target.executor, call.name, types, &values, &read_only).await {
            Simulated::Outputs(outputs) => return call.report(global, &values, None, &outputs),
            Simulated::Aborts(error) => {
                return Err(aborts::explain(error, &target, &evidence).await);
            }
            Simulated::Unknown => {}
        }
    }
    results::check(call.name, &fates)?;
    let sender = target.executor.sender();
    let plan = |ptb: &mut Ptb, _| call.add_to(ptb, &args.type_arguments, &values, sender);
    match target.executor.execute_with_outputs(plan).await {
        Ok(WithOutputs { executed, outputs }) => {
            call.report(global, &values, Some(&executed), &outputs)
        }
        Err(error) => Err(aborts::explain(error, &target, &evidence).await),
    }
}

/// Whether a transaction may call it: a simulation would not mind.
fn is_callable(function: &FunctionDescriptor) -> bool {
    function.is_entry() || function.visibility() == Visibility::Public
}

/// The objects that the function can read and do nothing else with.
fn read_only(function: &FunctionDescriptor, values: &[Value]) -> BTreeSet<Address> {
    let (mut read, mut used) = (BTreeSet::new(), BTreeSet::new());
    for (parameter, value) in parameters(function).zip(values) {
        match value {
            Value::Pure(_) => {}
            Value::Object(id) if parameter.reference() == Reference::Immutable => {
                read.insert(*id);
            }
            Value::Object(id) => {
                used.insert(*id);
            }
            Value::Objects(ids) => used.extend(ids),
        }
    }
    read.difference(&used).copied().collect()
}

async fn descriptor(target: &Target, name: &FunctionName) -> anyhow::Result<FunctionDescriptor> {
    let request = proto::GetFunctionRequest::default()
        .with_package_id(name.package.to_string())
        .with_module_name(name.module.as_str())
        .with_name(name.function.as_str());
    let mut rpc = target.executor.chain().rpc();
    let response = rpc.package_client().get_function(request).await;
    let response = response.map_err(|status| {
        anyhow::anyhow!(
            "there is no function {}::{}::{}: {}",
            short_addresses(&name.package.to_string()),
            name.module,
            name.function,
            short_addresses(status.message())
        )
    })?;
    Ok(response.into_inner().function().clone())
}

/// The values for the parameters.
fn read_arguments(args: &CallArgs, function: &FunctionDescriptor) -> anyhow::Result<Vec<Value>> {
    let parameters: Vec<_> = parameters(function).collect();
    ensure!(
        function.type_parameters.len() == args.type_arguments.len(),
        "{}::{} takes {}, {} were given with --type-arg",
        args.function.module,
        args.function.function,
        count(function.type_parameters.len() as u64, "type argument"),
        args.type_arguments.len()
    );
    if parameters.len() != args.arguments.len() {
        let types = parameters
            .iter()
            .map(|parameter| arguments::type_name(parameter.body(), &args.type_arguments))
            .collect::<anyhow::Result<Vec<_>>>()?;
        bail!(
            "{}::{} takes {} ({}), {} were given",
            args.function.module,
            args.function.function,
            count(parameters.len() as u64, "argument"),
            types.join(", "),
            args.arguments.len()
        );
    }
    let pairs = args.arguments.iter().zip(parameters).enumerate();
    pairs
        .map(|(index, (text, parameter))| {
            arguments::read(text, parameter.body(), &args.type_arguments)
                .with_context(|| format!("argument {}", index + 1))
        })
        .collect()
}

/// Those for which the caller gives arguments: the chain gives the transaction context.
fn parameters(function: &FunctionDescriptor) -> impl Iterator<Item = &OpenSignature> {
    let all = function.parameters.iter();
    all.filter(|parameter| !is_context(parameter))
}

fn named_objects(
    args: &CallArgs,
    function: &FunctionDescriptor,
    values: &[Value],
) -> anyhow::Result<Vec<Named>> {
    let mut named = Vec::new();
    for (number, (parameter, value)) in (1..).zip(parameters(function).zip(values)) {
        let ids = match value {
            Value::Pure(_) => continue,
            Value::Object(id) => vec![*id],
            Value::Objects(ids) => ids.clone(),
        };
        let expected = arguments::object_type(parameter.body(), &args.type_arguments)?;
        named.extend(expected.map(|expected| Named {
            number,
            ids,
            expected,
        }));
    }
    Ok(named)
}

fn is_context(parameter: &OpenSignature) -> bool {
    let name = parameter.body().type_name();
    name.strip_suffix("::tx_context::TxContext")
        .and_then(|package| package.parse().ok())
        .is_some_and(|package: walrus_sui::Address| package == walrus_sui::Address::TWO)
}

fn input(ptb: &mut Ptb, value: &Value) -> sui_transaction_builder::Argument {
    match value {
        Value::Pure(bytes) => ptb.builder().pure_bytes(bytes.clone()),
        Value::Object(id) => ptb.object(*id),
        Value::Objects(ids) => {
            let objects = ids.iter().map(|id| ptb.object(*id)).collect();
            ptb.builder().make_move_vec(None, objects)
        }
    }
}

/// A function that is called.
struct Call<'a> {
    name: &'a FunctionName,
    /// Which results went to the sender, and are shown as new objects.
    kept: &'a [bool],
}

impl Call<'_> {
    /// Adds the call to a transaction. What it returns and somebody may own goes to the sender.
    fn add_to(
        &self,
        ptb: &mut Ptb,
        types: &[TypeTag],
        values: &[Value],
        sender: Address,
    ) -> Result<(), TransactionError> {
        let FunctionName {
            package,
            module,
            function,
        } = self.name;
        let inputs = values.iter().map(|value| input(ptb, value)).collect();
        let result = ptb.call(*package, module, function, types.to_vec(), inputs)?;
        let results = result.to_nested(self.kept.len()).into_iter();
        let objects = results.zip(self.kept).filter(|(_, kept)| **kept);
        let objects: Vec<_> = objects.map(|(one, _)| one).collect();
        if objects.is_empty() {
            return Ok(());
        }
        ptb.transfer(objects, sender)
    }

    /// `executed` is `None` if the call had no effects.
    fn report(
        &self,
        global: &GlobalOptions,
        values: &[Value],
        executed: Option<&ExecutedTransaction>,
        outputs: &[CommandResult],
    ) -> anyhow::Result<()> {
        let events = executed.into_iter().flat_map(|one| &one.events);
        let output = CallOutput {
            function: format!("{}::{}", self.name.module, self.name.function),
            digest: executed.map(|one| one.digest),
            return_values: self.returned(values, outputs),
            created: executed.map(created_objects).unwrap_or_default(),
            events: events.map(|(tag, _)| tag.to_string()).collect(),
            gas_used: executed.map_or(0, |one| one.gas_used),
        };
        show(global, &output)
    }

    fn returned(&self, values: &[Value], outputs: &[CommandResult]) -> Vec<Returned> {
        // A vector of objects is made by a command of its own, before the call.
        let vectors = values
            .iter()
            .filter(|value| matches!(value, Value::Objects(_)));
        let results = outputs.get(vectors.count()).into_iter();
        results
            .flat_map(|one| &one.return_values)
            .zip(self.kept)
            .filter(|(_, kept)| !**kept)
            .map(|(value, _)| Returned::new(value))
            .collect()
    }
}
