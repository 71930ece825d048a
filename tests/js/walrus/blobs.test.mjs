// Blobs written and read in one call, and everything that can be asked about them.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { WalrusBlob, WalrusFile, blobIdFromInt, blobIdToInt } from '@mysten/walrus';

import { networkOfTheFile } from '../localnet.mjs';
import { SHAPE, bytes, eventually, walrusClient, write } from './client.mjs';

const network = await networkOfTheFile(SHAPE);
const client = walrusClient(network);

for (const [name, size] of [['1 B', 1], ['1 kB', 1_000], ['1 MB', 1_000_000], ['10 MB', 10_000_000]]) {
  test(`writeBlob and readBlob of ${name}`, async () => {
    const signer = await network.wallet();
    const blob = bytes(size);
    const { blobId, blobObject } = await write(client, signer, blob);
    assert.equal(blobIdFromInt(BigInt(blobObject.blob_id)), blobId);
    assert.equal(blobIdToInt(blobId), BigInt(blobObject.blob_id));
    assert.equal(Number(blobObject.size), size);
    assert.equal(typeof blobObject.certified_epoch, 'number');
    assert.equal(blobObject.storage.end_epoch, blobObject.registered_epoch + 3);
    assert.deepEqual(await walrusClient(network).readBlob({ blobId }), blob);
  });
}

test('1 kB is written in less than two seconds', async () => {
  const signer = await network.wallet();
  let best = Infinity;
  for (let seed = 40; seed < 45; seed++) {
    const start = performance.now();
    await write(client, signer, bytes(1_000, seed));
    best = Math.min(best, performance.now() - start);
  }
  assert.ok(best < 2_000, `${best} ms`);
});

test('an empty blob is written and read', async () => {
  const { blobId, blobObject } = await write(client, await network.wallet(), new Uint8Array());
  assert.equal(Number(blobObject.size), 0);
  assert.equal(typeof blobObject.certified_epoch, 'number');
  assert.equal((await client.readBlob({ blobId })).length, 0);
});

test('a permanent blob with attributes, and the steps told', async () => {
  const signer = await network.wallet();
  const steps = [];
  const attributes = { 'content-type': 'text/plain', 'ä key': 'ein Wert' };
  const { blobId, blobObject } = await write(client, signer, bytes(5_000, 2), {
    deletable: false,
    attributes,
    owner: signer.toSuiAddress(),
    onStep: (step) => steps.push(step),
  });
  assert.deepEqual(steps.map((step) => step.step), ['encoded', 'registered', 'uploaded', 'certified']);
  for (const step of steps) assert.equal(step.blobId, blobId);
  assert.equal(steps[1].blobObjectId, blobObject.id);
  assert.equal(blobObject.deletable, false);
  assert.deepEqual(await client.readBlobAttributes({ blobObjectId: blobObject.id }), attributes);
});

/** The status of a blob once the nodes know of its certificate: they hear of it from the chain, some later than others. */
function certifiedStatus(blobId) {
  return eventually('the nodes know the certificate', async () => {
    const status = await client.getVerifiedBlobStatus({ blobId });
    return typeof status.initialCertifiedEpoch === 'number' && status;
  });
}

test('getVerifiedBlobStatus tells permanent, deletable and unknown blobs apart', async () => {
  const signer = await network.wallet();
  const permanent = await write(client, signer, bytes(700, 3), { deletable: false, epochs: 5 });
  const status = await certifiedStatus(permanent.blobId);
  assert.equal(status.type, 'permanent');
  assert.equal(status.isCertified, true);
  assert.equal(status.endEpoch, permanent.blobObject.storage.end_epoch);
  assert.equal(status.initialCertifiedEpoch, permanent.blobObject.certified_epoch);
  assert.ok(status.statusEvent.txDigest && status.statusEvent.eventSeq !== undefined);
  assert.deepEqual(status.deletableCounts, { count_deletable_total: 0, count_deletable_certified: 0 });

  const deletable = await write(client, signer, bytes(701, 4));
  const other = await certifiedStatus(deletable.blobId);
  assert.equal(other.type, 'deletable');
  assert.equal(other.initialCertifiedEpoch, deletable.blobObject.certified_epoch);
  assert.deepEqual(other.deletableCounts, { count_deletable_total: 1, count_deletable_certified: 1 });

  const { blobId } = await client.computeBlobMetadata({ bytes: bytes(702, 5) });
  assert.deepEqual(await client.getVerifiedBlobStatus({ blobId }), { type: 'nonexistent' });
});

