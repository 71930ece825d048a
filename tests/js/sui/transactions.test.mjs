// The transaction builder itself: what is written down, read back, extended; and what the other services say.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { bcs } from '@mysten/sui/bcs';
import { Arguments, Transaction, TransactionCommands, isTransaction } from '@mysten/sui/transactions';
import { parseTransactionBcs, parseTransactionEffectsBcs } from '@mysten/sui/client';

import { EVERYTHING, createdId, nobody, payment } from './chain.mjs';
import { counterOfTheFile } from './counter.mjs';

const { chain, client, signer, owner, pkg, counter } = await counterOfTheFile();

test('a transaction is written down and read back before and after it is resolved', async () => {
  const transaction = payment();
  assert.ok(isTransaction(transaction));
  assert.equal(transaction.isPreparedForSerialization(), true);
  assert.equal(transaction.isFullyResolved(), false);
  const draft = Transaction.from(transaction.serialize());
  draft.setSenderIfNotSet(owner);
  draft.setGasBudgetIfNotSet(10_000_000);
  const bytes = await draft.build({ client });
  const resolved = Transaction.from(bytes);
  assert.equal(resolved.isFullyResolved(), true);
  assert.deepEqual(await resolved.build(), bytes);
  const again = Transaction.from(await resolved.toJSON());
  assert.equal(await again.getDigest(), await resolved.getDigest());
  assert.deepEqual(parseTransactionBcs(bytes).sender, owner);
  const { signature } = await signer.signTransaction(bytes);
  const done = await client.executeTransaction({ transaction: bytes, signatures: [signature], include: EVERYTHING });
  const effects = parseTransactionEffectsBcs(done.Transaction.effects.bcs);
  assert.equal(effects.transactionDigest, done.Transaction.digest);
  assert.deepEqual(
    effects.changedObjects.map(({ objectId }) => objectId).sort(),
    done.Transaction.effects.changedObjects.map(({ objectId }) => objectId).sort(),
  );
});

test('every pure type arrives as its value', async () => {
  const transaction = new Transaction();
  const value = (type, argument) =>
    transaction.moveCall({ target: '0x1::option::some', typeArguments: [type], arguments: [argument] });
  const cases = [
    ['u8', transaction.pure.u8(1), bcs.u8(), 1],
    ['u16', transaction.pure.u16(2), bcs.u16(), 2],
    ['u32', transaction.pure.u32(3), bcs.u32(), 3],
    ['u64', transaction.pure.u64(4n), bcs.u64(), '4'],
    ['u128', transaction.pure.u128(5n), bcs.u128(), '5'],
    ['u256', transaction.pure.u256(6n), bcs.u256(), '6'],
    ['bool', transaction.pure.bool(true), bcs.bool(), true],
    ['address', transaction.pure.address(owner), bcs.Address, owner],
    ['0x2::object::ID', transaction.pure.id(counter), bcs.Address, counter],
    ['0x1::string::String', transaction.pure.string('ä'), bcs.string(), 'ä'],
    ['vector<u64>', transaction.pure.vector('u64', [1n, 2n]), bcs.vector(bcs.u64()), ['1', '2']],
    ['0x1::option::Option<u8>', transaction.pure.option('u8', null), bcs.option(bcs.u8()), null],
    ['vector<vector<u8>>', transaction.pure('vector<vector<u8>>', [[1], []]), bcs.vector(bcs.vector(bcs.u8())), [[1], []]],
  ];
  for (const [type, argument] of cases) value(type, argument);
  transaction.setSender(owner);
  const result = await client.simulateTransaction({ transaction, include: { commandResults: true } });
  cases.forEach(([type, , schema, expected], index) => {
    const [some] = bcs.vector(schema).parse(result.commandResults[index].returnValues[0].bcs);
    assert.deepEqual(some, expected, type);
  });
});

