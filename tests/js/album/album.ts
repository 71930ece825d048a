// A photo album on Walrus, in TypeScript: the package `move/examples/album` used together with `@mysten/walrus`.
//
// `Album` is what an application would have: one method for each thing that people do with albums. `tour` is the way
// through all of it; `run.mjs` walks it on a running local network, `album.test.mjs` in the tests.

import { bcs } from '@mysten/sui/bcs';
import type { SuiGrpcClient } from '@mysten/sui/grpc';
import type { Signer } from '@mysten/sui/cryptography';
import { Transaction, coinWithBalance, type TransactionResult } from '@mysten/sui/transactions';
import { blobIdFromInt, walrus, type WalrusClient } from '@mysten/walrus';

/** Where everything is: the chain's client and what `network.json` and `walrus devchain publish` say. */
export interface Network {
  sui: SuiGrpcClient;
  systemObject: string;
  stakingObject: string;
  /** Type of the WAL coin. */
  walType: string;
  /** The published package `album`. */
  albumPackage: string;
}

/** What the transactions of an album need. */
interface Session {
  network: Network;
  walrus: WalrusClient;
}

export function connect(network: Network): Session {
  const client = network.sui.$extend(
    walrus({
      packageConfig: { systemObjectId: network.systemObject, stakingPoolId: network.stakingObject },
      // Nodes of this machine answer without TLS as well: no browser knows their certificates.
      storageNodeUrlScheme: 'http',
    }),
  );
  return { network, walrus: client.walrus };
}

/** Signs and executes; the objects that are new, by type without type arguments. */
async function execute({ network }: Session, signer: Signer, transaction: Transaction): Promise<Map<string, string>> {
  transaction.setSenderIfNotSet(signer.toSuiAddress());
  const result = await signer.signAndExecuteTransaction({ transaction, client: network.sui });
  if (result.FailedTransaction) {
    throw new Error(result.FailedTransaction.status.error?.message ?? 'the transaction failed');
  }
  const { digest } = result.Transaction;
  const done = await network.sui.waitForTransaction({ digest, include: { effects: true, objectTypes: true } });
  if (!done.Transaction) throw new Error(`${digest} is not there`);
  const { effects, objectTypes } = done.Transaction;
  const created = effects.changedObjects.filter((object) => object.idOperation === 'Created');
  return new Map(created.map(({ objectId }) => [objectTypes[objectId] ?? '', objectId]));
}

/** An album of which the ID is known. */
export class Album {
  readonly #session: Session;
  readonly id: string;

  constructor(session: Session, id: string) {
    this.#session = session;
    this.id = id;
  }

  /** A new album, owned by the signer. */
  static async create(session: Session, signer: Signer, title: string): Promise<Album> {
    const { albumPackage } = session.network;
    const transaction = new Transaction();
    const album = transaction.moveCall({
      target: `${albumPackage}::album::new`,
      arguments: [transaction.pure.string(title)],
    });
    transaction.transferObjects([album], signer.toSuiAddress());
    const created = await execute(session, signer, transaction);
    const id = created.get(`${albumPackage}::album::Album`);
    if (!id) throw new Error('no album was created');
    return new Album(session, id);
  }

