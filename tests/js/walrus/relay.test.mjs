// The option `uploadRelay`. A local network has no relay, so that the test brings a small one, made of the package itself: what is
// tested is that the chain and the nodes take what the package does with a relay, tips included. Client spec 4.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { after, test } from 'node:test';

import { Ed25519Keypair } from '@mysten/sui/keypairs/ed25519';
import { Transaction } from '@mysten/sui/transactions';
import { WalrusClientError } from '@mysten/walrus';

import { networkOfTheFile } from '../localnet.mjs';
import { SHAPE, bytes, walrusClient } from './client.mjs';

const TIP_ADDRESS = new Ed25519Keypair().toSuiAddress();
const LINEAR = { base: 1_000, encoded_size_mul_per_kib: 3 };

const uploads = [];
const network = await networkOfTheFile(SHAPE);
const sui = network.suiClient();
const relay = await startRelay(walrusClient(network));
after(() => relay.close());
const host = `http://127.0.0.1:${relay.address().port}`;

async function startRelay(client) {
  const server = createServer(async (request, response) => {
    try {
      const url = new URL(request.url, 'http://relay');
      const body = url.pathname === '/v1/tip-config' ? tipConfig() : await upload(client, url, request);
      response.setHeader('content-type', 'application/json').end(JSON.stringify(body));
    } catch (error) {
      response.writeHead(500).end(String(error.stack));
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

const tipConfig = () => ({ send_tip: { address: TIP_ADDRESS, kind: { linear: LINEAR } } });

/** Encodes a blob, brings it to the nodes and answers with the certificate. */
async function upload(client, url, request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const blob = new Uint8Array(Buffer.concat(chunks));
  const parameters = Object.fromEntries(url.searchParams);
  uploads.push({ ...parameters, blob });
  const { blobId, metadata, sliversByNode } = await client.encodeBlob(blob);
  assert.equal(blobId, parameters.blob_id);
  const objectId = parameters.deletable_blob_object;
  const kind = objectId ? { deletable: true, objectId } : { deletable: false };
  const confirmations = await client.writeEncodedBlobToNodes({ blobId, metadata, sliversByNode, ...kind });
  const certificate = await client.certificateFromConfirmations({
    confirmations, blobId, deletable: kind.deletable, blobObjectId: objectId,
  });
  return {
    blob_id: [...Buffer.from(blobId, 'base64url')],
    confirmation_certificate: {
      signers: certificate.signers,
      serialized_message: [...certificate.serializedMessage],
      signature: Buffer.from(certificate.signature).toString('base64'),
    },
  };
}

const tips = async () => BigInt((await sui.core.getBalance({ owner: TIP_ADDRESS })).balance.balance);
const sha256 = (data) => createHash('sha256').update(data).digest();

test('a write through a relay that takes a tip', async () => {
  const client = walrusClient(network, { uploadRelay: { host, sendTip: { max: 1_000_000 } } });
  const signer = await network.wallet();
  const blob = bytes(30_000, 1);
  const tip = await client.calculateUploadRelayTip({ size: blob.length });
  const n = SHAPE.shards;
  const [f, symbols] = [Math.floor((n - 1) / 3), 11 * 21];
  const symbol = 2 * Math.ceil(Math.ceil(blob.length / symbols) / 2);
  const encoded = n * (64 * n + 32) + n * (n - 2 * f + n - f) * symbol;
  assert.equal(tip, BigInt(LINEAR.base + LINEAR.encoded_size_mul_per_kib * Math.ceil(encoded / 1024)));

  const before = await tips();
  const steps = [];
  const { blobId, blobObject } = await client.writeBlob({
    blob, deletable: true, epochs: 2, signer, attributes: { by: 'relay' }, onStep: (step) => steps.push(step),
  });
  assert.equal((await tips()) - before, tip);
  assert.equal(typeof blobObject.certified_epoch, 'number');
  assert.deepEqual(await client.readBlob({ blobId }), blob);

  // A relay can prove that the tip was for this upload: the first input of the transaction says so.
  const sent = uploads.at(-1);
  assert.equal(sent.deletable_blob_object, blobObject.id);
  assert.equal(sent.encoding_type, 'RS2');
  const { Transaction: registration } = await sui.core.getTransaction({ digest: sent.tx_id, include: { transaction: true } });
  const [input] = registration.transaction.inputs;
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(blob.length));
  const expected = Buffer.concat([sha256(blob), sha256(Buffer.from(sent.nonce, 'base64url')), length]);
  assert.deepEqual(Buffer.from(input.Pure.bytes, 'base64'), expected);
  assert.equal(steps[1].txDigest, sent.tx_id);
});

test('a write through a relay without a tip, permanent, as single steps', async () => {
  const client = walrusClient(network, { uploadRelay: { host } });
  assert.equal(await client.calculateUploadRelayTip({ size: 1 }), 0n);
  const signer = await network.wallet();
  const blob = bytes(2_000, 2);
  const { blobId, rootHash, nonce, metadata } = await client.computeBlobMetadata({ bytes: blob });
  const { blob: object, digest } = await client.executeRegisterBlobTransaction({
    signer, size: blob.length, epochs: 1, blobId, rootHash, deletable: false,
  });
  const { certificate } = await client.writeBlobToUploadRelay({
    blobId, blob, nonce, txDigest: digest, blobObjectId: object.id, deletable: false, encodingType: metadata.encodingType,
  });
  assert.equal(uploads.at(-1).tx_id, undefined);
  await client.executeCertifyBlobTransaction({ signer, blobId, blobObjectId: object.id, deletable: false, certificate });
  assert.deepEqual(await client.readBlob({ blobId }), blob);
});

test('sendUploadRelayTip and addAuthPayload as parts of a transaction', async () => {
  const uploadRelay = { host, sendTip: { address: TIP_ADDRESS, kind: { const: 105 }, max: 200 } };
  const client = walrusClient(network, { uploadRelay });
  const signer = await network.wallet();
  const blob = bytes(100, 3);
  const { nonce, blobDigest } = await client.computeBlobMetadata({ bytes: blob });
  assert.equal(await client.calculateUploadRelayTip({ size: 100 }), 105);
  const before = await tips();
  for (const part of [
    client.sendUploadRelayTip({ size: 100, blobDigest, nonce }),
    client.addAuthPayload({ size: 100, blobDigest: await blobDigest(), nonce }),
  ]) {
    const transaction = new Transaction();
    transaction.add(part);
    const result = await signer.signAndExecuteTransaction({ transaction, client: sui });
    assert.equal(result.$kind, 'Transaction', result.FailedTransaction?.status.error?.message);
    await sui.waitForTransaction({ digest: result.Transaction.digest });
  }
  assert.equal((await tips()) - before, 105n);
});

test('a tip above the maximum, and no relay at all', async () => {
  const greedy = walrusClient(network, {
    uploadRelay: { host, sendTip: { address: TIP_ADDRESS, kind: { const: 201 }, max: 200 } },
  });
  await assert.rejects(greedy.calculateUploadRelayTip({ size: 1 }), WalrusClientError);
  await assert.rejects(
    walrusClient(network).writeBlobToUploadRelay({ blobId: 'x', blob: bytes(1), deletable: false }),
    /Upload relay not configured/,
  );
});
