// The commands, end to end, on two small packages of which one depends on the other.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { longAddress, parseModule, shortAddress } from '../bytecode.mjs';
import { placeholder } from '../packages.mjs';
import { TOOL_DIR } from '../paths.mjs';
import { packageBytes, roomOf } from '../size.mjs';
import { verify } from '../verify.mjs';

const PACKAGES = [
  { name: 'coin', direct: [], dependencies: [] },
  { name: 'shop', direct: ['coin'], dependencies: ['coin'] },
];

let root;
let moveDir;

function buildMove(...args) {
  const command = [path.join(TOOL_DIR, 'main.mjs'), ...args, '--move-dir', moveDir];
  const { status, stdout, stderr } = spawnSync(process.execPath, command, { encoding: 'utf8' });
  return { status, output: stdout + stderr };
}

const artifact = (name) => path.join(moveDir, 'artifacts', `${name}.json`);
const readArtifact = (name) => JSON.parse(fs.readFileSync(artifact(name), 'utf8'));
const artifacts = () => new Map(['framework', 'coin', 'shop'].map((name) => [name, readArtifact(name)]));

/** Runs `body` with one file changed, and puts the file back. */
function withChanged(file, change, body) {
  const full = path.join(moveDir, file);
  const original = fs.readFileSync(full, 'utf8');
  fs.writeFileSync(full, change(original));
  try {
    return body();
  } finally {
    fs.writeFileSync(full, original);
  }
}

before(() => {
  root = fs.mkdtempSync(path.join(os.tmpdir(), 'build-move-'));
  moveDir = path.join(root, 'move');
  fs.cpSync(path.join(TOOL_DIR, 'tests', 'fixtures'), moveDir, { recursive: true });
  const { status, output } = buildMove('build');
  assert.equal(status, 0, output);
});

after(() => fs.rmSync(root, { recursive: true, force: true }));

test('what was just built passes the check, which says how much room is left', () => {
  const { status, output } = buildMove('check');
  assert.equal(status, 0, output);
  assert.match(output, /coin has \d+ of 102400 bytes/);
});

test('types and dependencies of a package take room, and what is nearly full is refused', () => {
  const [coin] = readArtifact('coin').packages;
  const bytecode = coin.modules.reduce((sum, one) => sum + one.name.length + Buffer.from(one.bytecode, 'base64').length, 0);
  // The type COIN of module coin, and two dependencies.
  assert.deepEqual(parseModule(Buffer.from(coin.modules[0].bytecode, 'base64')).types, ['COIN']);
  assert.equal(packageBytes(coin), 8 + bytecode + (4 + 4 + 32) + 2 * 72);
  assert.equal(roomOf(coin).enough, true);
  const copies = Math.ceil(92_400 / bytecode);
  const modules = Array.from({ length: copies }, () => coin.modules).flat();
  assert.equal(roomOf({ ...coin, modules }).enough, false);
});

test('a package is at zero and names its dependency by the placeholder', () => {
  const [shop] = readArtifact('shop').packages;
  assert.equal(shop.address, '0x0');
  assert.deepEqual(shop.dependencies, ['0x1', '0x2', placeholder('coin')]);
  assert.deepEqual(shop.modules.map(({ name }) => name), ['till', 'a_shop']);
  const till = parseModule(Buffer.from(shop.modules[0].bytecode, 'base64'));
  assert.equal(shortAddress(till.address), '0x0');
  assert.equal(till.addresses.filter((one) => one === longAddress(placeholder('coin'))).length, 1);
});

test('the placeholder of wal is the one deployment knows', () => {
  assert.equal(placeholder('wal'), '0x57414c');
});

test('a changed source makes the check fail', () => {
  const { status, output } = withChanged('shop/sources/till.move', (text) => `${text}\npublic fun one(): u64 { 1 }\n`, () =>
    buildMove('check'),
  );
  assert.equal(status, 1);
  assert.match(output, /shop: the artifact differs/);
});

test('a changed artifact makes the check fail, whitespace included', () => {
  const { status, output } = withChanged('artifacts/coin.json', (text) => `${text} `, () => buildMove('check'));
  assert.equal(status, 1);
  assert.match(output, /coin: the artifact differs/);
});

