// The package of `move/` on a chain, and an object of its module `counter`.

import { Transaction } from '@mysten/sui/transactions';

import { chainOfTheFile, createdId, publishedId } from './chain.mjs';
import { compile } from './compile.mjs';

/** Publishes it: the ids of the package and of its upgrade capability, which the signer owns. */
export async function publishCounter(chain, signer) {
  const transaction = new Transaction();
  transaction.transferObjects([transaction.publish(await compile())], signer.toSuiAddress());
  const published = await chain.run(signer, transaction);
  return { pkg: publishedId(published), cap: createdId(published, '::package::UpgradeCap') };
}

/** The id of a new shared counter of a published package. */
export async function createCounter(chain, signer, pkg) {
  const transaction = new Transaction();
  transaction.moveCall({ target: `${pkg}::counter::create` });
  return createdId(await chain.run(signer, transaction), '::counter::Counter');
}

/** A chain for all tests of a file, with the package and a counter of a signer on it. */
export async function counterOfTheFile() {
  const chain = await chainOfTheFile();
  const signer = await chain.wallet();
  const { pkg, cap } = await publishCounter(chain, signer);
  const counter = await createCounter(chain, signer, pkg);
  return { chain, client: chain.client(), signer, owner: signer.toSuiAddress(), pkg, cap, counter };
}
