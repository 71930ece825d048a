// The example package `album`, published by `walrus devchain publish` and used from TypeScript with `@mysten/walrus`.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import path from 'node:path';
import { before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { Transaction } from '@mysten/sui/transactions';

import { networkOfTheFile, walrusBinary } from '../localnet.mjs';
import { albumModule } from './compile.mjs';

const REPOSITORY = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../..');
const ALBUM = path.join(REPOSITORY, 'move/examples/album');

const local = await networkOfTheFile({ nodes: 4, shards: 13 });
let network;
let album;

/** `walrus devchain …` against the network, with the wallet of the network. */
async function devchain(...args) {
  const config = path.join(local.dir, 'client_config.yaml');
  const target = process.env.CARGO_TARGET_DIR ?? path.join(REPOSITORY, 'target');
  // The Move compiler is installed once, where the Rust tests have it too.
  const env = { ...process.env, XDG_CACHE_HOME: path.join(target, 'tmp'), WALRUS_PRIVATE_KEY: undefined };
  return promisify(execFile)(walrusBinary(), ['devchain', ...args, '--config', config], { env, maxBuffer: 1 << 24 });
}

before(async () => {
  const { stdout } = await devchain('publish', ALBUM, '--json');
  const published = JSON.parse(stdout);
  assert.deepEqual(published.modules, ['album', 'sale']);
  network = {
    sui: local.suiClient(),
    systemObject: local.systemObject,
    stakingObject: local.stakingObject,
    walType: local.walType,
    albumPackage: published.packageId,
  };
  album = await albumModule();
});

test('an album is linked to the published packages', async () => {
  const { response } = await network.sui.movePackageService.getPackage({ packageId: network.albumPackage });
  const linked = response.package.linkage.map(({ originalId }) => originalId);
  assert.ok(linked.includes(local.packages.walrus) && linked.includes(local.packages.wal), `${linked}`);
});

test('photos are stored, extended, sold, read and deleted', async () => {
  const [seller, buyer] = [await local.wallet(), await local.wallet()];
  const lines = [];
  await album.tour(network, seller, buyer, (line) => lines.push(line));
  assert.ok(lines.includes('sunset: 26000 bytes, as they were stored'), lines.join('\n'));
  assert.ok(lines.includes('left: beach'));
  assert.equal(lines.at(-1), 'the album and its last photo are deleted');
  const types = (await network.sui.core.listOwnedObjects({ owner: buyer.toSuiAddress() })).objects.map(({ type }) => type);
  assert.ok(types.some((type) => type.endsWith('::blob::Blob')), 'the photo that was taken out');
  assert.ok(types.some((type) => type.endsWith('::storage_resource::Storage')), 'the storage of the deleted one');
  assert.ok(!types.some((type) => type.endsWith('::album::Album')));
});

test('all photos end in the same epoch, and a name is used once', async () => {
  const signer = await local.wallet();
  const session = album.connect(network);
  const photos = await album.Album.create(session, signer, 'Work');
  assert.equal(await photos.endEpoch(), null);
  await photos.addPhoto(signer, 'desk', Uint8Array.of(1, 2, 3), 1);
  await photos.addPhoto(signer, 'chair', Uint8Array.of(4, 5), 4);
  assert.deepEqual(await photos.names(), ['desk', 'chair']);
  const first = await photos.endEpoch();
  await photos.extendTo(signer, first + 5, 100_000_000n);
  assert.equal(await photos.endEpoch(), first + 5);
  assert.deepEqual(await photos.readPhoto('chair'), Uint8Array.of(4, 5));
  await assert.rejects(photos.addPhoto(signer, 'desk', Uint8Array.of(6), 1), /abort|Abort/);
  await assert.rejects(photos.readPhoto('lamp'), /abort|Abort/);
  await assert.rejects(photos.extendTo(signer, first + 50, 1n));
});

test('the command line names the errors of the package and of the packages it is linked to', async () => {
  const signer = await local.wallet();
  const session = album.connect(network);
  const photos = await album.Album.create(session, signer, 'Errors');
  const call = (name, ...args) =>
    devchain('call', `${network.albumPackage}::${name}`, ...args, '--source', ALBUM, '--private-key', signer.getSecretKey());
  await assert.rejects(call('album::remove', photos.id, 'nothing'), ({ stderr }) => {
    assert.match(stderr, /album::remove[\s\S]*EUnknownName \(code 2; the only constant that fits\)/);
    assert.match(stderr, /album\.move:\d+ \(the only place in the function that aborts with it\)/);
    return true;
  });

  // A registered blob without a certificate: a clever error, with its line and message.
  const { rootHash, blobId } = await session.walrus.computeBlobMetadata({ bytes: Uint8Array.of(9) });
  const transaction = new Transaction();
  const register = await session.walrus.registerBlob({ size: 1, epochs: 1, blobId, rootHash, deletable: true });
  transaction.transferObjects([register], signer.toSuiAddress());
  transaction.setSender(signer.toSuiAddress());
  const { Transaction: done } = await signer.signAndExecuteTransaction({ transaction, client: network.sui });
  await network.sui.waitForTransaction({ digest: done.digest });
  const { objects } = await network.sui.core.listOwnedObjects({ owner: signer.toSuiAddress() });
  const blob = objects.find(({ type }) => type.endsWith('::blob::Blob'));
  await assert.rejects(call('album::add', photos.id, local.systemObject, 'raw', blob.objectId), ({ stderr }) => {
    assert.match(stderr, /ENotCertified = "only certified blobs can be read by others"/);
    assert.match(stderr, /album\.move:\d+ \(exact: the abort code carries it\)/);
    return true;
  });

  // An abort inside `walrus`, whose sources are a local dependency.
  await photos.addPhoto(signer, 'one', Uint8Array.of(1), 1);
  const end = await photos.endEpoch();
  const { stdout } = await devchain(
    'call', '0x2::coin::zero', '--type-arg', local.walType, '--json', '--private-key', signer.getSecretKey(),
  );
  const [{ objectId: coin }] = JSON.parse(stdout).created;
  await assert.rejects(call('album::extend_to', photos.id, local.systemObject, `${end + 500}`, coin), ({ stderr }) => {
    assert.match(stderr, /of package 0x[\s\S]*EInvalidEpochsAhead[\s\S]*walrus\/sources\//);
    return true;
  });
});
