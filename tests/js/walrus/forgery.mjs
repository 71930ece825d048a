// Blobs that a dishonest writer makes: metadata that does not go with the data, under the blob ID that follows from it.
// Encoding spec 3.

import { blake2b } from '@noble/hashes/blake2.js';
import { blobIdFromInt } from '@mysten/walrus';

const hash = (...parts) => blake2b(Buffer.concat(parts.map((part) => Uint8Array.from(part))), { dkLen: 32 });
const EMPTY = new Uint8Array(32);

function merkleRoot(leaves) {
  let level = leaves.map((leaf) => hash([0], leaf));
  while (level.length > 1) {
    if (level.length % 2 === 1) level.push(EMPTY);
    const above = [];
    for (let i = 0; i < level.length; i += 2) above.push(hash([1], level[i], level[i + 1]));
    level = above;
  }
  return level[0];
}

/**
 * The root hash and the blob ID of metadata.
 *
 * @param {{unencoded_length: bigint | number | string, hashes: Iterable<object>}} v1 The `V1` of the package's metadata.
 */
export function identify(v1) {
  const leaves = [...v1.hashes].map((pair) =>
    Buffer.concat([Uint8Array.from(pair.primary_hash.Digest), Uint8Array.from(pair.secondary_hash.Digest)]));
  const rootHash = merkleRoot(leaves);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(v1.unencoded_length));
  const id = hash([1], length, rootHash);
  // The number on chain is the little-endian reading of the 32 bytes.
  return { rootHash, blobId: blobIdFromInt(BigInt(`0x${Buffer.from(id).reverse().toString('hex')}`)) };
}

/** The same slivers, but metadata that claims one byte less. */
export function shortened({ metadata }) {
  const v1 = { ...metadata.V1, unencoded_length: BigInt(metadata.V1.unencoded_length) - 1n };
  return { metadata: { V1: v1 }, size: Number(v1.unencoded_length), ...identify(v1) };
}

/** The same slivers, but metadata that claims something else about the primary sliver of one pair. */
export function contradicting({ metadata }, pairIndex) {
  const hashes = [...metadata.V1.hashes].map((pair, index) => {
    if (index !== pairIndex) return pair;
    const digest = Uint8Array.from(pair.primary_hash.Digest);
    digest[0] ^= 1;
    return { ...pair, primary_hash: { Digest: digest } };
  });
  const v1 = { ...metadata.V1, hashes };
  return { metadata: { V1: v1 }, size: Number(v1.unencoded_length), ...identify(v1) };
}