test('arguments, commands, objects and plugins of every form are accepted', async () => {
  const transaction = new Transaction();
  transaction.add((inner) => inner.moveCall({ target: `${pkg}::counter::increment`, arguments: [inner.object(counter), inner.pure.u64(1)] }));
  transaction.moveCall({ target: `${pkg}::counter::stamp`, arguments: [Arguments.object(counter), Arguments.object.clock()] });
  transaction.add(
    TransactionCommands.MoveCall({ package: pkg, module: 'counter', function: 'value', arguments: [transaction.object(counter)] }),
  );
  const item = transaction.moveCall({
    target: `${pkg}::counter::item`,
    arguments: [transaction.pure.u8(1), transaction.pure.string('x')],
  });
  const some = transaction.object.option({ type: `${pkg}::counter::Item`, value: item })(transaction);
  const taken = transaction.moveCall({
    target: '0x1::option::destroy_some',
    typeArguments: [`${pkg}::counter::Item`],
    arguments: [some],
  });
  transaction.transferObjects([taken], owner);
  const seen = [];
  transaction.addBuildPlugin(async (data, _options, next) => {
    seen.push(data.commands.length);
    await next();
  });
  transaction.addSerializationPlugin(async (_data, _options, next) => {
    seen.push('serialized');
    await next();
  });
  transaction.addIntentResolver('Twice', async (data, _options, next) => {
    for (const [index, command] of data.commands.entries()) {
      if (command.$kind !== '$Intent' || command.$Intent.name !== 'Twice') continue;
      const increment = TransactionCommands.MoveCall({ target: `${pkg}::counter::increment`, arguments: Object.values(command.$Intent.inputs) });
      data.replaceCommand(index, [increment, increment]);
    }
    await next();
  });
  transaction.add(
    TransactionCommands.Intent({ name: 'Twice', inputs: { counter: transaction.object(counter), by: transaction.pure.u64(10) }, data: {} }),
  );
  const done = await chain.run(signer, transaction);
  assert.ok(seen.includes('serialized') && seen.length >= 2);
  assert.deepEqual(done.events.map(({ bcs: bytes }) => bytes.at(-8)), [1, 11, 21]);
});

test('a receiving reference can be given by hand', async () => {
  const make = new Transaction();
  make.moveCall({ target: `${pkg}::counter::shelf` });
  const shelf = createdId(await chain.run(signer, make), '::counter::Shelf');
  const send = new Transaction();
  const item = send.moveCall({ target: `${pkg}::counter::item`, arguments: [send.pure.u8(9), send.pure.string('ax')] });
  send.transferObjects([item], shelf);
  const sent = createdId(await chain.run(signer, send), '::counter::Item');
  const { object } = await client.getObject({ objectId: sent });
  const take = new Transaction();
  const ref = { objectId: sent, version: object.version, digest: object.digest };
  const back = take.moveCall({ target: `${pkg}::counter::take`, arguments: [take.object(shelf), take.receivingRef(ref)] });
  take.transferObjects([back], owner);
  await chain.run(signer, take);
});

test('an inspection needs no gas and no rights', async () => {
  const transaction = payment();
  transaction.setSender(nobody());
  const result = await client.simulateTransaction({ transaction, checksEnabled: false, include: { effects: true } });
  assert.equal(result.Transaction.status.success, true);
});

test('an extension of the client is the client and more', async () => {
  const extended = client.$extend({ name: 'height', register: (inner) => ({
    get: async () => (await inner.ledgerService.getServiceInfo({})).response.checkpointHeight,
  }) });
  assert.ok((await extended.height.get()) > 0n);
  assert.equal((await extended.getReferenceGasPrice()).referenceGasPrice, '1000');
});

test('transactions and events are followed as they happen', async () => {
  for (const [method, item] of [['subscribeTransactions', 'transaction'], ['subscribeEvents', 'event']]) {
    const abort = new AbortController();
    const call = client.subscriptionService[method](
      { readMask: { paths: method === 'subscribeEvents' ? ['event_type', 'transaction_digest'] : ['digest'] } },
      { abort: abort.signal },
    );
    const ready = new Transaction();
    ready.moveCall({ target: `${pkg}::counter::increment`, arguments: [ready.object(counter), ready.pure.u64(1)] });
    let sent;
    try {
      // The headers say that the subscription stands.
      await call.headers;
      sent = await chain.run(signer, ready);
      for await (const frame of call.responses) {
        const digest = frame[item]?.digest ?? frame[item]?.transactionDigest;
        if (digest === sent.digest) break;
      }
    } finally {
      abort.abort();
    }
  }
});

