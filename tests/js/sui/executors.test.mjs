// The executors that keep owned objects in a cache: one transaction after the other, and many at once.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ParallelTransactionExecutor, SerialTransactionExecutor, Transaction } from '@mysten/sui/transactions';

import { SUI, chainOfTheFile, nobody, payment } from './chain.mjs';

const COUNT = 12;

const chain = await chainOfTheFile();
const client = chain.client();

async function executeAll(executor, recipient) {
  const results = await Promise.all(
    Array.from({ length: COUNT }, () => executor.executeTransaction(payment({ recipient, amount: SUI / 100n }), { effects: true })),
  );
  await executor.waitForLastTransaction?.();
  assert.ok(results.every((result) => (result.Transaction ?? result.effects) !== undefined));
  const { balance } = await client.getBalance({ owner: recipient });
  assert.equal(balance.balance, String((BigInt(COUNT) * SUI) / 100n));
}

test('one after the other', async () => {
  const signer = await chain.wallet();
  await executeAll(new SerialTransactionExecutor({ client, signer }), nobody());
});

test('many at once, from a pool of gas coins', async () => {
  const signer = await chain.wallet({ coins: 3 });
  const executor = new ParallelTransactionExecutor({ client, signer, maxPoolSize: 4 });
  await executeAll(executor, nobody());
});

test('many at once, paid from an address balance', async () => {
  const signer = await chain.wallet();
  const owner = signer.toSuiAddress();
  const deposit = new Transaction();
  deposit.moveCall({
    target: '0x2::coin::send_funds',
    typeArguments: ['0x2::sui::SUI'],
    arguments: [deposit.splitCoins(deposit.gas, [10n * SUI])[0], deposit.pure.address(owner)],
  });
  await chain.run(signer, deposit);
  const executor = new ParallelTransactionExecutor({ client, signer, gasMode: 'addressBalance' });
  const recipient = nobody();
  const send = () => {
    const transaction = new Transaction();
    transaction.setSender(owner);
    transaction.moveCall({
      target: '0x2::balance::send_funds',
      typeArguments: ['0x2::sui::SUI'],
      arguments: [transaction.balance({ balance: SUI / 100n, useGasCoin: false }), transaction.pure.address(recipient)],
    });
    return transaction;
  };
  await Promise.all(Array.from({ length: COUNT }, () => executor.executeTransaction(send())));
  const { balance } = await client.getBalance({ owner: recipient });
  assert.equal(balance.addressBalance, String((BigInt(COUNT) * SUI) / 100n));
});
