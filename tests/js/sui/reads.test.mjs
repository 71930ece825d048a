// Reading: objects, fields, transactions, events, checkpoints, the chain itself.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { bcs } from '@mysten/sui/bcs';
import { Transaction } from '@mysten/sui/transactions';
import { deriveDynamicFieldID, normalizeStructTag } from '@mysten/sui/utils';

import { EVERYTHING, nobody } from './chain.mjs';
import { counterOfTheFile } from './counter.mjs';

const STRING = normalizeStructTag('0x1::string::String');
const ITEMS = 7;

const { chain, client, signer, owner, pkg, counter } = await counterOfTheFile();
const filled = await fillCounter();

async function fillCounter() {
  const fill = new Transaction();
  const item = (weight) =>
    fill.moveCall({ target: `${pkg}::counter::item`, arguments: [fill.pure.u8(weight), fill.pure.string(`item ${weight}`)] });
  for (let index = 0; index < ITEMS; index += 1) {
    fill.moveCall({
      target: `${pkg}::counter::label`,
      arguments: [fill.object(counter), fill.pure.u64(index), fill.pure.string(`label ${index}`)],
    });
    fill.moveCall({
      target: `${pkg}::counter::attach`,
      arguments: [fill.object(counter), fill.pure.string(`key ${index}`), item(index)],
    });
  }
  fill.transferObjects(Array.from({ length: ITEMS }, (_, index) => item(100 + index)), owner);
  fill.moveCall({ target: `${pkg}::counter::increment`, arguments: [fill.object(counter), fill.pure.u64(1)] });
  fill.moveCall({ target: `${pkg}::counter::increment`, arguments: [fill.object(counter), fill.pure.u64(2)] });
  return chain.run(signer, fill);
}

/** All pages of a list; checks that cursor and `hasNextPage` agree. */
async function pages(list) {
  const all = [];
  let cursor = null;
  do {
    const page = await list(cursor);
    all.push(page);
    assert.equal(page.hasNextPage, page.cursor !== null);
    cursor = page.cursor;
  } while (cursor !== null);
  return all;
}

test('owned objects come page by page, filtered by type', async () => {
  const found = await pages((cursor) =>
    client.listOwnedObjects({ owner, type: `${pkg}::counter::Item`, limit: 3, cursor, include: { json: true } }),
  );
  assert.deepEqual(found.map(({ objects }) => objects.length), [3, 3, 1]);
  const items = found.flatMap(({ objects }) => objects);
  assert.equal(new Set(items.map(({ objectId }) => objectId)).size, ITEMS);
  assert.ok(items.every(({ type }) => type === `${pkg}::counter::Item`));
  assert.deepEqual(
    items.map(({ json }) => json.weight).sort(),
    Array.from({ length: ITEMS }, (_, index) => 100 + index),
  );
  const everything = (await pages((cursor) => client.listOwnedObjects({ owner, limit: 4, cursor })))
    .flatMap(({ objects }) => objects.map(({ type }) => type));
  assert.ok(everything.length > ITEMS && everything.some((type) => type.includes('::coin::TreasuryCap<')));
  await assert.rejects(
    client.listOwnedObjects({ owner: nobody(), cursor: found[0].cursor }),
    { code: 'INVALID_ARGUMENT' },
    'a cursor belongs to its query',
  );
});

test('dynamic fields and dynamic object fields come page by page', async () => {
  const found = await pages((cursor) =>
    client.listDynamicFields({ parentId: counter, limit: 5, cursor, include: { value: true } }),
  );
  assert.deepEqual(found.map(({ dynamicFields }) => dynamicFields.length), [5, 5, 4]);
  const fields = found.flatMap(({ dynamicFields }) => dynamicFields);
  const plain = fields.filter(({ $kind }) => $kind === 'DynamicField');
  assert.equal(plain.length, ITEMS);
  for (const field of plain) {
    const key = bcs.u64().parse(field.name.bcs);
    assert.equal(field.fieldId, deriveDynamicFieldID(counter, 'u64', field.name.bcs));
    assert.equal(field.name.type, 'u64');
    assert.equal(field.valueType, STRING);
    assert.equal(bcs.string().parse(field.value.bcs), `label ${key}`);
  }
  const objects = fields.filter(({ $kind }) => $kind === 'DynamicObject');
  assert.equal(objects.length, ITEMS);
  assert.ok(objects.every(({ name, valueType }) => name.type === STRING && valueType === `${pkg}::counter::Item`));
});

