// Shards that go from one node to another, against a plain copy of the same bytes.

import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';

import { copyOverTls, filesBelow } from './copy.mjs';
import { Localnet, cpuSeconds, mib, pause } from './localnet.mjs';

const SHARDS = 100;
/** Less than the largest that there is with so many shards. */
const BLOB_BYTES = 64 << 20;
/** What a blob is when encoded, about, of which half moves. */
const EXPANSION = 5;
const EPOCH_SECONDS = 40;
const LEAST_RATIO = 0.7;
const POLL_MS = 20;
/** Nothing came for so long: it is over. */
const OVER_MS = 5000;
const PATIENCE_MS = 300_000;
const COPIES = 3;

/** How many slivers a node has got by transfers. */
async function synced(metricsUrl) {
  const metrics = await (await fetch(metricsUrl)).text();
  return Number(/^walrus_node_synced_slivers_total (\d+)$/m.exec(metrics)?.[1] ?? NaN);
}

/** From the last moment without any sliver to that of the last one: seconds, seconds of CPU time, and how many there were. */
async function transfer(metricsUrl, pids) {
  const used = () => pids.map(cpuSeconds).reduce((sum, each) => sum + each);

  const deadline = performance.now() + PATIENCE_MS;
  let [start, last, count, before, after] = [performance.now(), performance.now(), 0, used(), 0];
  for (;;) {
    const asked = performance.now();
    const now = await synced(metricsUrl);
    if (now === 0) [start, before] = [asked, used()];
    if (now > count) [count, last, after] = [now, performance.now(), used()];
    if (count > 0 && asked - last > OVER_MS) return { seconds: (last - start) / 1000, cpu: after - before, count };
    if (asked > deadline) throw new Error(`no transfer within ${PATIENCE_MS / 1000} s, ${count} slivers so far`);
    await pause(POLL_MS);
  }
}

/** The middle one. */
const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];

const megabytes = Number(process.argv[2]);
const network = await Localnet.start('--nodes', '1', '--shards', String(SHARDS), '--epoch-duration', `${EPOCH_SECONDS}s`);
try {
  const file = path.join(await network.folder('files'), 'random');
  const blobs = Math.max(1, Math.round((megabytes << 20) / (BLOB_BYTES * EXPANSION / 2)));
  for (let stored = 0; stored < blobs; stored += 1) {
    await writeFile(file, randomBytes(BLOB_BYTES));
    await network.walrus('store', file, '--epochs', '50');
  }
  const joined = (await network.node('add')).nodes.at(-1).name;
  const { seconds, cpu, count } = await transfer(network.metricsUrl(joined), ['node-0', joined].map((name) => network.pid(name)));
  const files = await filesBelow(path.join(network.nodeFolder(joined), 'storage', 'shards'));
  const bytes = files.reduce((sum, each) => sum + each.bytes, 0);
  const copies = [];
  const before = process.cpuUsage();
  for (let copy = 0; copy < COPIES; copy += 1) {
    const { seconds: took, received } = await copyOverTls(files, `${file}.copy`, network.nodeFolder('node-0'));
    if (received !== bytes) throw new Error(`${received} bytes were copied, ${bytes} are there`);
    copies.push(took);
  }
  const { user, system } = process.cpuUsage(before);
  const ratio = median(copies) / seconds;
  const rate = (time) => `${(bytes / (1 << 20) / time).toFixed(0)} MiB/s`;
  console.log(
    `${count} slivers of ${blobs} blobs, ${mib(bytes)} MiB in ${files.length} files, came in ${seconds.toFixed(2)} s (${rate(seconds)}, ${cpu.toFixed(2)} s of CPU); ` +
      `the same files over one TLS connection into one that is synced: ${copies.map((took) => took.toFixed(2)).join(', ')} s (${rate(median(copies))}, ${((user + system) / 1e6 / COPIES).toFixed(2)} s of CPU each); ` +
      `ratio ${ratio.toFixed(2)} (at least ${LEAST_RATIO})`,
  );
  process.exitCode = ratio >= LEAST_RATIO ? 0 : 1;
} finally {
  await network.stop();
}
