#!/usr/bin/env bash
# Guessed: `getBlob().files()` gives the files of a quilt that the same package encoded, for any names.
# Seen: @mysten/walrus 1.2.13 forgets the five bytes in front of the index when it counts the index's columns. When they cost the index a column,
#   which hangs on number and lengths of names and tags, `files()` takes the index's last column for the first file: reading it throws,
#   while the other files are right. And the end of the last name of the index has become zeros, so that
#   `files({ identifiers })` does not find that file.
# For users: keep the patch IDs that the writer got, `getFiles({ ids })` with them is right; other readers count columns from byte 0.
# Runs without a network: the client's two doors to the storage nodes answer with the quilt that the package itself encoded.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund @mysten/sui@2.33.1 @mysten/walrus@1.2.13 @mysten/bcs@2.1.2
cat >run.mjs <<'JS'
import assert from 'node:assert/strict';
import { bcs } from '@mysten/bcs';
import { SuiGrpcClient } from '@mysten/sui/grpc';
import { WalrusClient, encodeQuilt } from '@mysten/walrus';

const numShards = 100;
const rows = 34; // source symbols of a column, 100 shards
const columns = 67; // source symbols of a row
const sliver = bcs.struct('SliverData', {
  symbols: bcs.struct('Symbols', { data: bcs.byteVector(), symbolSize: bcs.u16() }),
  index: bcs.u16(),
});
const blobId = 'A'.repeat(43); // 32 zero bytes
const patchId = bcs.struct('QuiltPatchId', {
  quiltId: bcs.bytes(32),
  version: bcs.u8(),
  startIndex: bcs.u16(),
  endIndex: bcs.u16(),
});

// The client, with storage nodes that answer from `quilt`.
class Client extends WalrusClient {
  constructor(quilt) {
    super({ network: 'testnet', suiClient: new SuiGrpcClient({ network: 'testnet', baseUrl: 'http://127.0.0.1:1' }) });
    const symbolSize = quilt.length / rows / columns;
    this.getBlobMetadata = async () => ({ metadata: { V1: { unencoded_length: String(quilt.length) } } });
    this.getSecondarySliver = async ({ index }) => {
      const data = new Uint8Array(rows * symbolSize);
      for (let row = 0; row < rows; row += 1) {
        const start = (row * columns + index) * symbolSize;
        data.set(quilt.subarray(start, start + symbolSize), row * symbolSize);
      }
      return sliver.serialize({ symbols: { data, symbolSize }, index }).toBytes();
    };
    this.systemState = async () => ({ committee: { n_shards: numShards } });
    this.readBlob = async () => quilt;
  }
}

const text = (file) => file.text().catch(({ message }) => message);

// Three files, whose names make an index of `indexLength` bytes without the five in front of it.
async function readBack(indexLength) {
  const names = ['a', 'b'.repeat(20), 'c'.repeat(indexLength - 34)];
  const blobs = names.map((identifier) => ({ identifier, contents: new TextEncoder().encode(`of ${identifier[0]}`) }));
  const { quilt, index } = encodeQuilt({ blobs, numShards, encodingType: 'RS2' });
  const client = new Client(quilt);
  const blob = await client.getBlob({ blobId });
  const [first, second, third] = await blob.files();
  const { startIndex, endIndex } = index.patches[0];
  const id = patchId.serialize({ quiltId: new Uint8Array(32), version: 1, startIndex, endIndex }).toBytes();
  const [byId] = await client.getFiles({ ids: [Buffer.from(id).toString('base64url')] });
  const named = await blob.files({ identifiers: [names[2]] });
  return {
    column: quilt.length / columns, first: await text(first), second: await text(second), third: await text(third),
    firstById: await text(byId), foundByName: named.length,
  };
}

const seen = {};
for (let indexLength = 60; indexLength <= 72; indexLength += 1) seen[indexLength] = await readBack(indexLength);
console.table(seen);
for (const [indexLength, { column, first, second, third, firstById, foundByName }] of Object.entries(seen)) {
  assert.deepEqual([column, second, third, firstById], [68, 'of b', 'of c', 'of a']);
  const [fits, fitsWithPrefix] = [indexLength <= column, indexLength <= column - 5];
  assert.equal(first === 'of a', fitsWithPrefix || !fits, `first file at ${indexLength}`);
  // The byte that is lost first ends the entry, and is zero anyway.
  assert.equal(foundByName, fits && indexLength > column - 4 ? 0 : 1, `last file by name at ${indexLength}`);
}
JS
node run.mjs
