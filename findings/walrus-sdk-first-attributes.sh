#!/usr/bin/env bash
# Guessed: `writeBlobAttributes({ blobObjectId, attributes })` gives attributes to a blob that has none, and `readBlobAttributes` of such a blob is
#   null, as its type says.
# Seen: with @mysten/walrus 1.2.13 over @mysten/sui 2.33.1 both throw the "not found" of the dynamic field in which the attributes would be:
#   the first attributes of a registered blob cannot be written by its ID.
# For users: the first time, `blobObject: tx.object(id)` in place of `blobObjectId: id`; later the ID, since the other then aborts on chain.
# Runs without a network: the transport answers as a full node does for an object that does not exist.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund @mysten/sui@2.33.1 @mysten/walrus@1.2.13
cat >run.mjs <<'JS'
import assert from 'node:assert/strict';
import { SuiGrpcClient } from '@mysten/sui/grpc';
import { Transaction } from '@mysten/sui/transactions';
import { normalizeSuiAddress } from '@mysten/sui/utils';
import { TESTNET_WALRUS_PACKAGE_CONFIG, WalrusClient } from '@mysten/walrus';

const blobObjectId = normalizeSuiAddress('0x5678');
const asked = [];
const unused = () => assert.fail('no stream is asked for');
const transport = {
  mergeOptions: (options) => options,
  serverStreaming: unused,
  clientStreaming: unused,
  duplex: unused,
  unary: async (method, { requests }) => {
    assert.equal(method.name, 'BatchGetObjects');
    asked.push(...requests.map(({ objectId }) => objectId));
    return {
      response: {
        objects: requests.map(({ objectId }) => ({
          result: { oneofKind: 'error', error: { code: 5, message: `Object ${objectId} not found`, details: [] } },
        })),
      },
    };
  },
};
const suiClient = new SuiGrpcClient({ network: 'testnet', transport });
const client = new WalrusClient({ network: 'testnet', suiClient });
client.systemObject = async () => ({ id: TESTNET_WALRUS_PACKAGE_CONFIG.systemObjectId, package_id: normalizeSuiAddress('0xabc') });

// What becomes of the promise: the functions called by the transaction, or the error.
const outcome = (promise) => promise.then(
  async (transaction) => JSON.parse(await transaction.toJSON({ client: suiClient })).commands.map(({ MoveCall }) => MoveCall.function),
  ({ constructor, reason, message }) => ({ error: constructor.name, reason, message }),
);
const attributes = { 'content-type': 'image/png' };
const write = async (blob) => {
  const transaction = await client.writeBlobAttributesTransaction({ ...blob(new Transaction()), attributes });
  await transaction.prepareForSerialization({ client: suiClient });
  return transaction;
};
const read = await outcome(client.readBlobAttributes({ blobObjectId }));
const byId = await outcome(write(() => ({ blobObjectId })));
const transaction = new Transaction();
const byArgument = await outcome(client.writeBlobAttributesTransaction({ transaction, blobObject: transaction.object(blobObjectId), attributes }));
console.log('read:', read);
console.log('written by ID:', byId);
console.log('written by argument:', byArgument);
for (const { error, reason } of [read, byId]) assert.deepEqual({ error, reason }, { error: 'ObjectError', reason: 'notFound' });
assert.equal(new Set(asked).size, 1);
assert.deepEqual(byArgument, ['new', 'add_metadata', 'insert_or_update_metadata_pair']);
JS
node run.mjs
