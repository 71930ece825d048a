// The faucet, through the client's helper and in both public request shapes.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { requestSuiFromFaucetV2 } from '@mysten/sui/faucet';

import { chainOfTheFile, nobody } from './chain.mjs';

const chain = await chainOfTheFile();

const request = (path, body) =>
  fetch(new URL(path, chain.faucetUrl), {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Origin: 'http://somewhere.example' },
    body: JSON.stringify(body),
  });

test('the helper of the client gets coins that are there at once', async () => {
  const recipient = nobody();
  const { coins_sent: coins } = await requestSuiFromFaucetV2({ host: chain.faucetUrl, recipient });
  const client = chain.client();
  const { objects } = await client.listCoins({ owner: recipient });
  assert.deepEqual(coins.map(({ id }) => id).sort(), objects.map(({ objectId }) => objectId).sort());
  assert.equal(
    (await client.getBalance({ owner: recipient })).balance.balance,
    String(coins.reduce((sum, { amount }) => sum + BigInt(amount), 0n)),
  );
  await client.getTransaction({ digest: coins[0].transferTxDigest });
});

test('the older shape of the answer is served as well', async () => {
  for (const path of ['/gas', '/v1/gas']) {
    const recipient = nobody();
    const response = await request(path, { FixedAmountRequest: { recipient } });
    assert.ok(response.ok, `${path}: ${response.status}`);
    assert.ok(BigInt((await chain.client().getBalance({ owner: recipient })).balance.balance) > 0n);
  }
});

test('a bad request is refused with a reason, a browser may ask, and the service says that it is up', async () => {
  const bad = await request('/v2/gas', { FixedAmountRequest: { recipient: 'nobody' } });
  assert.equal(bad.status, 400);
  assert.match(JSON.stringify((await bad.json()).status.Failure), /recipient/);
  const preflight = await fetch(new URL('/v2/gas', chain.faucetUrl), {
    method: 'OPTIONS',
    headers: {
      Origin: 'http://somewhere.example',
      'Access-Control-Request-Method': 'POST',
      'Access-Control-Request-Headers': 'content-type',
    },
  });
  assert.ok(preflight.ok);
  assert.equal(preflight.headers.get('access-control-allow-origin'), '*');
  assert.ok((await fetch(chain.faucetUrl)).ok);
});
