// What the program stores the package reads, and the other way round.

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
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
