// The fixture itself: a network comes up, wallets have coins, nothing is left behind.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { startLocalnet } from '../localnet.mjs';

/** Nodes and chain have certificates that the bundle makes good, and nothing else does. */
async function overTls(network) {
  const script = fileURLToPath(new URL('over-tls.mjs', import.meta.url));
  const run = (bundle) =>
    promisify(execFile)(process.execPath, [script, path.join(network.dir, 'network.json')], {
      env: { ...process.env, NODE_EXTRA_CA_CERTS: bundle },
    });
  await run(network.description.caBundle);
  await assert.rejects(run(undefined), /certificate/);
}

test('a network comes up, gives out coins and leaves nothing behind', async () => {
  const network = await startLocalnet();
  try {
    const client = network.suiClient();
    const signer = await network.wallet({ sui: 3_000_000_000n, wal: 5_000_000_000n });
    const owner = signer.toSuiAddress();
    const sui = await client.core.getBalance({ owner });
    const wal = await client.core.getBalance({ owner, coinType: network.walType });
    assert.equal(sui.balance.balance, '3000000000');
    assert.equal(wal.balance.balance, '5000000000');
    const info = JSON.parse(await network.cli(['info', '--json']));
    assert.ok(info, 'the program reaches the network');
    await overTls(network);
  } finally {
    await network.stop();
  }
  assert.equal(existsSync(network.temporaryDirectory), false);
  await assert.rejects(fetch(network.rpcUrl));
});
