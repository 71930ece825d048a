// Coins: transfers, splitting and merging, selection of coins and gas, balances, address balances.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Transaction, coinWithBalance } from '@mysten/sui/transactions';
import { SUI_TYPE_ARG, normalizeStructTag } from '@mysten/sui/utils';

import { EVERYTHING, SUI, chainOfTheFile, createdId, nobody, publishedId } from './chain.mjs';
import { compile } from './compile.mjs';

const COIN = '::coin::Coin<0x0000000000000000000000000000000000000000000000000000000000000002::sui::SUI>';

const chain = await chainOfTheFile();
const client = chain.client();

const balanceOf = async (owner, coinType) => (await client.getBalance({ owner, coinType })).balance;

test('a transfer arrives, and sender, gas and amounts add up', async () => {
  const sender = await chain.wallet();
  const recipient = nobody();
  const transaction = new Transaction();
  const [coin] = transaction.splitCoins(transaction.gas, [3n * SUI]);
  transaction.transferObjects([coin], recipient);
  const done = await chain.run(sender, transaction);

  assert.equal((await balanceOf(recipient)).balance, String(3n * SUI));
  const { computationCost, storageCost, storageRebate } = done.effects.gasUsed;
  const gas = BigInt(computationCost) + BigInt(storageCost) - BigInt(storageRebate);
  assert.equal((await balanceOf(sender.toSuiAddress())).balance, String(17n * SUI - gas));
  const change = (address) => done.balanceChanges.find((one) => one.address === address).amount;
  assert.equal(change(recipient), String(3n * SUI));
  assert.equal(change(sender.toSuiAddress()), String(-3n * SUI - gas));
  assert.equal(done.transaction.sender, sender.toSuiAddress());
  assert.ok(done.checkpoint !== null && done.timestampMs > 0);
});

test('coins are split and merged again', async () => {
  const sender = await chain.wallet();
  const owner = sender.toSuiAddress();
  const split = new Transaction();
  const parts = split.splitCoins(split.gas, [1n, 2n, 3n]);
  split.transferObjects([parts[0], parts[1], parts[2]], owner);
  await chain.run(sender, split);
  const coins = (await client.listCoins({ owner })).objects;
  assert.deepEqual(coins.slice(1).map(({ balance }) => balance), ['3', '2', '1'], 'largest first');

  const merge = new Transaction();
  const [first, ...rest] = coins.slice(1).map(({ objectId }) => merge.object(objectId));
  merge.mergeCoins(first, rest);
  await chain.run(sender, merge);
  const merged = (await client.listCoins({ owner })).objects;
  assert.deepEqual(merged.slice(1).map(({ balance }) => balance), ['6']);
});

test('the whole gas coin can be sent away', async () => {
  const sender = await chain.wallet();
  const recipient = nobody();
  const transaction = new Transaction();
  transaction.transferObjects([transaction.gas], recipient);
  await chain.run(sender, transaction);
  assert.equal((await balanceOf(sender.toSuiAddress())).balance, '0');
  assert.ok(BigInt((await balanceOf(recipient)).balance) > 19n * SUI);
});

test('gas is paid with all coins when one is not enough', async () => {
  const sender = await chain.wallet({ coins: 3, mist: SUI });
  const recipient = nobody();
  const transaction = new Transaction();
  const [coin] = transaction.splitCoins(transaction.gas, [(5n * SUI) / 2n]);
  transaction.transferObjects([coin], recipient);
  const done = await chain.run(sender, transaction);
  assert.equal(done.transaction.gasData.payment.length, 3);
  assert.equal(done.effects.changedObjects.filter(({ idOperation }) => idOperation === 'Deleted').length, 2);
  assert.equal((await balanceOf(recipient)).balance, String((5n * SUI) / 2n));
});

test('a simulation says what a transaction costs and does, and changes nothing', async () => {
  const sender = await chain.wallet();
  const recipient = nobody();
  const transaction = new Transaction();
  const [coin] = transaction.splitCoins(transaction.gas, [SUI]);
  transaction.transferObjects([coin], recipient);
  transaction.setSender(sender.toSuiAddress());
  const result = await client.simulateTransaction({ transaction, include: { ...EVERYTHING, commandResults: true } });
  assert.equal(result.$kind, 'Transaction');
  assert.equal(result.commandResults.length, 2);
  assert.equal(result.commandResults[0].returnValues.length, 1);
  assert.equal((await balanceOf(recipient)).balance, '0');

  const bytes = await transaction.build({ client });
  const budget = BigInt(Transaction.from(bytes).getData().gasData.budget);
  const { computationCost, storageCost } = result.Transaction.effects.gasUsed;
  assert.ok(budget >= BigInt(computationCost) + BigInt(storageCost) - 988_000n, 'the estimate covers the cost');
  const dry = await client.simulateTransaction({ transaction: bytes, include: { effects: true } });
  assert.equal(dry.Transaction.status.success, true);
});

