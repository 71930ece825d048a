//! `walrus devchain publish`.

use serde::Serialize;
use sui_devchain_move_build::{self as move_build, Published};
use walrus_sui::{Address, Digest, transactions::ExecutedTransaction};

use super::{
    aborts::{self, Evidence},
    outcome::{NewObject, created_objects, show_created},
    target::Target,
};
use crate::{
    args::{GlobalOptions, devchain::PublishArgs},
    commands::{Report, show},
    report::{Reporter, say, sui},
};

/// The JSON result.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PublishOutput {
    /// Of the package.
    #[serde(skip)]
    name: String,
    package_id: Address,
    upgrade_cap: Address,
    modules: Vec<String>,
    created: Vec<NewObject>,
    digest: Digest,
    gas_used: i128,
}

impl Report for PublishOutput {
    fn print(&self, reporter: &Reporter) {
        reporter.line(format!("Published {}", self.name));
        reporter.field("package ID", self.package_id);
        reporter.field("upgrade cap", self.upgrade_cap);
        reporter.field("modules", self.modules.join(", "));
        reporter.field("transaction", self.digest);
        reporter.field("gas", sui(self.gas_used));
        show_created(reporter, &self.created);
    }
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
    let (published, url) = (&target.published, target.url.as_str());
    let compiled =
        move_build::compile(&args.path, published, url, &args.compiler.into(), &|line| {
            say(line)
        })
        .await?;
    if !compiled.warnings.trim().is_empty() {
        say(compiled.warnings.trim_end());
    }
    let modules = compiled.modules;
    let bytecode: Vec<_> = modules.iter().map(|(_, bytes)| bytes.clone()).collect();
    let dependencies = on_chain(&target, compiled.dependencies).await?;
    let sender = target.executor.sender();
    let result = target
        .executor
        .execute(None, |ptb, _| {
            let cap = ptb.publish(bytecode.clone(), dependencies.clone());
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

/// Without those packages of the system that this chain does not have. The Sui CLI names every one that it knows, whether the code
/// uses it or not.
pub(super) async fn on_chain(
    target: &Target,
    dependencies: Vec<Address>,
) -> anyhow::Result<Vec<Address>> {
    let found = target.executor.chain().objects(&dependencies).await?;
    let there = dependencies
        .into_iter()
        .zip(found)
        .filter(|(id, object)| object.is_some() || !is_system(id));
    Ok(there.map(|(id, _)| id).collect())
}

/// Whether an ID is one of those that are given away by hand: `0x1`, `0x2`, … `0xdee9`.
fn is_system(id: &Address) -> bool {
    id.as_bytes().iter().rev().skip(2).all(|byte| *byte == 0)
}

fn report(
    global: &GlobalOptions,
    name: &str,
    modules: Vec<String>,
    executed: &ExecutedTransaction,
) -> anyhow::Result<()> {
    let output = PublishOutput {
        name: name.to_owned(),
        package_id: executed.published()?,
        upgrade_cap: executed.created_one("package", "UpgradeCap")?,
        modules,
        created: created_objects(executed),
        digest: executed.digest,
        gas_used: executed.gas_used,
    };
    show(global, &output)
}
