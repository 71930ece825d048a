// Many files in one blob: written, listed, filtered and read one by one.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { WalrusBlob, WalrusFile, encodeQuilt } from '@mysten/walrus';

import { networkOfTheFile } from '../localnet.mjs';
import { SHAPE, bytes, walrusClient } from './client.mjs';

const network = await networkOfTheFile(SHAPE);
const client = walrusClient(network);

const FILES = [
  { identifier: 'b/photo.jpg', contents: bytes(150_000, 1), tags: { type: 'image/jpeg', owner: 'me' } },
  { identifier: 'a.txt', contents: new TextEncoder().encode('text of a'), tags: { type: 'text/plain' } },
  { identifier: 'ümlaut ☂', contents: bytes(3, 2) },
  { identifier: 'empty', contents: new Uint8Array(), tags: { type: 'text/plain', owner: 'me' } },
];

const CONTENTS = new Map(FILES.map((file) => [file.identifier, file.contents]));

test('writeFiles, then getFiles by the IDs of the files', async () => {
  const signer = await network.wallet();
  const steps = [];
  const written = await client.writeFiles({
    files: FILES.map((file) => WalrusFile.from(file)),
    signer, epochs: 3, deletable: true, attributes: { album: '7' },
    onStep: (step) => steps.push(step.step),
  });
  assert.deepEqual(steps, ['encoded', 'registered', 'uploaded', 'certified']);
  assert.equal(new Set(written.map((file) => file.blobId)).size, 1);
  assert.equal(new Set(written.map((file) => file.id)).size, FILES.length);
  const attributes = await client.readBlobAttributes({ blobObjectId: written[0].blobObject.id });
  assert.deepEqual(attributes, { _walrusBlobType: 'quilt', album: '7' });

  const files = await walrusClient(network).getFiles({ ids: written.map((file) => file.id) });
  const names = [];
  for (const file of files) {
    const identifier = await file.getIdentifier();
    names.push(identifier);
    const expected = FILES.find((one) => one.identifier === identifier);
    assert.deepEqual(await file.bytes(), expected.contents, identifier);
    assert.deepEqual(await file.getTags(), expected.tags ?? {}, identifier);
  }
  assert.deepEqual([...names].sort(), FILES.map((file) => file.identifier).sort());
});

test('getBlob lists the files of a quilt, all or some', async () => {
  const signer = await network.wallet();
  const { blobId, index } = await client.writeQuilt({ blobs: FILES, signer, epochs: 2, deletable: false });
  const blob = await walrusClient(network).getBlob({ blobId });
  assert.ok(blob instanceof WalrusBlob);
  assert.equal(await blob.exists(), true);
  const named = async (files) => (await Promise.all(files.map((file) => file.getIdentifier()))).sort();
  const all = await blob.files();
  assert.deepEqual(await named(all), [...CONTENTS.keys()].sort());
  for (const file of all) assert.deepEqual(await file.bytes(), CONTENTS.get(await file.getIdentifier()));

  assert.deepEqual(await named(await blob.files({ identifiers: ['a.txt', 'nothing'] })), ['a.txt']);
  assert.deepEqual(await named(await blob.files({ tags: [{ type: 'text/plain' }] })), ['a.txt', 'empty']);
  assert.deepEqual(
    await named(await blob.files({ tags: [{ type: 'text/plain', owner: 'me' }, { type: 'image/jpeg' }] })),
    ['b/photo.jpg', 'empty'],
  );
  const patch = index.patches.find((one) => one.identifier === 'b/photo.jpg');
  const [photo] = await blob.files({ ids: [patch.patchId] });
  assert.deepEqual(await photo.bytes(), CONTENTS.get('b/photo.jpg'));
});

test('a quilt is read from slivers alone and from the whole blob', async () => {
  const signer = await network.wallet();
  const { blobId, index } = await client.writeQuilt({ blobs: FILES, signer, epochs: 2, deletable: true });
  const requests = [];
  const counting = walrusClient(network, {
    storageNodeClientOptions: { fetch: (url, options) => (requests.push(url), fetch(url, options)) },
  });
  const { patchId } = index.patches.find((patch) => patch.identifier === 'a.txt');
  const [file] = await counting.getFiles({ ids: [patchId] });
  assert.equal(await file.text(), 'text of a');
  assert.ok(requests.length > 0);
  assert.equal(requests.some((url) => url.endsWith('/primary')), false, 'one file needs secondary slivers only');

  const quilt = await counting.readBlob({ blobId });
  const again = await client.encodeQuilt({ blobs: FILES });
  assert.deepEqual(quilt, again.quilt);
});

test('encodeQuilt with and without a network is the same', async () => {
  const offline = encodeQuilt({ blobs: FILES, numShards: SHAPE.shards });
  assert.deepEqual(offline, await client.encodeQuilt({ blobs: FILES }));
  assert.throws(() => encodeQuilt({ blobs: [FILES[0], FILES[0]], numShards: SHAPE.shards }), /Duplicate/);
});

test('twenty files', async () => {
  const signer = await network.wallet();
  const files = Array.from({ length: 20 }, (_, i) => WalrusFile.from({ contents: bytes(1_000 * i, i), identifier: `f${i}` }));
  const written = await client.writeFiles({ files, signer, epochs: 1, deletable: true });
  const blob = await client.getBlob({ blobId: written[0].blobId });
  for (const file of await blob.files()) {
    const i = Number((await file.getIdentifier()).slice(1));
    assert.deepEqual(await file.bytes(), bytes(1_000 * i, i));
  }
});
