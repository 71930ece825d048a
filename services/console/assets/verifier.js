// Worker that computes blob IDs with walrus-core. Only in a worker a file can be read synchronously, as the module wants it.

/** The blob at hand, and how far it is. */
let blob;
let told = 0;

const reader = new FileReaderSync();

const imports = {
  blob: {
    read(offset, to, length) {
      try {
        const start = Number(offset);
        const bytes = new Uint8Array(reader.readAsArrayBuffer(blob.slice(start, start + length)));
        if (bytes.length !== length) return 1;
        // Anew each time: the memory is another one when it has grown.
        new Uint8Array(instance.exports.memory.buffer, to >>> 0, length).set(bytes);
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

const { instance } = await WebAssembly.instantiateStreaming(fetch('/walrus-core.wasm'), imports);

function text() {
  const { memory, walrus_text: start, walrus_text_length: length } = instance.exports;
  return new TextDecoder().decode(new Uint8Array(memory.buffer, start() >>> 0, length()));
}

addEventListener('message', ({ data }) => {
  blob = data.bytes;
  told = 0;
  try {
    const isComputed = instance.exports.walrus_blob_id(data.nShards, BigInt(blob.size)) === 1;
    postMessage(isComputed ? { blobId: text() } : { error: text() });
  } catch (error) {
    postMessage({ error: String(error) });
  }
});
