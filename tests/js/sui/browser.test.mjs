// A page of another origin in a headless Chromium does a transfer over gRPC-web.

import assert from 'node:assert/strict';
import path from 'node:path';
import { after, test } from 'node:test';

import { openBrowser } from '../browser.mjs';
import { HERE, SUI, chainOfTheFile } from './chain.mjs';

const browser = await openBrowser(path.join(HERE, 'browser/page.mjs'));
after(() => browser.close());
const chain = await chainOfTheFile();

for (const format of ['text', 'binary']) {
  test(`a page of another origin transfers SUI over gRPC-web (${format})`, async () => {
    const { rpcUrl, faucetUrl } = chain;
    const { result, complaints } = await browser.call('transfer', { rpcUrl, faucetUrl, format, amount: String(SUI) });
    assert.equal(result.origin, browser.origin);
    assert.notEqual(new URL(rpcUrl).origin, browser.origin);
    assert.equal(result.balance, String(SUI));
    assert.equal(result.checkpoint, result.executedIn);
    assert.equal(result.chainId, chain.chainId);
    assert.equal(result.header, chain.chainId, 'the headers of the chain are exposed to pages');
    assert.equal(result.refused, 'notFound', 'errors arrive as well');
    assert.deepEqual(complaints, []);
  });
}
