#!/usr/bin/env bash
# Guessed: a committee of four equal nodes bears one that is down, whoever asks.
# Seen: not when @mysten/walrus 1.2.13 asks. If the node that happens to be asked first for the metadata of a blob is down, `getBlobMetadata` (and with it
#   `readBlob`) throws "RangeError: Invalid array length" in committees of ten nodes or fewer, since it divides the others into groups
#   of floor(count / 10). And `getVerifiedBlobStatus` takes note of a quorum only when one more answer arrives, so that exactly a quorum
#   of answers, three of four, is refused as too few.
# For users: test networks want eleven nodes, or readers that try again; a status wants one node more than the quorum.
# Runs without a network: the client's own `fetch` option answers in place of the storage nodes.
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
import { normalizeSuiAddress } from '@mysten/sui/utils';
import { WalrusClient } from '@mysten/walrus';
import { StakingPool } from './node_modules/@mysten/walrus/dist/contracts/walrus/staking_pool.mjs';

const blobId = 'A'.repeat(43);
const metadata = bcs.struct('BlobMetadataWithId', {
  blobId: bcs.u256(),
  metadata: bcs.enum('BlobMetadata', {
    V1: bcs.struct('BlobMetadataV1', { encodingType: bcs.u8(), unencodedLength: bcs.u64(), hashes: bcs.vector(bcs.bytes(66)) }),
  }),
}).serialize({ blobId: 0, metadata: { V1: { encodingType: 1, unencodedLength: 1000, hashes: [] } } }).toBytes();
const status = { permanent: { isCertified: true, initialCertifiedEpoch: 1, endEpoch: 9 } };

// A client of a committee of `count` nodes with a shard each; `down` tells for a host whether its node is down.
function clientOf(count, down) {
  const nodes = Array.from({ length: count }, (_, i) => normalizeSuiAddress(`0x${(i + 1).toString(16)}`));
  const pool = (id) => {
    const nothing = [{ contents: [] }];
    return StakingPool.serialize({
      id, state: { Active: true }, voting_params: { storage_price: 0, write_price: 0, node_capacity: 0 },
      node_info: {
        name: '', node_id: id, network_address: `node${nodes.indexOf(id)}.test`, public_key: { bytes: [] },
        next_epoch_public_key: null, network_public_key: [], metadata: { id },
      },
      activation_epoch: 0, latest_epoch: 0, wal_balance: 0, num_shares: 0, pending_shares_withdraw: nothing,
      pre_active_withdrawals: nothing, pending_commission_rate: nothing, commission_rate: 0, exchange_rates: { id, size: 0 },
      pending_stake: nothing, rewards_pool: { value: 0 }, commission: { value: 0 }, commission_receiver: { Address: id },
      governance_authorized: { Address: id }, extra_fields: { id, size: 0 },
    }).toBytes();
  };
  const suiClient = new SuiGrpcClient({ network: 'testnet', baseUrl: 'http://127.0.0.1:1' });
  suiClient.core.getObjects = async ({ objectIds }) => ({ objects: objectIds.map((objectId) => ({ objectId, content: pool(objectId) })) });
  const fetch = async (url) => {
    const { host, pathname } = new URL(url);
    if (down(host)) throw new TypeError('fetch failed');
    return pathname.endsWith('/metadata') ? new Response(metadata) : Response.json({ success: { data: status } });
  };
  const client = new WalrusClient({ network: 'testnet', suiClient, storageNodeClientOptions: { fetch } });
  client.stakingState = async () => ({
    n_shards: count, epoch: 1, epoch_state: { $kind: 'EpochChangeDone' },
    committee: [{ contents: nodes.map((key, i) => ({ key, value: [i] })) }],
  });
  return client;
}

const outcome = (promise) => promise.then(() => 'answered', ({ constructor, message }) => `${constructor.name}: ${message}`);
const theFirstAsked = () => {
  let first;
  return (host) => host === (first ??= host);
};

const read = {};
for (const count of [4, 7, 10, 11, 40]) {
  read[count] = await outcome(clientOf(count, theFirstAsked()).getBlobMetadata({ blobId }));
}
console.log('metadata, the first one asked is down, by size of the committee:', read);
const allUp = await outcome(clientOf(4, () => false).getVerifiedBlobStatus({ blobId }));
const oneDown = await outcome(clientOf(4, theFirstAsked()).getVerifiedBlobStatus({ blobId }));
console.log('status, committee of four:', { allUp, oneDown });
const range = 'RangeError: Invalid array length';
assert.deepEqual(read, { 4: range, 7: range, 10: range, 11: 'answered', 40: 'answered' });
assert.equal(allUp, 'answered');
assert.equal(oneDown, 'NoBlobStatusReceivedError: Not enough statuses were retrieved to achieve quorum.');
JS
node run.mjs
