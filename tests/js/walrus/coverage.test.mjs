// The table in the README names everything that the package exports, and the tests use what it says passes.

import assert from 'node:assert/strict';
import { readFile, readdir } from 'node:fs/promises';
import { test } from 'node:test';

import * as sdk from '@mysten/walrus';
import * as client from '@mysten/sui/grpc';

const here = new URL('.', import.meta.url);
const section = async () => {
  const readme = await readFile(new URL('../README.md', here), 'utf8');
  return readme.split(/^## /m).find((part) => part.startsWith('`@mysten/walrus`'));
};

const methods = (type) => Object.getOwnPropertyNames(type.prototype).filter((name) => name !== 'constructor');

test('the README has a row for every export and every method of the client', async () => {
  const table = await section();
  // Two methods are properties of the instance.
  const instance = new sdk.WalrusClient({
    network: 'testnet', suiClient: new client.SuiGrpcClient({ network: 'testnet', baseUrl: 'http://127.0.0.1:9' }),
  });
  const names = [...Object.keys(sdk), ...methods(sdk.WalrusClient), ...Object.keys(instance)];
  assert.ok(names.includes('readBlob') && names.includes('writeBlob') && names.length >= 90, `${names.length} names`);
  assert.deepEqual(names.filter((name) => !table.includes(`\n| \`${name}\` |`)), []);
});

test('the README names every method of blobs and files', async () => {
  const table = await section();
  const names = [...methods(sdk.WalrusBlob), ...methods(sdk.WalrusFile), 'from'];
  assert.deepEqual(names.filter((name) => !table.includes(`\`${name}\``)), []);
});

test('what passes is used by a test that the README names', async () => {
  const sources = new Map();
  for (const file of await readdir(here)) {
    const name = file.match(/^(.*)\.test\.mjs$/)?.[1];
    if (name && name !== 'coverage') sources.set(name, await readFile(new URL(file, here), 'utf8'));
  }
  const unused = [];
  for (const [, name, result, where] of (await section()).matchAll(/^\| `([\w.]+)` \| ([^|]+) \| (.+) \|$/gm)) {
    for (const [, file] of where.matchAll(/`(\w+)`/g)) {
      if (result === 'pass' && sources.has(file) && where.startsWith('`') && !sources.get(file).includes(name.split('.').pop())) {
        // Writes and reads of a file may go through the defaults in client.mjs.
        if (!(name === 'writeBlob' && sources.get(file).includes('write('))) unused.push(`${name} in ${file}`);
      }
    }
  }
  assert.deepEqual(unused, []);
});
