"""`pysui` 1.5.1, unmodified: every command that it has, over gRPC with TLS."""

import base64
import inspect
import pathlib
import tempfile
import unittest

import pysui
from pysui import PysuiConfiguration, SuiCommand, client_factory

import pysui_wallet
from localnet import Localnet

SUI = "0x2::sui::SUI"
COIN = f"0x2::coin::Coin<{SUI}>"
MIST = 1_000_000_000
RECIPIENT = "0x" + "0a" * 32


class Pysui(unittest.IsolatedAsyncioTestCase):
    @classmethod
    def setUpClass(cls):
        cls.network = Localnet()
        cls.addClassCleanup(cls.network.stop)
        cls.enterClassContext(pysui_wallet.trusting(cls.network.description["caBundle"]))
        directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(directory.cleanup)
        cls.folder = pathlib.Path(directory.name)
        key = cls.network.description["accounts"][0]["privateKey"]
        cls.address = pysui_wallet.configure(cls.folder, cls.network.description, key)
        cls.used = set()

    async def asyncSetUp(self):
        self.client = client_factory(PysuiConfiguration(from_cfg_path=str(self.folder)))
        self.addAsyncCleanup(self.client.close)

    async def ask(self, command, **arguments):
        """The answer to a command, which must succeed."""
        result = await self.attempt(command, **arguments)
        self.assertTrue(result.is_ok(), f"{command}: {result.result_string}")
        return result.result_data

    async def attempt(self, command, **arguments):
        self.used.add(command)
        return await self.client.execute(command=getattr(pysui, command)(**arguments))

    async def send(self, amount):
        """Sends MIST to the recipient; the bytes, the signatures and the result of the transaction."""
        transaction = await self.client.transaction()
        coin = await transaction.split_coin(coin=transaction.gas, amounts=[amount])
        await transaction.transfer_objects(transfers=[coin], recipient=RECIPIENT)
        signed = await transaction.build_and_sign()
        return signed, await self.ask("ExecuteTransaction", **signed)

    async def test_every_command(self):
        for some in [self.chain, self.coins, self.objects, self.packages, self.transactions, self.signatures, self.names]:
            with self.subTest(some.__name__):
                await some()
        commands = {
            name
            for name, value in vars(pysui).items()
            if inspect.isclass(value) and issubclass(value, SuiCommand) and value is not SuiCommand
        }
        self.assertGreater(len(commands), 40)
        self.assertEqual(commands - self.used, set())

    async def chain(self):
        chain = await self.ask("GetChainIdentifier")
        self.assertIn(self.network.description["chainId"], str(chain))
        latest = (await self.ask("GetLatestCheckpoint")).checkpoint
        self.assertGreater(latest.sequence_number, 0)
        by_number = await self.ask("GetCheckpointBySequence", sequence_number=latest.sequence_number)
        by_digest = await self.ask("GetCheckpointByDigest", digest=latest.digest)
        for found in [by_number.checkpoint, by_digest.checkpoint]:
            self.assertEqual((found.digest, found.sequence_number), (latest.digest, latest.sequence_number))
        epoch = (await self.ask("GetEpoch")).epoch
        self.assertEqual((await self.ask("GetBasicCurrentEpochInfo")).epoch, epoch.epoch)
        for name in ["GetLatestSuiSystemState", "GetCurrentValidators", "GetProtocolConfig"]:
            self.assertIsNotNone(await self.ask(name))

    async def coins(self):
        balance = await self.ask("GetAddressCoinBalance", owner=self.address)
        self.assertGreater(balance.balance.balance, 10 * MIST)
        wal = f"{self.network.description['packages']['wal']}::wal::WAL"
        balances = await self.ask("GetAddressCoinBalances", owner=self.address)
        self.assertEqual({entry.coin_type.split("::")[-1] for entry in balances.balances}, {"SUI", "WAL"})
        metadata = await self.ask("GetCoinMetaData", coin_type=wal)
        self.assertEqual((metadata.metadata.symbol, metadata.metadata.decimals), ("WAL", 9))
        coins = await self.ask("GetCoins", owner=self.address, coin_type=COIN)
        gas = await self.ask("GetGas", owner=self.address)
        self.assertEqual({coin.object_id for coin in coins.objects}, {coin.object_id for coin in gas.objects})
        summary = await self.ask("GetCoinSummary", coin_id=coins.objects[0].object_id)
        self.assertIn(coins.objects[0].object_id, str(summary))

    async def objects(self):
        system, staking = self.network.description["systemObject"], self.network.description["stakingObject"]
        for name in ["GetObject", "GetObjectContent", "GetObjectSummary"]:
            self.assertIn(system, str(await self.ask(name, object_id=system)), name)
        for name in ["GetMultipleObjects", "GetMultipleObjectContent", "GetMultipleObjectSummary"]:
            found = str(await self.ask(name, object_ids=[system, staking]))
            self.assertTrue(system in found and staking in found, name)
        owned = await self.ask("GetObjectsOwnedByAddress", owner=self.address)
        self.assertGreater(len(owned.objects), 1)
        coins = await self.ask("GetObjectsForType", owner=self.address, object_type=COIN)
        coin = coins.objects[0]
        past = await self.ask("GetPastObject", object_id=coin.object_id, version=coin.version)
        self.assertEqual(past.version, coin.version)
        versions = [{"objectId": coin.object_id, "version": coin.version}]
        self.assertIn(coin.object_id, str(await self.ask("GetMultiplePastObjects", for_versions=versions)))
        fields = await self.ask("GetDynamicFields", object_id=system)
        self.assertGreater(len(fields.dynamic_fields), 0)
        for name in ["GetStaked", "GetDelegatedStakes", "GetPartyObjects"]:
            self.assertIsNotNone(await self.ask(name, owner=self.address), name)

    async def packages(self):
        package = self.network.description["packages"]["walrus"]
        found = await self.ask("GetPackage", package=package)
        self.assertIn("staking", [module.name for module in found.package.modules])
        await self.ask("GetPackageVersions", package_address=package)
        module = {"package": package, "module_name": "blob"}
        self.assertEqual((await self.ask("GetModule", **module)).name, "blob")
        self.assertIn("Blob", str(await self.ask("GetStructures", **module)))
        self.assertIn("end_epoch", str(await self.ask("GetFunctions", **module)))
        self.assertEqual((await self.ask("GetFunction", **module, function_name="end_epoch")).function.name, "end_epoch")
        for name, key in [("GetStructure", "structure_name"), ("GetMoveDataType", "type_name")]:
            self.assertIn("certified_epoch", str(await self.ask(name, **module, **{key: "Blob"})), name)

    async def transactions(self):
        signed, executed = await self.send(MIST)
        digest = executed.digest
        self.assertTrue(executed.effects.status.success)
        received = await self.ask("GetAddressCoinBalance", owner=RECIPIENT)
        self.assertEqual(received.balance.balance, MIST)
        self.assertEqual((await self.ask("GetTransaction", digest=digest)).digest, digest)
        self.assertIsNotNone(await self.ask("GetTransactionKind", digest=digest))
        self.assertIn(digest, str(await self.ask("GetTransactions", digests=[digest])))
        transaction = await self.client.transaction()
        coin = await transaction.split_coin(coin=transaction.gas, amounts=[1])
        await transaction.transfer_objects(transfers=[coin], recipient=RECIPIENT)
        built = await transaction.build()
        simulated = await self.ask("SimulateTransaction", tx_bytestr=built)
        self.assertTrue(simulated.transaction.effects.status.success)
        kind = await transaction.raw_kind()
        simulated = await self.ask("SimulateTransactionKind", tx_kind=kind, tx_meta={"sender": self.address})
        self.assertTrue(simulated.transaction.effects.status.success)
        # Simulating changes nothing.
        self.assertEqual((await self.ask("GetAddressCoinBalance", owner=RECIPIENT)).balance.balance, MIST)
        again = await self.attempt("ExecuteTransaction", **signed)
        self.assertTrue(again.is_ok(), "the same transaction again is the same one")
        self.assertEqual(again.result_data.digest, digest)

    async def signatures(self):
        configuration = PysuiConfiguration(from_cfg_path=str(self.folder))
        pair = configuration.keypair_for_address(address=self.address)
        message = base64.b64encode(b"for the record").decode()
        signature = pair.sign_personal_message(message)
        arguments = {"message": message, "signature": signature, "author": self.address}
        self.assertTrue((await self.ask("VerifyPersonalMessageSignature", **arguments)).is_valid)
        transaction = await self.client.transaction()
        coin = await transaction.split_coin(coin=transaction.gas, amounts=[1])
        await transaction.transfer_objects(transfers=[coin], recipient=RECIPIENT)
        signed = await transaction.build_and_sign()
        arguments = {"message": signed["tx_bytestr"], "signature": signed["sig_array"][0], "author": self.address}
        self.assertTrue((await self.ask("VerifyTransactionSignature", **arguments)).is_valid)

    async def names(self):
        # A local network has no name service: that is said, not an error of the transport.
        for name, arguments in [("GetNameServiceAddress", {"name": "a.sui"}), ("GetNameServiceNames", {"owner": self.address})]:
            answer = await self.attempt(name, **arguments)
            self.assertFalse(answer.is_ok())
            self.assertNotIn("UNIMPLEMENTED", answer.result_string)


if __name__ == "__main__":
    unittest.main()
