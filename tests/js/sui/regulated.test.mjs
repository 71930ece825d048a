// A regulated coin: who is denied cannot use it at once, and cannot receive it from the next epoch on.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Transaction } from '@mysten/sui/transactions';

import { chainOfTheFile, createdId, publishedId } from './chain.mjs';
import { compile } from './compile.mjs';

const chain = await chainOfTheFile();
const client = chain.client();
const issuer = await chain.wallet();
const publish = new Transaction();
publish.transferObjects([publish.publish(await compile())], issuer.toSuiAddress());
const published = await chain.run(issuer, publish);
const type = `${publishedId(published)}::iron::IRON`;
const cap = createdId(published, `::coin::DenyCapV2<${type}>`);
const reserve = createdId(published, `::coin::Coin<${type}>`);

const regulate = (name, ...rest) => {
  const transaction = new Transaction();
  transaction.moveCall({
    target: `0x2::coin::${name}`,
    typeArguments: [type],
    arguments: [
      transaction.object.denyList(),
      transaction.object(cap),
      ...rest.map((address) => transaction.pure.address(address)),
    ],
  });
  return chain.run(issuer, transaction);
};

const give = (recipient, from = issuer, coin = reserve) => {
  const transaction = new Transaction();
  transaction.transferObjects([transaction.splitCoins(transaction.object(coin), [1])[0]], recipient);
  return chain.run(from, transaction);
};

const nextEpoch = () => fetch(new URL('/control/epoch', chain.faucetUrl), { method: 'POST' });

/** The error that building the transaction ends with, or executing it. */
const refusal = (promise) => promise.then(assert.fail, (error) => error);

test('a denied address cannot use its coins at once, nor receive any in the next epoch', async () => {
  const holder = await chain.wallet();
  const address = holder.toSuiAddress();
  await give(address);
  const { objects } = await client.listCoins({ owner: address, coinType: type });
  await regulate('deny_list_v2_add', address);

  const refused = await refusal(give(issuer.toSuiAddress(), holder, objects[0].objectId));
  assert.match(refused.message, /denied/);
  await give(address);

  await nextEpoch();
  const { executionError } = await refusal(give(address));
  assert.equal(executionError.$kind, 'CoinDenyListError');
  assert.equal(executionError.CoinDenyListError.address, address);
  assert.equal(executionError.CoinDenyListError.coinType, type);
  await give((await chain.wallet()).toSuiAddress());

  await regulate('deny_list_v2_remove', address);
  await nextEpoch();
  await give(address);
});

test('a pause holds everybody back', async () => {
  const recipient = (await chain.wallet()).toSuiAddress();
  await regulate('deny_list_v2_enable_global_pause');
  assert.match((await refusal(give(recipient))).message, /denied|paused/);
  await nextEpoch();
  await regulate('deny_list_v2_disable_global_pause');
  const { executionError } = await refusal(give(recipient));
  assert.equal(executionError.$kind, 'CoinDenyListError');
  await nextEpoch();
  await give(recipient);
});
