#!/usr/bin/env bash
# Guessed: `tx.object.system()`, without options, is a reference to the system state at 0x5 that the client completes, like
#   `tx.object.random()` beside it.
# Seen: @mysten/sui 2.33.1 cannot build such a transaction over gRPC at all. It asks the node to complete the input, and compares the
#   answer's initial version, which it made a string ("1"), with the number 1 that it wrote itself. `random()`, and `system({ mutable })`
#   with either value, build.
# For users: always say `mutable`.
# Runs without a chain: the transport answers as a full node does, with the transaction of the request and its inputs completed.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund @mysten/sui@2.33.1
cat >run.mjs <<'JS'
import assert from 'node:assert/strict';
import { SuiGrpcClient } from '@mysten/sui/grpc';
import { Transaction } from '@mysten/sui/transactions';

const SHARED = 3;
const neverCalled = () => assert.fail('only a simulation is asked for');
const transport = {
  mergeOptions: (options) => options ?? {},
  unary(method, request) {
    assert.equal(method.name, 'SimulateTransaction');
    const transaction = structuredClone(request.transaction);
    for (const input of transaction.kind.data.programmableTransaction.inputs) {
      Object.assign(input, { kind: SHARED, version: 1n, mutable: input.mutable ?? false });
    }
    transaction.gasPayment.owner ??= transaction.sender;
    const response = { transaction: { transaction, effects: { status: { success: true }, epoch: 0n } }, commandOutputs: [] };
    return Promise.resolve({ response });
  },
  serverStreaming: neverCalled,
  clientStreaming: neverCalled,
  duplex: neverCalled,
};
const client = new SuiGrpcClient({ network: 'testnet', transport });

async function outcome(makeObject) {
  const transaction = new Transaction();
  transaction.setSender(`0x${'1'.repeat(64)}`);
  transaction.setGasPrice(1000);
  transaction.setGasBudget(1_000_000);
  transaction.setGasPayment([]);
  transaction.setExpiration({ Epoch: 5 });
  transaction.moveCall({ target: '0x2::example::call', arguments: [makeObject(transaction)] });
  try {
    await transaction.build({ client });
    return 'builds';
  } catch (error) {
    return error.message;
  }
}

const seen = {
  'random()': await outcome((tx) => tx.object.random()),
  'system({ mutable: true })': await outcome((tx) => tx.object.system({ mutable: true })),
  'system({ mutable: false })': await outcome((tx) => tx.object.system({ mutable: false })),
  'system()': await outcome((tx) => tx.object.system()),
};
console.log(seen);
assert.equal(seen['random()'], 'builds');
assert.equal(seen['system({ mutable: true })'], 'builds');
assert.equal(seen['system({ mutable: false })'], 'builds');
assert.match(seen['system()'], /did not match unresolved object.*"initialSharedVersion":1\}.*"initialSharedVersion":"1"/);
JS
node run.mjs
