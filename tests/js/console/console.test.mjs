// The console in a headless Chromium: files are stored, films are played and sought in, bytes are verified.

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { launchBrowser } from '../browser.mjs';
import { startLocalnet } from '../localnet.mjs';
import { makeFilm } from '../media.mjs';

const SECONDS = 60;

let network;
let browser;

before(async () => {
  // As many shards as blobs of the size of the film need.
  network = await startLocalnet({ shards: 40 });
  browser = await launchBrowser();
});
after(async () => {
  await browser?.close();
  await network?.stop();
});

/** A page with the console, and what it complains of. */
async function openConsole() {
  const page = await browser.context.newPage();
  page.setDefaultTimeout(20_000);
  const complaints = [];
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(String(error)));
  await page.goto(network.description.consoleUrl);
  await page.waitForSelector('html[data-ready]');
  return { page, complaints };
}

/** Bytes that a rule gives. */
const bytes = (length, seed) => Buffer.from(Uint8Array.from({ length }, (_, i) => (i * i + seed * i) % 251));

const file = (name, buffer) => ({ name, mimeType: 'application/octet-stream', buffer });

const facts = (card) => card.locator('.facts').evaluate((list) => {
  const [terms, texts] = ['dt', 'dd'].map((tag) => [...list.querySelectorAll(tag)].map((part) => part.textContent));
  return Object.fromEntries(terms.map((term, i) => [term, texts[i]]));
});

const blobIdOf = (card) => card.getAttribute('data-blob-id');

/** Asks the page to verify; its verdict and the words. */
async function verdict(card) {
  await card.locator('.verify').click();
  await card.and(card.page().locator('[data-verdict]')).waitFor();
  return [await card.getAttribute('data-verdict'), await card.locator('.verdict').textContent()];
}

test('a file is stored, and verified against its blob ID', async () => {
  const { page, complaints } = await openConsole();
  const content = bytes(300_001, 3);
  await page.locator('#epochs').fill('2');
  await page.setInputFiles('#file', file('notes.bin', content));
  const card = page.locator('.card[data-state=stored]');
  await card.waitFor();
  const told = await facts(card);
  const blobId = await blobIdOf(card);
  assert.equal(told['Blob ID'], blobId);
  assert.equal(told.Size, '293 KiB (300001 bytes)');
  assert.match(told.Cost, /^[\d.]+ WAL \([1-9]\d* FROST\)$/);
  assert.match(told['Blob object'], /^0x[0-9a-f]{64}$/);
  assert.match(told['Stored until'], /epoch 3$/);
  assert.equal(await card.locator('.facts a').getAttribute('href'), `${network.description.aggregatorUrl}/v1/blobs/${blobId}`);
  const read = await network.cli(['read', blobId]);
  assert.ok(content.equals(read), 'the command line reads the same bytes');
  const [good, words] = await verdict(card);
  assert.equal(good, 'good', words);
  assert.match(words, /300001 bytes/);
  // What is not a film, a sound or a picture is not shown.
  assert.equal(await card.locator('.player > *').count(), 0);
  assert.deepEqual(complaints, []);
  await page.close();
});

test('files that are dropped are stored one after the other', async () => {
  const { page, complaints } = await openConsole();
  await page.evaluate(() => {
    const dropped = new DataTransfer();
    for (const [name, text] of [['a', 'first'], ['b', 'second'], ['empty', '']]) dropped.items.add(new File([text], name));
    document.querySelector('#drop').dispatchEvent(new DragEvent('drop', { dataTransfer: dropped, bubbles: true, cancelable: true }));
  });
  const cards = page.locator('.card[data-state=stored]');
  await cards.nth(2).waitFor();
  assert.deepEqual(await cards.locator('.name').allTextContents(), ['empty', 'b', 'a']);
  for (const [index, expected] of [[0, ''], [1, 'second'], [2, 'first']]) {
    const card = cards.nth(index);
    assert.equal(String(await network.cli(['read', await blobIdOf(card)])), expected);
    assert.equal((await verdict(card))[0], 'good');
  }
  assert.deepEqual(complaints, []);
  await page.close();
});

test('bytes that are not the blob are told, whatever serves them', async () => {
  const { page } = await openConsole();
  const content = bytes(100_000, 5);
  await page.setInputFiles('#file', file('notes.bin', content));
  const card = page.locator('.card[data-state=stored]');
  await card.waitFor();
  const flipped = Buffer.from(content);
  flipped[77_777] ^= 1;
  for (const body of [flipped, content.subarray(0, -1), Buffer.concat([content, Buffer.of(0)])]) {
    await page.route(`${network.description.aggregatorUrl}/**`, (route) => route.fulfill({
      body, headers: { 'access-control-allow-origin': '*' },
    }));
    const [found, words] = await verdict(card);
    assert.equal(found, 'bad', words);
    assert.match(words, /^NOT the blob: .*[\w-]{43}/);
    await page.unrouteAll();
  }
  assert.equal((await verdict(card))[0], 'good');
  await page.close();
});

