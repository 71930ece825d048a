// A network that lives: nodes join, leave, restart, are killed and lose their disks, while blobs are stored and read.

import { createHash } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { Localnet, pause } from './localnet.mjs';
import { Random } from './random.mjs';

const NODES = 10;
const SHARDS = 100;
const READERS = 2;
const LARGEST_BLOB = 1 << 20;
const LONGEST_STORAGE = 12;
const STORE_PAUSE_MS = 500;
const READ_PAUSE_MS = 100;
const POLL_MS = 500;
const MEND_PATIENCE_MS = 180_000;
/** How long a node takes to find out that it has a new blob. */
const LATELY_MS = 10_000;
/** Checkpoints come all the time. */
const CHECKPOINTS_BEHIND = 10;
/** After two epochs anybody may close a change; one that takes so long is held up. */
const LONGEST_EPOCH = 2;

/** What the blobs are, and what became of reading them. */
class Library {
  blobs = [];
  /** When blobs were stored. */
  stores = [];
  refusedStores = [];
  reads = 0;
  failedReads = [];
  wrongReads = [];

  /** Those that the network still owes somebody. The last moments of an epoch belong to whoever reads the chain first. */
  owed(epoch) {
    return this.blobs.filter(({ endEpoch }) => endEpoch > epoch);
  }
}

class Churn {
  library = new Library();
  incidents = [];
  slowestEpoch = 0;
  slowestChange = 0;
  slowestMending = 0;
  epoch = 0;
  over = false;

  constructor(network, seconds, seed) {
    Object.assign(this, { network, seconds, seed, random: new Random(seed) });
  }

  log(what) {
    console.error(`${new Date().toISOString().slice(11, 19)} epoch ${this.epoch}: ${what}`);
  }

  /** The epoch and how far its change is, as the node that knows the most of it says. */
  async look() {
    const told = await Promise.allSettled(this.network.description.nodes.map(({ metricsUrl }) => epochOf(metricsUrl)));
    const known = told.filter(({ status }) => status === 'fulfilled').map(({ value }) => value);
    if (known.length === 0) throw new Error('no node says which epoch it is');
    const epoch = Math.max(...known.map((each) => each.epoch));
    return { epoch, isSyncing: known.filter((each) => each.epoch === epoch).every((each) => each.isSyncing) };
  }

  /** Waits until so many epochs have begun. In each a tenth of the nodes is replaced, and some are down for a while. */
  async epochs(count) {
    this.epoch = (await this.look()).epoch;
    const last = this.epoch + count;
    let begun = performance.now();
    let isChanging = false;
    let hurt = this.hurt(await this.replace());
    while (this.epoch < last) {
      await Promise.race([pause(POLL_MS), hurt.then(() => pause(POLL_MS))]);
      const { epoch, isSyncing } = await this.look();
      const lasted = (performance.now() - begun) / 1000;
      if (isChanging && !isSyncing && epoch === this.epoch) {
        isChanging = false;
        this.slowestChange = Math.max(this.slowestChange, lasted);
        this.log(`its change ended after ${lasted.toFixed(1)} s`);
      }
      if (lasted > LONGEST_EPOCH * this.seconds) throw new Error(`epoch ${this.epoch} does not end: ${lasted.toFixed(0)} s`);
      if (epoch === this.epoch) continue;
      this.slowestEpoch = Math.max(this.slowestEpoch, lasted);
      this.epoch = epoch;
      begun = performance.now();
      isChanging = true;
      if (epoch === last) break;
      const members = await this.replace();
      // Those that are being mended come first, however long that takes.
      hurt = hurt.then(() => this.hurt(members));
      hurt.catch(() => {});
    }
    await hurt;
  }

