//! Results of a call: what becomes of each value that a function returns when a transaction calls it alone.

use anyhow::bail;
use sui_rpc::proto::sui::rpc::v2::{
    self as proto, Ability, FunctionDescriptor, open_signature_body::Type,
};

use super::short_addresses::short_addresses;
use super::target::Target;
use crate::args::devchain::FunctionName;

/// What becomes of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fate {
    /// An object that anybody may transfer: it goes to the sender.
    Kept,
    /// It can be dropped, as far as its declaration tells.
    Dropped,
    /// Nobody can drop it, and nobody can own it: another call has to take it. Its type.
    Stuck(String),
}

/// What becomes of the values of a function.
pub(super) async fn fates(
    target: &Target,
    function: &FunctionDescriptor,
) -> anyhow::Result<Vec<Fate>> {
    let mut fates = Vec::with_capacity(function.returns.len());
    for result in &function.returns {
        let body = result.body();
        fates.push(match body.r#type() {
            Type::Datatype if result.reference.is_none() => {
                let abilities = abilities(target, body.type_name()).await?;
                fate(body.type_name(), &abilities)
            }
            _ => Fate::Dropped,
        });
    }
    Ok(fates)
}

fn fate(type_name: &str, abilities: &[i32]) -> Fate {
    let has = |ability: Ability| abilities.contains(&(ability as i32));
    if has(Ability::Key) && has(Ability::Store) {
        Fate::Kept
    } else if has(Ability::Drop) {
        // Type arguments may take it away again.
        Fate::Dropped
    } else {
        Fate::Stuck(short_addresses(type_name))
    }
}

async fn abilities(target: &Target, type_name: &str) -> anyhow::Result<Vec<i32>> {
    let mut parts = type_name.split("::");
    let (Some(package), Some(module), Some(name)) = (parts.next(), parts.next(), parts.next())
    else {
        bail!("the chain names a type `{type_name}`");
    };
    let request = proto::GetDatatypeRequest::default()
        .with_package_id(package)
        .with_module_name(module)
        .with_name(name);
    let mut rpc = target.executor.chain().rpc();
    let response = rpc.package_client().get_datatype(request).await;
    let response = response
        .map_err(|status| anyhow::anyhow!("cannot read type {type_name}: {}", status.message()))?;
    Ok(response.get_ref().datatype().abilities.clone())
}

/// That a transaction with the call alone can do something with every result.
///
/// # Errors
/// A sentence on the first one that is in the way, before anything is paid.
pub(super) fn check(name: &FunctionName, fates: &[Fate]) -> anyhow::Result<()> {
    for (number, fate) in (1..).zip(fates) {
        if let Fate::Stuck(type_name) = fate {
            bail!(
                "{}::{} returns a {type_name} (result {number} of {}), which can neither be dropped nor go to the sender: it has \
                 no `drop`, and not both `key` and `store`. Another call of the same transaction has to take it: call a function \
                 that takes it itself, such as an entry function of a module of yours, or build a transaction of several calls \
                 with an SDK",
                name.module,
                name.function,
                fates.len()
            );
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn abilities_say_what_becomes_of_a_value() {
        let fate = |abilities: &[Ability]| {
            let numbers: Vec<_> = abilities.iter().map(|one| *one as i32).collect();
            fate("0x2::a::B", &numbers)
        };
        let stuck = Fate::Stuck("0x2::a::B".to_owned());
        assert_eq!(fate(&[Ability::Key, Ability::Store]), Fate::Kept);
        assert_eq!(fate(&[Ability::Copy, Ability::Drop]), Fate::Dropped);
        assert_eq!(fate(&[Ability::Store]), stuck);
        assert_eq!(fate(&[Ability::Key]), stuck);
        assert_eq!(fate(&[]), stuck);
    }
}
