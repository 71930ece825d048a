//! Package digest: what nodes vote on when the contracts are upgraded. Client spec 2.8.

use std::path::Path;

use sui_devchain_move_build as move_build;

use super::{publish::on_chain, target::Target};
use crate::{
    args::{
        GlobalOptions,
        devchain::{CompilerArgs, TargetArgs},
    },
    report::say,
};

/// Compiles a package for the network; its digest.
pub(crate) async fn package_digest(
    global: &GlobalOptions,
    path: &Path,
    compiler: CompilerArgs,
) -> anyhow::Result<[u8; 32]> {
    let anywhere = TargetArgs {
        rpc_url: None,
        private_key: None,
    };
    let target = Target::find(global, &anywhere).await?;
    let compiler = compiler.into();
    let compiled = move_build::compile(
        path,
        &target.published,
        target.url.as_str(),
        &compiler,
        &|line| say(line),
    );
    let compiled = compiled.await?;
    if !compiled.warnings.trim().is_empty() {
        say(compiled.warnings.trim_end());
    }
    let modules = compiled.modules.into_iter().map(|(_, bytes)| bytes);
    let dependencies = on_chain(&target, compiled.dependencies).await?;
    let modules: Vec<_> = modules.collect();
    Ok(sui_devchain_vm::package::digest(&modules, &dependencies))
}
