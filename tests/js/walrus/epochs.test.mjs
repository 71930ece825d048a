// Blobs and clients that live through changes of the epoch.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { BehindCurrentEpochError, BlobNotCertifiedError } from '@mysten/walrus';

import { networkOfTheFile } from '../localnet.mjs';
import { MANY_NODES, bytes, eventually, walrusClient, write } from './client.mjs';

const EPOCH_SECONDS = 8;

const network = await networkOfTheFile({ ...MANY_NODES, epochDuration: `${EPOCH_SECONDS}s` });

const epochNow = async () => (await walrusClient(network).stakingState()).epoch;

/** Waits for an epoch; also sees to it that every state of an epoch can be read. */
async function untilEpoch(epoch, seen) {
  await eventually(`epoch ${epoch}`, async () => {
    const fresh = walrusClient(network);
    const staking = await fresh.stakingState();
    seen?.add(staking.epoch_state.$kind);
    const members = (await fresh.systemState()).committee.members.length;
    assert.equal(members, MANY_NODES.nodes);
    return staking.epoch >= epoch;
  });
}

// Most of it is waiting, so that the tests wait together.
describe('epochs', { concurrency: true }, () => {
  test('reads, writes and extensions across epochs, until the end', livesOn);
  test('clients that read the chain in the middle of a change', inTheMiddle);
});

async function livesOn() {
  const signer = await network.wallet();
  const early = walrusClient(network);
  const blob = bytes(50_000, 1);
  const { blobId, blobObject } = await write(early, signer, blob, { epochs: 2, deletable: false });
  assert.deepEqual(await early.readBlob({ blobId }), blob);
  await Promise.all([readUntil(blobObject.storage.end_epoch - 1), live(early, signer, blob, blobId, blobObject)]);
}

async function live(early, signer, blob, blobId, blobObject) {
  const seen = new Set();
  await untilEpoch(blobObject.registered_epoch + 1, seen);
  assert.deepEqual(await early.readBlob({ blobId }), blob, 'a client that knows the last epoch only');

  // What a client caches of the last epoch makes its confirmations worthless; after a reset it writes again.
  early.reset();
  const later = await write(early, signer, bytes(51_000, 2), { epochs: 1 });
  assert.ok(later.blobObject.registered_epoch > blobObject.registered_epoch);
  early.reset();
  await early.executeExtendBlobTransaction({ signer, blobObjectId: blobObject.id, epochs: 1 });
  early.reset();
  const { storage } = await early.getBlobObject(blobObject.id);
  assert.equal(storage.end_epoch, blobObject.storage.end_epoch + 1);

  await untilEpoch(later.blobObject.storage.end_epoch, seen);
  await untilForgotten(later.blobId);
  assert.deepEqual(await walrusClient(network).readBlob({ blobId }), blob, 'the extended one is still there');
  await untilEpoch(storage.end_epoch, seen);
  await untilForgotten(blobId);
  assert.ok(seen.has('EpochChangeDone') && seen.has('NextParamsSelected'), [...seen].join());
}

async function inTheMiddle() {
  const signer = await network.wallet();
  const blob = bytes(30_000, 4);
  const { blobId } = await write(walrusClient(network), signer, blob, { epochs: 10 });
  const registered = await epochNow();
  const [reader, other, late] = await eventually('the middle of a change', async () => {
    const clients = [walrusClient(network), walrusClient(network), walrusClient(network)];
    const states = await Promise.all(clients.map((client) => client.stakingState()));
    return states.every(({ epoch, epoch_state: { $kind } }) => epoch > registered && $kind === 'EpochChangeSync') && clients;
  });
  assert.deepEqual(await reader.readBlob({ blobId }), blob, 'from the nodes of the last epoch');
  const unknown = await other.computeBlobMetadata({ bytes: bytes(31_000, 5) });
  await assert.rejects(other.getBlobMetadata({ blobId: unknown.blobId }), BlobNotCertifiedError);

  const { epoch } = await late.stakingState();
  await untilEpoch(epoch + 1);
  const newer = await write(walrusClient(network), signer, bytes(32_000, 6));
  await eventually('the nodes know it', async () =>
    (await walrusClient(network).getVerifiedBlobStatus({ blobId: newer.blobId })).initialCertifiedEpoch > epoch);
  await assert.rejects(late.getBlobMetadata({ blobId: newer.blobId }), BehindCurrentEpochError);
}

/** Reads again and again, with clients that know nothing yet, whatever the epoch does. */
async function readUntil(epoch) {
  const blob = bytes(20_000, 3);
  const { blobId } = await write(walrusClient(network), await network.wallet(), blob, { epochs: 10 });
  let reads = 0;
  while ((await epochNow()) < epoch) {
    assert.deepEqual(await walrusClient(network).readBlob({ blobId }), blob);
    reads += 1;
  }
  assert.ok(reads > 1, `${reads} reads`);
}

async function untilForgotten(blobId) {
  await eventually('the nodes forget it', async () =>
    (await walrusClient(network).getVerifiedBlobStatus({ blobId })).type === 'nonexistent');
  await assert.rejects(walrusClient(network).readBlob({ blobId }), BlobNotCertifiedError);
}
