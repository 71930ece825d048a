// Runs inside the browser: the unmodified package against a network of other origins.

import { SuiGrpcClient } from '@mysten/sui/grpc';
import { Ed25519Keypair } from '@mysten/sui/keypairs/ed25519';
import { BlobNotCertifiedError, WalrusFile, walrus } from '@mysten/walrus';

/** Writes a blob and files, reads them back with a client that has not seen them, and asks for a blob that is not there. */
globalThis.store = async ({ rpcUrl, options, secretKey, size }) => {
  const connect = () => new SuiGrpcClient({ network: 'testnet', baseUrl: rpcUrl }).$extend(walrus(options)).walrus;
  const client = connect();
  const signer = Ed25519Keypair.fromSecretKey(secretKey);
  const blob = Uint8Array.from({ length: size }, (_, i) => (i * i) % 251);
  const { blobId, blobObject } = await client.writeBlob({ blob, deletable: true, epochs: 2, signer });
  const read = await connect().readBlob({ blobId });

  const files = [
    WalrusFile.from({ contents: new Blob(['one']), identifier: '1', tags: { a: 'b' } }),
    WalrusFile.from({ contents: new TextEncoder().encode('two'), identifier: '2' }),
  ];
  const written = await client.writeFiles({ files, deletable: true, epochs: 1, signer });
  const [one, two] = await connect().getFiles({ ids: written.map(({ id }) => id) });
  const { blobId: unknown } = await client.computeBlobMetadata({ bytes: blob.slice(1) });
  const refused = await client.readBlob({ blobId: unknown }).catch((error) => error instanceof BlobNotCertifiedError);
  return {
    blobId,
    certified: typeof blobObject.certified_epoch === 'number',
    same: read.length === size && read.every((byte, i) => byte === blob[i]),
    texts: [await one.text(), await two.text()],
    tags: await one.getTags(),
    refused,
  };
};
