// Numbers and bytes that a seed decides: the same seed, the same soak.

import { createCipheriv } from 'node:crypto';

/** A stream of random numbers. */
export class Random {
  #cipher;

  constructor(seed) {
    const key = Buffer.alloc(32);
    key.writeBigUInt64LE(BigInt(seed));
    this.#cipher = createCipheriv('aes-256-ctr', key, Buffer.alloc(16));
  }

  /** So many bytes. */
  bytes(length) {
    return this.#cipher.update(Buffer.alloc(length));
  }

  /** A number below `bound`. */
  below(bound) {
    return Math.floor((this.bytes(4).readUInt32LE() / 2 ** 32) * bound);
  }

  /** One of them. */
  among(list) {
    return list[this.below(list.length)];
  }
}
