// Uploads of slivers to a node that scrubs, against the same without: every second block of them, on one node.

import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';

import { ask, connect, target } from './callers.mjs';
import { encoded, shardsOf } from './encoding.mjs';
import { Localnet } from './localnet.mjs';

const NODE = 'node-0';
const NODES = 4;
const SHARDS = 100;
/** What there is to scrub. */
const SCRUBBED_BLOBS = 4;
const SCRUBBED_BYTES = 64 << 20;
const BLOB_BYTES = 4 << 20;
const BLOBS_IN_BLOCK = 3;
const UPLOADS_AT_ONCE = 4;
const MOST_RATIO = 1.05;

/** Blobs that the network has and the node has not: stored while it is down, and not recovered when it is back. */
async function missed(network, count, shards) {
  const folder = await network.folder('files');
  await network.operate(NODE, 'worker', 'pause', 'recovery');
  await network.node('stop', NODE);
  const blobs = [];
  for (let index = 0; index < count; index += 1) {
    const file = path.join(folder, 'random');
    await writeFile(file, randomBytes(BLOB_BYTES));
    const [{ blobStoreResult }] = await network.walrus('store', file, '--epochs', '5');
    blobs.push(await encoded(network, file, blobStoreResult.newlyCreated.blobObject.blobId, shards, SHARDS));
  }
  await network.node('start', NODE);
  return blobs;
}

/** Uploads what the node stores of some blobs; how many milliseconds each sliver took. */
async function upload(session, blobs) {
  const put = (path, body) => ask(session, { ':method': 'PUT', ':path': path, 'content-length': body.length }, body);
  const waiting = [];
  for (const { id, metadata, slivers } of blobs) {
    await expect(201, put(`/v1/blobs/${id}/metadata`, metadata));
    waiting.push(...slivers.map((sliver) => ({ ...sliver, id })));
  }
  const times = [];
  const one = async () => {
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const start = performance.now();
      await expect(201, put(`/v1/blobs/${next.id}/slivers/${next.pair}/${next.type}`, next.bytes));
      times.push(performance.now() - start);
    }
  };
  await Promise.all(Array.from({ length: UPLOADS_AT_ONCE }, one));
  return times;
}

async function expect(expected, answer) {
  const { status, body } = await answer;
  if (status !== expected) throw new Error(`${status} instead of ${expected}: ${body}`);
}

/** So many of a hundred take at most so long. */
const percentile = (times, share) => times.toSorted((a, b) => a - b)[Math.ceil((times.length * share) / 100) - 1];

const count = Number(process.argv[2]);
const network = await Localnet.start('--nodes', String(NODES), '--shards', String(SHARDS));
try {
  const file = path.join(await network.folder('files'), 'large');
  for (let stored = 0; stored < SCRUBBED_BLOBS; stored += 1) {
    await writeFile(file, randomBytes(SCRUBBED_BYTES));
    await network.walrus('store', file, '--epochs', '5');
  }
  const node = target(network, NODE);
  const blobs = await missed(network, count, await shardsOf(node));
  const session = await connect(node, '127.0.0.1');
  const times = { quiet: [], scrubbing: [] };
  for (let block = 0; blobs.length > 0; block += 1) {
    const isScrubbing = block % 2 === 1;
    if (isScrubbing) await network.operate(NODE, 'scrub', 'start');
    times[isScrubbing ? 'scrubbing' : 'quiet'].push(...(await upload(session, blobs.splice(0, BLOBS_IN_BLOCK))));
    if (isScrubbing) await network.operate(NODE, 'scrub', 'pause');
  }
  session.destroy();
  console.error(await network.operate(NODE, 'scrub', 'status'));
  const of = (kind) => [50, 99].map((share) => `${percentile(times[kind], share).toFixed(1)} ms`).join(' and ');
  const ratio = percentile(times.scrubbing, 99) / percentile(times.quiet, 99);
  console.log(
    `uploads of slivers, ${UPLOADS_AT_ONCE} at once, median and p99: ${times.quiet.length} without a scrub ${of('quiet')}, ` +
      `${times.scrubbing.length} beside one ${of('scrubbing')}; ratio of the p99 ${ratio.toFixed(2)} (at most ${MOST_RATIO})`,
  );
  process.exitCode = ratio <= MOST_RATIO ? 0 : 1;
} finally {
  await network.stop();
}