test('getBlobMetadata, getSlivers and getSecondarySliver give what encodeBlob makes', async () => {
  const signer = await network.wallet();
  const blob = bytes(40_000, 6);
  const { blobId } = await write(client, signer, blob);
  const encoded = await client.encodeBlob(blob);
  const { metadata, blobId: named } = await client.getBlobMetadata({ blobId });
  assert.equal(named, blobId);
  assert.equal(metadata.V1.unencoded_length, '40000');
  assert.equal(metadata.V1.encoding_type.$kind, 'RS2');
  assert.equal(metadata.V1.hashes.length, SHAPE.shards);
  const digest = (node) => Buffer.from(node.Digest).toString('hex');
  assert.deepEqual(
    metadata.V1.hashes.map((pair) => [digest(pair.primary_hash), digest(pair.secondary_hash)]),
    [...encoded.metadata.V1.hashes].map((pair) => [digest(pair.primary_hash), digest(pair.secondary_hash)]),
  );
  const expected = (axis) =>
    new Map(encoded.sliversByNode.flatMap((node) => node[axis]).map((s) => [s.sliverPairIndex, Buffer.from(s.sliver)]));
  const primary = [...expected('primary').values()].map(String);
  const slivers = await client.getSlivers({ blobId });
  assert.equal(slivers.length, SHAPE.shards - 2 * Math.floor((SHAPE.shards - 1) / 3));
  for (const sliver of slivers) assert.ok(primary.includes(String(Buffer.from(sliver))));

  const secondary = expected('secondary');
  for (const index of [0, 1, SHAPE.shards - 1]) {
    const wanted = secondary.get(SHAPE.shards - 1 - index);
    assert.deepEqual(Buffer.from(await client.getSecondarySliver({ blobId, index })), wanted);
    assert.deepEqual(Buffer.from(await client.internalGetSecondarySliver({ blobId, index })), wanted);
  }
});

test('computeBlobMetadata and encodeBlob agree, with and without a number of shards', async () => {
  const blob = bytes(12_345, 7);
  const [computed, encoded] = await Promise.all([client.computeBlobMetadata({ bytes: blob }), client.encodeBlob(blob)]);
  assert.equal(computed.blobId, encoded.blobId);
  assert.deepEqual(computed.rootHash, encoded.rootHash);
  assert.equal(computed.metadata.unencodedLength, 12_345n);
  assert.equal(computed.nonce.length, 32);
  assert.equal((await computed.blobDigest()).length, 32);
  const nonce = bytes(32, 8);
  const same = await client.computeBlobMetadata({ bytes: blob, numShards: SHAPE.shards, nonce });
  assert.equal(same.blobId, computed.blobId);
  assert.deepEqual(same.nonce, nonce);
  const other = await client.computeBlobMetadata({ bytes: blob, numShards: 1000 });
  assert.notEqual(other.blobId, computed.blobId);
});

test('getBlob knows whether and until when a blob is stored, and gives it as a file', async () => {
  const signer = await network.wallet();
  const text = 'a line of text\n';
  const contents = new TextEncoder().encode(text);
  const { blobId, blobObject } = await write(client, signer, contents, { deletable: false });
  const blob = await client.getBlob({ blobId });
  assert.ok(blob instanceof WalrusBlob && blob.asFile() instanceof WalrusFile);
  assert.equal(await blob.blobId(), blobId);
  assert.equal(await blob.exists(), true);
  assert.equal(await blob.storedUntil(), blobObject.storage.end_epoch);
  const file = blob.asFile();
  assert.equal(await file.text(), text);
  assert.deepEqual(await file.bytes(), contents);
  assert.equal(await file.getIdentifier(), null);
  assert.deepEqual(await file.getTags(), {});
  const [same] = await client.getFiles({ ids: [blobId] });
  assert.equal(await same.text(), text);

  const json = await write(client, signer, new TextEncoder().encode('{"a":[1,2]}'));
  const parsed = await client.getBlob({ blobId: json.blobId });
  assert.deepEqual(await parsed.asFile().json(), { a: [1, 2] });
  assert.equal(await parsed.storedUntil(), null, 'a deletable blob may go at any time');
});

test('getBlobObject reads the object', async () => {
  const { blobObject } = await write(client, await network.wallet(), bytes(30, 9));
  assert.deepEqual(await walrusClient(network).getBlobObject(blobObject.id), blobObject);
});

test('the same blob is written twice and ten blobs side by side', async () => {
  const [one, two] = await Promise.all([network.wallet(), network.wallet()]);
  const blob = bytes(2_000, 10);
  const [first, second] = await Promise.all([write(client, one, blob), write(client, two, blob)]);
  assert.equal(first.blobId, second.blobId);
  assert.notEqual(first.blobObject.id, second.blobObject.id);
  const signers = [];
  for (let i = 0; i < 10; i++) signers.push(await network.wallet());
  const written = await Promise.all(signers.map((signer, i) => write(client, signer, bytes(3_000 + i, 20 + i))));
  for (const [i, { blobId }] of written.entries()) {
    assert.deepEqual(await client.readBlob({ blobId }), bytes(3_000 + i, 20 + i));
  }
});
