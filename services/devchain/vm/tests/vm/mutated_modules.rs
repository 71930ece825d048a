//! Every module of the committed packages, mutated byte by byte: it is refused, or it runs within its limits.
//!
//! `MUTATIONS=2000 cargo test --release -p sui-devchain-vm --test vm -- --ignored` takes longer.

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use crate::support::{World, framework, id, linkage, publish, random::RandomValues, session};
use rand::{Rng, SeedableRng, rngs::SmallRng};
use sui_devchain_vm::{
    AbilitySet, Argument, FunctionInfo, Package, Session, Slot, Type, Value, Vm, VmError,
    package::Module,
};
use sui_sdk_types::{Address, StructTag, TypeTag};
use walrus_artifacts::{Package as Artifact, WAL_PLACEHOLDER, WALRUS_PLACEHOLDER};

/// Internal gas units of one call: more than 20 000 instructions.
const GAS: u64 = 100_000;
/// The borrow graph is not verified: such code runs, and stops where it would use a lost place.
const DANGLING: &str = "reference to a place that is gone";
/// Seed of the short run.
const SEED: u64 = 0x0005_eed0_fbad_c0de;

/// The framework and all committed packages, linked with each other.
fn everything() -> World {
    let mut world = framework();
    let (wal, walrus) = (id(0xaaaa), id(0xbbbb));
    publish(&mut world, &Artifact::wal().unwrap(), wal);
    for (artifact, uses_walrus, at) in [
        (Artifact::walrus(), false, walrus),
        (Artifact::wal_exchange(), false, id(0xcccc)),
        (Artifact::walrus_subsidies(), true, id(0xdddd)),
        (Artifact::blob_bucket(), true, id(0xeeee)),
    ] {
        let mut artifact = artifact.unwrap();
        artifact.link(WAL_PLACEHOLDER, wal).unwrap();
        if uses_walrus {
            artifact.link(WALRUS_PLACEHOLDER, walrus).unwrap();
        }
        publish(&mut world, &artifact, at);
    }
    world
}

#[derive(Debug, Default)]
struct Tally {
    refused_by_reader: usize,
    refused_by_verifier: usize,
    accepted: usize,
    returned: usize,
    aborted: usize,
    out_of_gas: usize,
    unusual: BTreeMap<String, usize>,
}

/// Mutates every module `count` times.
fn run(count: usize, seed: u64) -> Tally {
    let world = everything();
    let mut random = SmallRng::seed_from_u64(seed);
    let mut tally = Tally::default();
    for package in world.packages.values() {
        for (name, bytes) in &package.modules {
            let framework = package.storage_id == id(1) || package.storage_id == id(2);
            for _ in 0..if framework { count } else { 4 * count } {
                let mut mutated = bytes.clone();
                for _ in 0..random.random_range(1..=2) {
                    let at = random.random_range(..mutated.len());
                    mutated[at] = match random.random_range(0..3) {
                        0 => mutated[at] ^ (1 << random.random_range(0..8)),
                        1 => mutated[at].wrapping_add(1),
                        _ => random.random(),
                    };
                }
                if Module::parse(&mutated).is_err() {
                    tally.refused_by_reader += 1;
                    continue;
                }
                let mut changed = Package::clone(package);
                changed.modules.insert(name.clone(), mutated);
                try_package(&world, Arc::new(changed), name, &mut random, &mut tally);
            }
        }
    }
    tally
}

