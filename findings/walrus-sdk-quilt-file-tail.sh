#!/usr/bin/env bash
# Guessed: a file read out of a quilt by its patch ID is the file that was put in, or an error.
# Seen: @mysten/walrus 1.2.13 returns the right length with zeros at the end, without an error, when the header in front of a file pushes it
#   into one column more than the file alone would fill: it fetches as many columns as the *length* needs and forgets where in the
#   first one it began. Reading the same quilt as a whole gives the right bytes.
# For users: compare with a digest, or read the whole quilt; other readers of quilts have to count columns from the offset.
# Runs without a network: the client's two doors to the storage nodes answer with the quilt that the package itself encoded.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund @mysten/sui@2.33.1 @mysten/walrus@1.2.13 @mysten/bcs@2.1.2
cat >run.mjs <<'JS'
import assert from 'node:assert/strict';
import { bcs, fromBase64, toBase64 } from '@mysten/bcs';
import { SuiGrpcClient } from '@mysten/sui/grpc';
import { WalrusClient, encodeQuilt } from '@mysten/walrus';

const numShards = 100;
const rows = 34; // source symbols of a column, 100 shards
const columns = 67; // source symbols of a row
const sliver = bcs.struct('SliverData', {
  symbols: bcs.struct('Symbols', { data: bcs.byteVector(), symbolSize: bcs.u16() }),
  index: bcs.u16(),
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

const blobId = 'A'.repeat(43);
const patchId = bcs.struct('QuiltPatchId', {
  quiltId: bcs.bytes(32),
  version: bcs.u8(),
  startIndex: bcs.u16(),
  endIndex: bcs.u16(),
});

// Two files: a large one that sets the size of a column, and the one that is read.
async function readBack(length) {
  const contents = Uint8Array.from({ length }, (_, i) => (i % 255) + 1);
  const blobs = [
    { identifier: 'a', contents },
    { identifier: 'b', contents: new Uint8Array(40_000).fill(7) },
  ];
  const { quilt, index } = encodeQuilt({ blobs, numShards, encodingType: 'RS2' });
  const patch = index.patches.find(({ identifier }) => identifier === 'a');
  const id = toBase64(patchId.serialize({
    quiltId: new Uint8Array(32), version: 1, startIndex: patch.startIndex, endIndex: patch.endIndex,
  }).toBytes()).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
  const [file] = await new Client(quilt).getFiles({ ids: [id] });
  const bytes = await file.bytes();
  const wrong = bytes.findIndex((byte, i) => byte !== contents[i]);
  return { column: quilt.length / columns, length, columnsUsed: patch.endIndex - patch.startIndex, readLength: bytes.length, firstWrong: wrong, rest: wrong < 0 ? [] : [...bytes.subarray(wrong)] };
}

const { column } = await readBack(10);
console.log({ column });
const inside = await readBack(column - 20);
console.log('fits its columns with its header:', inside);
const across = await readBack(column);
console.log('one column more with its header:', across);
assert.equal(inside.firstWrong, -1);
assert.equal(across.readLength, across.length);
assert.notEqual(across.firstWrong, -1);
assert.ok(across.rest.every((byte) => byte === 0));
JS
node run.mjs
