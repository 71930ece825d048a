// A plain copy over loopback TLS: one connection, the sender a thread that reads files, the receiver one that writes a file and syncs it.

import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { readFile, readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import tls from 'node:tls';
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';

import { networkKey } from './callers.mjs';

const READ_AT_ONCE = 1 << 20;

/** Every file below a folder, and its size. */
export async function filesBelow(folder) {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath ?? entry.path, entry.name));
  return Promise.all(files.map(async (file) => ({ file, bytes: (await stat(file)).size })));
}

/** Copies files into one beside them, with the certificate of a node; how many seconds that took. */
export async function copyOverTls(files, to, nodeFolder) {
  const certificate = await readFile(path.join(nodeFolder, 'certificate.pem'), 'utf8');
  const key = networkKey(nodeFolder).secretKey.export({ format: 'pem', type: 'pkcs8' });
  const sender = new Worker(new URL(import.meta.url), { workerData: { role: 'sender', files, certificate, key } });
  const [port] = await once(sender, 'message');
  const start = performance.now();
  const receiver = new Worker(new URL(import.meta.url), { workerData: { role: 'receiver', port, to } });
  const [received] = await once(receiver, 'message');
  const seconds = (performance.now() - start) / 1000;
  await rm(to);
  return { seconds, received };
}

async function* contents(files) {
  for (const { file } of files) yield* createReadStream(file, { highWaterMark: READ_AT_ONCE });
}

async function send({ files, certificate, key }) {
  const server = tls.createServer({ cert: certificate, key });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  parentPort.postMessage(server.address().port);
  const [socket] = await once(server, 'secureConnection');
  await pipeline(contents(files), socket);
  server.close();
}

async function receive({ port, to }) {
  // Who it is does not matter here.
  const socket = tls.connect({ host: '127.0.0.1', port, rejectUnauthorized: false });
  const file = createWriteStream(to, { flush: true, highWaterMark: READ_AT_ONCE });
  await pipeline(socket, file);
  parentPort.postMessage(file.bytesWritten);
}

if (!isMainThread && workerData?.role !== undefined) await { sender: send, receiver: receive }[workerData.role](workerData);
