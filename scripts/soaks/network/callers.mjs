// Callers of one storage node over HTTP/2 and TLS: strangers at a loopback address of their own, and members that introduce
// themselves (node spec 1.17).

import { createECDH, createPrivateKey, randomBytes, sign } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import http2 from 'node:http2';
import path from 'node:path';
import tls from 'node:tls';

const DEADLINE_MS = 10_000;

/** What a caller has to know of the node that it calls; plain data, so that it can be given to a thread. */
export function target(network, name) {
  const node = network.description.nodes.find((each) => each.name === name);
  return { url: node.url, key: node.networkPublicKey, authority: readFileSync(network.description.caBundle, 'utf8') };
}

/** A connection from `address`, TLS and HTTP/2. */
export async function connect({ url, authority }, address, settings = {}) {
  const { hostname, port } = new URL(url);
  const socket = tls.connect({
    host: hostname,
    port: Number(port),
    localAddress: address,
    ca: authority,
    ALPNProtocols: ['h2'],
    // Not `servername`: an address is none.
  });
  // What goes wrong later ends the streams, which say so.
  socket.on('error', () => {});
  try {
    await once(socket, 'secureConnect', { signal: AbortSignal.timeout(DEADLINE_MS) });
  } catch (error) {
    socket.destroy();
    throw error;
  }
  const session = http2.connect(url, { createConnection: () => socket, ...settings });
  session.on('error', () => {});
  return session;
}

/** Asks, and reads the answer. */
export function ask(session, headers, body) {
  return new Promise((resolve, reject) => {
    const stream = session.request(headers, { endStream: body === undefined });
    const parts = [];
    let status;
    const timer = setTimeout(() => {
      stream.close(http2.constants.NGHTTP2_CANCEL);
      reject(new Error(`no answer within ${DEADLINE_MS} ms`));
    }, DEADLINE_MS);
    stream.on('response', (answered) => (status = answered[':status']));
    stream.on('data', (data) => parts.push(data));
    stream.on('error', reject);
    stream.on('close', () => {
      clearTimeout(timer);
      if (status === undefined) reject(new Error('no answer'));
      else resolve({ status, body: Buffer.concat(parts) });
    });
    if (body !== undefined) stream.end(body);
  });
}

/** The network key of the node whose files are in `folder`: for signatures, and compressed, as others know it. */
export function networkKey(folder) {
  const secret = Buffer.from(readFileSync(path.join(folder, 'network.key'), 'utf8'), 'base64').subarray(1);
  const ecdh = createECDH('prime256v1');
  ecdh.setPrivateKey(secret);
  const point = ecdh.getPublicKey();
  const [x, y] = [point.subarray(1, 33), point.subarray(33)].map((part) => part.toString('base64url'));
  const secretKey = createPrivateKey({ format: 'jwk', key: { kty: 'EC', crv: 'P-256', d: secret.toString('base64url'), x, y } });
  return { secretKey, own: ecdh.getPublicKey(null, 'compressed') };
}

/** The header by which the node whose files are in `folder` introduces itself to the node with the key `asked`. */
export function introduction(folder, asked) {
  const { secretKey, own } = networkKey(folder);
  const time = Buffer.alloc(8);
  time.writeBigUInt64BE(BigInt(Date.now()));
  const version = Buffer.from([1]);
  const said = Buffer.concat([Buffer.from('walrus-node-introduction'), version, own, Buffer.from(asked, 'base64'), time]);
  const signature = sign('sha256', said, { key: secretKey, dsaEncoding: 'ieee-p1363' });
  return Buffer.concat([version, own, time, signature]).toString('base64url');
}

/** A blob ID that nobody has registered. */
export const unknownBlob = () => randomBytes(32).toString('base64url');
