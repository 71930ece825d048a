// Reads through a gateway, a process of its own, against a plain file server and against bounds.

import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { open, writeFile } from 'node:fs/promises';
import { Agent, get, request } from 'node:http';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { Localnet, mib, resident } from './localnet.mjs';

const [measure, scale] = [process.argv[2], Number(process.argv[3])];
const WHOLE_BYTES = (32 << 20) / scale;
const WHOLE_READS = 5;
const FIRST_BYTE_MS = 60;
const LEAST_SPEED = 400e6;
const LEAST_RATIO = 0.25;

const LARGE_BYTES = 2 ** 30 / scale;
const LARGE_SHARDS = 1000;
const RANGE_BYTES = 64_000;
const RANGES = 5;
const RANGE_SLIVERS = 3;
const RANGE_MS = 30;

const LOAD_BYTES = Math.round(100e6 / scale);
const READERS = 50;
const WRITERS = 20;
const READS_EACH = 3;
/** Within the limit of a body that holds by default. */
const DEFAULT_BYTES = 8e6;
const MEMORY_BYTES = 256 << 20;

const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];
const agent = new Agent({ keepAlive: true, maxSockets: READERS + WRITERS });

/** GETs a URL, and counts: milliseconds to the first byte and to the last one, bytes, their SHA-256 if it is wanted. */
function read(url, { range, hash } = {}) {
  const started = performance.now();
  const headers = range ? { Range: `bytes=${range[0]}-${range[1] - 1}` } : {};
  return new Promise((resolve, reject) => {
    const asked = get(url, { agent, headers }, (response) => {
      let [first, bytes] = [NaN, 0];
      const digest = hash && createHash('sha256');
      response.on('data', (data) => {
        if (bytes === 0) first = performance.now() - started;
        bytes += data.length;
        digest?.update(data);
      });
      response.once('error', reject);
      response.once('end', () => {
        const answer = { first, took: performance.now() - started, bytes, digest: digest?.digest('hex') };
        if (response.statusCode < 300 && response.complete) resolve(answer);
        else reject(new Error(`${url}: ${response.statusCode} after ${bytes} bytes`));
      });
    });
    asked.once('error', reject);
  });
}

/** PUTs bytes to a publisher, which stores them or has too much to do: the status. */
function store(url, bytes) {
  return new Promise((resolve, reject) => {
    const options = { agent, method: 'PUT', headers: { 'Content-Length': bytes.length } };
    const asked = request(`${url}/v1/blobs?epochs=2`, options, (response) => {
      let text = '';
      response.on('data', (data) => (text += data));
      response.once('end', () => {
        if (response.statusCode === 200 || response.statusCode === 429) resolve(response.statusCode);
        else reject(new Error(`PUT: ${response.statusCode} ${text}`));
      });
    });
    asked.once('error', reject);
    asked.end(bytes);
  });
}

/** How many of so many writers at once are told that there is too much to do, where nothing was raised. */
async function refused(network) {
  const gateway = await network.daemon('daemon', '--sub-wallets-dir', await network.folder('wallets-by-default'));
  const writers = Array.from({ length: WRITERS }, () => store(gateway.url, randomBytes(DEFAULT_BYTES)));
  const statuses = await Promise.all(writers);
  return statuses.filter((status) => status === 429).length;
}

/** Bytes that a gateway has in its cache of slivers. */
async function cached(metricsUrl) {
  const metrics = await (await fetch(metricsUrl)).text();
  return Number(/^walrus_gateway_memory_bytes\{[^}]*"slivers"[^}]*\} (\d+)$/m.exec(metrics)?.[1] ?? NaN);
}

/** Writes a file of random bytes, a piece at a time. */
async function randomFile(file, bytes) {
  const out = await open(file, 'w');
  for (let written = 0; written < bytes; ) {
    const piece = randomBytes(Math.min(16 << 20, bytes - written));
    await out.write(piece);
    written += piece.length;
  }
  await out.close();
  return file;
}

async function stored(network, file) {
  const [{ blobStoreResult }] = await network.walrus('store', file, '--epochs', '2');
  return blobStoreResult.newlyCreated.blobObject.blobId;
}

