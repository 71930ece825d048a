// Prices that change while a client remembers the old ones.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';

import { Ed25519Keypair } from '@mysten/sui/keypairs/ed25519';
import { Transaction } from '@mysten/sui/transactions';

import { networkOfTheFile } from '../localnet.mjs';
import { bytes, walrusClient, write } from './client.mjs';

const SHAPE = { nodes: 4, shards: 13 };
const WRITE_PRICE = 1_234n;

const network = await networkOfTheFile(SHAPE);
const sui = network.suiClient();

/** Lets the operator of a node vote for prices; the last one puts them into force. */
async function vote(index, storagePrice, writePrice) {
  const keystore = path.join(network.dir, 'nodes', String(index), 'sui.keystore');
  const [flagged] = JSON.parse(await readFile(keystore, 'utf8'));
  const operator = Ed25519Keypair.fromSecretKey(new Uint8Array(Buffer.from(flagged, 'base64').subarray(1)));
  const walrus = network.packages.walrus;
  const { objects } = await sui.core.listOwnedObjects({
    owner: operator.toSuiAddress(), type: `${walrus}::storage_node::StorageNodeCap`,
  });
  const transaction = new Transaction();
  const staking = transaction.object(network.stakingObject);
  const cap = transaction.object(objects[0].objectId);
  for (const [name, price] of [['set_storage_price_vote', storagePrice], ['set_write_price_vote', writePrice]]) {
    transaction.moveCall({ target: `${walrus}::staking::${name}`, arguments: [staking, cap, transaction.pure.u64(price)] });
  }
  transaction.moveCall({
    target: `${walrus}::staking::update_prices`, arguments: [staking, transaction.object(network.systemObject)],
  });
  await network.run(operator, transaction);
}

for (const [name, storagePrice] of [['higher', 250_000n], ['lower', 50_000n]]) {
  test(`a client that expects other prices fails as a whole, and works after a reset: ${name}`, async () => {
    const client = walrusClient(network);
    const old = await client.storageCost(1_000, 3);
    for (let index = 0; index < SHAPE.nodes; index++) await vote(index, storagePrice, WRITE_PRICE);
    const signer = await network.wallet();
    const owner = signer.toSuiAddress();
    const wal = async () => (await sui.core.getBalance({ owner, coinType: network.walType })).balance.balance;
    const before = await wal();

    await assert.rejects(write(client, signer, bytes(1_000)), /abort|MoveAbort|balance|destroy_zero/i);
    assert.equal(await wal(), before, 'nothing was taken');
    const { objects } = await sui.core.listOwnedObjects({ owner, type: `${network.packages.walrus}::blob::Blob` });
    assert.equal(objects.length, 0);

    client.reset();
    const cost = await client.storageCost(1_000, 3);
    assert.deepEqual(cost, { storageCost: 3n * storagePrice, writeCost: WRITE_PRICE, totalCost: 3n * storagePrice + WRITE_PRICE });
    assert.notEqual(cost.totalCost, old.totalCost);
    const { blobId } = await write(client, signer, bytes(1_000));
    assert.equal(BigInt(before) - BigInt(await wal()), cost.totalCost);
    assert.deepEqual(await client.readBlob({ blobId }), bytes(1_000));
  });
}
