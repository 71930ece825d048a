// The package `walrus` is replaced while the network is up: clients find the new one, objects of the old one stay what they are, and
// nodes bring epochs about as before. Contracts spec 4.1 and 7.14.

import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';

import { bcs } from '@mysten/sui/bcs';
import { Transaction } from '@mysten/sui/transactions';
import { fromHex, normalizeSuiAddress } from '@mysten/sui/utils';
import { blake2b } from '@noble/hashes/blake2.js';

import { networkOfTheFile } from '../localnet.mjs';
import { bytes, eventually, walrusClient, write } from './client.mjs';

/** `VERSION` in the sources of `system` and `staking`. */
const VERSION = 4;

const network = await networkOfTheFile({ nodes: 4, shards: 13, epochDuration: '8s' });
const sui = network.suiClient();
const old = network.packages.walrus;

/** The package of this repository with the next `VERSION` in `system` and `staking`, and nothing else changed. */
async function nextVersion() {
  const artifact = JSON.parse(await readFile(new URL('../../../move/artifacts/walrus.json', import.meta.url), 'utf8'));
  const [compiled] = artifact.packages;
  const placeholder = normalizeSuiAddress('0x57414c');
  const modules = compiled.modules.map(({ name, bytecode }) => {
    const module = Buffer.from(bytecode, 'base64');
    replace(module, fromHex(placeholder), fromHex(network.packages.wal));
    if (name === 'system' || name === 'staking') {
      const constant = (version) => [0x03, 0x08, version, 0, 0, 0, 0, 0, 0, 0];
      assert.equal(replace(module, constant(VERSION), constant(VERSION + 1)), 1, `VERSION of ${name}`);
    }
    return module;
  });
  const dependencies = compiled.dependencies.map((id) => normalizeSuiAddress(id));
  return { modules, dependencies: dependencies.map((id) => (id === placeholder ? network.packages.wal : id)) };
}

/** Replaces bytes by as many others, wherever they are; how often. */
function replace(buffer, from, to) {
  let count = 0;
  for (let at = buffer.indexOf(Buffer.from(from)); at >= 0; at = buffer.indexOf(Buffer.from(from), at + to.length)) {
    buffer.set(to, at);
    count += 1;
  }
  return count;
}

/** The digest that an upgrade is authorized for: the hash of the sorted hashes of modules and IDs of dependencies. */
function packageDigest({ modules, dependencies }) {
  const hash = (data) => Buffer.from(blake2b(Uint8Array.from(data), { dkLen: 32 }));
  const parts = [...modules.map(hash), ...dependencies.map((id) => Buffer.from(fromHex(id)))];
  return hash(Buffer.concat(parts.sort(Buffer.compare)));
}

/** Executes as the administrator, who holds the capability for emergencies. */
async function upgrade() {
  const owner = network.keys[0].toSuiAddress();
  const { objects } = await sui.core.listOwnedObjects({
    owner, type: `${old}::upgrade::EmergencyUpgradeCap`, include: { content: true },
  });
  const [cap] = objects;
  const Cap = bcs.struct('EmergencyUpgradeCap', { id: bcs.Address, upgrade_manager_id: bcs.Address });
  const { upgrade_manager_id: manager } = Cap.parse(cap.content);
  const next = await nextVersion();
  const transaction = new Transaction();
  const ticket = transaction.moveCall({
    target: `${old}::upgrade::authorize_emergency_upgrade`,
    arguments: [
      transaction.object(manager), transaction.object(cap.objectId), transaction.pure.vector('u8', packageDigest(next)),
    ],
  });
  const receipt = transaction.upgrade({
    modules: next.modules.map((module) => [...module]), dependencies: next.dependencies, package: old, ticket,
  });
  transaction.moveCall({
    target: `${old}::upgrade::commit_upgrade`,
    arguments: [
      transaction.object(manager), transaction.object(network.stakingObject), transaction.object(network.systemObject), receipt,
    ],
  });
  const { effects } = await network.run(network.keys[0], transaction);
  return effects.changedObjects.find((object) => object.outputState === 'PackageWrite').objectId;
}

test('a network lives through an upgrade of its package', async () => {
  const signer = await network.wallet();
  const early = walrusClient(network);
  const first = await write(early, signer, bytes(5_000, 1), { epochs: 20, attributes: { a: '1' } });

  const replacement = await upgrade();
  assert.notEqual(replacement, old);
  const between = walrusClient(network);
  assert.equal((await between.systemObject()).new_package_id, replacement);
  await write(between, signer, bytes(5_001, 2));

  const migration = new Transaction();
  migration.moveCall({
    target: `${replacement}::init::migrate_v2`,
    arguments: [migration.object(network.stakingObject), migration.object(network.systemObject)],
  });
  await network.run(network.keys[0], migration);

  // Who remembers the old package is refused; after a reset it is forgotten.
  await assert.rejects(early.executeExtendBlobTransaction({ signer, blobObjectId: first.blobObject.id, epochs: 1 }), /abort/i);
  early.reset();
  assert.equal((await early.systemObject()).package_id, replacement);
  assert.equal(Number((await early.systemObject()).version), VERSION + 1);
  assert.equal(await early.getBlobType(), `${old}::blob::Blob`, 'types are of the package that declared them');
  assert.equal((await early.systemState()).committee.members.length, 4);

  await early.executeExtendBlobTransaction({ signer, blobObjectId: first.blobObject.id, epochs: 1 });
  await early.executeWriteBlobAttributesTransaction({
    signer, blobObjectId: first.blobObject.id, attributes: { a: null, b: '2' },
  });
  assert.deepEqual(await early.readBlobAttributes({ blobObjectId: first.blobObject.id }), { b: '2' });
  assert.deepEqual(await early.readBlob({ blobId: first.blobId }), bytes(5_000, 1));
  const second = await write(early, signer, bytes(6_000, 3), { epochs: 20 });
  assert.deepEqual(await walrusClient(network).readBlob({ blobId: second.blobId }), bytes(6_000, 3));
  await early.executeDeleteBlobTransaction({ signer, blobObjectId: second.blobObject.id });

  // The nodes and the program go on with the new package.
  const { epoch } = await walrusClient(network).stakingState();
  await eventually('two more epochs', async () => (await walrusClient(network).stakingState()).epoch >= epoch + 2);
  const file = path.join(network.temporaryDirectory, 'later');
  await writeFile(file, bytes(7_000, 4));
  const stored = JSON.parse(await network.cli(['store', file, '--epochs', '5', '--json']));
  const { blobId } = stored[0].blobStoreResult.newlyCreated.blobObject;
  assert.deepEqual(await walrusClient(network).readBlob({ blobId }), bytes(7_000, 4));
  assert.deepEqual(await walrusClient(network).readBlob({ blobId: first.blobId }), bytes(5_000, 1));
});