test('coinWithBalance takes SUI from the gas coin, and other coins from objects', async () => {
  const { modules, dependencies } = await compile();
  const sender = await chain.wallet();
  const owner = sender.toSuiAddress();
  const publish = new Transaction();
  publish.transferObjects([publish.publish({ modules, dependencies })], owner);
  const published = await chain.run(sender, publish);
  const type = `${publishedId(published)}::gold::GOLD`;
  const recipient = nobody();

  // Two coins of gold, of which neither is enough alone.
  const split = new Transaction();
  const whole = createdId(published, `::coin::Coin<${type}>`);
  split.transferObjects([split.splitCoins(split.object(whole), [400_000])[0]], owner);
  await chain.run(sender, split);

  const transaction = new Transaction();
  transaction.transferObjects(
    [
      coinWithBalance({ balance: 700_000, type }),
      coinWithBalance({ balance: SUI }),
      coinWithBalance({ balance: 0, type }),
      transaction.coin({ balance: 250_000, type }),
    ],
    recipient,
  );
  await chain.run(sender, transaction);
  assert.equal((await balanceOf(recipient, type)).balance, '950000');
  assert.equal((await balanceOf(recipient)).balance, String(SUI));
  assert.equal((await balanceOf(owner, type)).balance, '50000');

  const { balances } = await client.listBalances({ owner: recipient });
  assert.deepEqual(
    new Map(balances.map(({ coinType, balance }) => [normalizeStructTag(coinType), balance])),
    new Map([[normalizeStructTag(type), '950000'], [normalizeStructTag(SUI_TYPE_ARG), String(SUI)]]),
  );
  const { coinMetadata } = await client.getCoinMetadata({ coinType: type });
  assert.deepEqual(
    { decimals: coinMetadata.decimals, symbol: coinMetadata.symbol, name: coinMetadata.name },
    { decimals: 3, symbol: 'GLD', name: 'Gold' },
  );
  const tooMuch = new Transaction();
  tooMuch.setSender(owner);
  tooMuch.transferObjects([coinWithBalance({ balance: 60_000, type })], recipient);
  await assert.rejects(tooMuch.build({ client }), /Insufficient balance/);
});

test('SUI moves into an address balance, is spent from there, and pays for gas', async () => {
  const sender = await chain.wallet();
  const owner = sender.toSuiAddress();
  const deposit = new Transaction();
  deposit.moveCall({
    target: '0x2::coin::send_funds',
    typeArguments: [SUI_TYPE_ARG],
    arguments: [deposit.splitCoins(deposit.gas, [5n * SUI])[0], deposit.pure.address(owner)],
  });
  await chain.run(sender, deposit);
  const held = await balanceOf(owner);
  assert.equal(held.addressBalance, String(5n * SUI));
  assert.equal(BigInt(held.balance), BigInt(held.coinBalance) + 5n * SUI);

  const recipient = nobody();
  const spend = new Transaction();
  spend.transferObjects([coinWithBalance({ balance: SUI, useGasCoin: false })], recipient);
  await chain.run(sender, spend);
  assert.equal((await balanceOf(recipient)).balance, String(SUI));
  const left = BigInt((await balanceOf(owner)).addressBalance);
  assert.ok(left < 4n * SUI, 'gas comes out of it as well when no command uses the gas coin');

  // Withdrawn explicitly, and gas paid without any coin.
  const withdraw = new Transaction();
  const coin = withdraw.moveCall({
    target: '0x2::coin::redeem_funds',
    typeArguments: [SUI_TYPE_ARG],
    arguments: [withdraw.withdrawal({ amount: SUI })],
  });
  withdraw.transferObjects([coin], recipient);
  withdraw.setGasPayment([]);
  const done = await chain.run(sender, withdraw);
  assert.equal(done.transaction.gasData.payment.length, 0);
  assert.equal(done.effects.gasObject, null);
  assert.equal((await balanceOf(recipient)).balance, String(2n * SUI));
  const { computationCost, storageCost, storageRebate } = done.effects.gasUsed;
  const gas = BigInt(computationCost) + BigInt(storageCost) - BigInt(storageRebate);
  assert.equal((await balanceOf(owner)).addressBalance, String(left - SUI - gas));

  // A balance instead of a coin.
  const balance = new Transaction();
  balance.moveCall({
    target: '0x2::balance::send_funds',
    typeArguments: [SUI_TYPE_ARG],
    arguments: [balance.balance({ balance: SUI }), balance.pure.address(recipient)],
  });
  await chain.run(sender, balance);
  assert.equal((await balanceOf(recipient)).addressBalance, String(SUI));
});

test('everything can be sent to an address balance, gas coin included', async () => {
  const sender = await chain.wallet();
  const owner = sender.toSuiAddress();
  const all = new Transaction();
  all.moveCall({
    target: '0x2::coin::send_funds',
    typeArguments: [SUI_TYPE_ARG],
    arguments: [all.gas, all.pure.address(owner)],
  });
  await chain.run(sender, all);
  const held = await balanceOf(owner);
  assert.equal(held.coinBalance, '0');
  assert.ok(BigInt(held.addressBalance) > 19n * SUI);

  // The gas coin is then made of the address balance (a coin reservation).
  const recipient = nobody();
  const spend = new Transaction();
  spend.transferObjects([spend.splitCoins(spend.gas, [SUI])[0]], recipient);
  await chain.run(sender, spend);
  assert.equal((await balanceOf(recipient)).balance, String(SUI));
});

test('coins are listed page by page', async () => {
  const sender = await chain.wallet({ coins: 7, mist: SUI });
  const owner = sender.toSuiAddress();
  const seen = [];
  let cursor = null;
  let pages = 0;
  do {
    const page = await client.listCoins({ owner, limit: 3, cursor });
    seen.push(...page.objects.map(({ objectId }) => objectId));
    assert.equal(page.hasNextPage, page.cursor !== null);
    cursor = page.cursor;
    pages += 1;
  } while (cursor);
  assert.equal(pages, 3);
  assert.equal(new Set(seen).size, 7);
  const { objects } = await client.getObjects({ objectIds: seen });
  assert.ok(objects.every(({ type }) => type.endsWith(COIN)));
});
