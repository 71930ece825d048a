//! `walrus devchain publish`.

use serde::Serialize;
use walrus_sui::{Address, Digest, transactions::ExecutedTransaction};

use super::{
    aborts::{self, Evidence},
    args::PublishArgs,
    compiler::{self, Published},
    outcome::{NewObject, created_objects, show_created},
    target::Target,
};
use crate::{
    args::GlobalOptions,
    commands::print_json,
    report::{Reporter, say},
};

/// The JSON result.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PublishOutput {
    package_id: Address,
    upgrade_cap: Address,
    modules: Vec<String>,
    created: Vec<NewObject>,
    digest: Digest,
    gas_used: i128,
}

/// Compiles and publishes.
pub(crate) async fn run(global: &GlobalOptions, args: PublishArgs) -> anyhow::Result<()> {
    let mut target = Target::find(global, &args.target).await?;
    for (name, id) in args.published {
        let published = Published {
            id,
            original_id: id,
        };
        target.published.insert(name, published);
    }
    let compiled = compiler::compile(&args.path, &target.published).await?;
    if !compiled.warnings.trim().is_empty() {
        say(compiled.warnings.trim_end());
    }
    let modules = compiled.modules()?;
    let bytecode: Vec<_> = modules.iter().map(|(_, bytes)| bytes.clone()).collect();
    let sender = target.executor.sender();
    let result = target
        .executor
        .execute(None, |ptb, _| {
            let cap = ptb.publish(bytecode.clone(), compiled.dependencies.clone());
            ptb.transfer(vec![cap], sender)
        })
        .await;
    let executed = match result {
        Ok(executed) => executed,
        Err(error) => {
            let evidence = Evidence {
                sources: &compiled.sources,
                modules: &modules,
            };
            return Err(aborts::explain(error, &target, &evidence).await);
        }
    };
    let names = modules.into_iter().map(|(name, _)| name).collect();
    report(global, &compiled.name, names, &executed)
}

fn report(
    global: &GlobalOptions,
    name: &str,
    modules: Vec<String>,
    executed: &ExecutedTransaction,
) -> anyhow::Result<()> {
    let output = PublishOutput {
        package_id: executed.published()?,
        upgrade_cap: executed.created_one("package", "UpgradeCap")?,
        modules,
        created: created_objects(executed),
        digest: executed.digest,
        gas_used: executed.gas_used,
    };
    if global.json {
        return print_json(&output);
    }
    let reporter = Reporter::new(false);
    reporter.line(format!("Published {name}"));
    reporter.field("package ID", output.package_id);
    reporter.field("upgrade cap", output.upgrade_cap);
    reporter.field("modules", output.modules.join(", "));
    reporter.field("transaction", output.digest);
    reporter.field("gas", format!("{} MIST", output.gas_used));
    show_created(&reporter, &output.created);
    Ok(())
}
