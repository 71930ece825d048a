// What the program stores the package reads, and the other way round.

import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';

import { networkOfTheFile } from '../localnet.mjs';
import { SHAPE, bytes, walrusClient, write } from './client.mjs';

const network = await networkOfTheFile(SHAPE);
const client = walrusClient(network);

for (const size of [0, 1, 1_000, 1_000_000]) {
  test(`the program stores ${size} bytes, the package reads them`, async () => {
    const blob = bytes(size, 1);
    const file = path.join(network.temporaryDirectory, `blob-${size}`);
    await writeFile(file, blob);
    const stored = JSON.parse(await network.cli(['store', file, '--epochs', '3', '--permanent', '--json']));
    const { blobObject } = stored[0].blobStoreResult.newlyCreated;
    assert.deepEqual(Buffer.from(await client.readBlob({ blobId: blobObject.blobId })), Buffer.from(blob));
    const { blobId } = await client.computeBlobMetadata({ bytes: blob });
    assert.equal(blobId, blobObject.blobId);
    const object = await client.getBlobObject(blobObject.id);
    assert.equal(object.storage.end_epoch, blobObject.storage.endEpoch);
    assert.equal(object.certified_epoch, blobObject.certifiedEpoch);
    const status = await client.getVerifiedBlobStatus({ blobId });
    assert.equal(status.type, 'permanent');
  });

  test(`the package writes ${size} bytes, the program reads them`, async () => {
    const blob = bytes(size, 2);
    const { blobId } = await write(client, await network.wallet(), blob);
    assert.deepEqual(await network.cli(['read', blobId]), Buffer.from(blob));
    assert.deepEqual(await network.cli(['read', blobId, '--strict-consistency-check']), Buffer.from(blob));
    const status = JSON.parse(await network.cli(['blob-status', '--blob-id', blobId, '--json']));
    assert.match(JSON.stringify(status), /deletable/i);
  });
}

test('a quilt of the package is a blob to the program', async () => {
  const blobs = [{ identifier: 'x', contents: bytes(5_000, 3) }];
  const { blobId } = await client.writeQuilt({ blobs, signer: await network.wallet(), epochs: 1, deletable: true });
  const { quilt } = await client.encodeQuilt({ blobs });
  assert.deepEqual(await network.cli(['read', blobId]), Buffer.from(quilt));
});

/** Columns of a quilt: secondary source symbols of 31 shards. */
const COLUMNS = 21;

/** Files of many lengths, some with tags. */
function quiltFiles(seed) {
  const lengths = [0, 1, 700 + seed, 5_000, 12_345];
  const names = ['a', 'b/photo.jpg', 'note ☂', 'z'.repeat(40), 'ümlaut'];
  return names.map((identifier, i) => ({
    identifier,
    contents: bytes(lengths[i], seed + i),
    tags: i % 2 ? { kind: 'odd', number: `${i}` } : {},
  }));
}

for (const seed of [1, 2, 3]) {
  test(`the program packs quilt ${seed} as the package does, and the package reads it`, async () => {
    const files = quiltFiles(seed);
    const blobs = [];
    for (const [i, { identifier, contents, tags }] of files.entries()) {
      const file = path.join(network.temporaryDirectory, `quilt-${seed}-${i}`);
      await writeFile(file, contents);
      blobs.push(JSON.stringify({ path: file, identifier, tags }));
    }
    const stored = JSON.parse(await network.cli(['store-quilt', '--blobs', ...blobs, '--epochs', '2', '--json']));
    const { blobObject } = stored.blobStoreResult.newlyCreated;
    const { quilt, index } = await client.encodeQuilt({ blobs: files });
    const { blobId } = await client.computeBlobMetadata({ bytes: quilt });
    assert.equal(blobObject.blobId, blobId);
    const patches = stored.storedQuiltBlobs.map(({ identifier, range: [startIndex, endIndex] }) => ({ identifier, startIndex, endIndex }));
    assert.deepEqual(patches, index.patches.map(({ identifier, startIndex, endIndex }) => ({ identifier, startIndex, endIndex })));
    assert.deepEqual(await client.readBlobAttributes({ blobObjectId: blobObject.id }), { _walrusBlobType: 'quilt' });
    const column = quilt.length / COLUMNS;
    let read = 0;
    for (const { identifier, quiltPatchId, range: [start, end] } of stored.storedQuiltBlobs) {
      const { contents, tags } = files.find((file) => file.identifier === identifier);
      // The package fetches as many columns as the length alone takes.
      if (end - start > Math.max(1, Math.ceil(contents.length / column))) continue;
      const [file] = await client.getFiles({ ids: [quiltPatchId] });
      assert.equal(await file.getIdentifier(), identifier);
      assert.deepEqual(await file.getTags(), tags);
      assert.deepEqual(await file.bytes(), contents, identifier);
      read += 1;
    }
    assert.ok(read >= 3, `${read} of ${files.length}`);
  });
}

test('the program reads every file of quilts of the package, also where the package does not', async () => {
  // One column holds some 1.3 kB; the package loses the end of files whose header costs them a column.
  const lengths = Array.from({ length: 12 }, (_, i) => 1_240 + 10 * i);
  const blobs = [...lengths, 20_000].map((length, i) => ({ identifier: `file ${length}`, contents: bytes(length, i), tags: { length: `${length}` } }));
  const { blobId } = await client.writeQuilt({ blobs, signer: await network.wallet(), epochs: 1, deletable: true });
  const out = path.join(network.temporaryDirectory, 'quilt-out');
  await network.cli(['read-quilt', '--quilt-id', blobId, '--out', out]);
  const listed = JSON.parse(await network.cli(['list-patches-in-quilt', blobId, '--json'])).V1.index.quiltPatches;
  assert.deepEqual(listed.map(({ identifier }) => identifier).sort(), blobs.map(({ identifier }) => identifier).sort());
  for (const { identifier, contents } of blobs) {
    assert.deepEqual(await readFile(path.join(out, identifier)), Buffer.from(contents), identifier);
    const one = await network.cli(['read-quilt', '--quilt-id', blobId, '--identifier', identifier]);
    assert.deepEqual(one, Buffer.from(contents), identifier);
  }
});
