// Runs inside the browser: the unmodified package against a chain of another origin.

import { requestSuiFromFaucetV2 } from '@mysten/sui/faucet';
import { SuiGrpcClient } from '@mysten/sui/grpc';
import { Ed25519Keypair } from '@mysten/sui/keypairs/ed25519';
import { Transaction } from '@mysten/sui/transactions';

/** Gets SUI, sends some, follows checkpoints until it is in one, and reads everything back. */
globalThis.transfer = async ({ rpcUrl, faucetUrl, format, amount }) => {
  const client = new SuiGrpcClient({ network: 'localnet', baseUrl: rpcUrl, format });
  const signer = new Ed25519Keypair();
  const recipient = new Ed25519Keypair().toSuiAddress();
  await requestSuiFromFaucetV2({ host: faucetUrl, recipient: signer.toSuiAddress() });

  const abort = new AbortController();
  const stream = client.subscriptionService.subscribeCheckpoints(
    { readMask: { paths: ['sequence_number', 'transactions.digest'] } },
    { abort: abort.signal },
  );
  const frames = stream.responses[Symbol.asyncIterator]();
  await frames.next();

  const transaction = new Transaction();
  transaction.transferObjects([transaction.splitCoins(transaction.gas, [BigInt(amount)])[0]], recipient);
  const result = await client.signAndExecuteTransaction({ transaction, signer, include: { balanceChanges: true } });
  const { digest } = result.Transaction;
  await client.waitForTransaction({ result });
  let checkpoint;
  do {
    checkpoint = (await frames.next()).value.checkpoint;
  } while (!checkpoint.transactions.some((one) => one.digest === digest));
  abort.abort();

  const refused = await client.getTransaction({ digest: '1'.repeat(32) }).catch((error) => error.reason);
  const response = await fetch(`${rpcUrl}/sui.rpc.v2.LedgerService/GetServiceInfo`, {
    method: 'POST',
    headers: { 'content-type': 'application/grpc-web+proto', 'x-grpc-web': '1' },
    body: new Uint8Array(5),
  });
  return {
    origin: location.origin,
    balance: (await client.getBalance({ owner: recipient })).balance.balance,
    checkpoint: checkpoint.sequenceNumber.toString(),
    executedIn: result.Transaction.checkpoint,
    chainId: (await client.getChainIdentifier()).chainIdentifier,
    header: response.headers.get('x-sui-chain-id'),
    refused,
  };
};
