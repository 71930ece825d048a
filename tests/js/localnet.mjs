// A `walrus localnet` of its own for a test file: a temporary directory, free loopback ports, gone at the end.
//
//   const network = await networkOfTheFile();       // stopped after the last test of the file
//   network.rpcUrl, network.faucetUrl, network.systemObject, network.stakingObject, network.packages.wal …
//   const client = network.suiClient();             // a SuiGrpcClient
//   const signer = await network.wallet();          // an Ed25519Keypair with SUI and WAL
//   const { digest } = await network.run(signer, transaction);
//   await network.cli(['store', path, '--epochs', '3', '--json']);

import { spawn, execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { SuiGrpcClient } from '@mysten/sui/grpc';
import { Ed25519Keypair } from '@mysten/sui/keypairs/ed25519';
import { Transaction, coinWithBalance } from '@mysten/sui/transactions';

const REPOSITORY = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');

const START_TIMEOUT_MS = 120_000;
const STOP_TIMEOUT_MS = 20_000;

/** What a new wallet gets, unless told otherwise: 20 SUI and 20 WAL, in MIST and FROST. */
const DEFAULT_SUI = 20_000_000_000n;
const DEFAULT_WAL = 20_000_000_000n;

/** The `walrus` program: `WALRUS_BIN`, or what `cargo build -p walrus` made. */
export function walrusBinary() {
  const target = path.resolve(REPOSITORY, process.env.CARGO_TARGET_DIR ?? 'target');
  const binary = process.env.WALRUS_BIN ?? path.join(target, 'debug', 'walrus');
  if (!existsSync(binary)) {
    throw new Error(`${binary} does not exist; run \`cargo build -p walrus\`, or set WALRUS_BIN`);
  }
  return binary;
}

/**
 * Starts a network and waits until it takes blobs.
 *
 * @param {object} [options]
 * @param {number} [options.nodes] Number of storage nodes.
 * @param {number} [options.shards] Number of shards.
 * @param {string} [options.epochDuration] Length of an epoch, such as `30s`.
 * @param {string[]} [options.args] Further arguments of `walrus localnet`.
 */
export async function startLocalnet({ nodes = 4, shards = 13, epochDuration = '24h', args = [] } = {}) {
  const binary = walrusBinary();
  const home = await mkdtemp(path.join(tmpdir(), 'walrus-js-'));
  const dir = path.join(home, 'network');
  const temporary = path.join(home, 'tmp');
  await mkdir(temporary);
  const command = ['localnet', '--dir', dir, '--rpc-port', '0', '--faucet-port', '0', '--json'];
  command.push('--nodes', String(nodes), '--shards', String(shards), '--epoch-duration', epochDuration, ...args);
  const child = spawn(binary, command, {
    cwd: home,
    env: { ...process.env, HOME: home, TMPDIR: temporary, XDG_CONFIG_HOME: undefined },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  try {
    return new Localnet(home, dir, child, await description(child));
  } catch (error) {
    child.kill('SIGKILL');
    await rm(home, { recursive: true, force: true });
    throw error;
  }
}

/** A network that is up for all tests of a file, and stopped after the last one. Options as for `startLocalnet`. */
export async function networkOfTheFile(options) {
  const network = await startLocalnet(options);
  after(() => network.stop());
  return network;
}

/** The one JSON document that `walrus localnet --json` prints when the network is up. */
function description(child) {
  return new Promise((resolve, reject) => {
    let output = '';
    let errors = '';
    const fail = (reason) => {
      clearTimeout(timer);
      reject(new Error(`walrus localnet ${reason}\n${errors}`));
    };
    const timer = setTimeout(fail, START_TIMEOUT_MS, `was not up within ${START_TIMEOUT_MS} ms`);
    child.once('error', (error) => fail(`does not start: ${error.message}`));
    child.once('exit', (code, signal) => fail(`ended early (${signal ?? code})`));
    child.stderr.on('data', (data) => {
      errors = (errors + data).slice(-20_000);
    });
    child.stdout.on('data', (data) => {
      output += data;
      let parsed;
      try {
        parsed = JSON.parse(output);
      } catch {
        return; // Not all of it yet.
      }
      clearTimeout(timer);
      child.removeAllListeners('exit');
      resolve(parsed);
    });
  });
}

/** A network that is up. */
export class Localnet {
  #child;
  #home;
  #funding = Promise.resolve();
  #killer = () => this.#child.kill('SIGKILL');

  constructor(home, dir, child, network) {
    this.#home = home;
    this.#child = child;
    /** Directory of the network, with `client_config.yaml` in it. */
    this.dir = dir;
    /** Everything that `network.json` says. */
    this.description = network;
    this.rpcUrl = network.rpcUrl;
    this.faucetUrl = network.faucetUrl;
    this.chainId = network.chainId;
    this.systemObject = network.systemObject;
    this.stakingObject = network.stakingObject;
    /** Package IDs by name: `wal`, `walrus`. */
    this.packages = network.packages;
    this.walType = `${network.packages.wal}::wal::WAL`;
    /** Accounts with SUI from the genesis; the first one holds the WAL as well. */
    this.keys = network.accounts.map((account) => Ed25519Keypair.fromSecretKey(account.privateKey));
    process.once('exit', this.#killer);
  }

  /** A directory for files of the test. */
  get temporaryDirectory() {
    return this.#home;
  }

  /** A client of the chain. The Walrus extension insists on the name of a public network. */
  suiClient(network = 'testnet') {
    return new SuiGrpcClient({ network, baseUrl: this.rpcUrl });
  }

  /** A new keypair with its own coins, so that tests do not meet in one another's objects. */
  async wallet({ sui = DEFAULT_SUI, wal = DEFAULT_WAL } = {}) {
    const keypair = new Ed25519Keypair();
    // One after the other: they all spend the coins of the same account.
    const funded = this.#funding.then(() => this.#fund(keypair.toSuiAddress(), sui, wal));
    this.#funding = funded.catch(() => {});
    await funded;
    return keypair;
  }

  async #fund(address, sui, wal) {
    const transaction = new Transaction();
    const coins = [];
    if (sui > 0n) coins.push(coinWithBalance({ balance: sui }));
    if (wal > 0n) coins.push(coinWithBalance({ balance: wal, type: this.walType }));
    if (coins.length === 0) return;
    transaction.transferObjects(coins, address);
    await this.run(this.keys[0], transaction);
  }

  /** Signs, executes and waits; the transaction. Throws when it failed. */
  async run(signer, transaction) {
    const client = this.suiClient();
    transaction.setSenderIfNotSet(signer.toSuiAddress());
    const result = await signer.signAndExecuteTransaction({ transaction, client });
    if (result.FailedTransaction) {
      throw new Error(`the transaction failed: ${result.FailedTransaction.status.error?.message}`);
    }
    await client.waitForTransaction({ digest: result.Transaction.digest });
    return result.Transaction;
  }

  /** Runs a command of the `walrus` program against the network; its standard output. */
  async cli(args) {
    const config = path.join(this.dir, 'client_config.yaml');
    const { stdout } = await promisify(execFile)(walrusBinary(), [...args, '--config', config], {
      cwd: this.#home,
      env: { ...process.env, HOME: this.#home, XDG_CONFIG_HOME: undefined },
      maxBuffer: 64 << 20,
      encoding: 'buffer',
    });
    return stdout;
  }

  /** Stops the process and removes its files. */
  async stop() {
    process.removeListener('exit', this.#killer);
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const ended = new Promise((resolve) => this.#child.once('exit', resolve));
      const timer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_TIMEOUT_MS);
      this.#child.kill('SIGINT');
      await ended;
      clearTimeout(timer);
    }
    await rm(this.#home, { recursive: true, force: true });
  }
}