test('a compiler warning makes the check fail and is printed', () => {
  const { status, output } = withChanged(
    'coin/sources/coin.move',
    (text) => `${text}\npublic fun ignore(unused: u64) {}\n`,
    () => buildMove('check'),
  );
  assert.equal(status, 1);
  assert.match(output, /Unused parameter 'unused'/);
  assert.match(output, /error: coin: compiler warnings/);
});

test('passing unit tests are counted, those of dependencies are not run again', () => {
  const { status, output } = buildMove('test', 'shop');
  assert.equal(status, 0, output);
  assert.match(output, /\n2 passed, 0 failed\n$/);
});

test('a failing unit test fails the command and is explained', () => {
  const { status, output } = withChanged('coin/tests/tests.move', (text) => text.replace('== 0', '== 1'), () =>
    buildMove('test'),
  );
  assert.equal(status, 1);
  assert.match(output, /FAIL {4}coin::tests::nothing_is_zero/);
  assert.match(output, /Test was not expected to error/);
  assert.match(output, /\n2 passed, 1 failed\n$/);
});

test('a test that does not compile fails the command', () => {
  const { status, output } = withChanged('coin/tests/tests.move', (text) => text.replace('coin::zero()', 'coin::missing()'), () =>
    buildMove('test', 'coin'),
  );
  assert.equal(status, 1);
  assert.match(output, /missing/);
  assert.match(output, /\n0 passed, 1 failed\n$/);
});

test('a source that does not compile fails the build with the compiler\'s words', () => {
  const { status, output } = withChanged('coin/sources/coin.move', (text) => text.replace('Balance<COIN>', 'Balans'), () =>
    buildMove('build', 'coin'),
  );
  assert.equal(status, 1);
  assert.match(output, /coin does not compile[\s\S]*Balans/);
});

test('a filter reports matching tests only, and fails when none matches', () => {
  const some = buildMove('test', '--filter', 'expected_abort');
  assert.equal(some.status, 0, some.output);
  assert.match(some.output, /\n1 passed, 0 failed\n$/);
  assert.equal(buildMove('test', '--filter', 'no_such_test').status, 1);
});

test('an unknown package is named in the error', () => {
  const { status, output } = buildMove('test', 'nothing');
  assert.equal(status, 1);
  assert.match(output, /no package nothing; there are coin, shop/);
});

const ERROR = 'const EFull: u64 = 3;\npublic fun fail() { abort EFull }\n';
const ERROR_TEST = '#[test, expected_failure(abort_code = till::EFull)]\nfun fails() { till::fail() }\nuse shop::till;\n';
const withError = (body) => withChanged('shop/sources/till.move', (text) => `${text}\n${ERROR}`, body);
const withErrorTest = (body) => withChanged('shop/tests/tests.move', (text) => `${text}\n${ERROR_TEST}`, body);

test('an error constant that no test expects is named', () => {
  const { status, output } = withError(() => buildMove('errors'));
  assert.equal(status, 1);
  assert.match(output, /error: shop::till::EFull: no test expects this abort code by name/);
});

test('an error constant that a test expects by name is fine', () => {
  const { status, output } = withError(() => withErrorTest(() => buildMove('errors')));
  assert.equal(status, 0, output);
  assert.match(output, /1 of 1 error constants/);
});

test('an error constant that cannot be tested has a reason, and no test', () => {
  const file = path.join(moveDir, 'untested-errors.json');
  fs.writeFileSync(file, '{"shop::till::EFull": "nothing raises it"}');
  try {
    assert.equal(withError(() => buildMove('errors')).status, 0);
    assert.match(withError(() => withErrorTest(() => buildMove('errors'))).output, /shop::till::EFull has a test/);
    assert.match(buildMove('errors').output, /shop::till::EFull does not exist/);
  } finally {
    fs.rmSync(file);
  }
});