test('one field is found by its name', async () => {
  const { dynamicField } = await client.getDynamicField({
    parentId: counter,
    name: { type: 'u64', bcs: bcs.u64().serialize(3).toBytes() },
  });
  assert.equal(bcs.string().parse(dynamicField.value.bcs), 'label 3');
  const { object } = await client.getDynamicObjectField({
    parentId: counter,
    name: { type: '0x1::string::String', bcs: bcs.string().serialize('key 4').toBytes() },
    include: { json: true },
  });
  assert.equal(object.json.weight, 4);
  assert.equal(object.owner.$kind, 'ObjectOwner');
  await assert.rejects(
    client.getDynamicField({ parentId: counter, name: { type: 'u64', bcs: bcs.u64().serialize(99).toBytes() } }),
    { code: 'notExists' },
  );
});

test('objects come with everything, in batches beyond one request, and missing ones are told', async () => {
  const { objects } = await client.getObjects({
    objectIds: [counter, '0x6', '0x1234', pkg],
    include: { content: true, json: true, objectBcs: true, previousTransaction: true, display: true },
  });
  assert.equal(objects[0].owner.$kind, 'Shared');
  assert.equal(objects[0].json.id, counter);
  assert.equal(objects[0].previousTransaction, filled.digest);
  assert.equal(objects[0].display, null);
  const parsed = bcs.Object.parse(objects[0].objectBcs);
  assert.deepEqual([...parsed.data.Move.contents], [...objects[0].content]);
  assert.equal(objects[1].type, normalizeStructTag('0x2::clock::Clock'));
  assert.equal(objects[2].code, 'notExists');
  assert.equal(objects[2].reason, 'notFound');
  assert.equal(objects[3].type, 'package');
  const many = await client.getObjects({ objectIds: Array(120).fill(counter) });
  assert.ok(many.objects.every(({ objectId }) => objectId === counter));
});

test('a transaction is read as it was executed', async () => {
  const { Transaction: read } = await client.getTransaction({ digest: filled.digest, include: EVERYTHING });
  for (const part of ['digest', 'effects', 'events', 'balanceChanges', 'objectTypes', 'transaction', 'signatures']) {
    assert.deepEqual(read[part], filled[part], part);
  }
  assert.equal(Transaction.from(read.bcs).getData().sender, owner);
  const json = await client.getTransaction({ digest: filled.digest, include: { protoJson: true } });
  assert.equal(json.protoJson.digest, filled.digest);
  await assert.rejects(client.getTransaction({ digest: '11111111111111111111111111111111' }), { reason: 'notFound' });
});

test('waiting for a transaction returns it, or ends with the timeout', async () => {
  const waited = await client.waitForTransaction({ digest: filled.digest, include: { effects: true } });
  assert.deepEqual(waited.Transaction.effects, filled.effects);
  await assert.rejects(
    client.waitForTransaction({ digest: '11111111111111111111111111111111', timeout: 50, pollSchedule: [0, 20] }),
    { name: 'TimeoutError' },
  );
});

test('transactions are listed forwards and backwards, by sender and by what they call', async () => {
  const mine = { sender: owner };
  const forward = await client.listTransactions({ filter: mine, limit: 2 });
  assert.equal(forward.transactions.length, 2);
  assert.ok(forward.hasNextPage);
  const rest = await client.listTransactions({ filter: mine, limit: 50, after: forward.endCursor });
  const all = [...forward.transactions, ...rest.transactions].map((one) => (one.Transaction ?? one.FailedTransaction).digest);
  assert.equal(rest.hasNextPage, false);
  assert.equal(new Set(all).size, all.length);
  assert.ok(all.includes(filled.digest));
  const backward = await client.listTransactions({ filter: mine, limit: 50, order: 'descending' });
  const digests = backward.transactions.map((one) => (one.Transaction ?? one.FailedTransaction).digest);
  assert.deepEqual(digests.reverse(), all);
  const before = await client.listTransactions({ filter: mine, limit: 1, before: backward.startCursor });
  assert.equal((before.transactions[0].Transaction ?? before.transactions[0].FailedTransaction).digest, all.at(-2));
  for (const name of [pkg, `${pkg}::counter`]) {
    const { transactions } = await client.listTransactions({ filter: { function: name }, limit: 50 });
    assert.ok(transactions.some((one) => one.Transaction?.digest === filled.digest), name);
  }
  const calls = await client.listTransactions({ filter: { function: `${pkg}::counter::label` }, limit: 50 });
  assert.deepEqual(calls.transactions.map((one) => one.Transaction.digest), [filled.digest]);
});