test('ledger services are there in full', async () => {
  const { response: info } = await client.ledgerService.getServiceInfo({});
  assert.equal(info.chainId, chain.chainId);
  const done = await chain.run(signer, payment());
  const { response: object } = await client.ledgerService.getObject({ objectId: '0x6', readMask: { paths: ['version'] } });
  assert.ok(object.object.version > 1n);
  const { response: batch } = await client.ledgerService.batchGetTransactions({
    digests: [done.digest, '1'.repeat(32)],
    readMask: { paths: ['digest'] },
  });
  assert.deepEqual(batch.transactions.map(({ result }) => result.oneofKind), ['transaction', 'error']);
  const numbers = [];
  for await (const frame of client.ledgerService.listCheckpoints({ options: { limit: 3 }, readMask: { paths: ['sequence_number'] } }).responses) {
    if (frame.checkpoint) numbers.push(frame.checkpoint.sequenceNumber);
  }
  assert.deepEqual(numbers, [0n, 1n, 2n]);
  const { response: epoch } = await client.ledgerService.getEpoch({ readMask: { paths: ['epoch', 'committee'] } });
  assert.equal(epoch.epoch.committee.members.length, 1);
});

/** What a function of the system state returns. */
async function systemState(name, object) {
  const transaction = new Transaction();
  transaction.moveCall({ target: `0x3::sui_system::${name}`, arguments: [object(transaction)] });
  transaction.setSender(owner);
  const result = await client.simulateTransaction({ transaction, include: { commandResults: true } });
  return bcs.u64().parse(result.commandResults[0].returnValues[0].bcs);
}

test('the system state is where every client looks for it', async () => {
  assert.equal(await systemState('epoch', (t) => t.object.system()), '0');
  assert.equal(await systemState('reference_gas_price', (t) => t.object.system({ mutable: false })), '1000');
  const transaction = payment();
  transaction.moveCall({ target: '0x3::sui_system::protocol_version', arguments: [transaction.object.system({ mutable: false })] });
  const done = await chain.run(signer, transaction);
  const { SharedObject } = done.transaction.inputs.find((one) => one.Object?.SharedObject).Object;
  assert.equal(SharedObject.mutable, false);
  assert.equal(SharedObject.initialSharedVersion, '1');
  // Without `mutable` the package compares the version that it wrote as a number with the string that every server's answer
  // becomes, until the transaction was written down and read back.
  const plain = payment();
  plain.moveCall({ target: '0x3::sui_system::protocol_version', arguments: [plain.object.system()] });
  await chain.run(signer, Transaction.from(plain.serialize()));
  const { object } = await client.getObject({ objectId: '0x5', include: { json: true } });
  assert.match(object.type, /^0x0*3::sui_system::SuiSystemState$/);
  assert.equal(object.json.version, '1');
  const { dynamicFields } = await client.listDynamicFields({ parentId: '0x5' });
  assert.equal(dynamicFields.length, 1);

  const { response } = await client.movePackageService.getDatatype({ packageId: '0x3', moduleName: 'staking_pool', name: 'StakedSui' });
  assert.deepEqual(response.datatype.fields.map(({ name }) => name), ['id', 'pool_id', 'stake_activation_epoch', 'principal']);
  const staked = await client.listOwnedObjects({ owner, type: '0x3::staking_pool::StakedSui' });
  assert.deepEqual(staked.objects, []);
});

test('a later epoch expires what was made for an earlier one', async () => {
  const control = async (path, body) => {
    const response = await fetch(new URL(`/control/${path}`, chain.faucetUrl), { method: 'POST', body: JSON.stringify(body ?? {}) });
    assert.ok(response.ok);
    return response.json();
  };
  const transaction = payment();
  transaction.setSender(owner);
  transaction.setExpiration({ Epoch: 0 });
  const bytes = await transaction.build({ client });
  const { signature } = await signer.signTransaction(bytes);
  assert.equal((await control('epoch')).epoch, 1);
  await assert.rejects(client.executeTransaction({ transaction: bytes, signatures: [signature] }), (error) => {
    assert.equal(error.code, 'INVALID_ARGUMENT');
    assert.match(error.message, /expir/i);
    return true;
  });
  assert.equal((await client.getCurrentSystemState()).systemState.epoch, '1');
  assert.equal(await systemState('epoch', (t) => t.object.system()), '1');
  const { response } = await client.ledgerService.getEpoch({ epoch: 0n, readMask: { paths: ['last_checkpoint', 'end'] } });
  assert.ok(response.epoch.lastCheckpoint > 0n);
  const before = await control('clock', { advanceMs: 86_400_000 });
  const done = await chain.run(signer, payment());
  assert.ok(done.timestampMs >= before.timestampMs);
  assert.equal(done.epoch, '1');
});
