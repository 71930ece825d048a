// Nodes that do not answer, and blobs that cannot be read, as the kinds of errors that the package has for them.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFile, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { SuiGrpcClient } from '@mysten/sui/grpc';
import {
  BlobBlockedError, BlobNotCertifiedError, InconsistentBlobError, LegallyUnavailableError, NoBlobMetadataReceivedError,
  NoBlobStatusReceivedError, NotEnoughBlobConfirmationsError, NotEnoughSliversReceivedError, NotFoundError,
  NoVerifiedBlobStatusReceivedError, UserAbortError, WalrusClient,
} from '@mysten/walrus';

import { startLocalnet } from '../localnet.mjs';
import { MANY_NODES, bytes, eventually, walrusClient, write } from './client.mjs';
import { contradicting, identify, shortened } from './forgery.mjs';

const BLOCKED = bytes(4_321, 99);

let network;
let client;
let nodes;
/** The shards of each node, in the order of the committee. */
let placement;
let listDirectory;
/** An address on which nobody listens. */
let nobody;

before(async () => {
  // The blob ID depends on the number of shards alone, so that it can be blocked before the network exists.
  listDirectory = await mkdtemp(path.join(tmpdir(), 'walrus-js-list-'));
  const blocklist = path.join(listDirectory, 'blocked.yaml');
  const nowhere = new WalrusClient({
    network: 'testnet',
    suiClient: new SuiGrpcClient({ network: 'testnet', baseUrl: 'http://127.0.0.1:9' }),
  });
  const { blobId } = await nowhere.computeBlobMetadata({ bytes: BLOCKED, numShards: MANY_NODES.shards });
  await writeFile(blocklist, `- ${blobId}\n`);
  network = await startLocalnet({ ...MANY_NODES, args: ['--blocklist', blocklist] });
  client = walrusClient(network);
  const info = JSON.parse(await network.cli(['info', 'committee', '--json']));
  nodes = info.currentStorageNodes.map((node) => node.networkAddress);
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  nobody = `127.0.0.1:${server.address().port}`;
  server.close();
  placement = (await client.stakingState()).committee[0].contents.map((node) => node.value);
});
after(async () => {
  await network?.stop();
  await rm(listDirectory, { recursive: true, force: true });
});

/** A client for which some nodes are down: it is sent to a port on which nobody listens. */
function without(down, options = {}) {
  const { instead = (url, init) => fetch(url.replace(new URL(url).host, nobody), init), ...others } = options;
  return walrusClient(network, {
    storageNodeClientOptions: {
      ...others,
      fetch: (url, init) => (down.includes(new URL(url).host) ? instead : fetch)(url, init),
    },
  });
}

/** A request that is never answered. */
const silence = (_, { signal }) =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));

/** f = 17 of 52 shards may fail: four nodes with four shards each. */
const F_NODES = 4;

test('blobs are read with f shards down, whichever they are', async () => {
  const blob = bytes(60_000, 1);
  const { blobId } = await write(client, await network.wallet(), blob);
  for (let first = 0; first < nodes.length; first += 3) {
    const down = Array.from({ length: F_NODES }, (_, i) => nodes[(first + i) % nodes.length]);
    assert.deepEqual(await without(down).readBlob({ blobId }), blob);
  }
});

test('blobs are read with f shards silent', async () => {
  const blob = bytes(61_000, 2);
  const { blobId } = await write(client, await network.wallet(), blob);
  const reader = without(nodes.slice(0, F_NODES), { instead: silence, timeout: 300 });
  assert.deepEqual(await reader.readBlob({ blobId }), blob);
});

test('blobs are written with f shards down, and not with more', async () => {
  const signer = await network.wallet();
  const blob = bytes(62_000, 3);
  const errors = [];
  const writer = without(nodes.slice(3, 3 + F_NODES), { onError: (error) => errors.push(error) });
  const { blobId, blobObject } = await write(writer, signer, blob);
  assert.equal(typeof blobObject.certified_epoch, 'number');
  assert.ok(errors.length >= F_NODES, 'the option onError hears of them');
  assert.deepEqual(await client.readBlob({ blobId }), blob);

  await assert.rejects(
    write(without(nodes.slice(0, F_NODES + 1)), signer, bytes(62_001, 4)),
    NotEnoughBlobConfirmationsError,
  );
});