  /** Stores a photo on Walrus and puts its blob into the album; its blob ID. */
  async addPhoto(signer: Signer, name: string, photo: Uint8Array, epochs: number): Promise<string> {
    const { walrus, network } = this.#session;
    const { blobId, blobObject } = await walrus.writeBlob({ blob: photo, deletable: true, epochs, signer });
    const transaction = new Transaction();
    this.#call(transaction, 'add', [
      transaction.object(network.systemObject),
      transaction.pure.string(name),
      transaction.object(blobObject.id),
    ]);
    await execute(this.#session, signer, transaction);
    return blobId;
  }

  /** Takes a photo out: its blob belongs to the signer again. */
  async removePhoto(signer: Signer, name: string): Promise<void> {
    const transaction = new Transaction();
    const blob = this.#call(transaction, 'remove', [transaction.pure.string(name)]);
    transaction.transferObjects([blob], signer.toSuiAddress());
    await execute(this.#session, signer, transaction);
  }

  /** Stores all photos until `endEpoch`, for at most `maxFrost`. */
  async extendTo(signer: Signer, endEpoch: number, maxFrost: bigint): Promise<void> {
    const { network } = this.#session;
    const transaction = new Transaction();
    const payment = transaction.add(coinWithBalance({ balance: maxFrost, type: network.walType }));
    this.#call(transaction, 'extend_to', [
      transaction.object(network.systemObject),
      transaction.pure.u32(endEpoch),
      payment,
    ]);
    // What was not needed.
    transaction.transferObjects([payment], signer.toSuiAddress());
    await execute(this.#session, signer, transaction);
  }

  /** Offers the album for sale; the ID of the offer. */
  async offer(signer: Signer, mist: bigint): Promise<string> {
    const { albumPackage } = this.#session.network;
    const transaction = new Transaction();
    transaction.moveCall({
      target: `${albumPackage}::sale::offer`,
      arguments: [transaction.object(this.id), transaction.pure.u64(mist)],
    });
    const created = await execute(this.#session, signer, transaction);
    const id = created.get(`${albumPackage}::sale::Offer`);
    if (!id) throw new Error('no offer was created');
    return id;
  }

  /** Buys the album of an offer: it belongs to the signer. */
  static async buy(session: Session, signer: Signer, offer: string, mist: bigint): Promise<void> {
    const transaction = new Transaction();
    const album = transaction.moveCall({
      target: `${session.network.albumPackage}::sale::buy`,
      arguments: [transaction.object(offer), coinWithBalance({ balance: mist })],
    });
    transaction.transferObjects([album], signer.toSuiAddress());
    await execute(session, signer, transaction);
  }

  /** Deletes the album and all photos; the storage that is left of them goes to the signer. */
  async destroy(signer: Signer): Promise<void> {
    const { walrus, network } = this.#session;
    const count = (await this.names()).length;
    const transaction = new Transaction();
    const storage = this.#call(transaction, 'destroy', [transaction.object(network.systemObject)]);
    const type = `${await walrus.getBlobType()}`.replace('::blob::Blob', '::storage_resource::Storage');
    for (let i = 0; i < count; i++) {
      const piece = transaction.moveCall({ target: '0x1::vector::pop_back', typeArguments: [type], arguments: [storage] });
      transaction.transferObjects([piece], signer.toSuiAddress());
    }
    transaction.moveCall({ target: '0x1::vector::destroy_empty', typeArguments: [type], arguments: [storage] });
    await execute(this.#session, signer, transaction);
  }

  /** The names of the photos, oldest first. */
  async names(): Promise<string[]> {
    const [names] = await this.#view((transaction) => {
      this.#call(transaction, 'names', []);
    });
    return bcs.vector(bcs.string()).parse(names!);
  }

  /** The first epoch in which not all photos are stored; null for an empty album. */
  async endEpoch(): Promise<number | null> {
    const [end] = await this.#view((transaction) => {
      this.#call(transaction, 'end_epoch', []);
    });
    return bcs.option(bcs.u32()).parse(end!);
  }

  /** Reads a photo: the chain says which blob it is, the storage nodes have the bytes. */
  async readPhoto(name: string): Promise<Uint8Array> {
    const { walrus } = this.#session;
    const blobType = await walrus.getBlobType();
    const values = await this.#view((transaction) => {
      const blob = this.#call(transaction, 'photo', [transaction.pure.string(name)]);
      transaction.moveCall({ target: `${blobType.split('::')[0]}::blob::blob_id`, arguments: [blob] });
    });
    const blobId = blobIdFromInt(BigInt(bcs.u256().parse(values[1]!)));
    return walrus.readBlob({ blobId });
  }

  #call(
    transaction: Transaction,
    name: string,
    rest: NonNullable<Parameters<Transaction['moveCall']>[0]['arguments']>,
  ): TransactionResult {
    const target = `${this.#session.network.albumPackage}::album::${name}`;
    return transaction.moveCall({ target, arguments: [transaction.object(this.id), ...rest] });
  }

  /** Runs functions without executing anything; the first result of each. */
  async #view(plan: (transaction: Transaction) => void): Promise<(Uint8Array | undefined)[]> {
    const transaction = new Transaction();
    plan(transaction);
    // Anybody may look: the simulation wants a sender, not a signature.
    transaction.setSenderIfNotSet(`0x${'0'.repeat(64)}`);
    const result = await this.#session.network.sui.simulateTransaction({
      transaction,
      include: { commandResults: true },
      checksEnabled: false,
    });
    if (result.FailedTransaction) {
      throw new Error(result.FailedTransaction.status.error?.message ?? 'the simulation failed');
    }
    return result.commandResults.map((command) => command.returnValues[0]?.bcs);
  }
}

/** Through everything that can be done with an album; says each step, and throws when one goes wrong. */
export async function tour(network: Network, seller: Signer, buyer: Signer, say: (line: string) => void): Promise<void> {
  const session = connect(network);
  const album = await Album.create(session, seller, 'Holidays');
  say(`album ${album.id}`);
  const photos = new Map([
    ['sunset', new TextEncoder().encode('red and gold '.repeat(2_000))],
    ['beach', new TextEncoder().encode('blue and white '.repeat(500))],
  ]);
  let epochs = 2;
  for (const [name, photo] of photos) {
    say(`${name}: blob ${await album.addPhoto(seller, name, photo, epochs)}`);
    epochs += 1;
  }
  const end = (await album.endEpoch())! + 5;
  await album.extendTo(seller, end, 1_000_000_000n);
  say(`all photos are stored until epoch ${await album.endEpoch()}`);

  const price = 2_000_000_000n;
  await Album.buy(session, buyer, await album.offer(seller, price), price);
  say(`${buyer.toSuiAddress()} has bought it`);
  for (const name of await album.names()) {
    const read = await album.readPhoto(name);
    const same = read.length === photos.get(name)!.length && read.every((byte, i) => byte === photos.get(name)![i]);
    if (!same) throw new Error(`${name} is not what was stored`);
    say(`${name}: ${read.length} bytes, as they were stored`);
  }
  await album.removePhoto(buyer, 'sunset');
  say(`left: ${(await album.names()).join(', ')}`);
  await album.destroy(buyer);
  say('the album and its last photo are deleted');
}
