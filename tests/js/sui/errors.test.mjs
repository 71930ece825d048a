// What goes wrong for users arrives as the client's own kinds of errors.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ObjectError, SimulationError } from '@mysten/sui/client';
import { Ed25519Keypair } from '@mysten/sui/keypairs/ed25519';
import { Transaction } from '@mysten/sui/transactions';

import { SUI, nobody, payment } from './chain.mjs';
import { counterOfTheFile } from './counter.mjs';

const { chain, client, signer, owner, pkg, counter } = await counterOfTheFile();

function call(name) {
  const transaction = new Transaction();
  transaction.moveCall({ target: `${pkg}::counter::${name}`, arguments: [transaction.object(counter)] });
  transaction.setSender(owner);
  return transaction;
}

/** Builds with a given budget, so that none is estimated, and executes. */
async function execute(transaction, key = signer) {
  transaction.setGasBudget(50_000_000);
  const { bytes, signature } = await transaction.sign({ signer: key, client });
  return client.executeTransaction({
    transaction: Buffer.from(bytes, 'base64'),
    signatures: [signature],
    include: { effects: true },
  });
}

test('an abort has its code and its place, while building and when executed', async () => {
  const error = await call('fail_plain').build({ client }).then(assert.fail, (caught) => caught);
  assert.ok(error instanceof SimulationError, error.stack);
  assert.equal(error.executionError.$kind, 'MoveAbort');
  const check = ({ MoveAbort: abort, command }) => {
    assert.equal(command, 0);
    assert.equal(abort.abortCode, '7');
    assert.equal(abort.location.package, pkg);
    assert.equal(abort.location.module, 'counter');
    assert.equal(abort.location.functionName, 'fail_plain');
  };
  check(error.executionError);
  assert.match(error.message, /abort code: 7, in '0x[0-9a-f]{64}::counter::fail_plain'/);

  // Executed all the same: nothing is left to resolve, so nothing is simulated.
  const { object } = await client.getObject({ objectId: counter });
  const failing = new Transaction();
  const shared = failing.sharedObjectRef({
    objectId: counter,
    initialSharedVersion: object.owner.Shared.initialSharedVersion,
    mutable: true,
  });
  failing.moveCall({ target: `${pkg}::counter::fail_plain`, arguments: [shared] });
  failing.setSender(owner);
  failing.setGasPrice(1000);
  failing.setGasPayment((await client.listCoins({ owner })).objects.slice(0, 1));
  const result = await execute(failing);
  assert.equal(result.$kind, 'FailedTransaction');
  check(result.FailedTransaction.status.error);
  assert.equal(result.FailedTransaction.effects.status.success, false);
  await client.waitForTransaction({ result });
});

test('an abort with words says them', async () => {
  const error = await call('fail_with_words').build({ client }).then(assert.fail, (caught) => caught);
  const { cleverError } = error.executionError.MoveAbort;
  assert.equal(cleverError.constantName, 'ETooHigh');
  assert.equal(cleverError.value, 'the counter is too high');
  assert.ok(cleverError.lineNumber > 0);
  assert.match(error.message, /the counter is too high/);
});

test('too little gas is told before and after execution', async () => {
  const poor = new Ed25519Keypair();
  const broke = payment({ sender: owner });
  broke.setSender(poor.toSuiAddress());
  await assert.rejects(broke.build({ client }), (error) => {
    assert.ok(error instanceof SimulationError, error.stack);
    assert.match(error.message, /gas/i);
    return true;
  });

  // The budget is above the balance of the coins.
  await chain.fund(poor.toSuiAddress(), { mist: 1_000_000n });
  const greedy = payment({ sender: owner });
  greedy.setSender(poor.toSuiAddress());
  greedy.setGasPayment((await client.listCoins({ owner: poor.toSuiAddress() })).objects);
  await assert.rejects(execute(greedy, poor), /balance/i);

  // The budget does not cover the cost: executed, failed, charged.
  const rich = await chain.wallet();
  const tight = payment({ sender: owner });
  tight.setSender(rich.toSuiAddress());
  tight.setGasPayment((await client.listCoins({ owner: rich.toSuiAddress() })).objects);
  tight.setGasPrice(1000);
  tight.setGasBudget(1_000_000);
  const { bytes, signature } = await tight.sign({ signer: rich });
  const result = await client.executeTransaction({
    transaction: Buffer.from(bytes, 'base64'),
    signatures: [signature],
    include: { effects: true },
  });
  assert.match(result.FailedTransaction.status.error.message, /InsufficientGas|insufficient gas/i);
  assert.equal(result.FailedTransaction.effects.gasUsed.computationCost, '1000000');

  await assert.rejects(payment({ amount: 10_000n * SUI, sender: owner }).build({ client }), (error) => {
    assert.ok(error instanceof SimulationError);
    assert.match(error.message, /InsufficientCoinBalance|insufficient/i);
    return true;
  });
});

