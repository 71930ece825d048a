// The generated services under the client, one call each, and the helpers that stand beside the client.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { bcs } from '@mysten/sui/bcs';
import {
  BaseClient, ClientCache, CoreClient, SuiClientError, TransactionError, extractStatusFromEffectsBcs, formatMoveAbortMessage,
} from '@mysten/sui/client';
import { FaucetRateLimitError, getFaucetHost, requestSuiFromFaucetV2 } from '@mysten/sui/faucet';
import {
  GrpcCoreClient, GrpcStatusCode, GrpcTypes, GrpcWebFetchTransport, RpcError, isSuiGrpcClient,
  parseGrpcSimulateTransactionResponse, parseGrpcTransactionResponse,
} from '@mysten/sui/grpc';
import { MultiSigPublicKey, MultiSigSigner, parsePartialSignatures } from '@mysten/sui/multisig';
import {
  AsyncCache, ObjectCache, Transaction, TransactionDataBuilder, getPureBcsSchema, isArgument,
  normalizedTypeToMoveTypeSignature,
} from '@mysten/sui/transactions';
import { SUI_TYPE_ARG, fromBase64, normalizeSuiAddress } from '@mysten/sui/utils';
import {
  isValidPersonalMessageSignature, isValidSignature, isValidTransactionSignature, publicKeyFromRawBytes,
  publicKeyFromSuiBytes, verifySignature,
} from '@mysten/sui/verify';

import { EVERYTHING, SUI, chainOfTheFile, nobody, payment } from './chain.mjs';

const chain = await chainOfTheFile();
const client = chain.client();
const signer = await chain.wallet();
const owner = signer.toSuiAddress();

async function signed() {
  const bytes = await payment({ sender: owner }).build({ client });
  return { bytes, signature: (await signer.signTransaction(bytes)).signature };
}

const bytesOf = (value) => ({ bcs: { value } });

test('transactions are executed and simulated through the service', async () => {
  const { bytes, signature } = await signed();
  const { response: simulated } = await client.transactionExecutionService.simulateTransaction({
    transaction: bytesOf(bytes),
    checks: 0,
  });
  assert.equal(simulated.transaction.effects.status.success, true);
  const parsed = parseGrpcSimulateTransactionResponse(simulated, { include: { effects: true } });
  assert.equal(parsed.Transaction.status.success, true);
  const { response: executed } = await client.transactionExecutionService.executeTransaction({
    transaction: bytesOf(bytes),
    signatures: [{ ...bytesOf(fromBase64(signature)), signature: { oneofKind: undefined } }],
    readMask: { paths: ['*'] },
  });
  const { Transaction: done } = parseGrpcTransactionResponse(executed.transaction, { include: EVERYTHING });
  assert.deepEqual(extractStatusFromEffectsBcs(done.effects.bcs), { success: true, error: null });
  const { response: read } = await client.ledgerService.getTransaction({ digest: done.digest, readMask: { paths: ['*'] } });
  assert.equal(read.transaction.checkpoint, executed.transaction.checkpoint);
  const { response: objects } = await client.ledgerService.batchGetObjects({
    requests: [{ objectId: '0x6' }, { objectId: '0x1234' }],
    readMask: { paths: ['object_id'] },
  });
  assert.deepEqual(objects.objects.map(({ result }) => result.oneofKind), ['object', 'error']);
  assert.equal(objects.objects[1].result.error.code, GrpcStatusCode.NOT_FOUND);
});

test('the ledger is listed through the service, with a filter', async () => {
  const done = await chain.run(signer, payment({ sender: owner }));
  const filter = {
    terms: [{ literals: [{ negated: false, predicate: { oneofKind: 'sender', sender: { address: owner } } }] }],
  };
  const digests = [];
  const transactions = client.ledgerService.listTransactions({ filter, readMask: { paths: ['digest'] } });
  for await (const frame of transactions.responses) {
    assert.ok(frame.watermark?.cursor.length > 0, 'every frame has a cursor');
    if (frame.transaction) digests.push(frame.transaction.digest);
  }
  assert.ok(digests.includes(done.digest));
  let last;
  for await (const frame of client.ledgerService.listEvents({ filter: undefined }).responses) last = frame;
  assert.ok(last.end, 'the last frame says why it is the last');
});

