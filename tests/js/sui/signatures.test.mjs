// Keys of every scheme, multisig, sponsors, and messages that are only signed.

import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { test } from 'node:test';

import { bcs } from '@mysten/sui/bcs';
import { decodeSuiPrivateKey } from '@mysten/sui/cryptography';
import { Ed25519Keypair } from '@mysten/sui/keypairs/ed25519';
import { PasskeyKeypair } from '@mysten/sui/keypairs/passkey';
import { Secp256k1Keypair } from '@mysten/sui/keypairs/secp256k1';
import { Secp256r1Keypair } from '@mysten/sui/keypairs/secp256r1';
import { MultiSigPublicKey } from '@mysten/sui/multisig';
import { Transaction } from '@mysten/sui/transactions';
import { fromBase64, toBase64 } from '@mysten/sui/utils';
import { verifyPersonalMessageSignature, verifyTransactionSignature } from '@mysten/sui/verify';

import { SUI, chainOfTheFile, nobody, payment } from './chain.mjs';

const SCHEMES = { ED25519: Ed25519Keypair, Secp256k1: Secp256k1Keypair, Secp256r1: Secp256r1Keypair };
const MESSAGE = new TextEncoder().encode('I am who I say I am');

const chain = await chainOfTheFile();
const client = chain.client();

const balance = async (owner) => (await client.getBalance({ owner })).balance.balance;

for (const [scheme, Keypair] of Object.entries(SCHEMES)) {
  test(`a ${scheme} key owns coins and spends them`, async () => {
    const signer = await chain.wallet({ keypair: new Keypair() });
    assert.equal(signer.getKeyScheme(), scheme);
    const recipient = nobody();
    await chain.run(signer, payment({ recipient, amount: SUI }));
    assert.equal(await balance(recipient), String(SUI));
    const { scheme: decoded, secretKey } = decodeSuiPrivateKey(signer.getSecretKey());
    assert.equal(decoded, scheme);
    assert.equal(Keypair.fromSecretKey(secretKey).toSuiAddress(), signer.toSuiAddress());
  });

  test(`a message signed by a ${scheme} key is verified by the client and by the chain`, async () => {
    const signer = new Keypair();
    const { signature, bytes } = await signer.signPersonalMessage(MESSAGE);
    const key = await verifyPersonalMessageSignature(MESSAGE, signature, { address: signer.toSuiAddress() });
    assert.ok(key.equals(signer.getPublicKey()));
    await assert.rejects(verifyPersonalMessageSignature(new Uint8Array([1]), signature));
    const verify = (value) =>
      client.signatureVerificationService.verifySignature({
        message: { name: 'PersonalMessage', value: bcs.byteVector().serialize(value).toBytes() },
        signature: { bcs: { value: fromBase64(signature) }, signature: { oneofKind: undefined } },
        address: signer.toSuiAddress(),
        jwks: [],
      });
    assert.equal((await verify(fromBase64(bytes))).response.isValid, true);
    const forged = (await verify(new Uint8Array([1]))).response;
    assert.equal(forged.isValid, false);
    assert.ok(forged.reason);
  });
}

test('a key from a mnemonic has the address that the client says', async () => {
  const phrase = 'test test test test test test test test test test test junk';
  for (const Keypair of Object.values(SCHEMES)) {
    const signer = await chain.wallet({ keypair: Keypair.deriveKeypair(phrase) });
    const done = await chain.run(signer, payment({ amount: SUI }));
    assert.equal(done.transaction.sender, signer.toSuiAddress());
  }
});

test('a multisig of mixed schemes spends with enough weight and not with less', async () => {
  const keys = Object.values(SCHEMES).map((Keypair) => new Keypair());
  const publicKey = MultiSigPublicKey.fromPublicKeys({
    threshold: 3,
    publicKeys: keys.map((key, index) => ({ publicKey: key.getPublicKey(), weight: index + 1 })),
  });
  const owner = publicKey.toSuiAddress();
  await chain.fund(owner);
  const recipient = nobody();

  const enough = publicKey.getSigner(keys[0], keys[1]);
  await chain.run(enough, payment({ recipient, amount: SUI }));
  assert.equal(await balance(recipient), String(SUI));

  const transaction = payment({ recipient, amount: SUI });
  transaction.setSender(owner);
  const bytes = await transaction.build({ client });
  const { signature } = await keys[0].signTransaction(bytes);
  const weak = publicKey.combinePartialSignatures([signature]);
  await assert.rejects(client.executeTransaction({ transaction: bytes, signatures: [weak] }), {
    code: 'INVALID_ARGUMENT',
  });
  const both = publicKey.combinePartialSignatures([signature, (await keys[2].signTransaction(bytes)).signature]);
  await verifyTransactionSignature(bytes, both, { address: owner });
  const done = await client.executeTransaction({ transaction: bytes, signatures: [both] });
  assert.equal(done.Transaction.status.success, true);
});

