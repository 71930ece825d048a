// The whole path of a blob on one machine: stores and reads by the command line, each against what the machine does without us.

import { randomBytes } from 'node:crypto';
import { closeSync, fdatasyncSync, openSync, readFileSync, readdirSync, rmSync, statSync, writeSync } from 'node:fs';
import path from 'node:path';

import { copyOverTls } from './copy.mjs';
import { Localnet, cpuSeconds, mib, program } from './localnet.mjs';
import { Watched } from './watched.mjs';

const PIECE = 4 << 20;
const TURNS = 3;
const SMALL_BYTES = 1000;
const SMALL_STORES = 40;
const AT_ONCE = 16;

/** Makes a file of random bytes. */
function fill(file, bytes) {
  const descriptor = openSync(file, 'w');
  for (let left = bytes; left > 0; left -= PIECE) writeSync(descriptor, randomBytes(Math.min(PIECE, left)));
  fdatasyncSync(descriptor);
  closeSync(descriptor);
}

/** Seconds that as many bytes take in one file that is synced at its end, as `dd conv=fdatasync` writes it. */
function plainWrite(file, bytes) {
  const piece = randomBytes(PIECE);
  const started = performance.now();
  const descriptor = openSync(file, 'w');
  for (let left = bytes; left > 0; left -= PIECE) writeSync(descriptor, piece, 0, Math.min(PIECE, left));
  fdatasyncSync(descriptor);
  closeSync(descriptor);
  const seconds = (performance.now() - started) / 1000;
  rmSync(file);
  return seconds;
}

/** The middle one. */
const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];

/** A network with what its processes have used. */
class Bench {
  static async start(nodes, shards) {
    const network = await Localnet.start('--nodes', String(nodes), '--shards', String(shards));
    return new Bench(network, Array.from({ length: nodes }, (_, number) => network.pid(`node-${number}`)));
  }

  constructor(network, pids) {
    Object.assign(this, { network, pids });
  }

  nodesUsed() {
    const cpu = this.pids.map(cpuSeconds).reduce((sum, each) => sum + each);
    const written = this.pids.map(bytesToDisk).reduce((sum, each) => sum + each);
    return { cpu, written };
  }

  /** Runs `walrus` until it ends; what it took, and what the nodes used meanwhile. */
  async run(...command) {
    const before = this.nodesUsed();
    const config = ['--config', path.join(this.network.dir, 'client_config.yaml'), '--json'];
    const client = await Watched.run(program('walrus'), [...command, ...config], await this.network.folder('client'));
    const after = this.nodesUsed();
    return { ...client, nodes: { cpu: after.cpu - before.cpu, written: after.written - before.written } };
  }

  stop() {
    return this.network.stop();
  }
}

/** Bytes that a process has had written to disks, less those of files that went before they were. */
function bytesToDisk(pid) {
  const io = readFileSync(`/proc/${pid}/io`, 'utf8');
  const value = (name) => Number(new RegExp(`^${name}: (\\d+)$`, 'm').exec(io)[1]);
  return value('write_bytes') - value('cancelled_write_bytes');
}

/** Bytes of all slivers of the nodes. */
function sliverBytes(network, nodes) {
  let bytes = 0;
  for (let number = 0; number < nodes; number += 1) {
    const folder = path.join(network.nodeFolder(`node-${number}`), 'storage', 'shards');
    for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
      if (entry.isFile()) bytes += statSync(path.join(entry.parentPath ?? entry.path, entry.name)).size;
    }
  }
  return bytes;
}

const seconds = (value) => value.toFixed(2);
const said = [];
const tell = (line) => {
  console.error(line);
  said.push(line);
};

/** A store of a large blob on 10 nodes, 1000 shards. */
async function large(bytes) {
  const bench = await Bench.start(10, 1000);
  try {
    const file = path.join(await bench.network.folder('files'), 'blob');
    fill(file, bytes);
    const stored = await bench.run('store', file, '--epochs', '1');
    const encoded = sliverBytes(bench.network, 10);
    const plain = median([plainWrite(`${file}.plain`, encoded), plainWrite(`${file}.plain`, encoded)]);
    const written = (stored.written + stored.nodes.written) / bytes;
    tell(
      `store of ${mib(bytes)} MiB, 10 nodes, 1000 shards: ${seconds(stored.seconds / plain)} of a plain write (${seconds(stored.seconds)} to ${seconds(plain)} s); ` +
        `to disk ${seconds(written)} of the blob; client memory ${seconds(stored.memory / bytes)} of it (${mib(stored.memory)} MiB); ` +
        `processors ${seconds(stored.cpu + stored.nodes.cpu)} s (client ${seconds(stored.cpu)}, nodes ${seconds(stored.nodes.cpu)})`,
    );
  } finally {
    await bench.stop();
  }
}

