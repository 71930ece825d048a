#!/usr/bin/env bash
# Guessed: tus-js-client resumes an upload only with the content it was begun with.
# Seen: in Node, tus-js-client 4.3.1 recognizes a Buffer by its first 64 KiB and its length. An upload that was interrupted, and is begun
#   again with another version of the same length and the same beginning, is "resumed": the server ends up with the first part of
#   the old version and the rest of the new one, and onSuccess is called.
# For users: a server that hands out what it received needs a digest of the whole file from the client; a client in Node needs a
#   `fingerprint` of its own.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund tus-js-client@4.3.1
cat >run.mjs <<'JS'
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
const tus = createRequire(import.meta.url)('tus-js-client');

// A tus server for one upload (core protocol and creation).
let stored = Buffer.alloc(0);
let length = 0;
const server = createServer(async (request, response) => {
  const headers = { 'Tus-Resumable': '1.0.0' };
  if (request.method === 'POST') {
    length = Number(request.headers['upload-length']);
    response.writeHead(201, { ...headers, Location: '/files/1' }).end();
  } else if (request.method === 'HEAD') {
    response.writeHead(200, { ...headers, 'Upload-Offset': stored.length, 'Upload-Length': length, 'Cache-Control': 'no-store' }).end();
  } else if (request.method === 'PATCH') {
    const body = Buffer.concat(await request.toArray());
    assert.equal(Number(request.headers['upload-offset']), stored.length);
    stored = Buffer.concat([stored, body]);
    response.writeHead(204, { ...headers, 'Upload-Offset': stored.length }).end();
  }
});
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));

// Where the client remembers uploads between runs.
const remembered = new Map();
const urlStorage = {
  findAllUploads: async () => [...remembered.values()],
  findUploadsByFingerprint: async (print) => [...remembered.values()].filter((upload) => upload.print === print),
  removeUpload: async (key) => { remembered.delete(key); },
  addUpload: async (print, upload) => { remembered.set('1', { ...upload, print, urlStorageKey: '1' }); return '1'; },
};
const endpoint = `http://127.0.0.1:${server.address().port}/files/`;
const kib = 1024;
const options = { endpoint, urlStorage, storeFingerprintForResuming: true, chunkSize: 128 * kib, retryDelays: null };

const before = Buffer.alloc(256 * kib, 'v');
const after = Buffer.from(before);
after.fill('1', 64 * kib);
before.fill('0', 64 * kib);

// The first version, interrupted by its user after half of it.
await new Promise((resolve, reject) => {
  const upload = new tus.Upload(before, {
    ...options, onError: reject,
    onChunkComplete: () => upload.abort().then(resolve, reject),
  });
  upload.start();
});
const half = stored.length;

// The second version.
await new Promise((resolve, reject) => {
  const upload = new tus.Upload(after, { ...options, onError: reject, onSuccess: resolve });
  upload.findPreviousUploads().then((found) => {
    if (found.length > 0) upload.resumeFromPreviousUpload(found[0]);
    upload.start();
  }, reject);
});
server.close();
const seen = { half, stored: stored.length, isTheOld: stored.equals(before), isTheNew: stored.equals(after) };
console.log('success, and the server has', seen);
assert.deepEqual(seen, { half: 128 * kib, stored: 256 * kib, isTheOld: false, isTheNew: false });
JS
node run.mjs
