// Packages: publishing, calling with every kind of input, upgrading, looking up declarations.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { bcs } from '@mysten/sui/bcs';
import { Inputs, Transaction, UpgradePolicy } from '@mysten/sui/transactions';
import { normalizeSuiAddress } from '@mysten/sui/utils';

import { createdId, publishedId } from './chain.mjs';
import { compile } from './compile.mjs';
import { counterOfTheFile } from './counter.mjs';

const { chain, client, signer, owner, pkg, cap, counter } = await counterOfTheFile();

const call = (name, build) => {
  const transaction = new Transaction();
  transaction.moveCall({ target: `${pkg}::counter::${name}`, arguments: build(transaction) });
  return transaction;
};
const state = async () => {
  const { object } = await client.getObject({ objectId: counter, include: { json: true } });
  return object.json;
};

test('a published package is an immutable object that says what it is', async () => {
  const { object } = await client.getObject({ objectId: pkg });
  assert.equal(object.type, 'package');
  assert.equal(object.version, '1');
  assert.equal(object.owner.$kind, 'Immutable');
  const { response } = await client.movePackageService.getPackage({ packageId: pkg });
  assert.equal(response.package.originalId, pkg);
  assert.deepEqual(response.package.modules.map(({ name }) => name).sort(), ['counter', 'gold', 'iron']);
});

test('a shared object is found, changed and read back', async () => {
  const done = await chain.run(signer, call('increment', (t) => [t.object(counter), t.pure.u64(5)]));
  assert.equal((await state()).value, '5');
  const input = done.transaction.inputs.find((one) => one.Object?.SharedObject);
  assert.equal(input.Object.SharedObject.mutable, true);

  const read = call('value', (t) => [t.object(counter)]);
  read.setSender(owner);
  const result = await client.simulateTransaction({ transaction: read, include: { commandResults: true, transaction: true } });
  assert.equal(bcs.u64().parse(result.commandResults[0].returnValues[0].bcs), '5');
  assert.equal(
    result.Transaction.transaction.inputs[0].Object.SharedObject.mutable,
    false,
    'a reader takes it read-only',
  );
});

test('clock and randomness are inputs', async () => {
  const stamped = await chain.run(signer, call('stamp', (t) => [t.object(counter), t.object.clock()]));
  assert.equal((await state()).stamped_ms, String(stamped.timestampMs));
  await chain.run(signer, call('roll', (t) => [t.object(counter), t.object.random()]));
  const { value } = await state();
  assert.ok(Number(value) >= 1 && Number(value) <= 6, value);
  // The finished form of the clock, and the system state.
  const explicit = call('stamp', (t) => [
    t.object(counter),
    t.object(Inputs.SharedObjectRef({ objectId: '0x6', initialSharedVersion: 1, mutable: false })),
  ]);
  await chain.run(signer, explicit);
});

test('objects are made, sent to an object and received from it', async () => {
  const make = new Transaction();
  make.moveCall({ target: `${pkg}::counter::shelf` });
  const shelf = createdId(await chain.run(signer, make), '::counter::Shelf');

  const send = new Transaction();
  const item = send.moveCall({ target: `${pkg}::counter::item`, arguments: [send.pure.u8(9), send.pure.string('ax')] });
  send.transferObjects([item], shelf);
  const sent = createdId(await chain.run(signer, send), '::counter::Item');
  const { objects } = await client.listOwnedObjects({ owner: shelf });
  assert.deepEqual(objects.map(({ objectId }) => objectId), [sent]);

  const take = new Transaction();
  const back = take.moveCall({ target: `${pkg}::counter::take`, arguments: [take.object(shelf), take.object(sent)] });
  take.transferObjects([back], owner);
  const done = await chain.run(signer, take);
  assert.ok(done.transaction.inputs.some((one) => one.Object?.Receiving), 'resolved as receiving');
  const { object } = await client.getObject({ objectId: sent, include: { json: true } });
  assert.equal(object.owner.AddressOwner, owner);
  assert.equal(object.json.name, 'ax');

  // The same with a reference that the caller already has.
  const ref = { objectId: sent, version: object.version, digest: object.digest };
  const destroy = new Transaction();
  destroy.moveCall({ target: `${pkg}::counter::destroy`, arguments: [destroy.objectRef(ref)] });
  await chain.run(signer, destroy);
  await assert.rejects(client.getObject({ objectId: sent }), { code: 'notExists', reason: 'notFound' });
});

