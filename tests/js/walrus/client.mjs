// How a user makes a client of a local network, and what the tests need beside it.

import { walrus } from '@mysten/walrus';

/** Enough shards for 10 MB; few enough to encode fast. */
export const SHAPE = { nodes: 4, shards: 31 };

/**
 * With fewer than eleven nodes `getBlobMetadata` of the package throws a RangeError as soon as its first request fails (it cuts the
 * list of the other nodes into pieces of length 0). Whatever is about failing nodes therefore runs with more.
 */
export const MANY_NODES = { nodes: 13, shards: 52 };

/** The public options for a network of this machine. */
export function walrusOptions(network, options = {}) {
  return {
    packageConfig: { systemObjectId: network.systemObject, stakingPoolId: network.stakingObject },
    storageNodeUrlScheme: 'http',
    ...options,
  };
}

/** A client with nothing in its caches. */
export function walrusClient(network, options = {}) {
  return network.suiClient().$extend(walrus(walrusOptions(network, options))).walrus;
}

/** Bytes that look random and are the same in every run. */
export function bytes(length, seed = 1) {
  const out = new Uint8Array(length);
  let state = (seed * 2654435761) >>> 0 || 1;
  for (let i = 0; i < length; i++) {
    state ^= state << 13;
    state >>>= 0;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    out[i] = state & 0xff;
  }
  return out;
}

/** Waits until `condition` gives something. */
export async function eventually(what, condition, timeout = 60_000) {
  const deadline = Date.now() + timeout;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > deadline) throw new Error(`${what}: not within ${timeout} ms`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Writes a blob with defaults for everything that a test does not care about. */
export function write(client, signer, blob, options = {}) {
  return client.writeBlob({ blob, deletable: true, epochs: 3, signer, ...options });
}