  /** A tenth of the nodes leaves, as many join. The names of the members that stay. */
  async replace() {
    const { nodes } = await this.network.node('list');
    const stays = (node) => node.isRunning && !node.isRemoved && node.shards > 0 && node.nextShards !== 0;
    const members = nodes.filter(stays).map(({ name }) => name);
    for (let replaced = 0; replaced < Math.ceil(NODES / 10); replaced += 1) {
      const leaver = this.random.among(members.filter((name) => name !== this.isDown));
      members.splice(members.indexOf(leaver), 1);
      const known = new Set(nodes.map(({ name }) => name));
      const added = (await this.network.node('add')).nodes.find(({ name }) => !known.has(name));
      await this.network.node('remove', leaver);
      this.log(`${added.name} joins, ${leaver} leaves; ${members.length} stay`);
    }
    this.network.description = JSON.parse(await readFile(path.join(this.network.dir, 'network.json'), 'utf8'));
    return members;
  }

  /** One of the members restarts or is killed, then one loses something. */
  async hurt(members) {
    await this.down(this.random.among(members), HARMLESS[this.random.below(HARMLESS.length)]);
    await this.down(this.random.among(members), LOSSES[this.random.below(LOSSES.length)]);
  }

  /** One node stops, or is killed, and starts again with what is left to it. */
  async down(name, { what, lost, isKilled }) {
    if ((await this.state(name)).isRemoved) return;
    this.log(`${name} ${what}`);
    this.incidents.push(what);
    this.isDown = name;
    if (isKilled) {
      process.kill(this.network.pid(name), 'SIGKILL');
      // The network has to see it, or it takes the node for a running one.
      await this.until(`${name} is dead`, async () => !(await this.state(name)).isRunning);
    } else {
      await this.network.node('stop', name);
    }
    await pause(this.random.below(3000));
    const storage = path.join(this.network.nodeFolder(name), 'storage');
    if (lost !== undefined) await rm(path.join(storage, lost), { recursive: true });
    await this.network.node('start', name);
    const begun = performance.now();
    // Never more than one at a time lacks slivers beside those that join: losses add up to what no code bears.
    await this.until(`${name} is whole again`, () => this.isWhole(name), () => this.lacks);
    const took = (performance.now() - begun) / 1000;
    this.slowestMending = Math.max(this.slowestMending, took);
    this.log(`${name} is whole again after ${took.toFixed(1)} s: ${this.lacks}`);
    this.isDown = undefined;
  }

  async state(name) {
    return (await this.network.node('list')).nodes.find((node) => node.name === name);
  }

  /** Whether a node has what it should have, or has left. What was stored just now is always being looked at. */
  async isWhole(name) {
    if ((await this.state(name)).isRemoved) return true;
    const { isUp, verdict, ...status } = await this.network.status(name);
    const lately = this.library.stores.filter((time) => performance.now() - time < LATELY_MS).length;
    this.lacks = `${verdict} ${status.readyShards} of ${status.ownedShards} shards, ${status.queuedBlobs} blobs queued`;
    const hasShards = status.ownedShards > 0 && status.readyShards === status.ownedShards;
    return isUp && status.nodeStatus === 'Active' && status.checkpointsBehind <= CHECKPOINTS_BEHIND && hasShards && status.queuedBlobs <= lately;
  }

  async until(what, condition, why = () => '') {
    const deadline = performance.now() + MEND_PATIENCE_MS;
    while (!(await condition())) {
      if (performance.now() > deadline) throw new Error(`not true after ${MEND_PATIENCE_MS / 1000} s: ${what}. ${why()}`);
      await pause(POLL_MS);
    }
  }

  /** Stores blobs of all sizes and lengths of time, one after the other. */
  async store(random) {
    const file = path.join(await this.network.folder('store'), 'blob');
    while (!this.over) {
      const data = random.bytes(random.below(LARGEST_BLOB));
      const epochs = 1 + random.below(LONGEST_STORAGE);
      await writeFile(file, data);
      try {
        const [{ blobStoreResult }] = await this.network.walrus('store', file, '--epochs', String(epochs));
        const { blobId, storage } = blobStoreResult.newlyCreated.blobObject;
        const sum = digest(data);
        this.library.blobs.push({ blobId, sum, endEpoch: storage.endEpoch });
        this.library.stores.push(performance.now());
      } catch (error) {
        this.library.refusedStores.push(reason(error));
        this.log(`a store for ${epochs} epochs: ${reason(error)}`);
      }
      await pause(STORE_PAUSE_MS);
    }
  }

