// `tus-js-client`, unmodified, against the publisher of a local network: uploads in parts that go on where they were. Client spec 3.13.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';

import { Upload } from 'tus-js-client';

import { networkOfTheFile } from '../localnet.mjs';

// As many shards as a body needs that is larger than a PUT may have.
const network = await networkOfTheFile({ shards: 40 });
const endpoint = `${network.description.publisherUrl}/v1/uploads?epochs=2`;

const PART = 256 << 10;
const bytes = (length, seed) => Buffer.from(Uint8Array.from({ length }, (_, i) => (i * i + seed * i) % 251));

/** Uploads; what was asked for: methods, and of each part its offset. Resolves when the server has everything. */
function upload(content, options = {}) {
  const asked = [];
  let client;
  const done = new Promise((resolve, reject) => {
    client = new Upload(content, {
      endpoint,
      retryDelays: [0, 50, 200],
      chunkSize: PART,
      ...options,
      onBeforeRequest(request) {
        asked.push([request.getMethod(), request.getHeader('Upload-Offset')].filter((part) => part !== undefined));
      },
      onProgress: (sent) => options.onSent?.(sent, client, resolve),
      onSuccess: resolve,
      onError: reject,
    });
    client.start();
  });
  return { client, asked, done };
}

/** The status of an upload once it is over: that is what its events end with. */
async function outcome(url) {
  const events = await fetch(`${url}/events`);
  assert.equal(events.headers.get('content-type'), 'text/event-stream');
  const last = (await events.text()).trim().split('\n\n').at(-1);
  return { name: last.match(/^event: ?(.*)$/m)[1], status: JSON.parse(last.match(/^data: ?(.*)$/m)[1]) };
}

async function blobIdOf(url) {
  const { name, status } = await outcome(url);
  assert.equal(name, 'stored', JSON.stringify(status));
  const { newlyCreated, alreadyCertified } = status.result;
  return (newlyCreated?.blobObject ?? alreadyCertified).blobId;
}

const read = (blobId) => network.cli(['read', blobId]);

test('a file in parts becomes a blob', async () => {
  const content = bytes(1_000_000, 1);
  const { client, asked, done } = upload(content, { metadata: { filename: 'parts.bin', filetype: 'application/x-parts' } });
  await done;
  assert.deepEqual(asked, [['POST'], ...[0, 1, 2, 3].map((part) => ['PATCH', String(part * PART)])]);
  assert.ok(content.equals(await read(await blobIdOf(client.url))));
});

test('a body larger than a PUT may have', async () => {
  const { maxBodySize } = await (await fetch(`${network.description.publisherUrl}/v1/limits`)).json();
  const content = bytes(maxBodySize + 1, 2);
  const { client, done } = upload(content, { chunkSize: 4 << 20 });
  await done;
  assert.ok(content.equals(await read(await blobIdOf(client.url))));
});

test('an upload that was cut off goes on where it was', async () => {
  const content = bytes(1_000_000, 3);
  const first = upload(content, {
    async onSent(sent, client, resolve) {
      if (sent <= 2 * PART) return;
      await client.abort();
      resolve();
    },
  });
  await first.done;
  const second = upload(content, { uploadUrl: first.client.url });
  await second.done;
  const [head, patch] = second.asked;
  assert.equal(head[0], 'HEAD');
  assert.equal(patch[0], 'PATCH');
  assert.ok(Number(patch[1]) >= 2 * PART, `it begins at ${patch[1]}`);
  assert.ok(content.equals(await read(await blobIdOf(second.client.url))));
});

test('an empty file needs no part', async () => {
  const { client, asked, done } = upload(Buffer.alloc(0));
  await done;
  assert.deepEqual(asked, [['POST']]);
  assert.equal((await read(await blobIdOf(client.url))).length, 0);
});

test('two versions of a file are not mixed: a promised digest is kept, or nothing is paid', async () => {
  const [old, edited] = [bytes(600_000, 4), bytes(600_000, 5)];
  const sha256 = createHash('sha256').update(old).digest('hex');
  const first = upload(old, {
    metadata: { sha256 },
    async onSent(sent, client, resolve) {
      if (sent < PART) return;
      await client.abort();
      resolve();
    },
  });
  await first.done;
  const second = upload(edited, { uploadUrl: first.client.url, retryDelays: null });
  await assert.rejects(second.done, (error) => {
    assert.ok(error.originalResponse.getStatus() >= 400 && error.originalResponse.getStatus() < 500, error.message);
    assert.match(error.originalResponse.getBody(), /digest|SHA-256/i);
    return true;
  });
});

test('an upload is ended by who began it', async () => {
  const { client, done } = upload(bytes(600_000, 6), {
    async onSent(sent, started, resolve) {
      if (sent < PART) return;
      await started.abort(true);
      resolve();
    },
  });
  await done;
  const gone = await fetch(client.url, { method: 'HEAD', headers: { 'tus-resumable': '1.0.0' } });
  assert.ok([404, 410].includes(gone.status), String(gone.status));
});
