// Storing through the publisher: an upload that goes on where it was (tus 1.0), and what becomes of it as events.

/** How often a part is sent again, and how long is waited before the first time, in milliseconds. */
const TRIES = 5;
const PAUSE = 200;

const TUS = { 'tus-resumable': '1.0.0' };

/** What a publisher says of a request that it refuses, in a sentence. */
function refusal(status, text) {
  try {
    return new Error(JSON.parse(text).error.message);
  } catch {
    return new Error(text.trim() || `the publisher answered ${status}`);
  }
}

/** What was stored, of either form of the answer. */
function summary({ newlyCreated, alreadyCertified }) {
  if (alreadyCertified) {
    const { blobId, endEpoch, object } = alreadyCertified;
    return { blobId, endEpoch, objectId: object, cost: 0, isNew: false };
  }
  const { blobObject, cost } = newlyCreated;
  return { blobId: blobObject.blobId, endEpoch: blobObject.storage.endEpoch, objectId: blobObject.id, cost, isNew: true };
}

async function begin(file, { publisherUrl, epochs }) {
  const url = new URL('/v1/uploads', publisherUrl);
  url.searchParams.set('epochs', String(epochs));
  url.searchParams.set('deletable', 'true');
  const response = await fetch(url, { method: 'POST', headers: { ...TUS, 'upload-length': String(file.size) } });
  if (response.status !== 201) throw refusal(response.status, await response.text());
  return new URL(response.headers.get('location'), publisherUrl);
}

/** Sends what is left; where the upload is then. Without an answer it rejects with `null`. Not fetch: it tells nothing of what was sent. */
function sendFrom(url, file, offset, onSent) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.upload.addEventListener('progress', ({ loaded }) => onSent(offset + loaded));
    request.addEventListener('error', () => reject(null));
    request.addEventListener('load', () => {
      if (request.status === 204) resolve(Number(request.getResponseHeader('upload-offset')));
      // The one before has not ended yet; or the browser has sent this one twice, as it does when a connection breaks.
      else reject([409, 423].includes(request.status) ? null : refusal(request.status, request.responseText));
    });
    request.open('PATCH', url);
    const headers = { ...TUS, 'upload-offset': String(offset), 'content-type': 'application/offset+octet-stream' };
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.send(file.slice(offset));
  });
}

/** Sends all of it; after a connection that broke, from where the publisher is. */
async function send(url, file, onSent) {
  let [offset, tries] = [0, 0];
  while (offset < file.size) {
    try {
      const reached = await sendFrom(url, file, offset, onSent);
      if (reached > offset) tries = 0;
      offset = reached;
    } catch (error) {
      if (error !== null) throw error;
      tries += 1;
      if (tries > TRIES) throw new Error('the publisher does not answer');
      await new Promise((resolve) => setTimeout(resolve, PAUSE * 2 ** tries));
      const head = await fetch(url, { method: 'HEAD', headers: TUS }).catch(() => undefined);
      if (head?.ok) offset = Number(head.headers.get('upload-offset'));
    }
  }
  onSent(file.size);
}

/** Follows an upload until it is over. */
function outcome(url, onProgress) {
  const events = new EventSource(`${url}/events`);
  const over = new Promise((resolve, reject) => {
    events.addEventListener('progress', ({ data }) => {
      const { sent, toSend } = JSON.parse(data);
      if (toSend > 0) onProgress(sent / toSend);
    });
    events.addEventListener('stored', ({ data }) => resolve(summary(JSON.parse(data).result)));
    events.addEventListener('failed', ({ data }) => reject(new Error(JSON.parse(data).error.message)));
  });
  const close = () => events.close();
  over.then(close, close);
  return { over, close };
}

/**
 * Stores a file; what was stored: `blobId`, `objectId`, `endEpoch`, `cost` in FROST, `isNew`.
 *
 * @param {Blob} file
 * @param {object} options
 * @param {string} options.publisherUrl
 * @param {number} options.epochs
 * @param {(sent: number) => void} options.onSent Is called with the bytes that the publisher has, or that are on their way to it.
 * @param {(part: number) => void} options.onProgress Is called with the part of the slivers that the storage nodes have, 0 to 1.
 */
export async function store(file, { publisherUrl, epochs, onSent, onProgress }) {
  const url = await begin(file, { publisherUrl, epochs });
  const { over, close } = outcome(url, onProgress);
  // It is told below, or not at all.
  over.catch(() => {});
  try {
    await send(url, file, onSent);
    return await over;
  } finally {
    close();
  }
}