/** An authenticator in software: what a browser's `navigator.credentials` answers. */
class Authenticator {
  #key = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });

  async create() {
    const spki = this.#key.publicKey.export({ type: 'spki', format: 'der' });
    return { rawId: new Uint8Array([1]).buffer, response: { getPublicKey: () => spki } };
  }

  async get(challenge) {
    const clientDataJSON = Buffer.from(
      JSON.stringify({
        type: 'webauthn.get',
        challenge: Buffer.from(challenge).toString('base64url'),
        origin: 'http://127.0.0.1',
        crossOrigin: false,
      }),
    );
    const hash = (bytes) => createHash('sha256').update(bytes).digest();
    // Hash of the origin's name, flags (user present and verified), counter.
    const authenticatorData = Buffer.concat([hash('127.0.0.1'), Buffer.from([0x05, 0, 0, 0, 0])]);
    const signature = sign('sha256', Buffer.concat([authenticatorData, hash(clientDataJSON)]), this.#key.privateKey);
    return { response: { authenticatorData, clientDataJSON, signature } };
  }
}

test('a passkey owns coins and spends them', async () => {
  const signer = await PasskeyKeypair.getPasskeyInstance(new Authenticator());
  await chain.fund(signer.toSuiAddress());
  const recipient = nobody();
  await chain.run(signer, payment({ recipient, amount: SUI }));
  assert.equal(await balance(recipient), String(SUI));
  const other = new PasskeyKeypair(signer.getPublicKey().toRawBytes(), new Authenticator());
  await assert.rejects(chain.run(other, payment({ recipient, amount: SUI })), { code: 'INVALID_ARGUMENT' });
});

test('a sponsor pays for the gas of another', async () => {
  const sponsor = await chain.wallet();
  const sender = await chain.wallet();
  const recipient = nobody();

  // The sender builds the kind alone; the sponsor adds the gas; both sign.
  const draft = new Transaction();
  const coin = (await client.listCoins({ owner: sender.toSuiAddress() })).objects[0].objectId;
  draft.transferObjects([draft.object(coin)], recipient);
  draft.setSender(sender.toSuiAddress());
  const kind = await draft.build({ client, onlyTransactionKind: true });

  const sponsored = Transaction.fromKind(kind);
  sponsored.setSender(sender.toSuiAddress());
  sponsored.setGasOwner(sponsor.toSuiAddress());
  const bytes = await sponsored.build({ client });
  const signatures = await Promise.all(
    [sender, sponsor].map(async (key) => (await key.signTransaction(bytes)).signature),
  );
  await assert.rejects(client.executeTransaction({ transaction: bytes, signatures: [signatures[0]] }), {
    code: 'INVALID_ARGUMENT',
  });
  const done = await client.executeTransaction({
    transaction: bytes,
    signatures,
    include: { effects: true, transaction: true, balanceChanges: true },
  });
  assert.equal(done.Transaction.status.success, true);
  assert.equal(done.Transaction.transaction.gasData.owner, sponsor.toSuiAddress());
  assert.equal(await balance(recipient), String(20n * SUI));
  const paid = done.Transaction.balanceChanges.find(({ address }) => address === sponsor.toSuiAddress());
  assert.ok(BigInt(paid.amount) < 0n);
});

test('a transaction built offline from known references is executed', async () => {
  const signer = await chain.wallet();
  const { objects } = await client.listCoins({ owner: signer.toSuiAddress() });
  const { objectId, version, digest } = objects[0];
  const recipient = nobody();
  const transaction = payment({ recipient, amount: SUI });
  transaction.setSender(signer.toSuiAddress());
  transaction.setGasPayment([{ objectId, version, digest }]);
  transaction.setGasPrice(1000);
  transaction.setGasBudget(10_000_000);
  const { bytes, signature } = await transaction.sign({ signer });
  const done = await client.executeTransaction({ transaction: fromBase64(bytes), signatures: [signature] });
  assert.equal(done.Transaction.digest, await transaction.getDigest());
  assert.equal(await balance(recipient), String(SUI));
});

test('a signature for another transaction is refused', async () => {
  const signer = await chain.wallet();
  const build = async (amount) => {
    const transaction = payment({ amount });
    transaction.setSender(signer.toSuiAddress());
    return transaction.build({ client });
  };
  const [one, other] = [await build(1n), await build(2n)];
  const { signature } = await signer.signTransaction(one);
  await assert.rejects(client.executeTransaction({ transaction: other, signatures: [signature] }), {
    name: 'RpcError',
    code: 'INVALID_ARGUMENT',
    message: /signature/i,
  });
  const broken = fromBase64(signature);
  broken[10] ^= 1;
  await assert.rejects(client.executeTransaction({ transaction: one, signatures: [toBase64(broken)] }), {
    code: 'INVALID_ARGUMENT',
  });
});
