// The console: a card for each blob, from the file that was dropped, or from a blob ID.

import { HEAD, kindOf } from './kinds.js';
import { store } from './store.js';
import { verify } from './verify.js';

const FROST = 1_000_000_000;

const settings = await (await fetch('/settings.json')).json();
const byId = (id) => document.getElementById(id);

const urlOf = (blobId) => `${settings.aggregatorUrl}/v1/blobs/${blobId}`;

function amountOf(frost) {
  return `${frost / FROST} WAL (${frost} FROST)`;
}

function sizeOf(bytes) {
  const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'];
  const unit = bytes < 1024 ? 0 : Math.min(Math.floor(Math.log2(bytes) / 10), units.length - 1);
  return `${Number((bytes / 1024 ** unit).toPrecision(3))} ${units[unit]}`;
}

/** A blob on the page. */
class Card {
  constructor(name) {
    const card = byId('card').content.cloneNode(true).firstElementChild;
    this.element = card;
    this.part('.name').textContent = name;
    byId('blobs').prepend(card);
    byId('nothing').hidden = true;
  }

  part(selector) {
    return this.element.querySelector(selector);
  }

  say(state, text) {
    this.element.dataset.state = state;
    this.part('.state').textContent = text;
  }

  fail(error) {
    this.part('.progress').hidden = true;
    this.say('failed', error.message);
  }

  fact(name, ...value) {
    const facts = this.part('.facts');
    const [term, description] = [document.createElement('dt'), document.createElement('dd')];
    term.textContent = name;
    description.append(...value);
    facts.append(term, description);
    facts.hidden = false;
  }

  /** Shows the blob as it comes from the aggregator, in ranges. */
  play(blobId, head) {
    const kind = kindOf(head);
    if (kind === null) return;
    const player = document.createElement(kind);
    // Answers of the aggregator are there for every origin; asked for so, they are no opaque ones.
    player.crossOrigin = 'anonymous';
    if (kind === 'img') player.alt = this.part('.name').textContent;
    else Object.assign(player, { controls: true, preload: 'metadata' });
    player.addEventListener('error', () => player.replaceWith('This browser does not show it.'));
    player.src = urlOf(blobId);
    this.part('.player').append(player);
  }

  /** Shows what is stored, and offers to verify it. */
  stored(blobId, size) {
    this.part('.progress').hidden = true;
    this.element.dataset.blobId = blobId;
    const link = document.createElement('a');
    Object.assign(link, { href: urlOf(blobId), target: '_blank', rel: 'noopener noreferrer', textContent: urlOf(blobId) });
    this.fact('Blob ID', blobId);
    this.fact('Size', `${sizeOf(size)} (${size} bytes)`);
    this.fact('Link', link);
    this.part('.check').hidden = false;
    this.part('.verify').addEventListener('click', () => this.verify(blobId));
  }

  /** Takes all bytes from the aggregator and has them verified. */
  async verify(blobId) {
    const [button, progress] = [this.part('.verify'), this.part('.verify-progress')];
    button.disabled = true;
    progress.hidden = false;
    progress.removeAttribute('value');
    delete this.element.dataset.verdict;
    this.part('.verdict').textContent = 'Fetching…';
    let verdict;
    try {
      const response = await fetch(urlOf(blobId), { cache: 'no-store' });
      if (!response.ok) throw new Error(`the aggregator answered ${response.status}`);
      const bytes = await response.blob();
      this.part('.verdict').textContent = 'Computing the blob ID…';
      const { isGood, words } = await verify(bytes, {
        url: urlOf(blobId),
        blobId,
        nShards: settings.nShards,
        onProgress(part) {
          progress.value = part;
        },
      });
      verdict = [isGood ? 'good' : 'bad', words];
    } catch (error) {
      verdict = ['bad', `Not verified: ${error.message}`];
    }
    progress.hidden = true;
    button.disabled = false;
    [this.element.dataset.verdict, this.part('.verdict').textContent] = verdict;
  }
}

async function storeFile(file, epochs) {
  const card = new Card(file.name);
  const progress = card.part('.progress');
  card.say('storing', 'Sending…');
  try {
    const result = await store(file, {
      publisherUrl: settings.publisherUrl,
      epochs,
      onSent(sent) {
        progress.value = file.size === 0 ? 1 : sent / file.size;
        if (sent < file.size) return;
        // How long encoding takes nobody knows.
        progress.removeAttribute('value');
        card.say('storing', 'Encoding…');
      },
      onProgress(part) {
        progress.value = part;
        card.say('storing', part < 1 ? 'Storing slivers…' : 'Certifying…');
      },
    });
    card.stored(result.blobId, file.size);
    card.fact('Cost', amountOf(result.cost));
    card.fact('Stored until', `the beginning of epoch ${result.endEpoch}`);
    if (result.objectId) card.fact('Blob object', result.objectId);
    card.say('stored', result.isNew ? 'Stored.' : 'It was stored already, for as long.');
    card.play(result.blobId, new Uint8Array(await file.slice(0, HEAD).arrayBuffer()));
  } catch (error) {
    card.fail(error);
  }
}

/** One after the other: each store needs the whole line, and a wallet. */
let stores = Promise.resolve();

function storeAll(files) {
  const epochs = byId('epochs');
  if (!epochs.reportValidity()) return;
  for (const file of files) stores = stores.then(() => storeFile(file, epochs.valueAsNumber));
}

async function openBlob(blobId) {
  const card = new Card(blobId);
  card.say('opening', 'Looking…');
  try {
    const response = await fetch(urlOf(blobId), { headers: { range: `bytes=0-${HEAD - 1}` } });
    // An empty blob has no range.
    const isEmpty = response.status === 416;
    if (!response.ok && !isEmpty) {
      const answer = await response.json().catch(() => undefined);
      throw new Error(answer?.error?.message ?? `the aggregator answered ${response.status}`);
    }
    const head = isEmpty ? new Uint8Array() : new Uint8Array(await response.arrayBuffer());
    const size = Number(response.headers.get('content-range')?.split('/')[1] ?? head.length);
    card.stored(blobId, size);
    card.say('stored', 'Stored.');
    card.play(blobId, head);
  } catch (error) {
    card.fail(error);
  }
}

byId('epochs').max = settings.maxEpochs;

byId('file').addEventListener('change', ({ target }) => {
  storeAll([...target.files]);
  // The same file again is a change as well.
  target.value = '';
});

const drop = byId('drop');
for (const name of ['dragenter', 'dragover', 'dragleave', 'drop']) {
  drop.addEventListener(name, (event) => {
    event.preventDefault();
    drop.classList.toggle('over', name === 'dragenter' || name === 'dragover');
    if (name === 'drop') storeAll([...event.dataTransfer.files]);
  });
}

byId('open').addEventListener('submit', (event) => {
  event.preventDefault();
  openBlob(byId('blob-id').value);
});

document.documentElement.dataset.ready = 'yes';
