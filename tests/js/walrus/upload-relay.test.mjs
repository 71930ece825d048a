// The option `uploadRelay` with the relay of ours: that of the network, which is free, and one that wants a tip. Client spec 4.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { Ed25519Keypair } from '@mysten/sui/keypairs/ed25519';

import { startLocalnet, walrusBinary } from '../localnet.mjs';
import { SHAPE, bytes, walrusClient } from './client.mjs';

const TIP_ADDRESS = new Ed25519Keypair().toSuiAddress();
const LINEAR = { base: 1_000, encoded_size_mul_per_kib: 3 };

let network;
let relay;
let host;

before(async () => {
  network = await startLocalnet(SHAPE);
  const config = path.join(network.dir, 'relay.yaml');
  await writeFile(config, `
tip_config: !send_tip
  address: ${TIP_ADDRESS}
  kind: !linear {base: ${LINEAR.base}, encoded_size_mul_per_kib: ${LINEAR.encoded_size_mul_per_kib}}
tx_freshness_threshold_secs: 36000
tx_max_future_threshold: {secs: 30, nanos: 0}
`);
  relay = spawn(walrusBinary(), [
    'upload-relay', '--config', path.join(network.dir, 'client_config.yaml'), '--relay-config', config,
    '--server-address', '127.0.0.1:0', '--metrics-address', '127.0.0.1:0', '--json',
  ], { stdio: ['ignore', 'pipe', 'inherit'] });
  host = (await firstDocument(relay)).url;
});
after(async () => {
  relay?.kill('SIGINT');
  await network?.stop();
});

/** The one JSON document that a daemon prints when it listens. */
async function firstDocument(child) {
  let text = '';
  for await (const part of child.stdout) {
    text += part;
    try {
      return JSON.parse(text);
    } catch {
      // More is coming.
    }
  }
  throw new Error(`the relay ended after ${text}`);
}

const tips = async () =>
  BigInt((await network.suiClient().core.getBalance({ owner: TIP_ADDRESS })).balance.balance);

test('the relay of the network wants no tip', async () => {
  assert.equal(await (await fetch(`${network.description.relayUrl}/v1/tip-config`)).json(), 'no_tip');
  const client = walrusClient(network, { uploadRelay: { host: network.description.relayUrl } });
  const blob = bytes(2_000_000, 1);
  const { blobId, blobObject } = await client.writeBlob({
    blob, deletable: true, epochs: 2, signer: await network.wallet(),
  });
  assert.equal(typeof blobObject.certified_epoch, 'number');
  assert.deepEqual(await walrusClient(network).readBlob({ blobId }), blob);
});

test('a tip is paid for a blob, and the same transaction is good for the same blob again', async () => {
  const posted = [];
  const watched = (url, options) => {
    if (String(url).includes('blob-upload-relay')) posted.push(String(url));
    return fetch(url, options);
  };
  const client = walrusClient(network, {
    uploadRelay: { host, sendTip: { max: 1_000_000 }, fetch: watched },
  });
  const blob = bytes(30_000, 2);
  const due = await client.calculateUploadRelayTip({ size: blob.length });
  const before = await tips();
  const { blobId, blobObject } = await client.writeBlob({
    blob, deletable: false, epochs: 1, signer: await network.wallet(),
  });
  assert.equal(typeof blobObject.certified_epoch, 'number');
  assert.deepEqual(await walrusClient(network).readBlob({ blobId }), blob);
  assert.equal((await tips()) - before, due);
  const [url] = posted;
  assert.ok(url);

  const again = await fetch(url, { method: 'POST', body: blob });
  assert.equal(again.status, 200, await again.clone().text());
  const answer = await again.json();
  assert.ok(Array.isArray(answer.blob_id) && answer.blob_id.length === 32);
  const { signers, serialized_message: message, signature } = answer.confirmation_certificate;
  assert.ok(signers.length > 0 && message.length > 0);
  assert.equal(Buffer.from(signature, 'base64').length, 96);

  // Another body, another nonce, no tip.
  const other = bytes(30_000, 3);
  for (const [change, status, body] of [
    [(to) => to, 401, other],
    [(to) => to.searchParams.set('nonce', Buffer.alloc(32).toString('base64url')), 401, blob],
    [(to) => to.searchParams.delete('tx_id'), 400, blob],
    [(to) => to.searchParams.set('what', '1'), 400, blob],
  ]) {
    const to = new URL(url);
    change(to);
    const refused = await fetch(to, { method: 'POST', body });
    assert.equal(refused.status, status, await refused.clone().text());
    assert.match(refused.headers.get('content-type'), /^text\/plain/);
    const asJson = await fetch(to, { method: 'POST', body, headers: { accept: 'application/json' } });
    assert.equal((await asJson.json()).error.code, status);
  }
});
