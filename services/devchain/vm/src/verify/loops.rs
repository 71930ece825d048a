//! Loop depth: how deep loops are inside each other. The public verifier wants a function's loops to be entered at one place
//! each and to nest at most [`LOOP_DEPTH`] deep, because it repeats its work for them.
//!
//! A loop is what its back edges come from: an edge to a block that dominates the one it leaves.

use std::collections::{BTreeMap, BTreeSet};

use super::locals::successors;
use super::refused;
use crate::error::VmResult;
use crate::format::Code;
use crate::limits::LOOP_DEPTH;

/// Basic blocks that can be reached, in reverse postorder: a block comes before all that follow it, except along back edges.
struct Graph {
    next: Vec<Vec<usize>>,
    previous: Vec<Vec<usize>>,
    /// The nearest block that every way to a block goes through; the first block has itself.
    dominator: Vec<usize>,
}

/// Checks the loops of one function. `leaders` are the first instructions of its blocks.
pub(super) fn check(code: &Code, leaders: &BTreeSet<usize>) -> VmResult<()> {
    let graph = Graph::of(code, leaders);
    let mut depths = vec![0usize; graph.next.len()];
    for (head, body) in graph.loops()? {
        for block in body {
            if let Some(depth) = depths.get_mut(block) {
                *depth += 1;
                if *depth > LOOP_DEPTH {
                    return Err(refused(format!(
                        "loops are more than {LOOP_DEPTH} deep inside each other (block {head})"
                    )));
                }
            }
        }
    }
    Ok(())
}

impl Graph {
    fn of(code: &Code, leaders: &BTreeSet<usize>) -> Self {
        let order = reverse_postorder(code, leaders);
        let number: BTreeMap<usize, usize> = order
            .iter()
            .enumerate()
            .map(|(number, start)| (*start, number))
            .collect();
        let next: Vec<Vec<usize>> = order
            .iter()
            .map(|start| {
                let targets = leaving(code, leaders, *start);
                targets
                    .iter()
                    .filter_map(|target| number.get(target).copied())
                    .collect()
            })
            .collect();
        let mut previous = vec![Vec::new(); next.len()];
        for (from, targets) in next.iter().enumerate() {
            for target in targets {
                if let Some(list) = previous.get_mut(*target) {
                    list.push(from);
                }
            }
        }
        let dominator = dominators(&previous);
        Self {
            next,
            previous,
            dominator,
        }
    }

    /// Whether every way to `block` goes through `over`.
    fn dominates(&self, over: usize, block: usize) -> bool {
        let mut block = block;
        while block > over {
            block = self.dominator.get(block).copied().unwrap_or(0);
        }
        block == over
    }

    /// The blocks of every loop, by its first block.
    fn loops(&self) -> VmResult<BTreeMap<usize, BTreeSet<usize>>> {
        let mut loops: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
        for (from, targets) in self.next.iter().enumerate() {
            for head in targets.iter().copied().filter(|target| *target <= from) {
                if !self.dominates(head, from) {
                    return Err(refused(format!("a loop is entered beside block {head}")));
                }
                let body = loops.entry(head).or_insert_with(|| BTreeSet::from([head]));
                let mut pending = vec![from];
                while let Some(block) = pending.pop() {
                    if body.insert(block) {
                        pending.extend(self.previous.get(block).into_iter().flatten());
                    }
                }
            }
        }
        Ok(loops)
    }
}

/// The blocks that one leads to.
fn leaving(code: &Code, leaders: &BTreeSet<usize>, start: usize) -> Vec<usize> {
    let end = leaders
        .range(start + 1..)
        .next()
        .copied()
        .unwrap_or(code.instructions.len());
    successors(code, end.saturating_sub(1))
}

fn reverse_postorder(code: &Code, leaders: &BTreeSet<usize>) -> Vec<usize> {
    let mut order = Vec::new();
    let mut seen = BTreeSet::from([0]);
    let mut path = vec![(0, leaving(code, leaders, 0))];
    while let Some((start, targets)) = path.last_mut() {
        match targets.pop() {
            Some(target) if seen.insert(target) => {
                path.push((target, leaving(code, leaders, target)));
            }
            Some(_) => {}
            None => {
                order.push(*start);
                path.pop();
            }
        }
    }
    order.reverse();
    order
}

/// By iteration in reverse postorder, which ends after a few rounds.
fn dominators(previous: &[Vec<usize>]) -> Vec<usize> {
    const UNKNOWN: usize = usize::MAX;
    let mut dominator = vec![UNKNOWN; previous.len()];
    if let Some(first) = dominator.first_mut() {
        *first = 0;
    }
    let mut changed = true;
    while changed {
        changed = false;
        for block in 1..previous.len() {
            let known = previous
                .get(block)
                .into_iter()
                .flatten()
                .copied()
                .filter(|from| dominator.get(*from).is_some_and(|known| *known != UNKNOWN));
            let Some(new) = known.reduce(|one, other| meet(&dominator, one, other)) else {
                continue;
            };
            if let Some(old) = dominator.get_mut(block).filter(|old| **old != new) {
                *old = new;
                changed = true;
            }
        }
    }
    dominator
}

/// The nearest block above both.
fn meet(dominator: &[usize], mut one: usize, mut other: usize) -> usize {
    while one != other {
        let later = if one > other { &mut one } else { &mut other };
        *later = dominator.get(*later).copied().unwrap_or(0).min(*later - 1);
    }
    one
}