/** Stores of 1 kB on 13 nodes, 100 shards: one by one, and sixteen at once. */
async function small() {
  const bench = await Bench.start(13, 100);
  try {
    const folder = await bench.network.folder('files');
    const store = (number) => {
      const file = path.join(folder, `${number}`);
      fill(file, SMALL_BYTES);
      return bench.run('store', file, '--epochs', '1');
    };
    for (let number = 0; number < 5; number += 1) await store(number);
    const before = bench.nodesUsed();
    const alone = [];
    for (let number = 0; number < SMALL_STORES; number += 1) alone.push(await store(number));
    const after = bench.nodesUsed();
    const cpu = alone.map((each) => each.cpu).reduce((sum, each) => sum + each) / SMALL_STORES;
    tell(
      `store of 1 kB, 13 nodes, 100 shards: median ${(1000 * median(alone.map((each) => each.seconds))).toFixed(0)} ms; processors ` +
        `${((cpu + (after.cpu - before.cpu) / SMALL_STORES) * 1000).toFixed(1)} ms (client ${(cpu * 1000).toFixed(1)})`,
    );
    const files = Array.from({ length: AT_ONCE }, (_, number) => path.join(folder, `together-${number}`));
    files.forEach((file) => fill(file, SMALL_BYTES));
    const together = await bench.run('store', ...files, '--epochs', '1');
    tell(`store of ${AT_ONCE} blobs of 1 kB at once: ${seconds(together.seconds)} s, processors ${seconds(together.cpu + together.nodes.cpu)} s (client ${seconds(together.cpu)})`);
  } finally {
    await bench.stop();
  }
}

/** A store and a read of the largest blob of 100 shards, on as many nodes as said. */
async function largest(nodes, bytes) {
  const bench = await Bench.start(nodes, 100);
  try {
    const file = path.join(await bench.network.folder('files'), 'blob');
    fill(file, bytes);
    const stored = await bench.run('store', file, '--epochs', '1');
    const [{ blobStoreResult }] = JSON.parse(stored.output);
    tell(
      `store of ${(bytes / 1e6).toFixed(0)} MB, ${nodes} nodes, 100 shards: ${seconds(stored.seconds)} s; client memory ${mib(stored.memory)} MiB; ` +
        `processors ${seconds(stored.cpu + stored.nodes.cpu)} s (client ${seconds(stored.cpu)})`,
    );
    const [reads, copies] = [[], []];
    for (let turn = 0; turn < TURNS; turn += 1) {
      reads.push(await bench.run('read', blobStoreResult.newlyCreated.blobObject.blobId, '--out', `${file}.read`));
      if (!readFileSync(file).equals(readFileSync(`${file}.read`))) throw new Error('other bytes were read');
      rmSync(`${file}.read`);
      copies.push((await copyOverTls([{ file }], `${file}.copy`, bench.network.nodeFolder('node-0'))).seconds);
    }
    const [read, copy] = [median(reads.map((each) => each.seconds)), median(copies)];
    tell(
      `read of ${(bytes / 1e6).toFixed(0)} MB, ${nodes} nodes: ${seconds(read / copy)} of a plain copy over loopback TLS (${seconds(read)} to ${seconds(copy)} s); ` +
        `client memory ${mib(Math.max(...reads.map((each) => each.memory)))} MiB, processors ${seconds(median(reads.map((each) => each.cpu)))} s and ` +
        `${seconds(median(reads.map((each) => each.nodes.cpu)))} s of the nodes`,
    );
  } finally {
    await bench.stop();
  }
}

const ROWS = {
  large: () => large(1 << 30),
  'large-256': () => large(1 << 28),
  small,
  read: () => largest(13, 149_000_000),
  hundred: () => largest(100, 149_000_000),
};

const chosen = process.argv.slice(2);
for (const row of chosen.length > 0 ? chosen : ['large', 'small', 'read', 'hundred']) await ROWS[row]();
console.log(said.join('; '));
