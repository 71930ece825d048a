#!/usr/bin/env bash
# Guessed: a presigned URL for a PUT, made without the body, says nothing about the body, so that its holder may upload any.
# Seen: @aws-sdk/s3-request-presigner 3.1169.0 with client-s3 3.1175.0 and default options puts the CRC32 of an *empty* body into the signed
#   query (x-amz-checksum-crc32=AAAAAA==), for PutObject and for UploadPart alike. boto3 1.44.8 makes the same URL without a checksum.
# For users: `requestChecksumCalculation: 'WHEN_REQUIRED'` leaves it out. A server that takes a checksum from the query has to refuse every
#   upload but the empty one to such a URL; one that overlooks it there must not take it for a promise kept.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund @aws-sdk/client-s3@3.1175.0 @aws-sdk/s3-request-presigner@3.1169.0
cat >run.mjs <<'JS'
import assert from 'node:assert/strict';
import { GetObjectCommand, PutObjectCommand, S3Client, UploadPartCommand } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';

const client = (options) => new S3Client({
  region: 'us-east-1', endpoint: 'http://127.0.0.1:1', forcePathStyle: true,
  credentials: { accessKeyId: 'key', secretAccessKey: 'secret' }, ...options,
});
const object = { Bucket: 'bucket', Key: 'key' };
const commands = {
  PutObject: new PutObjectCommand(object),
  UploadPart: new UploadPartCommand({ ...object, UploadId: 'upload', PartNumber: 1 }),
  'PutObject with a body': new PutObjectCommand({ ...object, Body: 'hello' }),
  GetObject: new GetObjectCommand(object),
};
const checksums = async (options) => Object.fromEntries(await Promise.all(Object.entries(commands).map(async ([name, command]) => {
  const url = new URL(await getSignedUrl(client(options), command));
  return [name, url.searchParams.get('x-amz-checksum-crc32')];
})));

const byDefault = await checksums({});
const whenRequired = await checksums({ requestChecksumCalculation: 'WHEN_REQUIRED' });
console.log('checksums in the URL by default:', byDefault);
console.log('checksums in the URL with WHEN_REQUIRED:', whenRequired);
const ofNothing = 'AAAAAA=='; // four zero bytes
assert.deepEqual(byDefault, {
  PutObject: ofNothing,
  UploadPart: ofNothing,
  'PutObject with a body': 'NhCmhg==',
  GetObject: null,
});
assert.ok(Object.values(whenRequired).every((checksum) => checksum === null));
JS
node --no-warnings run.mjs