test('a stale version of an object is refused, and the reason names the object', async () => {
  const holder = await chain.wallet({ coins: 2 });
  const { objects } = await client.listCoins({ owner: holder.toSuiAddress() });
  const stale = objects[1];
  const touch = new Transaction();
  touch.transferObjects([touch.object(stale.objectId)], holder.toSuiAddress());
  touch.setGasPayment([objects[0]]);
  await chain.run(holder, touch);
  const gas = (await client.listCoins({ owner: holder.toSuiAddress() })).objects.find(
    ({ objectId }) => objectId !== stale.objectId,
  );

  const late = new Transaction();
  late.transferObjects([late.objectRef(stale)], nobody());
  late.setSender(holder.toSuiAddress());
  late.setGasPayment([gas]);
  late.setGasBudget(10_000_000);
  late.setGasPrice(1000);
  const { bytes, signature } = await late.sign({ signer: holder });
  await assert.rejects(
    client.executeTransaction({ transaction: Buffer.from(bytes, 'base64'), signatures: [signature] }),
    (error) => {
      assert.equal(error.code, 'INVALID_ARGUMENT');
      assert.ok(error.message.includes(stale.objectId), error.message);
      return true;
    },
  );
});

test('an expired transaction is refused', async () => {
  const transaction = payment({ sender: owner });
  transaction.setExpiration({
    ValidDuring: {
      minEpoch: '7',
      maxEpoch: '7',
      minTimestamp: null,
      maxTimestamp: null,
      chain: chain.chainId,
      nonce: 1,
    },
  });
  transaction.setGasPayment((await client.listCoins({ owner })).objects.slice(0, 1));
  await assert.rejects(execute(transaction), (error) => {
    assert.match(error.message, /epoch|expir/i);
    return true;
  });
});

test('objects, functions and packages that are not there are told apart', async () => {
  const missing = await client.getObject({ objectId: '0x1234' }).then(assert.fail, (caught) => caught);
  assert.ok(missing instanceof ObjectError);
  assert.deepEqual([missing.code, missing.reason], ['notExists', 'notFound']);

  const cases = [
    [(t) => t.moveCall({ target: `${pkg}::counter::nothing` }), /nothing/],
    [(t) => t.moveCall({ target: `0x1234::counter::create` }), /0x0*1234/],
    [(t) => t.transferObjects([t.object('0x1234')], owner), /0x0*1234/],
    [(t) => t.moveCall({ target: `${pkg}::counter::value`, arguments: [t.object('0x6')] }), /TypeMismatch/],
    [(t) => t.moveCall({ target: `${pkg}::counter::value`, arguments: [] }), /ArityMismatch|arguments/],
  ];
  for (const [build, message] of cases) {
    const transaction = new Transaction();
    build(transaction);
    transaction.setSender(owner);
    await assert.rejects(transaction.build({ client }), (error) => {
      assert.ok(error instanceof SimulationError, error.stack);
      assert.match(error.message, message);
      return true;
    });
  }
});

test('the object of another is refused', async () => {
  const other = await chain.wallet();
  const theirs = (await client.listCoins({ owner: other.toSuiAddress() })).objects[0];
  const transaction = new Transaction();
  transaction.transferObjects([transaction.objectRef(theirs)], owner);
  transaction.setSender(owner);
  await assert.rejects(execute(transaction), /owner|owned/i);
});

test('the same transaction twice is one transaction', async () => {
  const transaction = payment({ sender: owner });
  const bytes = await transaction.build({ client });
  const { signature } = await signer.signTransaction(bytes);
  const once = await client.executeTransaction({ transaction: bytes, signatures: [signature] });
  const twice = await client.executeTransaction({ transaction: bytes, signatures: [signature] });
  assert.deepEqual(twice, once);
});
