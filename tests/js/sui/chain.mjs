// The embedded chain alone for a test file: free loopback ports, in memory, gone at the end.
//
//   const chain = await chainOfTheFile();           // stopped after the last test of the file
//   const client = chain.client();                  // a SuiGrpcClient
//   const signer = await chain.wallet();            // an Ed25519Keypair with SUI

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import readline from 'node:readline';
import { after } from 'node:test';
import { fileURLToPath } from 'node:url';

import { SuiGrpcClient } from '@mysten/sui/grpc';
import { Ed25519Keypair } from '@mysten/sui/keypairs/ed25519';
import { Transaction } from '@mysten/sui/transactions';

export const HERE = path.dirname(fileURLToPath(import.meta.url));
export const REPOSITORY = path.resolve(HERE, '../../..');
export const SUI = 1_000_000_000n;

/** The chain's program: `SUI_DEVCHAIN_BIN`, or the example that `cargo test` or `cargo build --examples` made. */
function binary() {
  // As cargo has it, when it is started in the repository.
  const target = path.resolve(REPOSITORY, process.env.CARGO_TARGET_DIR ?? 'target');
  const file = process.env.SUI_DEVCHAIN_BIN ?? path.join(target, 'debug', 'examples', 'serve');
  if (!existsSync(file)) {
    throw new Error(`${file} does not exist; run \`cargo build -p sui-devchain --example serve\``);
  }
  return file;
}

/** Starts a chain. With `directory` it is kept there and continued from there. */
export async function startChain({ directory } = {}) {
  const child = spawn(binary(), directory ? [directory] : [], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = new Promise((resolve) => child.once('exit', resolve));
  for await (const line of readline.createInterface({ input: child.stdout })) {
    return new Chain(child, exited, JSON.parse(line));
  }
  throw new Error(`the chain ended with ${await exited} before it was up`);
}

/** A chain that is up for all tests of a file, and stopped after the last one. */
export async function chainOfTheFile() {
  const chain = await startChain();
  after(() => chain.stop());
  return chain;
}

/** A new address that owns nothing. */
export const nobody = () => new Ed25519Keypair().toSuiAddress();

/** A transaction that pays `amount` MIST out of the coin that pays the gas. */
export function payment({ recipient = nobody(), amount = 1n, sender } = {}) {
  const transaction = new Transaction();
  transaction.transferObjects([transaction.splitCoins(transaction.gas, [amount])[0]], recipient);
  if (sender) transaction.setSender(sender);
  return transaction;
}

class Chain {
  #child;
  #exited;
  #funding = Promise.resolve();
  #killer = () => this.#child.kill('SIGKILL');

  constructor(child, exited, description) {
    this.#child = child;
    this.#exited = exited;
    this.rpcUrl = description.rpc;
    this.faucetUrl = description.faucet;
    this.chainId = description.chainId;
    /** The accounts of the genesis, each with a million SUI in five coins. */
    this.keys = description.accounts.map((account) => Ed25519Keypair.fromSecretKey(account.privateKey));
    process.once('exit', this.#killer);
  }

  client(options = {}) {
    return new SuiGrpcClient({ network: 'localnet', baseUrl: this.rpcUrl, ...options });
  }

  /** A new keypair with coins of its own, `coins` of `mist` MIST each, so that tests do not meet in one's objects. */
  async wallet({ coins = 1, mist = 20n * SUI, keypair = new Ed25519Keypair() } = {}) {
    await this.fund(keypair.toSuiAddress(), { coins, mist });
    return keypair;
  }

  async fund(address, { coins = 1, mist = 20n * SUI } = {}) {
    // One after the other: they all spend the coins of the same account.
    const funded = this.#funding.then(async () => {
      const transaction = new Transaction();
      const amounts = Array.from({ length: coins }, () => transaction.pure.u64(mist));
      const split = transaction.splitCoins(transaction.gas, amounts);
      transaction.transferObjects(amounts.map((_, index) => split[index]), address);
      await this.run(this.keys[0], transaction);
    });
    this.#funding = funded.catch(() => {});
    await funded;
  }

  /** Signs, executes and waits; the transaction with everything a client can ask for. Throws when it failed. */
  async run(signer, transaction, client = this.client()) {
    const result = await client.signAndExecuteTransaction({ transaction, signer, include: EVERYTHING });
    if (result.FailedTransaction) {
      throw new Error(`the transaction failed: ${result.FailedTransaction.status.error?.message}`);
    }
    await client.waitForTransaction({ result });
    return result.Transaction;
  }

  async stop() {
    process.removeListener('exit', this.#killer);
    this.#child.kill('SIGINT');
    await this.#exited;
  }
}

export const EVERYTHING = {
  transaction: true,
  effects: true,
  events: true,
  balanceChanges: true,
  objectTypes: true,
  bcs: true,
};

/** The id of the one object that a transaction created whose type ends like this. */
export function createdId(transaction, suffix) {
  const found = transaction.effects.changedObjects.filter(
    ({ objectId, idOperation }) =>
      idOperation === 'Created' && transaction.objectTypes[objectId]?.endsWith(suffix),
  );
  if (found.length !== 1) throw new Error(`${found.length} objects of type …${suffix} were created`);
  return found[0].objectId;
}

/** The id of the package that a transaction published. */
export function publishedId(transaction) {
  return transaction.effects.changedObjects.find(({ outputState }) => outputState === 'PackageWrite').objectId;
}