test('tests about BLS signatures are marked as ours, and the official runner leaves them out', () => {
  const folder = path.join(moveDir, 'coin', 'tests_bls');
  const out = path.join(root, 'bytecode');
  fs.mkdirSync(folder);
  fs.writeFileSync(path.join(folder, 'more.move'), '#[test_only]\nmodule coin::more;\n\n#[test]\nfun holds() {}\n');
  try {
    assert.match(buildMove('test', 'coin').output, /\n1 passed, 0 failed\n$/);
    const { status, output } = buildMove('test-bytecode', 'coin', '--out', out);
    assert.equal(status, 0, output);
    const { tests } = JSON.parse(fs.readFileSync(path.join(out, 'coin.json'), 'utf8'));
    assert.deepEqual(tests.map((one) => [one.function, one.own_only]), [['nothing_is_zero', false], ['holds', true]]);
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
});

/** The complaints about the artifacts after `change` was made to them. */
function complaintsAfter(change) {
  const changed = artifacts();
  change(changed);
  return verify(changed, PACKAGES).join('\n');
}

/** Replaces an address in a module by another. */
function readdress(module, from, to) {
  const bytes = Buffer.from(module.bytecode, 'base64');
  const at = bytes.indexOf(Buffer.from(longAddress(from).slice(2), 'hex'));
  assert.ok(at >= 0);
  Buffer.from(longAddress(to).slice(2), 'hex').copy(bytes, at);
  module.bytecode = bytes.toString('base64');
}

test('the rules hold for untouched artifacts', () => {
  assert.equal(complaintsAfter(() => {}), '');
});

test('every broken rule is found', () => {
  const shopOf = (all) => all.get('shop').packages[0];
  const cases = [
    [(all) => readdress(shopOf(all).modules[0], placeholder('coin'), '0x0'), /address occurs twice/],
    [(all) => readdress(shopOf(all).modules[0], placeholder('coin'), '0x77'), /not a dependency/],
    [(all) => readdress(all.get('coin').packages[0].modules[0], '0x0', '0x5'), /at 0x0*5, not 0x0/],
    [(all) => shopOf(all).modules.reverse(), /does not come before it/],
    [(all) => shopOf(all).modules.push(all.get('coin').packages[0].modules[0]), /carries the module coin/],
    [(all) => shopOf(all).modules.push(shopOf(all).modules[0]), /name occurs twice/],
    [(all) => (shopOf(all).dependencies = ['0x1', '0x2']), /dependencies are/],
    [(all) => (shopOf(all).modules[1].name = 'other'), /bytecode is of module a_shop/],
    [(all) => (shopOf(all).modules[0].bytecode = 'oRzrCwcAAAU='), /ends early/],
    [(all) => all.get('framework').packages.reverse(), /framework: packages are/],
    [(all) => all.delete('coin'), /coin: no artifact/],
    [(all) => all.set('old', readArtifact('coin')), /old: an artifact of no package/],
  ];
  for (const [change, complaint] of cases) assert.match(complaintsAfter(change), complaint);
});

test('a placeholder that is used as a value is found', () => {
  const { output, status } = withChanged(
    'shop/sources/till.move',
    (text) => `${text}\npublic fun where_is_coin(): address { @coin }\n`,
    () => buildMove('build', 'shop'),
  );
  assert.equal(status, 1, output);
  assert.match(output, /placeholder of coin is used as a value/);
  assert.equal(buildMove('build', 'shop').status, 0);
});

test('tests become bytecode with what is expected of them', () => {
  const out = path.join(root, 'test-bytecode');
  const { status, output } = buildMove('test-bytecode', '--out', out);
  assert.equal(status, 0, output);
  const read = (name) => JSON.parse(fs.readFileSync(path.join(out, `${name}.json`), 'utf8'));
  const names = (name) => read('framework').packages.find((one) => one.name === name).modules.map((one) => one.name);
  assert.ok(names('Sui').includes('test_scenario'));
  assert.ok(names('MoveStdlib').includes('unit_test'));
  const shop = read('shop');
  // Both packages are at 0x0; the test module of the same name in the dependency is not here.
  assert.deepEqual(shop.packages[0].modules.map((one) => one.name).sort(), ['a_shop', 'coin', 'tests', 'till']);
  assert.deepEqual(
    shop.tests.map(({ function: name, expected }) => [name, expected]),
    [
      ['money_goes_in', null],
      ['an_expected_abort_passes', { class: 'abort', code: '7' }],
    ],
  );
  assert.deepEqual(shop.measured.map(({ module }) => module).sort(), ['a_shop', 'till']);
});
