// Worker that computes blob IDs, and verifies ranges, with walrus-core. Only in a worker a file can be read synchronously, as the module wants it.

/** The blob at hand, the module that reads it, and how much was told to be done. */
let blob;
let exports;
let told;

const reader = new FileReaderSync();

const imports = {
  blob: {
    read(offset, to, length) {
      try {
        const start = Number(offset);
        const bytes = new Uint8Array(reader.readAsArrayBuffer(blob.slice(start, start + length)));
        if (bytes.length !== length) return 1;
        // Anew each time: the memory is another one when it has grown.
        new Uint8Array(exports.memory.buffer, to >>> 0, length).set(bytes);
        return 0;
      } catch {
        return 1;
      }
    },
    progress(done, total) {
      const part = Number(done) / Number(total);
      if (part - told < 0.01) return;
      told = part;
      postMessage({ progress: part });
    },
  },
};

// Not awaited here: what is sent to a worker that has no listener yet is lost.
const module = WebAssembly.instantiateStreaming(fetch('/walrus-core.wasm'), imports);

function text() {
  const { memory, walrus_text: start, walrus_text_length: length } = exports;
  return new TextDecoder().decode(new Uint8Array(memory.buffer, start() >>> 0, length()));
}

/** The 32 bytes of a blob ID. */
function bytesOf(blobId) {
  const base64 = blobId.replaceAll('-', '+').replaceAll('_', '/');
  return Uint8Array.from(atob(base64), (byte) => byte.charCodeAt(0));
}

/** Whether the bytes are those of the body from `start` on, by a proof. */
function isRange({ nShards, blobId, bodyLength, start, proof }) {
  const [id, rest] = [bytesOf(blobId), new Uint8Array(proof)];
  const place = exports.walrus_input(id.length + rest.length) >>> 0;
  if (place === 0) throw new Error('the proof is too long');
  const input = new Uint8Array(exports.memory.buffer, place, id.length + rest.length);
  input.set(id);
  input.set(rest, id.length);
  return exports.walrus_verify_range(nShards, BigInt(bodyLength), BigInt(start), BigInt(blob.size)) === 1;
}

addEventListener('message', async ({ data }) => {
  try {
    ({ exports } = (await module).instance);
    [blob, told] = [data.bytes, 0];
    const isGood = data.proof
      ? isRange(data)
      : exports.walrus_blob_id(data.nShards, BigInt(blob.size)) === 1;
    postMessage(isGood ? { result: text() } : { error: text() });
  } catch (error) {
    postMessage({ error: String(error) });
  }
});
