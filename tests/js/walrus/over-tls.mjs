// Stores and reads a blob over TLS alone, as a program that knows nothing of local networks. `localnet.test.mjs` runs it, with and
// without the network's authority in NODE_EXTRA_CA_CERTS: Node reads that when it starts.
//
//   node over-tls.mjs NETWORK_JSON

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';

import { SuiGrpcClient } from '@mysten/sui/grpc';
import { Ed25519Keypair } from '@mysten/sui/keypairs/ed25519';
import { walrus } from '@mysten/walrus';

const { rpcTlsUrl, systemObject, stakingObject, accounts } = JSON.parse(await readFile(process.argv[2]));
assert.match(rpcTlsUrl, /^https:/);
// Says why, where the clients below only say that it failed.
await fetch(rpcTlsUrl);
const client = new SuiGrpcClient({ network: 'testnet', baseUrl: rpcTlsUrl }).$extend(
  walrus({ packageConfig: { systemObjectId: systemObject, stakingPoolId: stakingObject } }),
);
const signer = Ed25519Keypair.fromSecretKey(accounts[0].privateKey);
const blob = new TextEncoder().encode('over TLS alone');
const { blobId } = await client.walrus.writeBlob({ blob, deletable: true, epochs: 1, signer });
assert.deepEqual(await client.walrus.readBlob({ blobId }), blob);
