// A release build's `walrus localnet --processes` for a soak: a directory of its own, free loopback ports, gone at the end.

import { execFile, spawn } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const REPOSITORY = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../..');
const START_TIMEOUT_MS = 180_000;
const STOP_TIMEOUT_MS = 20_000;
const COMMAND_TIMEOUT_MS = 180_000;
/** What Linux tells programs, whatever its clock. */
const TICKS_PER_SECOND = 100;

/** A program of the workspace, where `WALRUS_BIN_DIR` says or as `cargo build --release` makes it. */
export function program(name) {
  const target = path.resolve(REPOSITORY, process.env.CARGO_TARGET_DIR ?? 'target');
  const binary = path.join(process.env.WALRUS_BIN_DIR ?? path.join(target, 'release'), name);
  if (!existsSync(binary)) throw new Error(`${binary} does not exist`);
  return binary;
}

/** A network that is up, each node a process. */
export class Localnet {
  #child;
  #daemons = [];
  #home;
  #kill = () => this.#child.kill('SIGKILL');

  /** Starts one; `options` are those of `walrus localnet`. */
  static async start(...options) {
    // Slivers are written: not into memory, which /tmp may be.
    const home = await mkdtemp(path.join(process.env.TMPDIR ?? '/var/tmp', 'walrus-soak-'));
    const network = new Localnet(home, options);
    try {
      await network.#up();
      return network;
    } catch (error) {
      await network.stop();
      throw error;
    }
  }

  constructor(home, options) {
    this.#home = home;
    this.dir = path.join(home, 'network');
    const chosen = ['localnet', '--processes', '--dir', this.dir, '--rpc-port', '0', '--faucet-port', '0', '--json'];
    this.#child = spawn(program('walrus'), [...chosen, ...options], {
      cwd: home,
      env: this.#environment(),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    process.once('exit', this.#kill);
  }

  #environment() {
    return { ...process.env, HOME: this.#home, XDG_CONFIG_HOME: undefined };
  }

  /** The one JSON document that it prints when it takes blobs. */
  async #up() {
    let output = '';
    let errors = '';
    this.#child.stderr.on('data', (data) => (errors = (errors + data).slice(-20_000)));
    this.description = await new Promise((resolve, reject) => {
      const fail = (why) => reject(new Error(`walrus localnet ${why}\n${errors}`));
      const timer = setTimeout(fail, START_TIMEOUT_MS, 'did not come up');
      this.#child.once('error', fail);
      this.#child.once('exit', (code, signal) => fail(`ended (${signal ?? code})`));
      this.#child.stdout.on('data', (data) => {
        output += data;
        try {
          resolve(JSON.parse(output));
          clearTimeout(timer);
        } catch {
          // Not all of it yet.
        }
      });
    });
  }

  /** A new directory for files of the soak, gone with the network. */
  async folder(name) {
    const folder = path.join(this.#home, name);
    await mkdir(folder, { recursive: true });
    return folder;
  }

  /** Runs `walrus` against the network; what it prints as JSON. */
  async walrus(...command) {
    const config = ['--config', path.join(this.dir, 'client_config.yaml')];
    return JSON.parse(await this.#run('walrus', [...command, ...config, '--json']));
  }

  /** Encodes a file offline. */
  async encode(file, shards, out) {
    await this.#run('walrus', ['encode', file, '--n-shards', String(shards), '--out', out]);
  }

  /** Starts `walrus aggregator`, `publisher` or `daemon` on free ports: what it prints as JSON, and its process ID. It ends with the network. */
  async daemon(...command) {
    const config = ['--config', path.join(this.dir, 'client_config.yaml')];
    const free = ['--bind-address', '127.0.0.1:0', '--metrics-address', '127.0.0.1:0', '--json'];
    const child = spawn(program('walrus'), [...command, ...config, ...free], {
      cwd: this.#home,
      env: this.#environment(),
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#daemons.push(child);
    let output = '';
    const told = await new Promise((resolve, reject) => {
      child.once('exit', (code, signal) => reject(new Error(`walrus ${command[0]} ended (${signal ?? code})`)));
      child.stdout.on('data', (data) => {
        output += data;
        try {
          resolve(JSON.parse(output));
        } catch {
          // Not all of it yet.
        }
      });
    });
    return { ...told, pid: child.pid };
  }

  /** `walrus localnet node`; what it prints as JSON. */
  async node(...command) {
    return JSON.parse(await this.#run('walrus', ['localnet', 'node', ...command, '--dir', this.dir, '--json']));
  }

  /** `walrus-node` with the configuration of a node; what it prints. */
  async operate(name, ...command) {
    return this.#run('walrus-node', [...command, '--config-path', path.join(this.nodeFolder(name), 'config.yaml')]);
  }

  /** What a node says of itself, also if that is not well; `isUp` whether it says anything. */
  async status(name) {
    const config = path.join(this.nodeFolder(name), 'config.yaml');
    try {
      return { isUp: true, ...JSON.parse(await this.#run('walrus-node', ['--json', 'status', '--config-path', config])) };
    } catch (error) {
      // Exit status 3: there are problems, and it has said which.
      if (error.code === 3) return { isUp: true, ...JSON.parse(error.stdout) };
      return { isUp: false, verdict: String(error.stderr || error.message).trim() };
    }
  }

  async #run(name, command) {
    const options = { cwd: this.#home, env: this.#environment(), timeout: COMMAND_TIMEOUT_MS, maxBuffer: 64 << 20 };
    const { stdout } = await promisify(execFile)(program(name), command, options);
    return stdout;
  }

  /** Where a node keeps its files. */
  nodeFolder(name) {
    return path.join(this.dir, 'nodes', name.replace(/^node-/, ''));
  }

  /** Where a node tells its metrics; network.json knows only those of the committee. */
  metricsUrl(name) {
    const config = readFileSync(path.join(this.nodeFolder(name), 'config.yaml'), 'utf8');
    return `http://${/^metrics_address: (\S+)$/m.exec(config)[1]}/metrics`;
  }

  /** The process ID of a node. */
  pid(name) {
    const config = path.join(this.nodeFolder(name), 'config.yaml');
    for (const pid of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
      try {
        const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
        if (words[0].endsWith('walrus-node') && words.includes(config)) return Number(pid);
      } catch {
        // It ended meanwhile.
      }
    }
    throw new Error(`no process of ${name}`);
  }

  /** Stops it and removes its files. */
  async stop() {
    process.removeListener('exit', this.#kill);
    this.#daemons.forEach((child) => child.kill('SIGKILL'));
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const ended = new Promise((resolve) => this.#child.once('exit', resolve));
      const timer = setTimeout(this.#kill, STOP_TIMEOUT_MS);
      this.#child.kill('SIGINT');
      await ended;
      clearTimeout(timer);
    }
    if (process.env.SOAK_KEEP === undefined) await rm(this.#home, { recursive: true, force: true });
  }
}

/** Resident bytes of a process: the most so far (`peak`), and now. Linux only. */
export function resident(pid) {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const bytes = (name) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? NaN) * 1024;
  return { peak: bytes('VmHWM'), now: bytes('VmRSS') };
}

/** Seconds of CPU time that a process has used. Linux only. */
export function cpuSeconds(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // Behind the name, which may have spaces: the 14th and the 15th of all are ticks of user and system.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** As many bytes in MiB, rounded up: what is held to a bound must not be rounded below it. */
export const mib = (bytes) => Math.ceil(bytes / (1 << 20));

/** A pause. */
export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

