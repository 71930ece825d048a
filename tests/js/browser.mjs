// A page in a headless Chromium: a script of ours, bundled with the unmodified packages, served by an origin of its own.

import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { build } from 'esbuild';
import { chromium } from 'playwright-core';

const BROWSER = process.env.CHROMIUM_BIN ?? '/usr/bin/chromium';

/** Nothing of the browser's own talks to anything but this machine. */
const QUIET = [
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-proxy-server',
];

const TYPES = { '.js': 'text/javascript', '.html': 'text/html', '.wasm': 'application/wasm' };

/**
 * Opens a browser for pages that run `script`.
 *
 * @param {string} script The module that pages load.
 * @param {Record<string, string>} [files] Files to serve beside it, by their path in URLs.
 */
export async function openBrowser(script, files = {}) {
  const { outputFiles } = await build({
    entryPoints: [script], bundle: true, format: 'esm', target: 'es2022', write: false, logLevel: 'error',
  });
  const served = new Map([
    // An icon of its own, or the browser asks for one.
    ['/', '<!doctype html><link rel="icon" href="data:,"><script type="module" src="/page.js"></script>'],
    ['/page.js', outputFiles[0].text],
  ]);
  for (const [url, file] of Object.entries(files)) served.set(url, await readFile(file));
  const server = createServer((request, response) => {
    const body = served.get(request.url);
    response.writeHead(body === undefined ? 404 : 200, { 'content-type': TYPES[path.extname(request.url)] ?? 'text/html' });
    response.end(body);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { context, close } = await launchBrowser();
  return new Browser(`http://127.0.0.1:${server.address().port}`, context, server, close);
}

/** Starts a browser; its `context` (Playwright's), and `close`, which leaves nothing behind. */
export async function launchBrowser() {
  if (!existsSync(BROWSER)) throw new Error(`${BROWSER} is not there: install chromium, or set CHROMIUM_BIN`);
  const profile = await mkdtemp(path.join(tmpdir(), 'chromium-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: BROWSER,
    headless: true,
    args: [...QUIET, ...(process.getuid?.() === 0 ? ['--no-sandbox'] : [])],
  });
  const close = async () => {
    await context.close();
    await rm(profile, { recursive: true, force: true });
  };
  return { context, close };
}

class Browser {
  #context;
  #server;
  #close;

  constructor(origin, context, server, close) {
    /** Where the pages come from. */
    this.origin = origin;
    this.#context = context;
    this.#server = server;
    this.#close = close;
  }

  /** Loads a page and calls a global function of its script; its result, and what the page complained of. */
  async call(name, argument) {
    const page = await this.#context.newPage();
    const complaints = [];
    page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(String(error)));
    await page.goto(this.origin);
    await page.waitForFunction((expected) => expected in globalThis, name);
    const result = await page.evaluate(([called, value]) => globalThis[called](value), [name, argument]);
    await page.close();
    return { result, complaints };
  }

  async close() {
    await this.#close();
    this.#server.close();
  }
}