  /** Reads any of the blobs, over and over. */
  async read(random, name) {
    const file = path.join(await this.network.folder(name), 'blob');
    while (!this.over) {
      const owed = this.library.owed(this.epoch);
      if (owed.length > 0) await this.readOne(random.among(owed), file);
      await pause(READ_PAUSE_MS);
    }
  }

  async readOne(blob, file) {
    const { library } = this;
    let failure;
    try {
      await this.network.walrus('read', blob.blobId, '--out', file);
      if (digest(await readFile(file)) !== blob.sum) library.wrongReads.push(blob.blobId);
    } catch (error) {
      failure = error;
    }
    if (failure === undefined) {
      library.reads += 1;
      return;
    }
    // It may have expired while it was read.
    if (blob.endEpoch <= (await this.look()).epoch) return;
    library.reads += 1;
    library.failedReads.push(blob.blobId);
    this.log(`READ FAILED of ${blob.blobId} until epoch ${blob.endEpoch}: ${failure.stderr || failure.message}`);
  }

  async run(count) {
    const file = path.join(await this.network.folder('last'), 'blob');
    const going = [this.store(new Random(this.seed + 1))];
    for (let reader = 0; reader < READERS; reader += 1) {
      going.push(this.read(new Random(this.seed + 2 + reader), `read-${reader}`));
    }
    try {
      await this.epochs(count);
    } finally {
      this.over = true;
      await Promise.allSettled(going);
    }
    // Nothing that is owed may be missing at the end, also of what nobody happened to read.
    for (const blob of this.library.owed(this.epoch)) await this.readOne(blob, file);
  }
}

/** What happens to a node that loses nothing. */
const HARMLESS = [
  { what: 'restarts', isKilled: false },
  { what: 'is killed', isKilled: true },
];
/** What happens to a node that does, and what of its storage that is. */
const LOSSES = [
  { what: 'loses its disk', lost: '.', isKilled: true },
  { what: 'loses its slivers', lost: 'shards', isKilled: false },
  { what: 'loses its index', lost: 'db', isKilled: true },
];

const digest = (data) => createHash('sha256').update(data).digest('hex');
const reason = (error) => String(error.stderr || error.message).trim().split('\n')[0];

async function epochOf(metricsUrl) {
  const answer = await fetch(metricsUrl, { signal: AbortSignal.timeout(2000) });
  const metrics = await answer.text();
  const value = (name) => Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(metrics)?.[1] ?? NaN);
  const epoch = value('walrus_current_epoch');
  if (Number.isNaN(epoch)) throw new Error('a node does not know the epoch yet');
  return { epoch, isSyncing: value('walrus_current_epoch_state\\{state="EpochChangeSync"\\}') === 1 };
}

const [count, seconds, seed] = process.argv.slice(2).map(Number);
const network = await Localnet.start('--nodes', String(NODES), '--shards', String(SHARDS), '--epoch-duration', `${seconds}s`);
const churn = new Churn(network, seconds, seed);
let failure = '';
try {
  await churn.run(count);
} catch (error) {
  console.error(error);
  failure = `; ended early in epoch ${churn.epoch}: ${reason(error)}`;
} finally {
  await network.stop();
}
const { library } = churn;
const happened = [...new Set(churn.incidents)].map((what) => `${churn.incidents.filter((each) => each === what).length} × ${what}`);
console.log(
  `seed ${seed}: ${count} epochs of ${seconds} s, a tenth of ${NODES} nodes replaced in each (${happened.join(', ')}); ` +
    `${library.reads} reads: ${library.failedReads.length} failed, ${library.wrongReads.length} wrong; ` +
    `${library.stores.length} stores, ${library.refusedStores.length} more refused; slowest change of epoch ${churn.slowestChange.toFixed(1)} s, ` +
    `slowest mending ${churn.slowestMending.toFixed(1)} s, ` +
    `longest epoch ${churn.slowestEpoch.toFixed(1)} s${failure}`,
);
process.exitCode = failure === '' && library.failedReads.length === 0 && library.wrongReads.length === 0 ? 0 : 1;
