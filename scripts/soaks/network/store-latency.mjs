// Stores of 1 kB through a publisher: their median one by one, and the throughput of sixteen at once against the processor time of a store.

import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { cpus } from 'node:os';

import { Localnet } from './localnet.mjs';

const STORES = Number(process.argv[2]);
const BYTES = 1000;
const WARM_UP = 10;
const AT_ONCE = 16;
const MEDIAN_MS = 120;
const LEAST_SHARE = 0.8;
/** What Linux tells programs, whatever its clock. */
const TICKS_PER_SECOND = 100;

const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });

/** PUTs a blob that is new; milliseconds until it is certified. */
function store(url) {
  const started = performance.now();
  return new Promise((resolve, reject) => {
    const options = { agent, method: 'PUT', headers: { 'Content-Length': BYTES } };
    const asked = request(`${url}/v1/blobs?epochs=2`, options, (response) => {
      let text = '';
      response.on('data', (data) => (text += data));
      response.once('end', () => {
        if (response.statusCode !== 200) return reject(new Error(`PUT: ${response.statusCode} ${text}`));
        if (!JSON.parse(text).newlyCreated) return reject(new Error(`nothing new: ${text}`));
        resolve(performance.now() - started);
      });
    });
    asked.once('error', reject);
    asked.end(randomBytes(BYTES));
  });
}

/** Seconds that the processors of the machine have worked. */
function worked() {
  const [user, nice, system, , , irq, softirq] = readFileSync('/proc/stat', 'utf8').split('\n', 1)[0].split(/\s+/).slice(1).map(Number);
  return (user + nice + system + irq + softirq) / TICKS_PER_SECOND;
}

const network = await Localnet.start();
try {
  const url = network.description.publisherUrl;
  for (let warm = 0; warm < WARM_UP; warm += 1) await store(url);
  const times = [];
  for (let turn = 0; turn < STORES; turn += 1) times.push(await store(url));
  times.sort((a, b) => a - b);
  const [median, p99] = [times[Math.floor(STORES / 2)], times[Math.floor(STORES * 0.99)]];
  let left = STORES;
  const [began, before] = [performance.now(), worked()];
  const one = async () => {
    while (left-- > 0) await store(url);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, one));
  const [took, cpu] = [(performance.now() - began) / 1000, worked() - before];
  const rate = STORES / took;
  const possible = cpus().length / (cpu / STORES);
  const share = rate / possible;
  console.log(
    `1 kB certified through a publisher: median ${median.toFixed(0)} ms, p99 ${p99.toFixed(0)} ms (at most ${MEDIAN_MS} ms); ${AT_ONCE} at once: ` +
      `${rate.toFixed(1)} a second, ${((cpu * 1000) / STORES).toFixed(0)} ms of processors each, ${share.toFixed(2)} of what they could do (at least ${LEAST_SHARE})`,
  );
  if (median > MEDIAN_MS || share < LEAST_SHARE) process.exitCode = 1;
} finally {
  await network.stop();
}