test('events are listed by type, module and sender', async () => {
  const eventType = `${pkg}::counter::Incremented`;
  const filters = [{ eventType }, { eventType: `${pkg}::counter` }, { emitModule: `${pkg}::counter` }, { sender: owner }];
  for (const filter of filters) {
    const page = await client.listEvents({ filter, limit: 1 });
    assert.equal(page.events.length, 1);
    assert.equal(page.events[0].eventType, eventType);
    assert.equal(page.events[0].transactionDigest, filled.digest);
    assert.equal(page.events[0].json.by, '1');
    assert.ok(page.hasNextPage);
    const next = await client.listEvents({ filter, limit: 1, after: page.endCursor });
    assert.equal(next.events[0].json.by, '2');
    assert.equal(next.hasNextPage, false);
  }
  const none = await client.listEvents({ filter: { emitModule: `${pkg}::gold` } });
  assert.deepEqual([none.events, none.hasNextPage], [[], false]);
});

test('the chain says what it is', async () => {
  assert.equal((await client.getChainIdentifier()).chainIdentifier, chain.chainId);
  assert.equal((await client.getReferenceGasPrice()).referenceGasPrice, '1000');
  const { systemState } = await client.getCurrentSystemState();
  assert.equal(systemState.referenceGasPrice, '1000');
  assert.ok(Number(systemState.epochStartTimestampMs) > 0);
  for (const [name, value] of Object.entries(systemState)) assert.notEqual(value, null, name);
  const { protocolConfig } = await client.getProtocolConfig();
  assert.ok(Number(protocolConfig.protocolVersion) > 0);
  assert.equal(protocolConfig.attributes.max_tx_gas, '50000000000000');
});

test('names are not served, and their absence is told as the client expects', async () => {
  assert.equal((await client.resolveNameServiceAddress({ name: 'somebody.sui' })).address, null);
  await assert.rejects(client.defaultNameServiceName({ address: owner }), { code: 'NOT_FOUND' });
});

test('checkpoints are read and followed', async () => {
  const { response } = await client.ledgerService.getCheckpoint({
    checkpointId: { oneofKind: 'sequenceNumber', sequenceNumber: BigInt(filled.checkpoint) },
    readMask: { paths: ['sequence_number', 'digest', 'summary', 'contents', 'transactions.digest'] },
  });
  assert.ok(response.checkpoint.transactions.some(({ digest }) => digest === filled.digest));
  const abort = new AbortController();
  const stream = client.subscriptionService.subscribeCheckpoints(
    { readMask: { paths: ['sequence_number', 'transactions.digest'] } },
    { abort: abort.signal },
  );
  const transaction = new Transaction();
  transaction.transferObjects([transaction.splitCoins(transaction.gas, [1])[0]], owner);
  let sent;
  let last;
  try {
    for await (const { cursor, checkpoint } of stream.responses) {
      assert.equal(cursor, checkpoint.sequenceNumber);
      if (last !== undefined) assert.equal(cursor, last + 1n);
      last = cursor;
      sent ??= await chain.run(signer, transaction);
      if (checkpoint.transactions.some(({ digest }) => digest === sent.digest)) break;
    }
  } finally {
    abort.abort();
  }
});

test('both framings of gRPC-web are served', async () => {
  for (const format of ['text', 'binary']) {
    const one = chain.client({ format });
    assert.equal((await one.getObject({ objectId: counter })).object.objectId, counter);
    const { transactions } = await one.listTransactions({ filter: { sender: owner }, limit: 2 });
    assert.equal(transactions.length, 2, 'a stream as well');
  }
});

test('a deadline and an abort end a call with their own codes', async () => {
  await assert.rejects(client.getObject({ objectId: counter, signal: AbortSignal.abort() }), { code: 'CANCELLED' });
  const deadline = AbortSignal.timeout(1);
  await new Promise((resolve) => deadline.addEventListener('abort', resolve));
  await assert.rejects(client.getObject({ objectId: counter, signal: deadline }), { code: 'DEADLINE_EXCEEDED' });
});
