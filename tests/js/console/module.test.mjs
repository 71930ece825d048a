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

/** The blob ID of `length` bytes that `read` gives, or why there is none; and the parts that were told to be done. */
function blobId(nShards, length, read) {
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
  const isComputed = exports.walrus_blob_id(nShards, BigInt(length)) === 1;
  const text = new Uint8Array(exports.memory.buffer, exports.walrus_text() >>> 0, exports.walrus_text_length());
  return { isComputed, text: new TextDecoder().decode(text), told, memory: exports.memory.buffer.byteLength };
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

test('what cannot be is an error in words', () => {
  const nothing = () => undefined;
  for (const [nShards, length, expected] of [[3, 1, /3/], [70_000, 1, /65535/], [4, 2 ** 40, /1099511627776/], [13, 10, /byte/]]) {
    const { isComputed, text } = blobId(nShards, length, nothing);
    assert.equal(isComputed, false);
    assert.match(text, expected);
  }
});
