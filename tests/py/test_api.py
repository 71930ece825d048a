"""The OpenAPI document: what it says is so. Its examples work, and no request finds an answer that it does not name."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

from localnet import REPOSITORY, Localnet

HOOKS = pathlib.Path(__file__).resolve().parent / "media_types.py"
COMMITTED = REPOSITORY / "services/gateway/openapi.json"
# The whole of what is sent follows from this.
SEED = "14"
# Requests of an operation that are made up, beside those that follow from its parameters.
EXAMPLES = {"aggregator": 20, "publisher": 10, "uploads": 10}
CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
    "unsupported_method",
    "allow_header_conformance",
]


class Api(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.network = Localnet()
        cls.addClassCleanup(cls.network.stop)
        directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(directory.cleanup)
        cls.directory = pathlib.Path(directory.name)
        cls.document = json.loads(COMMITTED.read_text())
        file = cls.directory / "file"
        file.write_bytes(os.urandom(5000))
        blob = cls.put("/v1/blobs?epochs=5", "--upload-file", file)["newlyCreated"]["blobObject"]
        quilt = cls.put("/v1/quilts?epochs=5", "-F", f"a.txt=@{file}", "-F", "b.txt=two")
        patch = quilt["storedQuiltBlobs"][0]
        cls.values = {
            "FILE": str(file),
            "AGGREGATOR": cls.network.aggregator,
            "PUBLISHER": cls.network.publisher,
            "BLOB_ID": blob["blobId"],
            "OBJECT_ID": blob["id"],
            "QUILT_ID": quilt["blobStoreResult"]["newlyCreated"]["blobObject"]["blobId"],
            "PATCH_ID": patch["quiltPatchId"],
            "IDENTIFIER": patch["identifier"],
            "UPLOAD_ID": cls.stored_upload(),
        }

    @classmethod
    def put(cls, path, *arguments):
        command = ["curl", "--silent", "--show-error", "-X", "PUT", cls.network.publisher + path, *map(str, arguments)]
        return json.loads(subprocess.run(command, capture_output=True, check=True).stdout)

    @classmethod
    def stored_upload(cls):
        """The ID of a store that was not waited for, and is over."""
        headers = ["--output", "/dev/null", "--write-out", "%header{location}", "-H", "Prefer: respond-async", "--data", "x"]
        command = ["curl", "--silent", "--show-error", "-X", "PUT", f"{cls.network.publisher}/v1/blobs", *headers]
        path = subprocess.run(command, capture_output=True, check=True, text=True).stdout
        # Ends with the store.
        subprocess.run(["curl", "--silent", "--fail", f"{cls.network.publisher}{path}/events"], capture_output=True, check=True)
        return path.rsplit("/", 1)[-1]

    def operations(self):
        for path, item in self.document["paths"].items():
            for method, operation in item.items():
                yield f"{method} {path}", operation

    def test_the_servers_describe_what_is_committed(self):
        described = {}
        for url in [self.network.aggregator, self.network.publisher]:
            done = subprocess.run(["curl", "--silent", "--fail", f"{url}/v1/api/openapi.json"], capture_output=True, check=True)
            for path, item in json.loads(done.stdout)["paths"].items():
                described.setdefault(path, {}).update(item)
        self.assertEqual(described, self.document["paths"])

    def test_every_example_works(self):
        environment = {**os.environ, **self.values}
        count = 0
        for name, operation in self.operations():
            for sample in operation.get("x-codeSamples", []):
                with self.subTest(name, source=sample["source"]):
                    command = ["bash", "-euo", "pipefail", "-c", sample["source"]]
                    done = subprocess.run(command, env=environment, capture_output=True, check=False)
                    self.assertEqual(done.returncode, 0, done.stderr)
                    self.assertTrue(done.stdout)
                    count += 1
        self.assertGreater(count, 15)

    def fuzzable(self):
        """The document with IDs that lead somewhere, without waiting, and without bodies of which nobody says what they are."""
        document = json.loads(json.dumps(self.document))
        real = {
            "blob_id": "BLOB_ID",
            "object_id": "OBJECT_ID",
            "quilt_id": "QUILT_ID",
            "patch_id": "PATCH_ID",
            "identifier": "IDENTIFIER",
            "id": "UPLOAD_ID",
        }
        for item in document["paths"].values():
            for operation in item.values():
                for parameter in operation.get("parameters", []):
                    if parameter["in"] == "path":
                        parameter["example"] = self.values[real[parameter["name"]]]
                    if parameter["name"] == "wait":
                        parameter["schema"]["maximum"] = 0
                for response in operation["responses"].values():
                    if "*/*" in response.get("content", {}):
                        del response["content"]
        file = self.directory / "openapi.json"
        file.write_text(json.dumps(document))
        return file

    def fuzz(self, tag, url):
        command = [pathlib.Path(sys.executable).parent / "schemathesis", "--no-color", "run", self.fuzzable(), "--url", url]
        command += ["--include-tag", tag, "--seed", SEED, "--max-examples", str(EXAMPLES[tag])]
        command += ["--checks", ",".join(CHECKS), "--phases", "examples,coverage,fuzzing"]
        command += ["--request-timeout", "20", "--continue-on-failure", "--warnings", "off"]
        command += ["--suppress-health-check", "all"]
        environment = {**os.environ, "SCHEMATHESIS_HOOKS": str(HOOKS)}
        # It keeps what it learned in the current directory.
        done = subprocess.run(list(map(str, command)), cwd=self.directory, env=environment, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout[-20_000:] + done.stderr)

    def test_no_read_finds_an_answer_that_is_not_documented(self):
        self.fuzz("aggregator", self.network.aggregator)

    def test_no_store_finds_an_answer_that_is_not_documented(self):
        self.fuzz("publisher", self.network.publisher)

    def test_no_upload_finds_an_answer_that_is_not_documented(self):
        self.fuzz("uploads", self.network.publisher)


if __name__ == "__main__":
    unittest.main()
