// One storage node of ten under bad loads: it answers the others, and its memory stays within the bound.

import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Worker } from 'node:worker_threads';

import { ask, connect, introduction, target } from './callers.mjs';
import { encoded, shardsOf } from './encoding.mjs';
import { Localnet, mib, pause, resident } from './localnet.mjs';

const BOUND_MIB = 512;
const ANSWERED_WITHIN_MS = 1000;
const NODES = 10;
const ATTACKED = 'node-0';
const PEER = 'node-1';
/** An address of loopback from which no load comes. */
const STRANGER = '127.0.2.1';
/** Slivers of a megabyte, on 100 shards. */
const STORED_BYTES = 32 << 20;
const UPLOADS = 24;
const UPLOAD_BYTES = 8 << 20;
const PROBE_PAUSE_MS = 200;
/** Uploads of which nothing came to be are gone after a minute and a sweep; more is patience with a busy machine. */
const FORGOTTEN_WITHIN_MS = 100_000;

const LOADS = ['idle-connections', 'trickling-bodies', 'unfinished-slivers', 'unread-slivers', 'unread-symbols', 'pending-uploads'];

/** What the loads send: a blob that is stored, and blobs that nobody registers. */
async function prepare(network, node, loads, shards) {
  const owned = await shardsOf(node);
  const file = path.join(await network.folder('files'), 'random');
  await writeFile(file, randomBytes(STORED_BYTES));
  const [stored] = await network.walrus('store', file, '--epochs', '2');
  const blob = await encoded(network, file, stored.blobStoreResult.newlyCreated.blobObject.blobId, owned, shards);
  const uploads = [];
  for (let index = 0; loads.includes('pending-uploads') && index < UPLOADS; index += 1) {
    await writeFile(file, randomBytes(UPLOAD_BYTES));
    uploads.push(await encoded(network, file, undefined, owned, shards));
  }
  return { blob, uploads };
}

/** What others ask of the node, each time on a new connection: how long the slowest took, and what was not answered. */
class Probe {
  slowest = 0;
  rounds = 0;
  failures = [];

  constructor(node, blob, address, headers = () => ({})) {
    Object.assign(this, { node, blob, address, headers });
  }

  async run(isOver) {
    const { pair, type, bytes } = this.blob.slivers[0];
    const sliver = `/v1/blobs/${this.blob.id}/slivers/${pair}/${type}`;
    const body = { ':method': 'PUT', ':path': sliver, 'content-type': 'application/octet-stream', 'content-length': bytes.length };
    while (!isOver()) {
      await this.#timed('connection, status', async () => {
        this.session = await connect(this.node, this.address);
        return this.#ask({ ':path': `/v1/blobs/${this.blob.id}/status` });
      });
      if (this.session !== undefined) {
        await this.#timed('sliver', () => this.#ask({ ':path': sliver }));
        await this.#timed('upload', () => this.#ask(body, bytes));
        this.session.destroy();
        this.session = undefined;
      }
      this.rounds += 1;
      await pause(PROBE_PAUSE_MS);
    }
  }

  #ask(headers, body) {
    return ask(this.session, { ...headers, ...this.headers() }, body);
  }

  async #timed(what, request) {
    const start = performance.now();
    try {
      const { status } = await request();
      if (status !== 200) this.failures.push(`${what}: ${status}`);
      this.slowest = Math.max(this.slowest, performance.now() - start);
    } catch (error) {
      this.failures.push(`${what}: ${error.message}`);
    }
  }

  get isAnswered() {
    return this.rounds > 0 && this.failures.length === 0 && this.slowest <= ANSWERED_WITHIN_MS;
  }

  toString() {
    const failed = this.failures.length === 0 ? '' : `, ${this.failures.length} not (${this.failures[0]})`;
    return `${Math.round(this.slowest)} ms${failed}`;
  }
}

/** One run: the loads side by side for so long, each from so many addresses. */
async function attack({ network, node, given, loads, addresses, seconds, seed }) {
  const pid = network.pid(ATTACKED);
  const threads = loads.map((load, index) => {
    const data = { node, load, addresses, seed: seed + index, ...given };
    return new Worker(new URL('./loads.mjs', import.meta.url), { workerData: data });
  });
  let over = false;
  const isOver = () => over;
  const others = { stranger: new Probe(node, given.blob, STRANGER), peer: new Probe(node, given.blob, '127.0.0.1', () => introduced(network, node)) };
  const probing = Object.values(others).map((probe) => probe.run(isOver));
  await pause(seconds * 1000);
  const counts = await Promise.all(threads.map(ending));
  over = true;
  await Promise.all(probing);
  const { peak } = resident(pid);
  return { ...others, peak, counts };
}

async function ending(thread) {
  const told = once(thread, 'message');
  thread.postMessage('end');
  const [counts] = await told;
  return counts;
}

const introduced = (network, node) => ({ 'walrus-node': introduction(network.nodeFolder(PEER), node.key) });

/** Whether the node has let go of uploads that nobody registered. */
async function forgets(network) {
  const deadline = performance.now() + FORGOTTEN_WITHIN_MS;
  while (performance.now() < deadline) {
    const metrics = await (await fetch(network.metricsUrl(ATTACKED))).text();
    if (/^walrus_pending_sliver_cache_bytes 0$/m.test(metrics)) return true;
    await pause(1000);
  }
  return false;
}

/** The same from one address and from many. What all strangers together may do is as much as they can shut out strangers by. */
async function measure(loads, seconds, shards, seed) {
  const results = [];
  let isWithin = true;
  for (const addresses of [1, 16]) {
    const network = await Localnet.start('--nodes', String(NODES), '--shards', String(shards));
    try {
      const node = target(network, ATTACKED);
      const given = await prepare(network, node, loads, shards);
      const before = resident(network.pid(ATTACKED)).peak;
      const { stranger, peer, peak, counts } = await attack({ network, node, given, loads, addresses, seconds, seed });
      console.error(`${addresses} addresses: ${JSON.stringify(counts)}`);
      const forgotten = !loads.includes('pending-uploads') || (await forgets(network));
      const after = resident(network.pid(ATTACKED)).now;
      const strangersAnswered = stranger.isAnswered || addresses > 1;
      isWithin &&= mib(peak) <= BOUND_MIB && peer.isAnswered && strangersAnswered && forgotten;
      const memory = `${mib(before)} to ${mib(peak)} MiB, then ${mib(after)}${forgotten ? '' : ' and uploads NOT forgotten'}`;
      results.push(`from ${addresses === 1 ? 'one address' : `${addresses} addresses`} ${memory}; slowest answer to a peer ${peer}, to a stranger ${stranger}`);
    } finally {
      await network.stop();
    }
  }
  console.log(`${loads.length > 1 ? 'all at once: ' : ''}${results.join('; ')} (at most ${BOUND_MIB} MiB, ${ANSWERED_WITHIN_MS} ms)`);
  return isWithin;
}

const [load, seconds, shards, seed] = process.argv.slice(2);
const loads = load === 'all' ? LOADS : [load];
if (!loads.every((each) => LOADS.includes(each))) {
  console.error(`no such load: ${load}; there are all, ${LOADS.join(', ')}`);
  process.exit(2);
}
process.exitCode = (await measure(loads, Number(seconds), Number(shards), Number(seed))) ? 0 : 1;
