// What the package reads from the chain: objects, state, prices. The program's own `info` says the same.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { WalrusClient, walrus } from '@mysten/walrus';

import { networkOfTheFile } from '../localnet.mjs';
import { SHAPE, bytes, walrusClient, walrusOptions } from './client.mjs';

const network = await networkOfTheFile(SHAPE);
const client = walrusClient(network);
const info = JSON.parse(await network.cli(['info', 'all', '--json']));

test('systemObject and stakingObject are the two shared objects', async () => {
  const system = await client.systemObject();
  assert.equal(system.id, network.systemObject);
  assert.equal(system.package_id, network.packages.walrus);
  assert.equal(system.new_package_id, null);
  const staking = await client.stakingObject();
  assert.equal(staking.id, network.stakingObject);
  assert.equal(staking.package_id, network.packages.walrus);
});

test('getBlobType names the type of the package', async () => {
  assert.equal(await client.getBlobType(), `${network.packages.walrus}::blob::Blob`);
});

test('systemState is what the program shows', async () => {
  const state = await client.systemState();
  assert.equal(state.committee.n_shards, SHAPE.shards);
  assert.equal(state.committee.epoch, info.epochInfo.currentEpoch);
  assert.equal(state.committee.members.length, SHAPE.nodes);
  assert.equal(
    state.committee.members.reduce((sum, member) => sum + member.weight, 0),
    SHAPE.shards,
  );
  assert.equal(Number(state.storage_price_per_unit_size), info.priceInfo.storagePricePerUnitSize);
  assert.equal(Number(state.write_price_per_unit_size), info.priceInfo.writePricePerUnitSize);
  assert.equal(state.future_accounting.length, state.future_accounting.ring_buffer.length);
  assert.equal(state.future_accounting.length, info.epochInfo.maxEpochsAhead);
});

test('stakingState has the committee in the order of the members', async () => {
  const [state, staking] = await Promise.all([client.systemState(), client.stakingState()]);
  assert.equal(staking.n_shards, SHAPE.shards);
  assert.equal(staking.epoch, state.committee.epoch);
  assert.equal(Number(staking.epoch_duration), 24 * 3600 * 1000);
  assert.equal(Number(staking.pools.size), SHAPE.nodes);
  const committee = staking.committee[0].contents;
  assert.deepEqual(
    committee.map(({ key, value }) => [key, value.length]),
    state.committee.members.map(({ node_id, weight }) => [node_id, weight]),
  );
  const shown = new Map(info.committeeInfo.currentStorageNodes.map((node) => [node.nodeId, node.shardIds]));
  for (const { key, value } of committee) assert.deepEqual(value, shown.get(key));
  assert.ok(['EpochChangeDone', 'NextParamsSelected'].includes(staking.epoch_state.$kind));
});

test('storageCost is what the contract takes', async () => {
  for (const [size, epochs] of [[1, 1], [1_000, 3], [10_000_000, 7]]) {
    const cost = await client.storageCost(size, epochs);
    assert.equal(cost.totalCost, cost.storageCost + cost.writeCost);
    const signer = await network.wallet();
    const owner = signer.toSuiAddress();
    const balance = async () =>
      BigInt((await network.suiClient().core.getBalance({ owner, coinType: network.walType })).balance.balance);
    const before = await balance();
    const { blobId, rootHash } = await client.computeBlobMetadata({ bytes: bytes(size, epochs) });
    await client.executeRegisterBlobTransaction({ signer, size, epochs, blobId, rootHash, deletable: true });
    assert.equal(before - (await balance()), cost.totalCost, `${size} bytes for ${epochs} epochs`);
  }
});

test('storageCost agrees with the program', async () => {
  const { marginalSize, exampleBlobs } = info.priceInfo.encodingDependentPriceInfo[0];
  assert.equal(marginalSize, 1 << 20);
  for (const { unencodedSize, price } of exampleBlobs) {
    assert.equal(Number((await client.storageCost(unencodedSize, 1)).storageCost), price);
  }
});

test('calculateUploadRelayTip is nothing without a relay', async () => {
  assert.equal(await client.calculateUploadRelayTip({ size: 1_000 }), 0n);
});

test('WalrusClient can be made without the extension, and reset forgets what was read', async () => {
  const direct = new WalrusClient({ suiClient: network.suiClient(), ...walrusOptions(network) });
  const first = await direct.systemState();
  direct.reset();
  assert.deepEqual(await direct.systemState(), first);
});

test('the extension takes a name of its own and refuses other networks', () => {
  const extended = network.suiClient().$extend(walrus({ name: 'storage', ...walrusOptions(network) }));
  assert.ok(extended.storage instanceof WalrusClient);
  assert.throws(
    () => network.suiClient('localnet').$extend(walrus(walrusOptions(network))),
    /only supports mainnet and testnet/,
  );
});
