#!/usr/bin/env bash
# Guessed: `executeCreateStorageTransaction` buys a storage resource and returns it.
# Seen: in @mysten/walrus 1.2.13 it buys one and always throws "Storage object not found in transaction effects": among the created objects it
#   looks for a Blob, where the transaction makes a Storage. Whoever tries again pays again.
# For users: `createStorageTransaction` and one's own signer; after the error the resource is among the owner's objects.
# Runs without a network: the signer looks into the transaction and answers that it has created the Storage object.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund @mysten/sui@2.33.1 @mysten/walrus@1.2.13
cat >run.mjs <<'JS'
import assert from 'node:assert/strict';
import { bcs } from '@mysten/sui/bcs';
import { SuiGrpcClient } from '@mysten/sui/grpc';
import { normalizeStructTag, normalizeSuiAddress } from '@mysten/sui/utils';
import { TESTNET_WALRUS_PACKAGE_CONFIG, WalrusClient } from '@mysten/walrus';

const walrusPackage = normalizeSuiAddress('0xabc');
const wal = normalizeStructTag('0xdef::wal::WAL');
const owner = normalizeSuiAddress('0x1234');
const storageId = normalizeSuiAddress('0x5678');
const storage = bcs.struct('Storage', { id: bcs.Address, start_epoch: bcs.u32(), end_epoch: bcs.u32(), storage_size: bcs.u64() });

// The objects of the chain that are asked for.
const objects = {
  [TESTNET_WALRUS_PACKAGE_CONFIG.systemObjectId]: { type: `${walrusPackage}::system::System` },
  [storageId]: {
    type: `${walrusPackage}::storage_resource::Storage`,
    content: storage.serialize({ id: storageId, start_epoch: 1, end_epoch: 4, storage_size: 66_034_000 }).toBytes(),
  },
};
const suiClient = new SuiGrpcClient({ network: 'testnet', baseUrl: 'http://127.0.0.1:1' });
suiClient.core.getObjects = async ({ objectIds }) => ({ objects: objectIds.map((objectId) => ({ objectId, ...objects[objectId] })) });
suiClient.core.getMoveFunction = async () => ({
  function: { parameters: [null, { body: { $kind: 'datatype', datatype: { typeName: '0x2::coin::Coin', typeParameters: [{ $kind: 'datatype', datatype: { typeName: wal } }] } } }] },
});
suiClient.core.waitForTransaction = async () => ({});

const client = new WalrusClient({ network: 'testnet', suiClient });
client.systemObject = async () => ({ id: TESTNET_WALRUS_PACKAGE_CONFIG.systemObjectId, package_id: walrusPackage });
client.systemState = async () => ({
  committee: { n_shards: 1000 }, storage_price_per_unit_size: '100', write_price_per_unit_size: '10',
});

const executed = [];
const signer = {
  toSuiAddress: () => owner,
  signAndExecuteTransaction: async ({ transaction }) => {
    const { commands } = JSON.parse(await transaction.toJSON({ client: suiClient, supportedIntents: ['CoinWithBalance'] }));
    executed.push(commands.flatMap(({ MoveCall }) => (MoveCall ? [`${MoveCall.module}::${MoveCall.function}`] : [])));
    return {
      Transaction: {
        digest: 'digest',
        effects: { changedObjects: [{ objectId: storageId, idOperation: 'Created' }] },
      },
    };
  },
};

const error = await client.executeCreateStorageTransaction({ size: 1000, epochs: 3, signer }).then(
  (bought) => assert.fail(`returned ${JSON.stringify(bought)}`),
  (error) => error,
);
console.log('executed:', executed);
console.log('thrown:', error.message);
assert.deepEqual(executed, [['system::reserve_space', 'coin::destroy_zero']]);
assert.equal(error.message, 'Storage object not found in transaction effects for transaction (digest)');
JS
node run.mjs
