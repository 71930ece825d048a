// Verifying: the blob ID is computed from the bytes, in a worker, so that the page goes on.

/**
 * The blob ID of bytes.
 *
 * @param {Blob} bytes
 * @param {number} nShards Shards of the network.
 * @param {(part: number) => void} onProgress Is called with the part that is done, 0 to 1.
 * @returns {Promise<string>}
 */
export function computeBlobId(bytes, nShards, onProgress) {
  const worker = new Worker('/verifier.js', { type: 'module' });
  const result = new Promise((resolve, reject) => {
    worker.addEventListener('message', ({ data }) => {
      if ('progress' in data) onProgress(data.progress);
      else if ('blobId' in data) resolve(data.blobId);
      else reject(new Error(data.error));
    });
    worker.addEventListener('error', ({ message }) => reject(new Error(message || 'the verifier does not start')));
  });
  worker.postMessage({ bytes, nShards });
  return result.finally(() => worker.terminate());
}
