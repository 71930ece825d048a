// How long `writeBlob` of 1 kB takes, and what it waits for. Not a test:
//
//   cargo build --release -p walrus
//   WALRUS_BIN=../../target/release/walrus node walrus/latency.mjs [NODES] [SHARDS] [RUNS]

import { performance } from 'node:perf_hooks';

import { startLocalnet } from '../localnet.mjs';
import { bytes, walrusClient, write } from './client.mjs';

const [nodes = 10, shards = 100, runs = 10] = process.argv.slice(2).map(Number);

const network = await startLocalnet({ nodes, shards });
try {
  const signer = await network.wallet();
  let requests = [];
  const client = walrusClient(network, {
    storageNodeClientOptions: {
      fetch: async (url, init) => {
        const kind = `${init.method ?? 'GET'} ${new URL(url).pathname.split('/')[4]}`;
        const begin = performance.now();
        const response = await fetch(url, init);
        requests.push({ kind, begin, end: performance.now() });
        return response;
      },
    },
  });
  const totals = [];
  for (let run = 0; run < runs; run++) {
    requests = [];
    const marks = {};
    const start = performance.now();
    await write(client, signer, bytes(1_000, 100 + run), {
      onStep: ({ step }) => (marks[step] = performance.now()),
    });
    const total = performance.now() - start;
    totals.push(total);
    const span = (kinds) => {
      const some = requests.filter(({ kind }) => kinds.includes(kind));
      return Math.max(...some.map(({ end }) => end)) - Math.min(...some.map(({ begin }) => begin));
    };
    const lastAnswer = Math.max(...requests.map(({ end }) => end));
    console.log(Object.entries({
      total,
      encode: marks.encoded - start,
      register: marks.registered - marks.encoded,
      metadata: span(['GET metadata', 'PUT metadata']),
      slivers: span(['PUT slivers']),
      confirmations: span(['GET confirmation']),
      'all requests': span(requests.map(({ kind }) => kind)),
      'check signatures': marks.uploaded - lastAnswer,
      certify: marks.certified - marks.uploaded,
    }).map(([name, ms]) => `${name} ${ms.toFixed(0)}`).join(', '));
  }
  totals.sort((a, b) => a - b);
  console.log(`ms: best ${totals[0].toFixed(0)}, median ${totals[totals.length >> 1].toFixed(0)}, worst ${totals.at(-1).toFixed(0)}`);
} finally {
  await network.stop();
}
