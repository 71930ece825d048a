// The console's WebAssembly module is our protocol library: the published vectors, in the browser's own interface.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const REPOSITORY = new URL('../../../', import.meta.url);
const MODULE = new URL('services/console/assets/walrus-core.wasm', REPOSITORY);
const README = new URL('services/console/README.md', REPOSITORY);

const compiled = new WebAssembly.Module(await readFile(fileURLToPath(MODULE)));

/** The module, with bytes that `read` gives; what a function of it says, and the parts that were told to be done. */
function start(read) {
  const told = [];
  const { exports } = new WebAssembly.Instance(compiled, {
    blob: {
      read(offset, to, count) {
        const bytes = read(Number(offset), count);
        if (bytes === undefined) return 1;
        new Uint8Array(exports.memory.buffer, to >>> 0, count).set(bytes);
        return 0;
      },
      progress: (done, total) => told.push([done, total]),
    },
  });
  const text = () => {
    const bytes = new Uint8Array(exports.memory.buffer, exports.walrus_text() >>> 0, exports.walrus_text_length());
    return new TextDecoder().decode(bytes);
  };
  return { exports, text, told };
}

/** The blob ID of `length` bytes that `read` gives, or why there is none. */
function blobId(nShards, length, read) {
  const { exports, text, told } = start(read);
  const isComputed = exports.walrus_blob_id(nShards, BigInt(length)) === 1;
  return { isComputed, text: text(), told, memory: exports.memory.buffer.byteLength };
}

/** Whether bytes are those of a range, by a proof; why not. */
function verifyRange({ nShards, length, first, bytes, id, proof }) {
  const { exports, text } = start((offset, count) => bytes.subarray(offset, offset + count));
  const input = Buffer.concat([id, proof]);
  const place = exports.walrus_input(input.length) >>> 0;
  new Uint8Array(exports.memory.buffer, place, input.length).set(input);
  const isGood = exports.walrus_verify_range(nShards, BigInt(length), BigInt(first), BigInt(bytes.length)) === 1;
  return { isGood, text: text() };
}

const linear = (length) => Uint8Array.from({ length }, (_, i) => (i * 31 + 7 * length) % 256);

test('it asks for nothing but the bytes of the blob', () => {
  const imports = WebAssembly.Module.imports(compiled).map(({ module, name }) => `${module}.${name}`);
  assert.deepEqual(imports.sort(), ['blob.progress', 'blob.read']);
});

test('it is the module that its description names', async () => {
  const bytes = await readFile(fileURLToPath(MODULE));
  const digest = createHash('sha256').update(bytes).digest('hex');
  assert.ok((await readFile(fileURLToPath(README), 'utf8')).includes(digest), `services/console/README.md has no ${digest}`);
});

test('blob IDs of the vectors', async () => {
  const { generator, vectors } = JSON.parse(await readFile(fileURLToPath(new URL('tests/vectors/encoding.json', REPOSITORY))));
  assert.equal(generator.name, 'linear');
  assert.ok(vectors.length > 30);
  for (const { name, n_shards: nShards, unencoded_length: length, blob_id: expected } of vectors) {
    const blob = linear(length);
    const { isComputed, text, told } = blobId(nShards, length, (offset, count) => blob.subarray(offset, offset + count));
    assert.deepEqual([isComputed, text], [true, expected], name);
    const [done, total] = told.at(-1);
    assert.equal(done, total, name);
  }
});

test('a blob larger than its memory is read in pieces', () => {
  const length = 60 << 20;
  let read = 0;
  const piece = new Uint8Array(length / 4);
  const zeros = blobId(100, length, (_, count) => {
    assert.ok(count <= piece.length, `${count} bytes at once`);
    read += count;
    return piece.subarray(0, count);
  });
  assert.equal(zeros.isComputed, true, zeros.text);
  assert.ok(read >= length);
  assert.ok(zeros.memory <= 160 << 20, `${zeros.memory} bytes of memory`);
});

test('range proofs of the vectors, and no others', async () => {
  const { generator, proofs } = JSON.parse(await readFile(fileURLToPath(new URL('tests/vectors/range-proof.json', REPOSITORY))));
  assert.equal(generator, 'linear');
  assert.ok(proofs.length > 5);
  for (const { n_shards: nShards, length, blob_id_hex: id, start: first, end, proof_hex: proof } of proofs) {
    const range = {
      nShards, length, first, bytes: linear(length).slice(first, end), id: Buffer.from(id, 'hex'), proof: Buffer.from(proof, 'hex'),
    };
    const name = `${first}..${end} of ${length} on ${nShards}`;
    assert.deepEqual(verifyRange(range), { isGood: true, text: '' }, name);
    const flipped = range.bytes.slice();
    flipped[flipped.length >> 1] ^= 1;
    for (const change of [
      { bytes: flipped }, { bytes: range.bytes.slice(1) }, { first: first + 1 }, { length: length + 1 }, { nShards: nShards + 1 },
      { id: Buffer.alloc(32, 7) }, { proof: range.proof.subarray(1) },
    ]) {
      const { isGood, text } = verifyRange({ ...range, ...change });
      assert.equal(isGood, false, `${name}: ${Object.keys(change)}`);
      assert.match(text, /\w/);
    }
  }
});

test('an input that is too long is refused', () => {
  assert.equal(start(() => undefined).exports.walrus_input(0x7fffffff), 0);
});

test('what cannot be is an error in words', () => {
  const nothing = () => undefined;
  for (const [nShards, length, expected] of [[3, 1, /3/], [70_000, 1, /65535/], [4, 2 ** 40, /1099511627776/], [13, 10, /byte/]]) {
    const { isComputed, text } = blobId(nShards, length, nothing);
    assert.equal(isComputed, false);
    assert.match(text, expected);
  }
});
