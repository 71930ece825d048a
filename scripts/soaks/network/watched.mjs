// A program that is watched while it runs: how long, how much memory, processor time and bytes to disk. Linux only.

import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';

const LOOK_MS = 2;
/** Frequent looks would slow it down; most of what is looked for only grows. */
const PATIENT_LOOK_MS = 20;
const SHORT_MS = 500;
const TICKS_PER_SECOND = 100;

export class Watched {
  /** Runs a program to its end; throws if it fails. */
  static async run(command, options, cwd) {
    const started = performance.now();
    const child = spawn(command, options, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    const watched = new Watched(child.pid);
    let [output, errors] = ['', ''];
    child.stdout.on('data', (data) => (output += data));
    child.stderr.on('data', (data) => (errors = (errors + data).slice(-20_000)));
    let timer;
    const look = () => {
      watched.look();
      timer = setTimeout(look, performance.now() - started < SHORT_MS ? LOOK_MS : PATIENT_LOOK_MS);
    };
    look();
    const cpuBefore = childrenSeconds();
    const code = await new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    });
    const ended = performance.now();
    clearTimeout(timer);
    if (code !== 0) throw new Error(`${command} ${options[0]} ended with ${code}\n${errors}`);
    // What it used is told when it has ended: nobody else ends meanwhile.
    return { output, seconds: (ended - started) / 1000, memory: watched.memory, written: watched.written, cpu: childrenSeconds() - cpuBefore };
  }

  memory = 0;
  written = 0;

  constructor(pid) {
    this.pid = pid;
  }

  look() {
    try {
      const status = readFileSync(`/proc/${this.pid}/status`, 'utf8');
      this.memory = Math.max(this.memory, Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024);
      const io = readFileSync(`/proc/${this.pid}/io`, 'utf8');
      // Of a file that has gone, bytes that were never written are taken off; of what was on its way already they are not.
      this.written = Number(/^write_bytes: (\d+)$/m.exec(io)?.[1] ?? 0);
    } catch {
      // It has ended.
    }
  }
}

/** Processor time of all programs that this one has waited for. */
function childrenSeconds() {
  const stat = readFileSync('/proc/self/stat', 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[13]) + Number(fields[14])) / TICKS_PER_SECOND;
}
