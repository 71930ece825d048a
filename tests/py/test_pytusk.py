"""`pytusk` 0.6.0 with `pysui` 1.5.1, unmodified: its command line `tusky` and its library. They speak gRPC with the chain and HTTPS with the
nodes, both trusted through the network's authority, and HTTP with the gateway."""

import asyncio
import contextlib
import inspect
import io
import json
import os
import pathlib
import re
import sys
import tempfile
import threading
import time
import unittest
from unittest import mock

import pytusk
from pysui import GetObject
from pytusk.tusky import tusky

import pysui_wallet
from localnet import Localnet

# Of a well-formed blob ID that nobody stored.
UNKNOWN = "A" * 43
SHARDS = 13
# Public functions that nothing here calls: those of tips, which this network's relay does not want (tests/js/walrus/upload-relay.test.mjs pays some).
UNUSED = {"add_tip", "build_auth_package"}


class Tusky:
    """The command line, in this process: starting Python for each command would take longer than the commands."""

    def __init__(self, folder):
        self.folder = folder

    def run(self, *arguments, fails=False):
        """What a command prints; of one that fails, what it complains of."""
        where = ["--path", self.folder, "--network", pysui_wallet.NAME, "--pysui-profile", pysui_wallet.NAME]
        line = ["tusky", *map(str, [*arguments, *where])]
        output, complaints, code = io.StringIO(), io.StringIO(), 0
        with mock.patch.object(sys, "argv", line), contextlib.redirect_stdout(output), contextlib.redirect_stderr(complaints):
            try:
                tusky.main()
            except SystemExit as end:
                code = end.code
        text = output.getvalue()
        assert (code != 0) == fails, f"{arguments}: exit code {code}\n{text}\n{complaints.getvalue()}"
        return complaints.getvalue() if fails else text

    def json(self, *arguments):
        """The first JSON object that a command prints."""
        text = self.run(*arguments)
        return json.JSONDecoder().raw_decode(text[text.index("{") :])[0]

    def executed(self, *arguments):
        """A command that sends a transaction, which must succeed."""
        return self.run(*arguments, "--mode", "execute")


class Calls:
    """Which of the library's public functions and requests were used, by whomever: the tests here, the command line, the library itself."""

    def __init__(self):
        public = {name: getattr(pytusk, name) for name in pytusk.__all__}
        self.names = {value.__code__: name for name, value in public.items() if inspect.isfunction(value)}
        for name, value in public.items():
            if inspect.isclass(value) and issubclass(value, pytusk.WalrusCommand) and not inspect.isabstract(value):
                self.names[value.url_path.__code__] = name
        self.unused = set(self.names.values())

    def see(self, frame, event, _):
        if event == "call" and frame.f_code in self.names:
            self.unused.discard(self.names[frame.f_code])


