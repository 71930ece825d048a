//! Objects that the arguments of a call name: whether the chain has them, and whether their type is the right one.

use anyhow::{bail, ensure};
use walrus_sui::{Address, StructTag, chain::ChainClient};

use super::short_addresses::short_addresses;

/// Objects of one argument.
pub(crate) struct Named {
    /// Of the argument, counted from 1.
    pub(crate) number: usize,
    pub(crate) ids: Vec<Address>,
    /// What the function takes.
    pub(crate) expected: StructTag,
}

/// Looks at all objects before a transaction is made of them: what a chain says about wrong ones is hard to understand.
///
/// # Errors
/// A sentence that names argument and object.
pub(crate) async fn check(chain: &ChainClient, arguments: &[Named]) -> anyhow::Result<()> {
    let ids: Vec<_> = arguments.iter().flat_map(|one| &one.ids).copied().collect();
    if ids.is_empty() {
        return Ok(());
    }
    let mut found = chain.objects(&ids).await?.into_iter();
    for argument in arguments {
        let number = argument.number;
        for (id, object) in argument.ids.iter().zip(found.by_ref()) {
            let Some(object) = object else {
                bail!("argument {number}: there is no object {id} on this chain");
            };
            let Some(object_type) = object.object_type else {
                bail!("argument {number}: {id} is a package, not an object");
            };
            ensure!(
                may_be(&object_type, &argument.expected),
                "argument {number}: {id} is a {}, the function takes a {}",
                short_addresses(&object_type.to_string()),
                short_addresses(&argument.expected.to_string())
            );
        }
    }
    Ok(())
}

/// Module and name alone are compared: packages have several IDs when they are upgraded. The chain looks at the rest.
fn may_be(found: &StructTag, expected: &StructTag) -> bool {
    (found.module(), found.name()) == (expected.module(), expected.name())
}