test('state is listed through the service', async () => {
  const { response: owned } = await client.stateService.listOwnedObjects({ owner, pageSize: 5 });
  assert.ok(owned.objects.length > 0);
  const { response: one } = await client.stateService.getBalance({ owner, coinType: SUI_TYPE_ARG });
  const { response: all } = await client.stateService.listBalances({ owner });
  assert.deepEqual(all.balances.map(({ balance }) => balance), [one.balance.balance]);
  const { response: info } = await client.stateService.getCoinInfo({ coinType: SUI_TYPE_ARG });
  assert.equal(info.metadata.decimals, 9);
  const { response: fields } = await client.stateService.listDynamicFields({ parent: '0x8' });
  assert.ok(Array.isArray(fields.dynamicFields));
  const { response: described } = await client.movePackageService.getFunction({
    packageId: '0x2', moduleName: 'coin', name: 'value',
  });
  assert.equal(described.function.name, 'value');
});

test('subscriptions send progress while nothing happens', async () => {
  for (const subscribe of [
    (options) => client.subscriptionService.subscribeTransactions({ readMask: { paths: ['digest'] } }, options),
    (options) => client.subscriptionService.subscribeEvents({ readMask: { paths: ['event_type'] } }, options),
  ]) {
    const abort = new AbortController();
    const frames = subscribe({ abort: abort.signal }).responses[Symbol.asyncIterator]();
    const { value } = await frames.next();
    assert.ok(value.watermark?.cursor.length > 0);
    abort.abort();
  }
});

test('names and zkLogin are answered in the form that the client expects', async () => {
  await assert.rejects(async () => await client.nameService.lookupName({ name: 'nobody.sui' }), { code: 'NOT_FOUND' });
  await assert.rejects(async () => await client.nameService.reverseLookupName({ address: owner }), { code: 'NOT_FOUND' });
  const { bytes, signature } = await signer.signPersonalMessage(new Uint8Array([1]));
  const verdict = await client.verifyZkLoginSignature({
    bytes, signature, intentScope: 'PersonalMessage', address: nobody(),
  });
  assert.equal(verdict.success, false);
  assert.equal(verdict.errors.length, 1);
});

test('the clock is moved through the service that public clients have for it', async () => {
  const before = (await client.forkingService.getStatus({})).response;
  assert.equal(before.epoch, 0n);
  const { response: moved } = await client.forkingService.advanceClock({ durationMs: 60_000n });
  assert.ok(moved.timestampMs >= before.timestampMs + 60_000n);
  const { Transaction: prologue } = await client.getTransaction({ digest: moved.txDigest });
  assert.equal(prologue.timestampMs, Number(moved.timestampMs));
  const { response: sealed } = await client.forkingService.advanceCheckpoint({});
  assert.equal(sealed.checkpointSequenceNumber, BigInt(prologue.checkpoint) + 1n);
  assert.ok(sealed.timestampMs >= moved.timestampMs);
});

test('the client is what it says, and its resolver can be used alone', async () => {
  assert.ok(isSuiGrpcClient(client));
  assert.ok(client instanceof BaseClient && client.core instanceof CoreClient && client.core instanceof GrpcCoreClient);
  const transport = new GrpcWebFetchTransport({ baseUrl: chain.rpcUrl });
  const own = chain.client({ transport, baseUrl: undefined });
  assert.ok(own.cache instanceof ClientCache);
  assert.equal((await own.getChainIdentifier()).chainIdentifier, chain.chainId);
  const transaction = payment({ sender: owner });
  transaction.addBuildPlugin(client.resolveTransactionPlugin());
  await transaction.prepareForSerialization({ client });
  const bytes = await transaction.build({ client });
  assert.equal(TransactionDataBuilder.getDigestFromBytes(bytes), await transaction.getDigest({ client }));
  assert.equal((await client.mvr.resolvePackage({ package: '0x2' })).package, '0x2');
  assert.ok(GrpcTypes.ExecutedTransaction);
  const failure = await client.getTransaction({ digest: '1'.repeat(32) }).catch((error) => error);
  assert.ok(failure instanceof TransactionError && failure instanceof SuiClientError && failure.cause instanceof RpcError);
});

