// Storing through the publisher.

/** What a publisher says of a request that it refuses, in a sentence. */
function refusal(status, text) {
  try {
    return JSON.parse(text).error.message;
  } catch {
    return text.trim() || `the publisher answered ${status}`;
  }
}

/** What was stored, of either form of the answer. */
function summary(answer) {
  if (answer.alreadyCertified) {
    const { blobId, endEpoch, event, object } = answer.alreadyCertified;
    return { blobId, endEpoch, objectId: object, cost: 0, transaction: event?.txDigest, isNew: false };
  }
  const { blobObject, cost } = answer.newlyCreated;
  return { blobId: blobObject.blobId, endEpoch: blobObject.storage.endEpoch, objectId: blobObject.id, cost, isNew: true };
}

/**
 * Stores a file; what was stored: `blobId`, `objectId`, `endEpoch`, `cost` in FROST, `isNew`.
 *
 * @param {Blob} file
 * @param {object} options
 * @param {string} options.publisherUrl
 * @param {number} options.epochs
 * @param {(sent: number) => void} options.onSent Is called with the bytes that are on their way.
 */
export function store(file, { publisherUrl, epochs, onSent }) {
  const url = new URL('/v1/blobs', publisherUrl);
  url.searchParams.set('epochs', String(epochs));
  url.searchParams.set('deletable', 'true');
  // Not fetch: it tells nothing of what was sent.
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.upload.addEventListener('progress', ({ loaded }) => onSent(loaded));
    request.addEventListener('error', () => reject(new Error('the publisher does not answer')));
    request.addEventListener('load', () => {
      if (request.status !== 200) {
        reject(new Error(refusal(request.status, request.responseText)));
        return;
      }
      try {
        resolve(summary(JSON.parse(request.responseText)));
      } catch {
        reject(new Error('the publisher gave an answer that is none'));
      }
    });
    request.open('PUT', url);
    request.send(file);
  });
}
