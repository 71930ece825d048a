// A write taken apart: single requests to nodes, confirmations, certificates; flows step by step and resumed.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Transaction } from '@mysten/sui/transactions';
import {
  BadRequestError, BlobNotRegisteredError, InternalServerError, NotEnoughBlobConfirmationsError, StorageNodeAPIError,
  WalrusClientError, WalrusFile,
} from '@mysten/walrus';

import { networkOfTheFile } from '../localnet.mjs';
import { SHAPE, bytes, walrusClient } from './client.mjs';

const network = await networkOfTheFile(SHAPE);
const client = walrusClient(network);

/** Encodes and registers a blob. */
async function registered(size, seed, { deletable = true } = {}) {
  const signer = await network.wallet();
  const encoded = await client.encodeBlob(bytes(size, seed));
  const { blobId, rootHash } = encoded;
  const { blob, digest } = await client.executeRegisterBlobTransaction({
    signer, size, epochs: 3, blobId, rootHash, deletable,
  });
  assert.ok(digest);
  const confirm = deletable ? { deletable, objectId: blob.id } : { deletable };
  return { signer, size, deletable, blob, confirm, ...encoded };
}

test('metadata, slivers and confirmations go to one node at a time', async () => {
  const { blobId, metadata, sliversByNode, blob, confirm, signer, size } = await registered(9_000, 1);
  for (const nodeIndex of sliversByNode.keys()) {
    await assert.rejects(
      client.getStorageConfirmationFromNode({ blobId, nodeIndex, ...confirm }),
      StorageNodeAPIError,
      'nothing is stored yet',
    );
    const stored = await client.writeMetadataToNode({ nodeIndex, blobId, metadata });
    assert.equal(stored.success.code, 201);
    const again = await client.writeMetadataToNode({ nodeIndex, blobId, metadata });
    assert.equal(again.success.code, 200);
  }
  assert.deepEqual(await client.getStorageConfirmations({ blobId, ...confirm }), sliversByNode.map(() => null));

  const [first, ...others] = sliversByNode;
  for (const [sliverType, slivers] of Object.entries(first)) {
    for (const { sliverPairIndex, sliver } of slivers) {
      const stored = await client.writeSliver({ blobId, sliverPairIndex, sliverType, sliver });
      assert.equal(stored.success.code, 201);
    }
  }
  const confirmation = await client.getStorageConfirmationFromNode({ blobId, nodeIndex: 0, ...confirm });
  assert.equal(confirmation.serializedMessage.length > 0 && confirmation.signature.length > 0, true);
  for (const [i, slivers] of others.entries()) await client.writeSliversToNode({ blobId, slivers, nodeIndex: i + 1 });

  const confirmations = await client.getStorageConfirmations({ blobId, ...confirm });
  assert.equal(confirmations.filter(Boolean).length, SHAPE.nodes);
  assert.deepEqual(confirmations[0], confirmation);
  const certificate = await client.certificateFromConfirmations({
    confirmations, blobId, deletable: true, blobObjectId: blob.id,
  });
  assert.deepEqual(certificate.signers, [...sliversByNode.keys()]);
  const { digest } = await client.executeCertifyBlobTransaction({
    signer, blobId, blobObjectId: blob.id, deletable: true, certificate,
  });
  assert.ok(digest);
  client.reset();
  assert.equal(typeof (await client.getBlobObject(blob.id)).certified_epoch, 'number');
  assert.deepEqual(await client.readBlob({ blobId }), bytes(size, 1));
});

test('a sliver as BCS object and a wrong sliver', async () => {
  const { blobId, metadata, sliversByNode } = await registered(800, 2);
  for (const nodeIndex of sliversByNode.keys()) await client.writeMetadataToNode({ nodeIndex, blobId, metadata });
  const [one, two] = sliversByNode[1].primary;
  await assert.rejects(
    client.writeSliver({ blobId, sliverPairIndex: one.sliverPairIndex, sliverType: 'primary', sliver: two.sliver }),
    (error) => error instanceof BadRequestError && error.status === 400,
  );
  const changed = one.sliver.slice();
  changed[5] ^= 1;
  await assert.rejects(
    client.writeSliver({ blobId, sliverPairIndex: one.sliverPairIndex, sliverType: 'primary', sliver: changed }),
    (error) => error instanceof BadRequestError && error.status === 400,
  );
  const stored = await client.writeSliver({
    blobId, sliverPairIndex: one.sliverPairIndex, sliverType: 'primary', sliver: one.sliver,
  });
  assert.equal(stored.success.code, 201);
});

