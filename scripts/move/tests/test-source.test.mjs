// What becomes of test code on its way to ordinary bytecode.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withoutTestAttributes } from '../test-source.mjs';

const SOURCE = `/// Says #[test_only] in a comment.
module shop::till;

use shop::errors::{Self, EEmpty as ENone};

const EBroke: u64 = 0x1_0;
#[error]
const ERude: vector<u8> = b"#[test] in a string";

public struct TILL has drop {}

fun init(otw: TILL, ctx: &mut TxContext) { keep(otw, ctx) }

/* #[test] /* nested */ fun hidden() {} */
#[test_only, allow(unused_variable)]
public fun init_for_testing(ctx: &mut TxContext) { init(TILL {}, ctx) }

#[
  test,
  expected_failure(abort_code = errors::EEmpty, location = Self),
]
fun empties() { abort 1 }

#[random_test]
fun counts(a: u64, b: vector<u8>) { let TILL {} = make(); }
`;

const { text, modules } = withoutTestAttributes(SOURCE);
const [till] = modules;

test('nothing of test attributes is left, and lines keep their numbers', () => {
  assert.equal(text.split('\n').length, SOURCE.split('\n').length);
  const line = (part) => text.split('\n').findIndex((one) => one.includes(part));
  const before = (part) => SOURCE.split('\n').findIndex((one) => one.includes(part));
  for (const part of ['fun empties', 'fun counts', 'fun init_for_testing']) assert.equal(line(part), before(part));
  const kept = text.replace(/^.*(in a comment|in a string|nested).*$/gm, '');
  assert.doesNotMatch(kept, /test_only|#\[test|random_test|expected_failure/);
});

test('comments, strings and other attributes stay', () => {
  for (const part of ['in a comment.', '#[error]', 'b"#[test] in a string"', '#[allow(unused_variable)]', 'fun hidden']) {
    assert.ok(text.includes(part), part);
  }
});

test('the initializer can be called, and the witness is not made by hand', () => {
  assert.ok(text.includes('fun init_in_unit_test(otw: TILL'));
  assert.ok(text.includes('{ init_in_unit_test(sui::test_utils::create_one_time_witness<TILL>(), ctx) }'));
  assert.ok(text.includes('struct TILL has drop {}'));
  assert.ok(text.includes('let TILL {} = make()'));
});

test('tests and what is expected of them are written down', () => {
  assert.deepEqual(till.tests, [
    {
      function: 'empties',
      random: false,
      parameters: [],
      failure: { abort_code: 'errors::EEmpty', location: 'Self' },
    },
    { function: 'counts', random: true, parameters: ['u64', 'vector<u8>'], failure: undefined },
  ]);
  assert.deepEqual(till.testFunctions, ['init_for_testing', 'empties', 'counts']);
});

test('names and constants are known', () => {
  assert.deepEqual(till.uses, { errors: 'shop::errors', ENone: 'shop::errors::EEmpty' });
  assert.deepEqual(till.constants.get('EBroke'), { value: 16n, error: false });
  assert.equal(till.constants.get('ERude').error, true);
  assert.equal(till.functions.counts, 25);
});