/** A file server of one file: its URL, and how to end it. */
async function fileServer(file) {
  const script = path.join(path.dirname(fileURLToPath(import.meta.url)), 'file-server.mjs');
  const child = spawn(process.execPath, [script, file], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = await new Promise((resolve) => child.stdout.once('data', (data) => resolve([data.toString()])));
  return { url: JSON.parse(line).url, stop: () => child.kill() };
}

async function whole(network) {
  const folder = await network.folder('files');
  const gateway = await network.daemon('aggregator');
  const runs = [];
  for (let run = 0; run <= WHOLE_READS; run += 1) {
    const file = await randomFile(path.join(folder, 'blob'), WHOLE_BYTES);
    const id = await stored(network, file);
    const plain = await fileServer(file);
    await read(plain.url);
    const [served, got] = [await read(plain.url), await read(`${gateway.url}/v1/blobs/${id}`)];
    const again = await read(`${gateway.url}/v1/blobs/${id}`);
    plain.stop();
    if (got.bytes !== WHOLE_BYTES || served.bytes !== WHOLE_BYTES) throw new Error('not all bytes came');
    if (run > 0) runs.push({ first: got.first, speed: got.bytes / got.took, again: again.bytes / again.took, ratio: served.took / got.took });
  }
  const of = (name) => median(runs.map((run) => run[name]));
  const [first, speed, ratio] = [of('first'), of('speed') * 1000, of('ratio')];
  const rate = (bytes) => `${(bytes / 1e6).toFixed(0)} MB/s`;
  return {
    text:
      `GET of ${mib(WHOLE_BYTES)} MiB: first byte ${first.toFixed(1)} ms, ${rate(speed)} (again ${rate(of('again') * 1000)}), ` +
      `ratio to a file server ${ratio.toFixed(2)} (medians of ${WHOLE_READS}; at most ${FIRST_BYTE_MS} ms, at least ${rate(LEAST_SPEED)} and ${LEAST_RATIO})`,
    isGood: first <= FIRST_BYTE_MS && speed >= LEAST_SPEED && ratio >= LEAST_RATIO,
  };
}

async function range(network) {
  const file = await randomFile(path.join(await network.folder('files'), 'large'), LARGE_BYTES);
  const id = await stored(network, file);
  const gateway = await network.daemon('aggregator');
  // Opens connections and metadata.
  await read(`${gateway.url}/v1/blobs/${id}`, { range: [0, 1] });
  const sliver = await cached(gateway.metricsUrl);
  const runs = [];
  for (let run = 0; run < RANGES; run += 1) {
    const start = Math.floor(LARGE_BYTES / 2 + (run * LARGE_BYTES) / (3 * RANGES));
    const before = await cached(gateway.metricsUrl);
    const { took, bytes } = await read(`${gateway.url}/v1/blobs/${id}`, { range: [start, start + RANGE_BYTES] });
    if (bytes !== RANGE_BYTES) throw new Error(`${bytes} bytes came of ${RANGE_BYTES}`);
    runs.push({ took, slivers: ((await cached(gateway.metricsUrl)) - before) / sliver });
  }
  const [took, slivers] = [median(runs.map((run) => run.took)), Math.max(...runs.map((run) => run.slivers))];
  return {
    text:
      `${RANGE_BYTES / 1000} kB in the middle of ${mib(LARGE_BYTES)} MiB on ${LARGE_SHARDS} shards: at most ${slivers.toFixed(1)} slivers of ${mib(sliver)} MiB, ` +
      `${took.toFixed(1)} ms (median of ${RANGES}; at most ${RANGE_SLIVERS} slivers and ${RANGE_MS} ms)`,
    isGood: slivers <= RANGE_SLIVERS && took <= RANGE_MS,
  };
}

async function memory(network) {
  const kib = String(Math.ceil(LOAD_BYTES / 1024));
  const limits = ['--max-body-size', kib, '--n-clients', String(WRITERS), '--publisher-max-concurrent-requests', String(WRITERS)];
  const gateway = await network.daemon('daemon', '--sub-wallets-dir', await network.folder('wallets'), ...limits);
  const file = path.join(await network.folder('files'), 'load');
  const blobs = [];
  for (let blob = 0; blob < 3; blob += 1) {
    const bytes = randomBytes(LOAD_BYTES);
    await writeFile(file, bytes);
    blobs.push({ id: await stored(network, file), digest: createHash('sha256').update(bytes).digest('hex') });
  }
  const reader = async (number) => {
    for (let turn = 0; turn < READS_EACH; turn += 1) {
      const { id, digest } = blobs[(number + turn) % blobs.length];
      const found = await read(`${gateway.url}/v1/blobs/${id}`, { hash: true });
      if (found.digest !== digest) throw new Error('other bytes came');
    }
  };
  const writer = async () => {
    if ((await store(gateway.url, randomBytes(LOAD_BYTES))) !== 200) throw new Error('a writer was refused');
  };
  const started = performance.now();
  await Promise.all([...Array.from({ length: READERS }, (_, number) => reader(number)), ...Array.from({ length: WRITERS }, writer)]);
  const [took, { peak }] = [(performance.now() - started) / 1000, resident(gateway.pid)];
  const others = await refused(network);
  return {
    text:
      `${READERS} read and ${WRITERS} wrote ${(LOAD_BYTES / 1e6).toFixed(0)} MB each, ${took.toFixed(0)} s: at most ${mib(peak)} MiB resident ` +
      `(bound ${mib(MEMORY_BYTES)} MiB); by default ${others} of ${WRITERS} writers at once are told to wait`,
    isGood: peak <= MEMORY_BYTES && others > 0,
  };
}

const MEASURES = { whole: [whole], range: [range, '--nodes', '10', '--shards', String(LARGE_SHARDS)], memory: [memory] };
const wanted = measure === 'all' ? Object.keys(MEASURES) : [measure];
const results = [];
for (const name of wanted) {
  if (!MEASURES[name]) throw new Error(`there is no measure '${name}': ${Object.keys(MEASURES).join(', ')}, all`);
  const [run, ...options] = MEASURES[name];
  const network = await Localnet.start(...options);
  try {
    results.push(await run(network));
  } finally {
    await network.stop();
  }
}
agent.destroy();
console.log(`${scale === 1 ? '' : `sizes divided by ${scale}: `}${results.map(({ text }) => text).join('; ')}`);
process.exitCode = scale !== 1 || results.every(({ isGood }) => isGood) ? 0 : 1;
