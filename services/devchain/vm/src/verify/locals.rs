//! Use of locals: nothing is read that may be missing, nothing without `drop` is overwritten or left behind.

use crate::{
    error::VmResult,
    format::{Code, CompiledModule, Operand},
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

/// Checks by iteration to a fixed point; every local can change at most twice per instruction, so it ends.
pub(super) fn check(function: &Function, code: &Code, types: &[Type]) -> VmResult<()> {
    let mut start: Presence = vec![MISSING; types.len()];
    start
        .iter_mut()
        .take(function.parameters.len())
        .for_each(|state| *state = THERE);
    let mut states: Vec<Option<Presence>> = vec![None; code.instructions.len()];
    let mut work = vec![(0usize, start)];
    while let Some((mut pc, mut state)) = work.pop() {
        // Follow straight code without queueing every instruction.
        loop {
            let Some(known) = states.get_mut(pc) else {
                return Err(refused("code falls off its end"));
            };
            match known {
                None => *known = Some(state.clone()),
                Some(known) => {
                    let mut changed = false;
                    for (old, new) in known.iter_mut().zip(&state) {
                        changed |= *old | *new != *old;
                        *old |= *new;
                    }
                    if !changed {
                        break;
                    }
                    state.clone_from(known);
                }
            }
            step(function, code, pc, types, &mut state)?;
            let mut next = successors(code, pc).into_iter();
            let Some(first) = next.next() else { break };
            work.extend(next.map(|pc| (pc, state.clone())));
            pc = first;
        }
    }
    Ok(())
}

fn step(
    function: &Function,
    code: &Code,
    pc: usize,
    types: &[Type],
    state: &mut Presence,
) -> VmResult<()> {
    let droppable = |ty: &Type| {
        ty.abilities(&function.type_parameters)
            .has(AbilitySet::DROP)
    };
    let Some(instruction) = code.instructions.get(pc) else {
        return Ok(());
    };
    if instruction.code == 0x02 {
        let lost = state
            .iter()
            .zip(types)
            .any(|(presence, ty)| presence & THERE != 0 && !droppable(ty));
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
    let (Some(presence), Some(ty)) = (state.get_mut(index), types.get(index)) else {
        return Err(refused("local out of range"));
    };
    if instruction.code == 0x0C {
        if *presence & THERE != 0 && !droppable(ty) {
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
