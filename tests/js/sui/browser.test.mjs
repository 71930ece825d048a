// A page of another origin in a headless Chromium does a transfer over gRPC-web.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { build } from 'esbuild';
import { chromium } from 'playwright-core';

import { HERE, SUI, startChain } from './chain.mjs';

const BROWSER = process.env.CHROMIUM_BIN ?? '/usr/bin/chromium';
// Nothing of the browser's own talks to anything but this machine.
const QUIET = [
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-proxy-server',
];

let chain;
let browser;
let profile;
let server;
let origin;
before(async () => {
  if (!existsSync(BROWSER)) throw new Error(`${BROWSER} is not there: install chromium, or set CHROMIUM_BIN`);
  chain = await startChain();
  const bundle = await build({
    entryPoints: [path.join(HERE, 'browser/page.mjs')],
    bundle: true,
    format: 'esm',
    target: 'es2022',
    write: false,
    logLevel: 'error',
  });
  server = createServer((request, response) => {
    const script = request.url === '/page.js';
    response.setHeader('Content-Type', script ? 'text/javascript' : 'text/html');
    response.end(script ? bundle.outputFiles[0].text : '<!doctype html><script type="module" src="/page.js"></script>');
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${server.address().port}`;
  profile = await mkdtemp(path.join(tmpdir(), 'chromium-'));
  const sandbox = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  browser = await chromium.launchPersistentContext(profile, {
    executablePath: BROWSER,
    headless: true,
    args: [...QUIET, ...sandbox],
  });
});
after(async () => {
  await browser?.close();
  server?.close();
  await chain?.stop();
  if (profile) await rm(profile, { recursive: true, force: true });
});

for (const format of ['text', 'binary']) {
  test(`a page of another origin transfers SUI over gRPC-web (${format})`, async () => {
    const page = await browser.newPage();
    const complaints = [];
    page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(String(error)));
    await page.goto(origin);
    await page.waitForFunction(() => 'transfer' in globalThis);
    const { rpcUrl, faucetUrl } = chain;
    const done = await page.evaluate((options) => globalThis.transfer(options), {
      rpcUrl,
      faucetUrl,
      format,
      amount: String(SUI),
    });
    assert.equal(done.origin, origin);
    assert.notEqual(new URL(rpcUrl).origin, origin);
    assert.equal(done.balance, String(SUI));
    assert.equal(done.checkpoint, done.executedIn);
    assert.equal(done.chainId, chain.chainId);
    assert.equal(done.header, chain.chainId, 'the headers of the chain are exposed to pages');
    assert.equal(done.refused, 'notFound', 'errors arrive as well');
    assert.deepEqual(complaints, []);
    await page.close();
  });
}
