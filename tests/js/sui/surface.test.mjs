// The table in the README has a row for everything that the client offers, and the tests use what it says passes.

import assert from 'node:assert/strict';
import { readFile, readdir } from 'node:fs/promises';
import { test } from 'node:test';

import * as clients from '@mysten/sui/client';
import * as faucet from '@mysten/sui/faucet';
import * as grpc from '@mysten/sui/grpc';
import * as multisig from '@mysten/sui/multisig';
import * as transactions from '@mysten/sui/transactions';
import * as verify from '@mysten/sui/verify';

const here = new URL('.', import.meta.url);
const section = async () => {
  const readme = await readFile(new URL('../README.md', here), 'utf8');
  return readme.split(/^## /m).find((part) => part.startsWith('`@mysten/sui`'));
};

/** The methods of a class and of what it extends. */
function methods(type) {
  const names = new Set();
  for (let one = type.prototype; one && one !== Object.prototype; one = Object.getPrototypeOf(one)) {
    for (const name of Object.getOwnPropertyNames(one)) if (name !== 'constructor') names.add(name);
  }
  return [...names];
}

function everything() {
  const client = new grpc.SuiGrpcClient({ network: 'localnet', baseUrl: 'http://127.0.0.1:9' });
  const builder = new transactions.Transaction();
  const services = Object.entries(client).filter(([name]) => name.endsWith('Service'));
  const prefixed = (prefix, names) => names.map((name) => `${prefix}.${name}`);
  return [
    ...prefixed('client', methods(grpc.SuiGrpcClient)),
    ...prefixed('core', methods(grpc.GrpcCoreClient).filter((name) => !methods(grpc.SuiGrpcClient).includes(name))),
    ...services.flatMap(([name, service]) => prefixed(name, methods(service.constructor))),
    ...prefixed('Transaction', [...methods(transactions.Transaction), 'from', 'fromKind']),
    ...prefixed('pure', Object.keys(builder.pure)),
    ...prefixed('object', Object.keys(builder.object)),
    ...[clients, faucet, grpc, multisig, transactions, verify].flatMap((one) => Object.keys(one)),
  ].filter((name) => !/\.(typeName|methods|options|_transport)$/.test(name));
}

test('the README has a row for every method and export', async () => {
  const table = await section();
  const names = everything();
  assert.ok(names.length > 150, `${names.length} names`);
  assert.deepEqual(names.filter((name) => !table.includes(`| \`${name}\` |`)), []);
});

test('what passes is used by the test that the README names', async () => {
  const sources = new Map();
  for (const file of await readdir(here)) {
    const name = file.match(/^(\w+)\.(?:test\.)?mjs$/)?.[1];
    if (name) sources.set(name, await readFile(new URL(file, here), 'utf8'));
  }
  const unused = [];
  let rows = 0;
  for (const [, name, where] of (await section()).matchAll(/^\| `([^`]+)` \| pass \| `(\w+)`/gm)) {
    rows += 1;
    const last = name.split('.').pop();
    if (!sources.get(where)?.includes(last)) unused.push(`${name} in ${where}`);
  }
  assert.ok(rows > 120, `${rows} rows`);
  assert.deepEqual(unused, []);
});
