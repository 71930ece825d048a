// A page of another origin in a headless Chromium writes and reads blobs: CORS of chain and nodes, and the encoder from a URL.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { openBrowser } from '../browser.mjs';
import { networkOfTheFile } from '../localnet.mjs';
import { MANY_NODES, walrusClient, walrusOptions } from './client.mjs';

const WASM = createRequire(import.meta.url).resolve('@mysten/walrus-wasm/web/walrus_wasm_bg.wasm');
const SIZE = 300_000;

const browser = await openBrowser(fileURLToPath(new URL('browser/page.mjs', import.meta.url)), { '/walrus.wasm': WASM });
after(() => browser.close());
const network = await networkOfTheFile(MANY_NODES);

test('a page writes and reads blobs and files', async () => {
  const signer = await network.wallet();
  const { result, complaints } = await browser.call('store', {
    rpcUrl: network.rpcUrl,
    options: walrusOptions(network, { wasmUrl: `${browser.origin}/walrus.wasm` }),
    secretKey: signer.getSecretKey(),
    size: SIZE,
  });
  assert.equal(result.certified, true);
  assert.equal(result.same, true);
  assert.deepEqual(result.texts, ['one', 'two']);
  assert.deepEqual(result.tags, { a: 'b' });
  assert.equal(result.refused, true);
  // The browser itself notes the 404s of the unknown blob; nothing else.
  assert.deepEqual(complaints.filter((text) => !text.includes('404 (Not Found)')), []);
  assert.equal((await walrusClient(network).readBlob({ blobId: result.blobId })).length, SIZE);
});

test('nodes allow every origin, method and header, in errors as well', async () => {
  const node = network.description.nodes[0].url.replace('https:', 'http:');
  const preflight = await fetch(`${node}/v1/blobs/x/metadata`, {
    method: 'OPTIONS',
    headers: { origin: browser.origin, 'access-control-request-method': 'PUT', 'access-control-request-headers': 'content-type' },
  });
  assert.equal(preflight.ok, true);
  assert.equal(preflight.headers.get('access-control-allow-origin'), '*');
  assert.match(preflight.headers.get('access-control-allow-methods'), /\*|PUT/);
  assert.match(preflight.headers.get('access-control-allow-headers'), /\*|content-type/);
  for (const path of ['/v1/health', '/v1/nothing', '/v1/blobs/x/metadata']) {
    const { headers } = await fetch(`${node}${path}`, { headers: { origin: browser.origin } });
    assert.equal(headers.get('access-control-allow-origin'), '*', path);
  }
});
