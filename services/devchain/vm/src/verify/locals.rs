//! Locals: nothing is read that may be missing, nothing without `drop` is overwritten or left behind.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    error::VmResult,
    format::{Code, CompiledModule, Operand},
    limits,
    loader::{Context, Function, Loader},
    types::{AbilitySet, Type},
};

use super::refused;

/// Bit 1: may be missing; bit 2: may be there.
type Presence = Vec<u8>;
const MISSING: u8 = 1;
const THERE: u8 = 2;

/// Types of parameters and locals.
pub(super) fn types(
    loader: &Loader<'_>,
    context: &Context,
    module: &CompiledModule,
    function: &Function,
    code: &Code,
) -> VmResult<Vec<Type>> {
    let mut types = function.parameters.clone();
    for ty in loader.tokens(context, module, module.signature(code.locals))? {
        super::well_formed(&ty, &function.type_parameters)?;
        types.push(ty);
    }
    Ok(types)
}

/// Instructions that may follow the one at `pc`.
pub(super) fn successors(code: &Code, pc: usize) -> Vec<usize> {
    let Some(instruction) = code.instructions.get(pc) else {
        return Vec::new();
    };
    let target = match &instruction.operand {
        Operand::Index(index) => *index,
        _ => 0,
    };
    match instruction.code {
        0x02 | 0x27 => Vec::new(),
        0x03 | 0x04 => vec![pc + 1, usize::from(target)],
        0x05 => vec![usize::from(target)],
        0x56 => code
            .jump_tables
            .get(usize::from(target))
            .map(|table| {
                table
                    .targets
                    .iter()
                    .map(|target| usize::from(*target))
                    .collect()
            })
            .unwrap_or_default(),
        _ => vec![pc + 1],
    }
}

/// Whether a block ends with the instruction: it returns, aborts, jumps or switches, if only to the next one.
fn ends_block(code: u8) -> bool {
    matches!(code, 0x02..=0x05 | 0x27 | 0x56)
}

/// First instructions of basic blocks: the first of all, targets of jumps, and what follows a jump.
pub(super) fn leaders(code: &Code) -> VmResult<BTreeSet<usize>> {
    let mut leaders = BTreeSet::from([0]);
    for (pc, instruction) in code.instructions.iter().enumerate() {
        if ends_block(instruction.code) {
            leaders.extend(successors(code, pc));
            leaders.insert(pc + 1);
        }
    }
    if leaders.len() > limits::BASIC_BLOCKS + 1 {
        return Err(refused(format!("{} basic blocks", leaders.len())));
    }
    Ok(leaders)
}

/// Checks by iteration to a fixed point over basic blocks; the state at the start of a block can change at most twice per
/// local, so it ends.
pub(super) fn check(
    function: &Function,
    code: &Code,
    types: &[Type],
    leaders: &BTreeSet<usize>,
) -> VmResult<()> {
    let droppable: Vec<bool> = types
        .iter()
        .map(|ty| {
            ty.abilities(&function.type_parameters)
                .has(AbilitySet::DROP)
        })
        .collect();
    let mut start: Presence = vec![MISSING; types.len()];
    start
        .iter_mut()
        .take(function.parameters.len())
        .for_each(|state| *state = THERE);
    let mut starts: BTreeMap<usize, Presence> = BTreeMap::from([(0, start)]);
    let mut work = vec![0usize];
    while let Some(mut pc) = work.pop() {
        let Some(mut state) = starts.get(&pc).cloned() else {
            continue;
        };
        let next = loop {
            if pc >= code.instructions.len() {
                return Err(refused("code falls off its end"));
            }
            step(code, pc, &droppable, &mut state)?;
            let next = successors(code, pc);
            if next.as_slice() == [pc + 1] && !leaders.contains(&(pc + 1)) {
                pc += 1;
                continue;
            }
            break next;
        };
        for target in next {
            if merge(&mut starts, target, &state) {
                work.push(target);
            }
        }
    }
    Ok(())
}

/// Adds a way to reach a block; whether its start has changed.
fn merge(starts: &mut BTreeMap<usize, Presence>, target: usize, state: &Presence) -> bool {
    let Some(known) = starts.get_mut(&target) else {
        starts.insert(target, state.clone());
        return true;
    };
    let mut changed = false;
    for (old, new) in known.iter_mut().zip(state) {
        changed |= *old | *new != *old;
        *old |= *new;
    }
    changed
}

fn step(code: &Code, pc: usize, droppable: &[bool], state: &mut Presence) -> VmResult<()> {
    let Some(instruction) = code.instructions.get(pc) else {
        return Ok(());
    };
    if instruction.code == 0x02 {
        let lost = state
            .iter()
            .zip(droppable)
            .any(|(presence, droppable)| presence & THERE != 0 && !droppable);
        return if lost {
            Err(refused("a local without drop is left behind"))
        } else {
            Ok(())
        };
    }
    let (0x0A..=0x0E, Operand::Index(index)) = (instruction.code, &instruction.operand) else {
        return Ok(());
    };
    let index = usize::from(*index);
    let (Some(presence), Some(droppable)) = (state.get_mut(index), droppable.get(index)) else {
        return Err(refused("local out of range"));
    };
    if instruction.code == 0x0C {
        if *presence & THERE != 0 && !droppable {
            return Err(refused("a local without drop is overwritten"));
        }
        *presence = THERE;
        return Ok(());
    }
    if *presence & MISSING != 0 {
        return Err(refused("a local is used that may have no value"));
    }
    if instruction.code == 0x0B {
        *presence = MISSING;
    }
    Ok(())
}