test('a network that does not answer', async () => {
  const { blobId } = await write(client, await network.wallet(), bytes(63_000, 5));
  await assert.rejects(without(nodes).readBlob({ blobId }), NoBlobMetadataReceivedError);
  await assert.rejects(without(nodes).getVerifiedBlobStatus({ blobId }), NoBlobStatusReceivedError);
  const onlyMetadata = walrusClient(network, {
    storageNodeClientOptions: {
      fetch: (url, init) => fetch(url.includes('/slivers/') ? `http://${nobody}` : url, init),
    },
  });
  await assert.rejects(onlyMetadata.readBlob({ blobId }), NotEnoughSliversReceivedError);
});

test('a verified status needs a quorum, and one that enough nodes agree on', async () => {
  const signer = await network.wallet();
  const { blobId } = await write(client, signer, bytes(64_000, 6));
  // The package resolves with the answer after the one that makes the quorum: ten of thirteen nodes.
  const status = await without(nodes.slice(0, F_NODES - 1)).getVerifiedBlobStatus({ blobId });
  assert.equal(status.type, 'deletable');
  await assert.rejects(
    without(nodes.slice(0, F_NODES)).getVerifiedBlobStatus({ blobId }),
    NoBlobStatusReceivedError,
  );
  // Nodes that answer for another blob each time, so that no answer has more than f shards behind it.
  const others = [];
  for (const epochs of [4, 5, 6, 7]) {
    const { blobId: other } = await write(client, signer, bytes(100 + epochs, 7), { deletable: false, epochs });
    others.push(other);
  }
  const confused = without(nodes, {
    instead: (url, init) => fetch(url.replace(blobId, others[nodes.indexOf(new URL(url).host) % 4]), init),
  });
  await assert.rejects(confused.getVerifiedBlobStatus({ blobId }), NoVerifiedBlobStatusReceivedError);
});

/**
 * `getSlivers` counts refusals until it stops asking the nodes that refused, whose remaining slivers count as mere failures. Which of
 * its two errors comes first depends on the order of the answers; `readBlob` asks for metadata first and is definite.
 */
const oneOf = (...kinds) => (error) => kinds.some((kind) => error instanceof kind);

test('an unknown blob', async () => {
  const { blobId } = await client.computeBlobMetadata({ bytes: bytes(65_000, 8) });
  await assert.rejects(client.readBlob({ blobId }), BlobNotCertifiedError);
  await assert.rejects(client.getBlobMetadata({ blobId }), BlobNotCertifiedError);
  await assert.rejects(client.getSlivers({ blobId }), oneOf(BlobNotCertifiedError, NotEnoughSliversReceivedError));
  await assert.rejects(client.getSecondarySliver({ blobId, index: 0 }), NotFoundError);
  assert.equal(await (await client.getBlob({ blobId })).exists(), false);
});

test('a blob that was registered and never uploaded', async () => {
  const blob = bytes(66_000, 9);
  const { blobId, rootHash } = await client.computeBlobMetadata({ bytes: blob });
  await client.executeRegisterBlobTransaction({
    signer: await network.wallet(), size: blob.length, epochs: 1, blobId, rootHash, deletable: true,
  });
  await assert.rejects(client.readBlob({ blobId }), BlobNotCertifiedError);
  const status = await eventually('the nodes know it', async () => {
    const one = await client.getVerifiedBlobStatus({ blobId });
    return one.type === 'deletable' && one;
  });
  assert.equal(status.initialCertifiedEpoch, null);
});

test('a blob that was deleted', async () => {
  const signer = await network.wallet();
  const { blobId, blobObject } = await write(client, signer, bytes(67_000, 10));
  await client.readBlob({ blobId });
  await client.executeDeleteBlobTransaction({ signer, blobObjectId: blobObject.id });
  await eventually('the nodes forget it', async () =>
    (await client.getVerifiedBlobStatus({ blobId })).type === 'nonexistent');
  await assert.rejects(client.readBlob({ blobId }), BlobNotCertifiedError);
});

