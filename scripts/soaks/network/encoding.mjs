// What one node stores of a blob, from an offline encoding.

import { readFile, rm } from 'node:fs/promises';
import path from 'node:path';

import { ask, connect } from './callers.mjs';

/** The slivers of a file that a node with these shards of `count` stores, and its metadata. */
export async function encoded(network, file, id, shards, count) {
  const folder = path.join(path.dirname(file), 'encoded');
  await network.encode(file, count, folder);
  const named = (type, index) => readFile(path.join(folder, `${type}-${String(index).padStart(4, '0')}.bcs`));
  const whole = await readFile(path.join(folder, 'metadata.bcs'));
  // It begins with the blob ID.
  const blobId = whole.subarray(0, 32).toString('base64url');
  const slivers = [];
  for (const pair of pairsOf(blobId, shards, count)) {
    slivers.push({ pair, type: 'primary', bytes: await named('primary', pair) });
    slivers.push({ pair, type: 'secondary', bytes: await named('secondary', count - 1 - pair) });
  }
  await rm(folder, { recursive: true });
  if (id !== undefined && id !== blobId) throw new Error(`stored as ${id}, encoded as ${blobId}`);
  return { id: blobId, metadata: whole.subarray(32), slivers, shards: count };
}

/** The shards of a node. */
export async function shardsOf(node) {
  const session = await connect(node, '127.0.0.1');
  const health = await ask(session, { ':path': '/v1/health?detailed=true' });
  session.destroy();
  return JSON.parse(health.body).success.data.shardDetail.owned.map(({ shard }) => shard);
}

/** The sliver pairs of a blob that a node with these shards stores. Node spec 0.2. */
function pairsOf(blobId, shards, count) {
  const offset = BigInt(`0x${Buffer.from(blobId, 'base64url').toString('hex')}`) % BigInt(count);
  return shards.map((shard) => (count + shard - Number(offset)) % count);
}
