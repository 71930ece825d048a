// Named packages: names are resolved by the client itself, from overrides or from a registry over HTTP.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { test } from 'node:test';

import { bcs } from '@mysten/sui/bcs';
import { Transaction } from '@mysten/sui/transactions';

import { chainOfTheFile, createdId } from './chain.mjs';
import { publishCounter } from './counter.mjs';

const chain = await chainOfTheFile();
const signer = await chain.wallet();
const { pkg } = await publishCounter(chain, signer);

async function use(client) {
  const create = new Transaction();
  create.moveCall({ target: '@local/counter::counter::create' });
  const done = await chain.run(signer, create, client);
  const counter = createdId(done, '::counter::Counter');
  assert.equal(done.transaction.commands[0].MoveCall.package, pkg, 'the name is gone on the chain');
  const item = new Transaction();
  const made = item.moveCall({
    target: '@local/counter::counter::item',
    arguments: [item.pure.u8(1), item.pure.string('named')],
  });
  item.transferObjects([made], signer.toSuiAddress());
  await chain.run(signer, item, client);
  const { objects } = await client.listOwnedObjects({
    owner: signer.toSuiAddress(),
    type: '@local/counter::counter::Item',
  });
  assert.ok(objects.length > 0);
  const found = await client.getMoveFunction({ packageId: '@local/counter', moduleName: 'counter', name: 'value' });
  assert.equal(found.function.name, 'value');
  const read = new Transaction();
  read.moveCall({ target: '@local/counter::counter::value', arguments: [read.object(counter)] });
  read.setSender(signer.toSuiAddress());
  const result = await client.simulateTransaction({ transaction: read, include: { commandResults: true } });
  assert.equal(bcs.u64().parse(result.commandResults[0].returnValues[0].bcs), '0');
}

test('a package is called by a name that the application overrides', async () => {
  const overrides = {
    packages: { '@local/counter': pkg },
    types: { '@local/counter::counter::Item': `${pkg}::counter::Item` },
  };
  await use(chain.client({ mvr: { overrides } }));
});

test('a package is called by a name of a registry', async () => {
  // The registry is a service of its own beside a chain; this one knows one package.
  const asked = [];
  const registry = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => (body += chunk));
    request.on('end', () => {
      asked.push(request.url);
      const { names, types } = JSON.parse(body);
      const resolution = Object.fromEntries(
        (names ?? types).map((name) => [
          name,
          names ? { package_id: pkg } : { type_tag: name.replace('@local/counter', pkg) },
        ]),
      );
      response.setHeader('Content-Type', 'application/json');
      response.end(JSON.stringify({ resolution }));
    });
  });
  await new Promise((resolve) => registry.listen(0, '127.0.0.1', resolve));
  try {
    await use(chain.client({ mvr: { url: `http://127.0.0.1:${registry.address().port}` } }));
    assert.ok(asked.length >= 2, asked.join());
  } finally {
    registry.close();
  }
});