test('the faucet helper knows its host and its errors', async () => {
  assert.equal(getFaucetHost('localnet'), 'http://127.0.0.1:9123');
  assert.ok(new FaucetRateLimitError('slower') instanceof Error);
  await requestSuiFromFaucetV2({ host: chain.faucetUrl, recipient: nobody() });
});

test('the deny list is an input that the chain resolves', async () => {
  const transaction = new Transaction();
  transaction.moveCall({
    target: '0x2::coin::deny_list_v2_contains_next_epoch',
    typeArguments: [SUI_TYPE_ARG],
    arguments: [transaction.object.denyList(), transaction.pure.address(owner)],
  });
  transaction.setSender(owner);
  const result = await client.simulateTransaction({ transaction, include: { commandResults: true } });
  assert.equal(bcs.bool().parse(result.commandResults[0].returnValues[0].bcs), false);
});

test('signatures are verified offline in every form', async () => {
  const { bytes, signature } = await signed();
  const message = new Uint8Array([1, 2, 3]);
  const { signature: personal } = await signer.signPersonalMessage(message);
  const options = { address: owner };
  assert.equal(await isValidTransactionSignature(bytes, signature, options), true);
  assert.equal(await isValidTransactionSignature(bytes, personal, options), false);
  assert.equal(await isValidPersonalMessageSignature(message, personal, options), true);
  assert.equal(await isValidPersonalMessageSignature(message, personal, { address: nobody() }), false);
  const raw = await signer.sign(message);
  const plain = Buffer.concat([Buffer.from([0]), raw, signer.getPublicKey().toRawBytes()]).toString('base64');
  assert.equal(await isValidSignature(message, plain, options), true);
  assert.ok((await verifySignature(message, plain)).equals(signer.getPublicKey()));
  const key = signer.getPublicKey();
  assert.equal(publicKeyFromRawBytes('ED25519', key.toRawBytes()).toSuiAddress(), owner);
  assert.equal(publicKeyFromSuiBytes(key.toSuiBytes()).toSuiAddress(), owner);

  const multisig = MultiSigPublicKey.fromPublicKeys({ threshold: 1, publicKeys: [{ publicKey: key, weight: 1 }] });
  const holder = new MultiSigSigner(multisig, [signer]);
  assert.equal(holder.toSuiAddress(), multisig.toSuiAddress());
  await chain.fund(holder.toSuiAddress());
  const transaction = new Transaction();
  transaction.transferObjects([transaction.splitCoins(transaction.gas, [SUI])[0]], nobody());
  const done = await chain.run(holder, transaction);
  const { parseSerializedSignature } = await import('@mysten/sui/cryptography');
  const parts = parsePartialSignatures(parseSerializedSignature(done.signatures[0]).multisig);
  assert.equal(parts.length, 1);
});

test('what the builder is made of is usable beside a chain', async () => {
  const cache = new ObjectCache({});
  assert.ok(cache && typeof AsyncCache === 'function');
  const { function: split } = await client.getMoveFunction({ packageId: '0x2', moduleName: 'coin', name: 'value' });
  const type = normalizedTypeToMoveTypeSignature({ Struct: { address: '0x1', module: 'string', name: 'String', typeArguments: [] } });
  assert.ok(getPureBcsSchema(type.body), 'a string is pure');
  assert.equal(split.returns[0].body.$kind, 'u64');
  assert.ok(isArgument({ $kind: 'GasCoin', GasCoin: true }));
  assert.match(
    formatMoveAbortMessage({ command: 0, abortCode: '7', location: { package: normalizeSuiAddress('0x2'), module: 'm' } }),
    /abort code: 7/,
  );
});