test('writeEncodedBlobToNode gives a confirmation, also the second time', async () => {
  const { blobId, metadata, sliversByNode, confirm } = await registered(200_000, 3);
  const write = () =>
    client.writeEncodedBlobToNode({ nodeIndex: 2, blobId, metadata, slivers: sliversByNode[2], ...confirm });
  const first = await write();
  assert.deepEqual(await write(), first, 'the node has it all and signs the same');
});

for (const deletable of [true, false]) {
  test(`writeEncodedBlobToNodes, then a certification, ${deletable ? 'deletable' : 'permanent'}`, async () => {
    const { blobId, metadata, sliversByNode, blob, confirm, signer, size } = await registered(70_000, 4, { deletable });
    const confirmations = await client.writeEncodedBlobToNodes({ blobId, metadata, sliversByNode, ...confirm });
    assert.equal(confirmations.filter(Boolean).length, SHAPE.nodes);
    // One missing and one of another blob are no harm.
    confirmations[3] = null;
    const options = { blobId, blobObjectId: blob.id, deletable, confirmations };
    const transaction = deletable ? client.certifyBlobTransaction(options) : new Transaction();
    if (!deletable) transaction.add(client.certifyBlob(options));
    const result = await signer.signAndExecuteTransaction({ transaction, client: network.suiClient() });
    assert.equal(result.$kind, 'Transaction', result.FailedTransaction?.status.error?.message);
    await network.suiClient().waitForTransaction({ digest: result.Transaction.digest });
    assert.deepEqual(await client.readBlob({ blobId }), bytes(size, 4));
  });
}

test('confirmations that do not count', async () => {
  const { blobId, metadata, sliversByNode, blob, confirm, signer } = await registered(600, 5);
  const confirmations = await client.writeEncodedBlobToNodes({ blobId, metadata, sliversByNode, ...confirm });
  const of = { blobId, deletable: true, blobObjectId: blob.id };
  const swapped = [confirmations[1], confirmations[0], confirmations[3], confirmations[2]];
  await assert.rejects(
    client.certificateFromConfirmations({ ...of, confirmations: swapped }),
    NotEnoughBlobConfirmationsError,
  );
  await assert.rejects(
    client.certificateFromConfirmations({ ...of, deletable: false, confirmations }),
    NotEnoughBlobConfirmationsError,
  );
  await assert.rejects(
    client.certificateFromConfirmations({ ...of, confirmations: confirmations.slice(1) }),
    WalrusClientError,
  );
  // The chain verifies as well: the right signature under the wrong signers.
  const certificate = await client.certificateFromConfirmations({ ...of, confirmations });
  await assert.rejects(
    client.executeCertifyBlobTransaction({ signer, ...of, certificate: { ...certificate, signers: [0, 1, 2] } }),
    /certify blob|MoveAbort|bls_aggregate|signature/i,
  );
  await client.executeCertifyBlobTransaction({ signer, ...of, certificate });
});

test('a node does not take what is not registered', async () => {
  const { blobId, metadata, sliversByNode } = await client.encodeBlob(bytes(650, 6));
  await assert.rejects(client.writeMetadataToNode({ nodeIndex: 0, blobId, metadata }), BlobNotRegisteredError);
  await assert.rejects(
    client.writeSliversToNode({ blobId, slivers: sliversByNode[0], nodeIndex: 0 }),
    (error) => error instanceof StorageNodeAPIError && !(error instanceof InternalServerError),
  );
  await assert.rejects(
    client.writeEncodedBlobToNodes({ blobId, metadata, sliversByNode, deletable: false }),
    NotEnoughBlobConfirmationsError,
  );
});

test('writeBlobFlow with transactions that the caller signs', async () => {
  const signer = await network.wallet();
  const owner = signer.toSuiAddress();
  const sui = network.suiClient();
  const execute = async (transaction) => {
    const result = await signer.signAndExecuteTransaction({ transaction, client: sui });
    assert.equal(result.$kind, 'Transaction', result.FailedTransaction?.status.error?.message);
    return result.Transaction.digest;
  };
  const blob = bytes(33_000, 7);
  const flow = client.writeBlobFlow({ blob });
  const encoded = await flow.encode();
  assert.equal(encoded.unencodedSize, blob.length);
  const digest = await execute(flow.register({ epochs: 2, owner, deletable: false, attributes: { a: 'b' } }));
  const uploaded = await flow.upload({ digest });
  assert.equal(uploaded.txDigest, digest);
  await execute(flow.certify());
  const { blobId, blobObject, blobObjectId } = await flow.getBlob();
  assert.equal(blobId, encoded.blobId);
  assert.equal(blobObjectId, uploaded.blobObjectId);
  assert.equal(blobObject.deletable, false);
  assert.deepEqual(await client.readBlob({ blobId }), blob);
});