test('vectors of objects and of pure values are arguments', async () => {
  const transaction = new Transaction();
  const coins = transaction.splitCoins(transaction.gas, [1, 2, 3]);
  const vector = transaction.makeMoveVec({ elements: [coins[1], coins[2]] });
  transaction.moveCall({
    target: '0x2::pay::join_vec',
    typeArguments: ['0x2::sui::SUI'],
    arguments: [coins[0], vector],
  });
  transaction.transferObjects([coins[0]], owner);
  await chain.run(signer, transaction);
  const { objects } = await client.listCoins({ owner });
  assert.ok(objects.some(({ balance }) => balance === '6'));
});

test('functions, datatypes and versions are described', async () => {
  const found = await client.getMoveFunction({ packageId: pkg, moduleName: 'counter', name: 'increment' });
  assert.equal(found.function.visibility, 'public');
  assert.equal(found.function.isEntry, false);
  assert.equal(found.function.parameters.length, 2);
  assert.equal(found.function.parameters[0].reference, 'mutable');
  assert.equal(found.function.parameters[0].body.datatype.typeName, `${pkg}::counter::Counter`);
  assert.equal(found.function.parameters[1].body.$kind, 'u64');
  const roll = await client.getMoveFunction({ packageId: pkg, moduleName: 'counter', name: 'roll' });
  assert.equal(roll.function.visibility, 'private');
  assert.equal(roll.function.isEntry, true);
  const split = await client.getMoveFunction({ packageId: '0x2', moduleName: 'coin', name: 'split' });
  assert.deepEqual(split.function.typeParameters, [{ isPhantom: false, constraints: [] }]);
  await assert.rejects(
    client.getMoveFunction({ packageId: pkg, moduleName: 'counter', name: 'nothing' }),
    { code: 'NOT_FOUND' },
  );
  const { response } = await client.movePackageService.getDatatype({
    packageId: pkg,
    moduleName: 'counter',
    name: 'Item',
  });
  assert.deepEqual(response.datatype.fields.map(({ name }) => name), ['id', 'weight', 'name']);
});

test('an upgrade keeps the objects and adds what is new', async () => {
  const { modules, dependencies } = await compile('upgrade/counter.move');
  const { response: before } = await client.movePackageService.getPackage({ packageId: pkg });
  const digest = await digestOf(modules, dependencies);
  const transaction = new Transaction();
  const ticket = transaction.moveCall({
    target: '0x2::package::authorize_upgrade',
    arguments: [transaction.object(cap), transaction.pure.u8(UpgradePolicy.COMPATIBLE), transaction.pure.vector('u8', digest)],
  });
  const receipt = transaction.upgrade({ modules, dependencies, package: pkg, ticket });
  transaction.moveCall({ target: '0x2::package::commit_upgrade', arguments: [transaction.object(cap), receipt] });
  const upgraded = publishedId(await chain.run(signer, transaction));
  assert.notEqual(upgraded, pkg);

  const twice = new Transaction();
  twice.moveCall({ target: `${upgraded}::counter::twice`, arguments: [twice.object(counter)] });
  twice.setSender(owner);
  const result = await client.simulateTransaction({ transaction: twice, include: { commandResults: true } });
  const { value } = await state();
  assert.equal(bcs.u64().parse(result.commandResults[0].returnValues[0].bcs), String(2 * Number(value)));

  const { response } = await client.movePackageService.listPackageVersions({ packageId: upgraded });
  assert.deepEqual(
    response.versions.map(({ packageId, version }) => [normalizeSuiAddress(packageId), version]),
    [[pkg, 1n], [upgraded, 2n]],
  );
  const { response: after } = await client.movePackageService.getPackage({ packageId: upgraded });
  assert.equal(after.package.originalId, before.package.originalId);
  assert.equal((await client.getObject({ objectId: counter })).object.type, `${pkg}::counter::Counter`);
});

/** The digest an upgrade is authorised with: over the sorted module hashes and dependency ids. */
async function digestOf(modules, dependencies) {
  const { blake2b } = await import('@noble/hashes/blake2.js');
  const { fromBase64, fromHex } = await import('@mysten/sui/utils');
  const hash = (bytes) => blake2b(bytes, { dkLen: 32 });
  const parts = [
    ...modules.map((one) => hash(fromBase64(one))),
    ...dependencies.map((one) => fromHex(normalizeSuiAddress(one))),
  ].map((bytes) => Buffer.from(bytes));
  return [...hash(Buffer.concat(parts.sort(Buffer.compare)))];
}
