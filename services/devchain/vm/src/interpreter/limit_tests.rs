//! Limit tests of running code, at the edges.
#![allow(clippy::unwrap_used)]

use crate::Argument;
use crate::error::{VmError, VmResult};
use crate::format::{CompiledModule, Instantiation, Operand, Token};
use crate::handmade::{call, function, op, ret, signature, skeleton, with};
use crate::limits;
use crate::types::AbilitySet;
use crate::value::{Slot, Value};

fn number(value: usize) -> Argument {
    Argument::Value(Value::U64(value as u64))
}

fn message(result: VmResult<Vec<Value>>) -> Option<String> {
    match result {
        Ok(_) => None,
        Err(VmError::Primitive { message, .. }) => Some(message),
        Err(other) => panic!("{other:?}"),
    }
}

/// `fun f(n: u64) { if (n != 0) f(n - 1) }`, or the same that leaves so many values on the stack for the time of the call.
fn recursion(kept: usize) -> CompiledModule {
    let mut module = skeleton();
    let u64s = signature(&mut module, vec![Token::U64]);
    let local = || with(0x0A, Operand::Index(0));
    let constant = |value| with(0x06, Operand::U64(value));
    let mut code = vec![local(), constant(0), op(0x21)];
    let skip = code.len();
    code.push(ret());
    code.extend(std::iter::repeat_n(op(0x08), kept));
    code.extend([
        local(),
        constant(1),
        op(0x17),
        with(0x11, Operand::Index(0)),
    ]);
    code.extend(std::iter::repeat_n(op(0x01), kept));
    let end = u16::try_from(code.len()).unwrap();
    code.push(ret());
    *code.get_mut(skip).unwrap() = with(0x03, Operand::Index(end));
    function(&mut module, "f", code);
    module.function_handles.first_mut().unwrap().parameters = u64s;
    module
}

#[test]
fn calls_nest_so_deep() {
    let module = recursion(0);
    let run = |depth: usize| message(call(&module, "f", vec![number(depth - 1)]));
    assert_eq!(run(limits::CALL_DEPTH), None);
    assert_eq!(
        run(limits::CALL_DEPTH + 1).as_deref(),
        Some("call stack overflow")
    );
}

#[test]
fn the_operand_stack_of_all_calls_is_so_high() {
    // Every call leaves 10, and the last one compares two numbers.
    let module = recursion(10);
    let run = |calls: usize| message(call(&module, "f", vec![number(calls)]));
    let fits = (limits::OPERAND_STACK - 2) / 10;
    assert_eq!(run(fits), None);
    assert_eq!(run(fits + 1).as_deref(), Some("operand stack overflow"));
}

#[test]
fn a_vector_has_so_many_elements() {
    let mut module = skeleton();
    let bytes = Token::Vector(Box::new(Token::U8));
    let parameters = signature(&mut module, vec![Token::MutableReference(Box::new(bytes))]);
    let code = vec![
        with(0x0B, Operand::Index(0)),
        with(0x31, Operand::U8(7)),
        with(0x44, Operand::Index(1)),
        ret(),
    ];
    function(&mut module, "push", code);
    module.function_handles.first_mut().unwrap().parameters = parameters;
    let slot = Slot::new(Value::Bytes(vec![7; limits::VECTOR_LENGTH - 1]));
    let push = || message(call(&module, "push", vec![Argument::Borrow(slot.clone())]));
    assert_eq!(push(), None);
    assert_eq!(push().as_deref(), Some("vector too long"));
}

/// `fun outer() { inner<vector<…<u8>…>>() }`, where `inner<T>()` calls `leaf<T>()`: the caller's `T` counts as well, and one
/// more.
#[test]
fn type_arguments_have_so_many_nodes() {
    let run = |nodes: usize| {
        let mut module = skeleton();
        let large = (1..nodes).fold(Token::U8, |inner, _| Token::Vector(Box::new(inner)));
        let large = signature(&mut module, vec![large]);
        let own = signature(&mut module, vec![Token::Param(0)]);
        let generic_call = |index| with(0x38, Operand::Index(index));
        function(&mut module, "outer", vec![generic_call(0), ret()]);
        function(&mut module, "inner", vec![generic_call(1), ret()]);
        function(&mut module, "leaf", vec![ret()]);
        for handle in module.function_handles.iter_mut().skip(1) {
            handle.type_parameters = vec![AbilitySet::EMPTY];
        }
        module.function_instantiations = vec![
            Instantiation {
                base: 1,
                arguments: large,
            },
            Instantiation {
                base: 2,
                arguments: own,
            },
        ];
        message(call(&module, "outer", vec![]))
    };
    // 1 + 63 + 63 nodes, and 1 + 64 + 64.
    assert_eq!(run((limits::INSTANTIATION_NODES - 1) / 2), None);
    let refused = run((limits::INSTANTIATION_NODES - 1) / 2 + 1).unwrap();
    assert!(
        refused.contains("have 129 nodes, the limit is 128"),
        "{refused}"
    );
}
