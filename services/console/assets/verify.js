// Verifying: everything is computed from the bytes, in a worker, so that the page goes on.

/** Bytes of a body that one proof is asked for. */
const PROVED = 16 << 20;

/** Has the worker do one thing; its result, or an error with what it says. */
function ask(work, onProgress) {
  const worker = new Worker('/verifier.js', { type: 'module' });
  const result = new Promise((resolve, reject) => {
    worker.addEventListener('message', ({ data }) => {
      if ('progress' in data) onProgress(data.progress);
      else if ('result' in data) resolve(data.result);
      else reject(new Error(data.error));
    });
    worker.addEventListener('error', ({ message }) => reject(new Error(message || 'the verifier does not start')));
  });
  worker.postMessage(work);
  return result.finally(() => worker.terminate());
}

/** The blob ID of bytes; why there is none, if they are too many for one blob. */
async function blobIdOf(bytes, nShards, onProgress) {
  try {
    return await ask({ bytes, nShards }, onProgress);
  } catch ({ message }) {
    return message;
  }
}

/** Whether the aggregator proves that the bytes are the body of a manifest, which is longer than a blob may be. */
async function isProved(bytes, { url, blobId, nShards, onProgress }) {
  const bodyLength = bytes.size;
  for (let start = 0; start < bodyLength; start += PROVED) {
    const end = Math.min(start + PROVED, bodyLength);
    const response = await fetch(`${url}?proof=1`, { headers: { range: `bytes=${start}-${end - 1}` }, cache: 'no-store' });
    if (!response.ok) return false;
    const proof = await response.arrayBuffer();
    try {
      await ask({ bytes: bytes.slice(start, end), proof, start, bodyLength, blobId, nShards }, () => {});
    } catch {
      return false;
    }
    onProgress(end / bodyLength);
  }
  return bodyLength > 0;
}

/**
 * Verifies bytes against a blob ID; whether they are, and that in words.
 *
 * @param {Blob} bytes
 * @param {object} options
 * @param {string} options.url Where proofs are to be had.
 * @param {string} options.blobId
 * @param {number} options.nShards Shards of the network.
 * @param {(part: number) => void} options.onProgress Is called with the part that is done, 0 to 1.
 * @returns {Promise<{ isGood: boolean, words: string }>}
 */
export async function verify(bytes, { url, blobId, nShards, onProgress }) {
  const found = await blobIdOf(bytes, nShards, onProgress);
  if (found === blobId) return { isGood: true, words: `Verified: these ${bytes.size} bytes are the blob, to the last bit.` };
  if (await isProved(bytes, { url, blobId, nShards, onProgress })) {
    return { isGood: true, words: `Verified: these ${bytes.size} bytes are what the blob ID stands for, by proofs, to the last bit.` };
  }
  const what = /^[\w-]{43}$/.test(found) ? `the blob ID of what was served is ${found}` : found;
  return { isGood: false, words: `NOT the blob: ${what}.` };
}