fn try_package(
    world: &World,
    changed: Arc<Package>,
    name: &str,
    random: &mut SmallRng,
    tally: &mut Tally,
) {
    let vm = Vm::default();
    let mut checking = session(&vm, world, Some(GAS));
    if let Err(error) = checking.verify_module(&changed, name) {
        let verdict = matches!(
            error,
            VmError::Verification(_) | VmError::SuiVerification(_) | VmError::TypeNotFound { .. }
        );
        assert!(verdict, "{name}: {error:?}");
        tally.refused_by_verifier += 1;
        return;
    }
    tally.accepted += 1;
    let declared = Module::parse(&changed.modules[name])
        .unwrap()
        .declarations();
    let vm = Vm::default();
    for _ in 0..4.min(declared.functions.len()) {
        let function = &declared.functions[random.random_range(..declared.functions.len())];
        let mut running = session(&vm, world, Some(GAS));
        running.add_package(changed.clone());
        let linked = linkage(world);
        let at = changed.storage_id;
        let Ok(info) = running.function(&linked, at, name, &function.name) else {
            continue;
        };
        let result = call(
            &mut running,
            random,
            (at, name, &function.name),
            &info,
            world,
        );
        assert!(running.gas_used() <= GAS);
        match result {
            Ok(()) => tally.returned += 1,
            Err(VmError::Abort { .. } | VmError::Primitive { .. }) => tally.aborted += 1,
            Err(VmError::OutOfGas) => tally.out_of_gas += 1,
            Err(error) => {
                // Natives of the framework trust the Move code in front of them; user code has no natives.
                let framework = at == id(1) || at == id(2);
                let text = error.to_string();
                let explained = framework
                    || text.contains("is not available")
                    || text.contains("required abilities")
                    || text.contains(DANGLING);
                assert!(explained, "{name}::{}: {text}", function.name);
                *tally.unusual.entry(text).or_default() += 1;
            }
        }
        // Folding up what happened may fail, not panic.
        let _ = running.finish();
    }
}

fn call(
    running: &mut Session<'_>,
    random: &mut SmallRng,
    (at, module, function): (Address, &str, &str),
    info: &FunctionInfo,
    world: &World,
) -> Result<(), VmError> {
    let tags: Vec<TypeTag> = info
        .type_parameters
        .iter()
        .map(|needed| tag_with(*needed))
        .collect();
    let types = tags
        .iter()
        .map(|tag| running.load_type(tag))
        .collect::<Result<Vec<_>, _>>()?;
    let arguments = info
        .parameters
        .iter()
        .map(|ty| Ok(random.argument(&ty.substitute(&types)?)))
        .collect::<Result<Vec<_>, VmError>>()?;
    let places: Vec<(Slot, Type)> = arguments
        .iter()
        .zip(&info.parameters)
        .filter_map(|(argument, ty)| match (argument, ty) {
            (Argument::Borrow(slot), Type::Reference(ty) | Type::MutableReference(ty)) => {
                Some((slot.clone(), ty.substitute(&types).unwrap()))
            }
            _ => None,
        })
        .collect();
    let results = running.call(&linkage(world), at, module, function, &tags, arguments);
    // A native of the framework whose declaration was changed gives what it always gave.
    if at == id(1) || at == id(2) {
        return results.map(drop);
    }
    for (slot, ty) in places {
        assert_shape(running, &ty, &slot.get());
    }
    for (value, ty) in results?.iter().zip(&info.returns) {
        if !matches!(ty, Type::Reference(_) | Type::MutableReference(_)) {
            assert_shape(running, &ty.substitute(&types)?, value);
        }
    }
    Ok(())
}

/// What verified code hands out is a value of its type, so its bytes decode.
fn assert_shape(session: &mut Session<'_>, ty: &Type, value: &Value) {
    let bytes = session.serialize(ty, value).expect("a whole value");
    session
        .deserialize(ty, &bytes)
        .expect("a value of its type");
}

/// A type argument that has the wanted abilities.
fn tag_with(needed: AbilitySet) -> TypeTag {
    if needed.has(AbilitySet::KEY) {
        return StructTag::gas_coin().into();
    }
    TypeTag::U64
}

/// The most memory the process ever used, in MiB; `None` where the system does not say.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM"))?;
    let kilobytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes / 1024)
}

fn check(tally: &Tally) {
    println!("{tally:#?}, {:?} MiB", peak_memory());
    assert!(tally.refused_by_reader > 0 && tally.refused_by_verifier > 0 && tally.accepted > 0);
    assert!(tally.returned > 0 && tally.aborted > 0);
    assert!(
        peak_memory().is_none_or(|used| used < 2048),
        "{:?}",
        peak_memory()
    );
}

#[test]
fn mutated_modules_are_refused_or_run_within_limits() {
    let tally = catch_unwind(AssertUnwindSafe(|| run(60, SEED))).expect("no panic");
    check(&tally);
    assert!(tally.accepted > 1000, "{tally:?}");
}

#[test]
#[ignore = "minutes; MUTATIONS and SEED say how many and which"]
fn many_mutated_modules_are_refused_or_run_within_limits() {
    let number = |name: &str, or: u64| std::env::var(name).map_or(or, |text| text.parse().unwrap());
    check(&run(
        number("MUTATIONS", 1000) as usize,
        number("SEED", 0xabcdef),
    ));
}