class Pytusk(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.calls = Calls()
        # What computes goes to threads.
        for module in [sys, threading]:
            module.setprofile(cls.calls.see)
            cls.addClassCleanup(module.setprofile, None)
        cls.network = Localnet()
        cls.addClassCleanup(cls.network.stop)
        cls.enterClassContext(pysui_wallet.trusting(cls.network.description["caBundle"]))
        directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(directory.cleanup)
        cls.folder = pathlib.Path(directory.name)
        key = cls.network.description["accounts"][0]["privateKey"]
        cls.address = pysui_wallet.configure(cls.folder, cls.network.description, key)
        cls.tusky = Tusky(cls.folder)
        cls.file = cls.folder / "file"
        cls.data = os.urandom(70_001)
        cls.ran = set()
        cls.file.write_bytes(cls.data)

    def setUp(self):
        self.ran.add(self._testMethodName)

    @classmethod
    def tearDownClass(cls):
        # Of a run of some tests nothing follows.
        if cls.ran == {name for name in dir(cls) if name.startswith("test")}:
            assert cls.calls.unused == UNUSED, sorted(cls.calls.unused ^ UNUSED)

    def eventually(self, condition):
        late = time.monotonic() + 30
        while not condition():
            self.assertLess(time.monotonic(), late, "it did not become so")
            time.sleep(0.05)

    def owned(self):
        """The blob objects of the account: identifier of the object to its line in the list."""
        lines = self.tusky.run("blobs").splitlines()
        return {line.split()[0]: line for line in lines if line.startswith("0x")}

    def read(self, blob_id, native=False):
        """The bytes of a blob, from the aggregator or from the nodes."""
        out = self.folder / "out"
        self.tusky.run("read_blob_native" if native else "read_blob", "-b", blob_id, "--file", out)
        return out.read_bytes()

    def stored(self, *arguments):
        """A blob of the account's own that was stored from here to the nodes; its receipt."""
        return self.tusky.json("store_blob_native", *arguments, "--mode", "execute")

    def use(self, work):
        """Runs `work` with a client of the library."""

        async def run():
            configuration = pytusk.PytuskConfiguration(from_cfg_path=str(self.folder))
            async with pytusk.WalrusClient(pytusk_config=configuration) as client:
                return await work(client)

        return asyncio.run(run())

    def test_what_the_network_is(self):
        self.assertEqual(self.tusky.run("epoch").strip(), "1")
        committee = self.tusky.run("committee")
        self.assertIn("epoch 1  shards 13  members 4", committee)
        for node in self.network.description["nodes"]:
            self.assertIn(node["url"].removeprefix("https://"), committee)
        self.assertRegex(self.tusky.run("wal_coins"), r"Total wal: +[1-9]\d+ ")

    def test_through_the_gateway(self):
        receipt = self.tusky.json("store_blob", "--file", self.file, "--epochs", 2)
        self.assertEqual((receipt["expiry_epoch"], receipt["deletable"]), (3, True))
        self.assertGreater(receipt["cost"], 0)
        self.assertEqual(self.read(receipt["blob_id"]), self.data)
        self.assertEqual(self.read(receipt["blob_id"], native=True), self.data)
        # The object is the account's, not the publisher's.
        self.assertIn(receipt["blob_id"], self.owned()[receipt["object_id"]])
        found = self.tusky.json("blob", "-o", receipt["object_id"])
        self.assertEqual(found["objectId"], receipt["object_id"])
        lasting = self.tusky.json("store_blob", "--content", "for good", "--epochs", 1, "--permanent")
        self.assertFalse(lasting["deletable"])
        again = self.tusky.json("store_blob", "--content", "for good", "--epochs", 1, "--permanent")
        self.assertEqual((again["blob_id"], again["cost"]), (lasting["blob_id"], 0))
        self.assertIn("404", self.tusky.run("read_blob", "-b", UNKNOWN, "--file", self.folder / "none", fails=True))

    def test_a_quilt_through_the_gateway(self):
        quilt = self.tusky.json(
            *("store_quilt", "--patch-content", "a.txt=one", "--patch-content", "b.txt=two"),
            *("--patch-file", f"file={self.file}", "--epochs", 2),
        )
        self.assertEqual(sorted(quilt["patch_keys"]), ["a.txt", "b.txt", "file"])
        self.check_quilt(quilt["quilt_id"], quilt["object_id"])

    def test_to_the_nodes_and_back(self):
        receipt = self.stored("--file", self.file, "--epochs", 2, "--permanent")
        self.assertTrue(receipt["certified"], receipt)
        self.assertEqual(receipt["end_epoch"], 3)
        for native in [False, True]:
            self.assertEqual(self.read(receipt["blob_id"], native), self.data)
        status = self.tusky.run("blob_status", "-b", receipt["blob_id"], "--details")
        self.assertIn("status: permanent", status)
        self.assertIn("4 confirming, 0 dissenting, 0 unreachable", status)
        by_object = self.tusky.run("blob_status", "-o", receipt["object_id"])
        self.assertIn(receipt["blob_id"], by_object)
        self.assertIn("status: nonexistent", self.tusky.run("blob_status", "-b", UNKNOWN))
        self.assertRegex(self.tusky.run("expiry_report"), rf"{receipt['object_id']} +3 +1 +2  active")
        # Nothing is paid to know the price.
        before = self.owned()
        self.tusky.run("store_blob_native", "--content", "what would it cost", "--epochs", 1)
        self.assertEqual(self.owned(), before)

    def test_what_is_encoded_here_is_what_our_encoder_makes(self):
        for length in [0, 1, 5_000, SHARDS * 1000 + 1]:
            data = bytes(i * i % 251 for i in range(length))
            encoded = pytusk.encode_blob(data=data, n_shards=SHARDS)
            file = self.folder / "to-encode"
            file.write_bytes(data)
            told = json.loads(self.network.run("blob-id", file, "--n-shards", SHARDS, "--json"))
            self.assertEqual(pytusk.blob_id_to_url_base64(blob_id=encoded.blob_id), told["blobId"], length)

    def test_a_registration_that_was_interrupted_is_certified_later(self):
        async def register(client):
            system = client.config.network.system_object
            return await pytusk.execute_reserve_and_register(
                client=client,
                encoded=pytusk.encode_blob(data=b"half of a store", n_shards=SHARDS),
                epochs=2,
                deletable=True,
                package_id=await pytusk.resolve_package_id(client=client, system_object=system),
                system_object=system,
            )

        registered = self.use(register)
        object_id = registered.object_id
        self.assertIn("uncertified", self.tusky.run("expiry_report"))
        receipt = self.tusky.json(
            *("certify_blob", "-o", object_id, "--recover", "--content", "half of a store", "--mode", "execute")
        )
        self.assertTrue(receipt["certified"], receipt)
        self.assertEqual(self.read(receipt["blob_id"], native=True), b"half of a store")

    def test_through_the_relay(self):
        self.assertIn("no tip required", self.tusky.run("relay_configs", "--size", 1000))
        receipt = self.tusky.json("store_blob_relay", "--content", "by relay", "--epochs", 2, "--mode", "execute")
        self.assertEqual(receipt["outcome"], "certified", receipt)
        self.assertEqual(self.read(receipt["blob_id"]), b"by relay")
        quilt = self.tusky.json(
            *("store_quilt_relay", "--patch-content", "a.txt=one", "--patch-content", "b.txt=two"),
            *("--patch-file", f"file={self.file}", "--epochs", 2, "--mode", "execute"),
        )
        self.assertEqual(quilt["outcome"], "certified", quilt)
        self.check_quilt(quilt["blob_id"], quilt["object_id"])

    def check_quilt(self, quilt_id, object_id):
        """Reads a quilt of `a.txt`, `b.txt` and `file` in every way."""
        patches = self.tusky.json("quilt_patches", "-b", quilt_id)["patches"]
        self.assertEqual(self.tusky.json("quilt_patches", "-o", object_id)["patches"], patches)
        self.assertEqual(sorted(patch["patch_key"] for patch in patches), ["a.txt", "b.txt", "file"])
        by_key = {patch["patch_key"]: patch["patch_id"] for patch in patches}
        expected = {"a.txt": b"one", "b.txt": b"two", "file": self.data}
        single, several = self.folder / "patch", self.folder / "patches"
        self.tusky.run("read_quilt", "--quilt-id", quilt_id, "--patch-key", "b.txt", "--file", single)
        self.assertEqual(single.read_bytes(), b"two")
        self.tusky.run("read_quilt", "--patch-id", by_key["file"], "--file", single)
        self.assertEqual(single.read_bytes(), self.data)
        keys = [part for key in by_key for part in ("--patch-key", key)]
        self.tusky.run("read_quilt", "--quilt-id", quilt_id, *keys, "--out-dir", several)
        self.assertEqual({path.name: path.read_bytes() for path in several.iterdir()}, expected)

    def test_the_life_of_a_blob_object(self):
        receipt = self.stored("--content", "a life", "--epochs", 1)
        object_id = receipt["object_id"]
        self.tusky.executed("extend_blob_expiration", "-o", object_id, "--epochs", 2)
        self.assertIn("end_epoch=4", self.owned()[object_id])
        self.tusky.executed("set_blob_metadata", "-o", object_id, "--attr", "colour", "blue", "--attr", "shape", "round")
        self.assertRegex(self.tusky.run("get_blob_metadata", "-o", object_id), r"colour +blue[\s\S]*shape +round")
        self.tusky.executed("drop_blob_metadata", "-o", object_id, "--keys", "shape")
        self.assertNotIn("round", self.tusky.run("get_blob_metadata", "-o", object_id))
        self.tusky.executed("drop_blob_metadata", "-o", object_id, "--all")
        self.assertIn("no metadata", self.tusky.run("get_blob_metadata", "-o", object_id))
        self.tusky.executed("delete_blob", "-o", object_id)
        self.assertNotIn(object_id, self.owned())
        lasting = self.stored("--content", "burnt", "--epochs", 1, "--permanent")
        self.tusky.executed("burn_blob", "-o", lasting["object_id"])
        self.assertNotIn(lasting["object_id"], self.owned())
        # What the deleted one was stored with.
        self.tusky.executed("reclaim_storage", "--all")

    def test_a_shared_blob_is_funded_and_extended_by_anybody(self):
        receipt = self.stored("--content", "everybody's", "--epochs", 1, "--permanent")
        shared = self.tusky.executed("share_blob", "-o", receipt["object_id"])
        shared_id = re.search(r"New SharedBlob object ID: (0x[0-9a-f]{64})", shared)[1]
        self.tusky.executed("fund_shared_blob", "-o", shared_id, "--amount", 500_000_000)
        self.tusky.executed("extend_shared_blob", "-o", shared_id, "--epochs", 2)
        # The nodes follow the chain.
        self.eventually(lambda: "(3 epochs remaining)" in self.tusky.run("blob_status", "-b", receipt["blob_id"]))

    def test_storage_is_split_joined_and_used(self):
        first = self.stored("--content", "short", "--epochs", 1)
        long = self.stored("--content", "long", "--epochs", 4)
        self.tusky.executed("delete_blob", "-o", long["object_id"])
        [storage] = self.storage()
        self.tusky.executed("split_storage", "-s", storage, "--by-epoch", 3)
        self.assertEqual(len(self.storage()), 2)
        self.tusky.executed("fuse_storage", "--fuse-periods", "--fuse-to", storage)
        self.assertEqual(list(self.storage()), [storage])
        self.tusky.executed("split_storage", "-s", storage, "--by-size", 1000)
        self.assertIn("epoch range [1, 5)", self.tusky.run("list_storage", "--details"))
        self.tusky.executed("fuse_storage", "--fuse-amount")
        [(storage, line)] = self.storage().items()
        self.assertIn("end_epoch=5", line)
        self.tusky.executed("split_storage", "-s", storage, "--by-epoch", 2)
        later = next(name for name, line in self.storage().items() if "start_epoch=2" in line)
        self.tusky.executed("extend_blob_with_storage", "-o", first["object_id"], "-s", later)
        self.assertIn("end_epoch=5", self.owned()[first["object_id"]])
        self.tusky.executed("reclaim_storage", "--all")
        self.assertEqual(self.storage(), {})

    def storage(self):
        """The storage that the account owns: identifier of the object to its line in the list."""
        lines = self.tusky.run("list_storage").splitlines()
        return {line.split()[0]: line for line in lines if line.startswith("0x")}

    def test_wal_is_had_for_sui_and_sui_for_wal(self):
        def wal():
            return int(re.search(r"Total wal: +(\d+)", self.tusky.run("wal_coins"))[1])

        before = wal()
        self.tusky.executed("exchange_for_wal", "--amount", 1_000_000_000)
        self.assertEqual(wal() - before, 1_000_000_000)
        self.tusky.executed("exchange_for_sui", "--amount", 400_000_000, "--merge")
        self.assertEqual(wal() - before, 600_000_000)

    def test_reads_of_the_library(self):
        receipt = self.tusky.json("store_blob", "--content", "0123456789", "--epochs", 1)
        blob_id, object_id = receipt["blob_id"], receipt["object_id"]

        async def reads(client):
            commands = [
                pytusk.ReadBlob(blob_id=blob_id, strict_consistency_check=True),
                pytusk.ReadBlob(blob_id=blob_id, skip_consistency_check=True),
                pytusk.ReadBlobByObjectId(object_id=object_id),
                pytusk.ReadBlobPartial(blob_id=blob_id, start=3, length=4),
                pytusk.ReadConcatBlobs(ids=[blob_id, blob_id]),
            ]
            results = [await client.execute(command=command) for command in commands]
            missing = await client.execute(command=pytusk.ReadBlob(blob_id=UNKNOWN))
            return [result.result_data.content for result in results if result.is_ok()], missing

        contents, missing = self.use(reads)
        whole = b"0123456789"
        self.assertEqual(contents, [whole, whole, whole, b"3456", whole + whole])
        self.assertFalse(missing.is_ok())
        self.assertIn("BLOB_NOT_FOUND", missing.result_string)

    def test_the_life_of_objects_by_functions(self):
        """What `tusky` composes itself."""
        owned = self.stored("--content", "by functions", "--epochs", 3)["object_id"]
        shared = self.stored("--content", "shared by functions", "--epochs", 1, "--permanent")["object_id"]
        gone = self.stored("--content", "gone by functions", "--epochs", 4)["object_id"]
        self.tusky.executed("delete_blob", "-o", gone)
        [storage] = self.storage()

        async def live(client):
            chain = await pytusk.prepare_chain_context(client=client)
            common = {"client": client, "package_id": chain.package_id}
            await pytusk.execute_set_blob_metadata(**common, blob_object=owned, pairs={"a": "1", "b": "2"})
            await pytusk.execute_drop_blob_metadata_keys(**common, blob_object=owned, keys=["a"])
            left = (await client.get_blob_metadata(blob_object=owned)).data
            await pytusk.execute_drop_blob_metadata_all(**common, blob_object=owned)
            receipt = await pytusk.execute_share_blob(**common, blob_object=shared)
            await pytusk.execute_fund_shared_blob(**common, shared_blob_object=receipt.object_id, amount=500_000_000)
            await pytusk.execute_extend_shared_blob(
                **common, shared_blob_object=receipt.object_id, system_object=chain.system_object, extended_epochs=1
            )
            later = await pytusk.execute_split_by_epoch(**common, storage_object_id=storage, split_epoch=3)
            await pytusk.execute_fuse(**common, first_storage_id=storage, second_storage_id=later.new_object_id)
            small = await pytusk.execute_split_by_size(**common, storage_object_id=storage, split_size=1000)
            first, second = [
                pytusk.storage_from_object(obj=(await client.execute(command=GetObject(object_id=name))).result_data)
                for name in [storage, small.new_object_id]
            ]
            pytusk.validate_fuse_pair(first=first, second=second)
            for name in [storage, small.new_object_id]:
                await pytusk.execute_destroy_storage(**common, storage_object_id=name)
            blob = (await client.execute(command=GetObject(object_id=owned))).result_data
            # Whatever the library says of it, the contract leaves that size to the one that is split.
            return left, first.storage_size, pytusk.storage_from_blob(obj=blob), await pytusk.get_walrus_epoch(client=client)

        left, size, of_blob, epoch = self.use(live)
        self.assertEqual([(entry.key, entry.value) for entry in left], [("b", "2")])
        self.assertEqual((size, of_blob.end_epoch, epoch), (1000, 4, 1))
        self.assertEqual(self.storage(), {})

    def test_numbers_of_the_encoding(self):
        told = json.loads(self.network.run("info", "--config", self.network.config, "--json"))
        self.assertEqual(pytusk.max_blob_size(n_shards=SHARDS), told["sizeInfo"]["maxBlobSize"])
        self.assertEqual((pytusk.max_n_faulty(n_shards=SHARDS), pytusk.min_n_correct(n_shards=SHARDS)), (4, 9))
        self.assertEqual(pytusk.source_symbol_counts(n_shards=SHARDS), (5, 9))
        self.assertEqual(pytusk.metadata_length(n_shards=SHARDS), 64 * SHARDS + 32)
        self.assertEqual([pytusk.is_above_validity(weight=weight, n_shards=SHARDS) for weight in [4, 5]], [False, True])
        bitmap = pytusk.pack_signers_bitmap(signer_positions=[0, 2], committee_size=4)
        self.assertEqual(pytusk.unpack_signers_bitmap(bitmap=bitmap, committee_size=4), (0, 2))
        weights = [pytusk.min_weight_for_validity(n_shards=SHARDS), pytusk.min_weight_for_quorum(n_shards=SHARDS)]
        self.assertEqual(weights, [5, 9])
        encoded = pytusk.encode_blob(data=self.data, n_shards=SHARDS)
        metadata = pytusk.verify_blob_metadata(metadata_bcs=encoded.blob_id + encoded.metadata_bcs, n_shards=SHARDS)
        slivers = [pair.primary for pair in encoded.slivers]
        for sliver in slivers:
            pytusk.verify_sliver(sliver=sliver, metadata=metadata, axis="primary")
        self.assertEqual(pytusk.decode_blob(slivers=slivers[:5], metadata=metadata, axis="primary"), self.data)

    def test_every_request_to_a_node(self):
        receipt = self.stored("--file", self.file, "--epochs", 1)
        blob_id = receipt["blob_id"]
        raw = pytusk.blob_id_from_url_base64(value=blob_id)

        async def ask(client):
            committee = await client.committee()
            encoded = pytusk.encode_blob(data=self.data, n_shards=committee.n_shards)
            found = []
            for pair in range(committee.n_shards):
                shard = pytusk.pair_index_to_shard_index(pair_index=pair, blob_id=raw, n_shards=committee.n_shards)
                url = committee.member_for_shard(shard_index=shard).base_url
                for kind in ["primary", "secondary"]:
                    command = pytusk.ReadSliver(blob_id=raw, sliver_pair_index=pair, sliver_type=kind)
                    answer = await client.execute(command=command, base_url=url)
                    found.append((answer.is_ok(), pair, kind, answer.result_string, answer.result_data))
            slivers = await pytusk.fetch_slivers(client=client, committee=committee, blob_id=raw, axis="primary", threshold=5)
            assert len(slivers) >= 5, len(slivers)
            object_id = pytusk.object_id_to_raw_bytes(object_id=receipt["object_id"])
            message = pytusk.confirmation_message(epoch=committee.epoch, blob_id=raw, object_id=object_id)
            for position, member in enumerate(committee.members):
                command = pytusk.ReadStorageConfirmation(blob_id=raw, object_id=receipt["object_id"])
                signed = (await client.execute(command=command, base_url=member.base_url)).result_data
                confirmation = pytusk.NodeConfirmation(
                    node_id=member.node_id,
                    position=position,
                    weight=len(member.shard_indices),
                    public_key=member.public_key,
                    serialized_message=signed.serialized_message,
                    signature=signed.signature,
                )
                assert pytusk.verify_confirmation(confirmation=confirmation, expected_message=message), member
                assert not pytusk.verify_confirmation(confirmation=confirmation, expected_message=message[:-1]), member
            staking_object = client.config.network.staking_object
            await pytusk.assert_certificate_epoch_current(client=client, committee=committee, staking_object=staking_object)
            return encoded, found, await pytusk.read_blob_native(client=client, blob_id=raw, axis="secondary")

        encoded, found, secondary = self.use(ask)
        self.assertEqual([entry for entry in found if not entry[0]], [])
        self.assertEqual(secondary.content, self.data)


if __name__ == "__main__":
    unittest.main()