test('a film is played by ranges, and seeking fetches what is sought', async () => {
  const { page, complaints } = await openConsole();
  const film = path.join(network.temporaryDirectory, 'film.mp4');
  await makeFilm(film, { seconds: SECONDS, kilobits: 1000 });
  const asked = [];
  page.on('response', async (response) => {
    if (response.request().resourceType() !== 'media') return;
    asked.push([response.status(), response.request().headers().range, response.headers()['content-range']]);
  });
  await page.setInputFiles('#file', film);
  const card = page.locator('.card[data-state=stored]');
  await card.waitFor();
  const video = card.locator('video');
  const size = Number((await facts(card)).Size.match(/\((\d+) bytes\)/)[1]);
  const seeked = await video.evaluate(async (player) => {
    const happens = (name) => new Promise((resolve, reject) => {
      player.addEventListener(name, resolve, { once: true });
      player.addEventListener('error', () => reject(new Error(player.error.message)), { once: true });
    });
    if (player.readyState < 1) await happens('loadedmetadata');
    const times = [];
    for (const time of [45, 5]) {
      player.currentTime = time;
      await happens('seeked');
      times.push(player.currentTime);
    }
    player.muted = true;
    await player.play();
    if (player.currentTime <= times[1]) await happens('timeupdate');
    player.pause();
    const { duration, seekable, videoWidth } = player;
    return { times, duration, end: seekable.end(0), videoWidth, played: player.currentTime > times[1] };
  });
  assert.deepEqual(seeked, { times: [45, 5], duration: SECONDS, end: SECONDS, videoWidth: 320, played: true });
  assert.ok(asked.every(([status]) => status === 206), JSON.stringify(asked));
  const starts = asked.map(([, range]) => Number(range.match(/^bytes=(\d+)-/)[1]));
  // The index is at the end; 45 of 60 seconds are three quarters of the file.
  assert.ok(starts.some((start) => start > size * 0.9), `the index: ${starts} of ${size}`);
  assert.ok(starts.some((start) => start > size * 0.6 && start < size * 0.8), `what was sought: ${starts} of ${size}`);
  assert.equal((await verdict(card))[0], 'good');
  assert.deepEqual(complaints, []);
  await page.close();
});

test('a blob is opened by its ID; what is not there is said', async () => {
  const { page } = await openConsole();
  const picture = path.join(network.temporaryDirectory, 'pixel.gif');
  await writeFile(picture, Buffer.from('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7', 'base64'));
  const { blobId } = JSON.parse(await network.cli(['store', picture, '--epochs', '1', '--json']))[0].blobStoreResult.newlyCreated.blobObject;
  await page.locator('#blob-id').fill(blobId);
  await page.locator('#open button').click();
  const card = page.locator('.card[data-state=stored]');
  await card.waitFor();
  await card.locator('img').evaluate((image) => image.decode());
  assert.equal((await verdict(card))[0], 'good');
  await page.locator('#blob-id').fill('A'.repeat(43));
  await page.locator('#open button').click();
  const missing = page.locator('.card[data-state=failed]');
  await missing.waitFor();
  assert.match(await missing.locator('.state').textContent(), /\w/);
  await page.close();
});

test('a body longer than a blob is verified by proofs', async () => {
  const { page, complaints } = await openConsole();
  const { maxBlobSize: most } = JSON.parse(await network.cli(['info', 'size', '--json']));
  const long = path.join(network.temporaryDirectory, 'long');
  const content = bytes(most + 1_000_001, 7);
  await writeFile(long, content);
  const [{ blobStoreResult }] = JSON.parse(await network.cli(['store', long, '--epochs', '1', '--json']));
  const { blobId } = blobStoreResult.newlyCreated.blobObject;
  await page.locator('#blob-id').fill(blobId);
  await page.locator('#open button').click();
  const card = page.locator('.card[data-state=stored]');
  await card.waitFor();
  const [good, words] = await verdict(card);
  assert.equal(good, 'good', words);
  assert.match(words, new RegExp(`${content.length} bytes .* by proofs`));
  content[most + 77] ^= 1;
  // The proofs stay what they are.
  await page.route(`${network.description.aggregatorUrl}/v1/blobs/${blobId}`, (route) => route.fulfill({
    body: content, headers: { 'access-control-allow-origin': '*' },
  }));
  assert.equal((await verdict(card))[0], 'bad');
  assert.deepEqual(complaints, []);
  await page.close();
});

test('the page talks to nobody but the network, and shares no origin with what is stored', async () => {
  const { consoleUrl, aggregatorUrl, publisherUrl } = network.description;
  assert.equal(new Set([consoleUrl, aggregatorUrl, publisherUrl].map((url) => new URL(url).origin)).size, 3);
  const { page } = await openConsole();
  const refused = await page.evaluate(() => fetch('http://127.0.0.1:9/').then(() => 'answered', (error) => error.name));
  assert.equal(refused, 'TypeError');
  const ran = await page.evaluate(() => {
    const script = document.createElement('script');
    script.textContent = 'globalThis.ran = true';
    document.body.append(script);
    return 'ran' in globalThis;
  });
  assert.equal(ran, false);
  await page.close();
});
