// The tour of album.ts on a running `walrus localnet`.
//
//   walrus devchain publish move/examples/album          (says the package ID)
//   node tests/js/album/run.mjs PACKAGE [NETWORK_JSON]

import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';

import { SuiGrpcClient } from '@mysten/sui/grpc';
import { Ed25519Keypair } from '@mysten/sui/keypairs/ed25519';

import { albumModule } from './compile.mjs';

const [albumPackage, file = path.join(homedir(), '.walrus/localnet/network.json')] = process.argv.slice(2);
if (!albumPackage) {
  console.error('usage: node run.mjs PACKAGE [NETWORK_JSON]');
  process.exit(2);
}
const description = JSON.parse(await readFile(file, 'utf8'));
const network = {
  sui: new SuiGrpcClient({ network: 'testnet', baseUrl: description.rpcUrl }),
  systemObject: description.systemObject,
  stakingObject: description.stakingObject,
  walType: `${description.packages.wal}::wal::WAL`,
  albumPackage,
};
// The first account holds the WAL.
const [seller, buyer] = description.accounts.map(({ privateKey }) => Ed25519Keypair.fromSecretKey(privateKey));
const { tour } = await albumModule();
await tour(network, seller, buyer, console.log);
