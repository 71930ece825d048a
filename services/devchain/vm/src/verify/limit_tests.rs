//! Limit tests of verification, at the edges.
#![allow(clippy::unwrap_used)]

use std::cell::Cell;

use super::Work;
use crate::error::VmError;
use crate::format::{Instruction, Operand};
use crate::handmade::{function, op, ret, skeleton, verify, with};
use crate::limits;
use crate::types::Type;

const POP: u8 = 0x01;
const TRUE: u8 = 0x08;

fn jump(code: u8, to: usize) -> Instruction {
    with(code, Operand::Index(u16::try_from(to).unwrap()))
}

fn branch(to: usize) -> Instruction {
    jump(0x05, to)
}

fn branch_if(to: usize) -> Instruction {
    jump(0x03, to)
}

fn refusal(code: Vec<Instruction>) -> Option<String> {
    let mut module = skeleton();
    function(&mut module, "f", code);
    match verify(&module) {
        Ok(()) => None,
        Err(VmError::Verification(message)) => Some(message),
        Err(other) => panic!("{other:?}"),
    }
}

/// Code of the size is accepted, code that is one larger is not, for that reason.
fn edge(limit: usize, reason: &str, make: impl Fn(usize) -> Vec<Instruction>) {
    assert_eq!(refusal(make(limit)), None, "{reason}");
    let refused = refusal(make(limit + 1)).unwrap();
    assert!(refused.contains(reason), "{refused}");
}

#[test]
fn a_function_has_so_many_blocks() {
    edge(limits::BASIC_BLOCKS, "basic blocks", |blocks| {
        let mut code: Vec<_> = (1..blocks).map(branch).collect();
        code.push(ret());
        code
    });
}

#[test]
fn loops_nest_so_deep() {
    edge(limits::LOOP_DEPTH, "deep inside each other", |depth| {
        let mut code = vec![op(0x28); depth];
        for head in (0..depth).rev() {
            code.extend([op(TRUE), branch_if(head)]);
        }
        code.push(ret());
        code
    });
    // As many loops after each other are none inside of each other.
    let mut code = Vec::new();
    for _ in 0..20 {
        let head = code.len();
        code.extend([op(TRUE), branch_if(head)]);
    }
    code.push(ret());
    assert_eq!(refusal(code), None);
}

#[test]
fn a_loop_is_entered_at_one_place() {
    let two_entries = vec![
        op(TRUE),
        branch_if(4),
        op(0x28),
        op(0x28),
        op(TRUE),
        branch_if(2),
        ret(),
    ];
    assert!(refusal(two_entries).unwrap().contains("entered beside"));
}

#[test]
fn a_block_pushes_so_many_values() {
    edge(limits::BLOCK_PUSHES, "pushes too many values", |pushes| {
        let mut code = Vec::new();
        for _ in 0..pushes {
            code.extend([op(TRUE), op(POP)]);
        }
        code.push(ret());
        code
    });
    // An instruction that takes and gives pushes too.
    edge(
        limits::BLOCK_PUSHES - 1,
        "pushes too many values",
        |pushes| {
            let mut code = vec![op(TRUE)];
            code.extend(std::iter::repeat_n(op(0x20), pushes));
            code.extend([op(POP), ret()]);
            code
        },
    );
}

#[test]
fn the_stack_is_so_high() {
    edge(limits::OPERAND_STACK, "operand stack overflow", |height| {
        let mut code = vec![op(TRUE); height];
        code.extend(std::iter::repeat_n(op(POP), height));
        code.push(ret());
        code
    });
}

#[test]
fn types_are_made_so_long() {
    let work = Work(Cell::new(limits::VERIFIED_NODES - 1));
    work.made(Type::U8).unwrap();
    assert!(work.made(Type::U8).is_err());
}
