// The loads on one storage node: what a client can do to it that is not well made, or means ill. Each runs in a thread of its own.
//
// A load has places at some addresses; a place does its worst with one connection or stream, and begins again when the node has
// ended that.

import { parentPort, workerData } from 'node:worker_threads';

import { connect, unknownBlob } from './callers.mjs';

/** As many as a node grants one address at most; more would be refused before they do anything. Node spec 1.17. */
const CONNECTIONS_AT_ONE_ADDRESS = 192;
/** All that strangers have. */
const CONNECTIONS = 768;
const STREAMS = 5;
const IDLE_CONNECTIONS = 1100;
/** How long a place that was refused, or lost its connection, stays away. */
const AGAIN_MS = 250;
/** Bodies come at a little more than the 1 KiB in 30 s that a node asks for. */
const TRICKLE_MS = 1000;
const TRICKLE = Buffer.alloc(40);
/** A stream may send so much, nearly the window of a connection, before it is asked for. */
const BURST = Buffer.alloc(100 << 10);
const LARGEST_METADATA = 4 << 20;
/** About what fits into the head of a request. */
const SYMBOLS_ASKED = 1500;

const { node, blob, uploads, load, addresses, seed } = workerData;
const counts = { connections: 0, streams: 0, answers: {} };
const trickling = new Set();
let stopped = false;
let random = seed;

/** A number below `bound`; the seed tells which. */
function below(bound) {
  random = (Math.imul(random, 1664525) + 1013904223) >>> 0;
  return Math.floor((random / 2 ** 32) * bound);
}

const among = (list) => list[below(list.length)];
const again = () => new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
const address = (index) => (addresses === 1 ? '127.0.1.1' : `127.0.1.${1 + (index % addresses)}`);
const put = (path, length) => ({ ':method': 'PUT', ':path': path, 'content-type': 'application/octet-stream', 'content-length': length });

/** Keeps a place at one address: connects, does `work` on the connection until it is gone, and so on. */
async function keep(index, work) {
  while (!stopped) {
    try {
      const session = await connect(node, address(index));
      counts.connections += 1;
      await work(session);
      session.destroy();
    } catch {
      // The node does not want it now.
    }
    await again();
  }
}

/** Runs `begin` on every stream of a connection, over and over. */
const streams = (begin) => (session) =>
  Promise.all(
    Array.from({ length: STREAMS }, async () => {
      while (!session.closed && !session.destroyed && !stopped) {
        await ended(begin(session));
        await again();
      }
    }),
  );

/** Waits for the end of a stream, and counts how the node answered it. */
function ended(stream) {
  counts.streams += 1;
  return new Promise((resolve) => {
    stream.on('response', ({ ':status': status }) => (counts.answers[status] = (counts.answers[status] ?? 0) + 1));
    stream.on('error', () => {});
    stream.on('close', resolve);
  });
}

/** A connection that has asked once, and stays. */
async function idle(session) {
  const stream = session.request({ ':path': '/v1/health' });
  stream.resume();
  await ended(stream);
  await new Promise((resolve) => (session.closed ? resolve() : session.once('close', resolve)));
}

/** Metadata that may wait for a registration, of the largest size, by drops; every second one stops altogether. */
function trickle(session) {
  const stream = session.request(put(`/v1/blobs/${unknownBlob()}/metadata?pending=true`, LARGEST_METADATA));
  stream.write(BURST.subarray(0, below(BURST.length)));
  if (below(2) === 0) {
    trickling.add(stream);
    stream.once('close', () => trickling.delete(stream));
  }
  // A refusal is read, so that the stream ends.
  stream.resume();
  return stream;
}

/** A sliver of a registered blob, or a piece of an upload in one request, without its last byte. */
function unfinished(session) {
  const { pair, type, bytes } = among(blob.slivers);
  let stream;
  if (below(2) === 0) {
    stream = session.request(put(`/v1/blobs/${blob.id}/slivers/${pair}/${type}`, bytes.length));
    stream.write(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length - 1));
  } else {
    const header = Buffer.alloc(39);
    header.writeUInt8(type === 'primary' ? 1 : 2, 0);
    header.writeUInt16LE(pair, 1);
    header.writeUInt32LE(bytes.length, 3);
    const path = `/v1/blobs/${blob.id}/upload`;
    stream = session.request({ ':method': 'POST', ':path': path, 'content-type': 'application/octet-stream' });
    stream.write(header);
    stream.write(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length - 1));
  }
  stream.resume();
  return stream;
}

/** Asks, and takes nothing of the answer beyond the window. */
function unread(session, path) {
  const stream = session.request({ ':path': path });
  stream.pause();
  return stream;
}

/** Slivers, one or all that the node has. */
function unreadSlivers(session) {
  const { pair, type } = among(blob.slivers);
  const all = blob.slivers.map((each) => `pair=${each.pair}`).join('&');
  const of = `/v1/blobs/${blob.id}/slivers`;
  return unread(session, below(2) === 0 ? `${of}/${pair}/${type}` : `${of}?sliver_type=${type}&${all}`);
}

/** Recovery symbols: the largest answers that there are. */
function unreadSymbols(session) {
  const ids = Array.from({ length: SYMBOLS_ASKED }, () => {
    const ours = among(blob.slivers).pair;
    const other = below(blob.shards);
    // From a primary sliver of the node, or from a secondary one.
    return below(2) === 0 ? `id=${ours}-${other}` : `id=${other}-${blob.shards - 1 - ours}`;
  });
  return unread(session, `/v1/blobs/${blob.id}/recoverySymbols?${ids.join('&')}`);
}

/** Whole uploads of blobs that nobody registers. */
function pending(session) {
  const { id, metadata, slivers } = among(uploads);
  const { pair, type, bytes } = among(slivers);
  const of = `/v1/blobs/${id}`;
  const isMetadata = below(4) === 0;
  const body = isMetadata ? metadata : bytes;
  const path = isMetadata ? `${of}/metadata` : `${of}/slivers/${pair}/${type}`;
  const stream = session.request(put(`${path}?pending=true`, body.length));
  stream.end(Buffer.from(body.buffer, body.byteOffset, body.length));
  stream.resume();
  return stream;
}

const LOADS = {
  'idle-connections': idle,
  'trickling-bodies': streams(trickle),
  'unfinished-slivers': streams(unfinished),
  'unread-slivers': streams(unreadSlivers),
  'unread-symbols': streams(unreadSymbols),
  'pending-uploads': streams(pending),
};

setInterval(() => {
  for (const stream of trickling) stream.write(TRICKLE);
}, TRICKLE_MS);
parentPort.on('message', () => {
  stopped = true;
  parentPort.postMessage(counts);
  // Its connections end with the thread.
  parentPort.close();
  setImmediate(() => process.exit());
});

const places = addresses === 1 ? CONNECTIONS_AT_ONE_ADDRESS : CONNECTIONS;
const count = load === 'idle-connections' ? IDLE_CONNECTIONS : places;
for (let index = 0; index < count; index += 1) keep(index, LOADS[load]);
