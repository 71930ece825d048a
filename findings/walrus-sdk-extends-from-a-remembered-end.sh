#!/usr/bin/env bash
# Guessed: `extendBlob({ endEpoch })` extends a blob to that epoch.
# Seen: @mysten/walrus 1.2.13 adds as many epochs as lie between `endEpoch` and the end that the client saw when it first loaded the blob, and it
#   forgets no object that its own transactions change. A client that extends a blob from 10 to 12 and then to 13 buys 2 epochs and
#   then 3: the blob ends at 15, and two epochs more than asked for are paid.
# For users: `client.reset()` before each extension, or `epochs` counted from an end that one has read oneself.
# Runs without a network: the chain is one Blob object, which each executed extension makes longer.
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
const blobId = normalizeSuiAddress('0x5678');
const storage = bcs.struct('Storage', { id: bcs.Address, start_epoch: bcs.u32(), end_epoch: bcs.u32(), storage_size: bcs.u64() });
const blob = bcs.struct('Blob', {
  id: bcs.Address, registered_epoch: bcs.u32(), blob_id: bcs.u256(), size: bcs.u64(), encoding_type: bcs.u8(),
  certified_epoch: bcs.option(bcs.u32()), storage, deletable: bcs.bool(),
});

// Extends one blob, which ends at epoch 10, to each of `ends`; returns the epochs bought each time and the end.
async function extend(ends, before = () => {}) {
  let end = 10;
  const objects = (objectId) => (objectId === blobId
    ? {
      type: `${walrusPackage}::blob::Blob`,
      content: blob.serialize({
        id: blobId, registered_epoch: 1, blob_id: 7, size: 1000, encoding_type: 1, certified_epoch: 1, deletable: true,
        storage: { id: normalizeSuiAddress('0x9'), start_epoch: 1, end_epoch: end, storage_size: 66_034_000 },
      }).toBytes(),
    }
    : { type: `${walrusPackage}::system::System` });
  const suiClient = new SuiGrpcClient({ network: 'testnet', baseUrl: 'http://127.0.0.1:1' });
  suiClient.core.getObjects = async ({ objectIds }) => ({ objects: objectIds.map((objectId) => ({ objectId, ...objects(objectId) })) });
  suiClient.core.getMoveFunction = async () => ({
    function: { parameters: [null, { body: { $kind: 'datatype', datatype: { typeName: '0x2::coin::Coin', typeParameters: [{ $kind: 'datatype', datatype: { typeName: wal } }] } } }] },
  });
  suiClient.core.waitForTransaction = async () => ({});
  const client = new WalrusClient({ network: 'testnet', suiClient });
  client.systemObject = async () => ({ id: TESTNET_WALRUS_PACKAGE_CONFIG.systemObjectId, package_id: walrusPackage });
  client.systemState = async () => ({
    committee: { n_shards: 1000 }, storage_price_per_unit_size: '100', write_price_per_unit_size: '10',
  });
  const bought = [];
  const signer = {
    toSuiAddress: () => owner,
    signAndExecuteTransaction: async ({ transaction }) => {
      const { commands, inputs } = JSON.parse(await transaction.toJSON({ client: suiClient, supportedIntents: ['CoinWithBalance'] }));
      const call = commands.find(({ MoveCall }) => MoveCall?.function === 'extend_blob').MoveCall;
      const epochs = bcs.u32().fromBase64(inputs[call.arguments[2].Input].Pure.bytes);
      bought.push(epochs);
      end += epochs;
      return { Transaction: { digest: 'digest', effects: { changedObjects: [] } } };
    },
  };
  for (const endEpoch of ends) {
    before(client);
    await client.executeExtendBlobTransaction({ blobObjectId: blobId, endEpoch, signer });
  }
  return { bought, end };
}

const remembered = await extend([12, 13]);
const reset = await extend([12, 13], (client) => client.reset());
console.log('extended to 12, then to 13:', remembered);
console.log('the same with reset() before each:', reset);
assert.deepEqual(remembered, { bought: [2, 3], end: 15 });
assert.deepEqual(reset, { bought: [2, 1], end: 13 });
JS
node run.mjs