test('a blob on the block list of the nodes', async () => {
  const { blobId } = await write(client, await network.wallet(), BLOCKED);
  await assert.rejects(client.readBlob({ blobId }), BlobBlockedError);
  await assert.rejects(client.getSlivers({ blobId }), oneOf(BlobBlockedError, NotEnoughSliversReceivedError));
  await assert.rejects(client.getSecondarySliver({ blobId, index: 1 }), LegallyUnavailableError);
});

/** Slivers by node under another blob ID, which puts them on other shards. Encoding spec 4. */
function placed(blobId, { sliversByNode }) {
  const pairs = new Map();
  for (const { primary, secondary } of sliversByNode) {
    for (const [i, sliver] of primary.entries()) pairs.set(sliver.sliverPairIndex, [sliver, secondary[i]]);
  }
  const n = MANY_NODES.shards;
  const offset = Buffer.from(blobId, 'base64url').reduce((sum, byte) => (sum * 256 + byte) % n, 0);
  return placement.map((shards) => {
    const held = shards.map((shard) => pairs.get((n + shard - offset) % n));
    return { primary: held.map(([primary]) => primary), secondary: held.map(([, secondary]) => secondary) };
  });
}

/** Registers a forged blob and uploads its slivers to the nodes that take them; certifies it. */
async function storeForged(forged, encoded, expectedRefusals) {
  const signer = await network.wallet();
  const { blobId, rootHash, size, metadata } = forged;
  const sliversByNode = placed(blobId, encoded);
  const { blob } = await client.executeRegisterBlobTransaction({
    signer, size, epochs: 3, blobId, rootHash, deletable: false,
  });
  const confirmations = await client.writeEncodedBlobToNodes({ blobId, metadata, sliversByNode, deletable: false });
  assert.equal(confirmations.filter((one) => one === null).length, expectedRefusals);
  await client.executeCertifyBlobTransaction({
    signer, blobId, blobObjectId: blob.id, deletable: false, confirmations,
  });
  return blobId;
}

test('a blob whose data is not what its metadata says', async () => {
  const encoded = await client.encodeBlob(bytes(68_001, 11).fill(7));
  assert.equal(identify(encoded.metadata.V1).blobId, encoded.blobId);
  const forged = shortened(encoded);
  const blobId = await storeForged(forged, encoded, 0);
  await assert.rejects(client.readBlob({ blobId }), InconsistentBlobError);
  await assert.rejects(network.cli(['read', blobId, '--strict-consistency-check']));
});

test('a blob that the nodes prove to be inconsistent', async () => {
  const encoded = await client.encodeBlob(bytes(69_000, 12));
  const forged = contradicting(encoded, 7);
  const blobId = await storeForged(forged, encoded, 1);
  // The node that got nothing recovers its slivers from the others, and finds that they contradict each other.
  const status = await eventually('the nodes attest it', async () => {
    const one = await client.getVerifiedBlobStatus({ blobId }).catch(() => null);
    return one?.type === 'invalid' && one;
  }, 90_000);
  assert.ok(status.event.txDigest);
  await assert.rejects(client.readBlob({ blobId }), BlobNotCertifiedError);
  assert.equal(await (await client.getBlob({ blobId })).exists(), false);
});

test('an aborted signal', async () => {
  const signer = await network.wallet();
  const { blobId } = await write(client, signer, bytes(500, 13));
  const signal = AbortSignal.abort();
  await assert.rejects(client.readBlob({ blobId, signal }), UserAbortError);
  await assert.rejects(client.getSlivers({ blobId, signal }), UserAbortError);
  await assert.rejects(client.getVerifiedBlobStatus({ blobId, signal }), UserAbortError);
  await assert.rejects(write(client, signer, bytes(501, 13), { signal }), NotEnoughBlobConfirmationsError);
});