test('writeBlobFlow with steps that sign, in a run, and resumed after each step', async () => {
  const signer = await network.wallet();
  const options = { signer, epochs: 2, deletable: true };
  const manual = client.writeBlobFlow({ blob: bytes(100, 8) });
  await manual.encode();
  const { txDigest } = await manual.executeRegister({ ...options, owner: signer.toSuiAddress() });
  await manual.upload({ digest: txDigest });
  assert.equal((await manual.executeCertify({ signer })).step, 'certified');

  const blob = bytes(21_000, 9);
  const steps = [];
  for await (const step of client.writeBlobFlow({ blob }).run(options)) steps.push(step);
  assert.deepEqual(steps.map((step) => step.step), ['encoded', 'registered', 'uploaded', 'certified']);

  for (const until of ['encoded', 'registered', 'uploaded']) {
    const other = bytes(2_100, until.length + 10);
    let saved;
    for await (const step of walrusClient(network).writeBlobFlow({ blob: other }).run(options)) {
      saved = JSON.parse(JSON.stringify(step));
      if (step.step === until) break;
    }
    const resumed = [];
    const flow = walrusClient(network).writeBlobFlow({ blob: other, resume: saved });
    for await (const step of flow.run(options)) resumed.push(step);
    assert.equal(resumed.at(-1).step, 'certified', `after ${until}`);
    // Not `resumed.at(-1).blobObject`: the client read the object before its certification and keeps it in its cache.
    const object = await walrusClient(network).getBlobObject(resumed.at(-1).blobObjectId);
    assert.equal(typeof object.certified_epoch, 'number');
    if (until !== 'encoded') assert.equal(resumed.at(-1).blobObjectId, saved.blobObjectId);
    assert.deepEqual(await client.readBlob({ blobId: saved.blobId }), other);
  }
  const saved = steps[1];
  const flow = client.writeBlobFlow({ blob: bytes(5, 1), resume: saved });
  await assert.rejects(flow.encode(), /blobId mismatch/);
});

test('writeFilesFlow step by step, and in a run', async () => {
  const signer = await network.wallet();
  const owner = signer.toSuiAddress();
  const files = [
    WalrusFile.from({ contents: bytes(1_234, 12), identifier: 'one' }),
    WalrusFile.from({ contents: new Blob(['two two']), identifier: 'two', tags: { kind: 'text' } }),
  ];
  const flow = client.writeFilesFlow({ files });
  await flow.encode();
  const transaction = flow.register({ epochs: 2, owner, deletable: true, attributes: { more: 'yes' } });
  const result = await signer.signAndExecuteTransaction({ transaction, client: network.suiClient() });
  await flow.upload({ digest: result.Transaction.digest });
  const certified = await signer.signAndExecuteTransaction({ transaction: flow.certify(), client: network.suiClient() });
  assert.equal(certified.$kind, 'Transaction');
  await network.suiClient().waitForTransaction({ digest: certified.Transaction.digest });
  const listed = await flow.listFiles();
  assert.equal(listed.length, 2);
  const attributes = await client.readBlobAttributes({ blobObjectId: listed[0].blobObject.id });
  assert.deepEqual(attributes, { _walrusBlobType: 'quilt', more: 'yes' });
  const [one, two] = await client.getFiles({ ids: listed.map((file) => file.id) });
  assert.deepEqual(await one.bytes(), bytes(1_234, 12));
  assert.equal(await two.text(), 'two two');
  assert.deepEqual(await two.getTags(), { kind: 'text' });

  const steps = [];
  const run = client.writeFilesFlow({ files });
  for await (const step of run.run({ signer, epochs: 2, deletable: true })) steps.push(step.step);
  assert.deepEqual(steps, ['encoded', 'registered', 'uploaded', 'certified']);
  assert.equal((await run.listFiles())[0].blobId, listed[0].blobId);

  const signed = client.writeFilesFlow({ files: [files[0]] });
  await signed.encode();
  const { txDigest } = await signed.executeRegister({ signer, owner, epochs: 1, deletable: true });
  await signed.upload({ digest: txDigest });
  assert.equal((await signed.executeCertify({ signer })).step, 'certified');
});
