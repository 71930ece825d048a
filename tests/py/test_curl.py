"""curl: the recipes of client spec 3.11, and what downloads and players do with ranges."""

import io
import json
import os
import pathlib
import subprocess
import tarfile
import tempfile
import unittest

from localnet import Localnet

UNKNOWN = "A" * 43


class Curl(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.network = Localnet()
        cls.addClassCleanup(cls.network.stop)
        directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(directory.cleanup)
        cls.directory = pathlib.Path(directory.name)
        cls.data = os.urandom(2_000_000)
        cls.file = cls.directory / "file"
        cls.file.write_bytes(cls.data)
        cls.blob = cls.stored("?epochs=5", "--upload-file", cls.file)
        cls.url = f"{cls.network.aggregator}/v1/blobs/{cls.blob['blobId']}"

    @staticmethod
    def curl(*arguments, data=None):
        command = ["curl", "--silent", "--show-error", "--max-time", "60", *map(str, arguments)]
        return subprocess.run(command, input=data, capture_output=True, check=False)

    @classmethod
    def put(cls, query, *arguments, data=None):
        return cls.curl("-X", "PUT", f"{cls.network.publisher}/v1/blobs{query}", *arguments, data=data)

    @classmethod
    def stored(cls, query, *arguments, data=None):
        result = json.loads(cls.put(query, *arguments, data=data).stdout)
        return result["newlyCreated"]["blobObject"]

    def ask(self, url, *arguments):
        """Status, headers and body of an answer."""
        headers = self.directory / "headers"
        done = self.curl("-D", headers, url, *arguments)
        lines = headers.read_text().replace("\r", "").strip().split("\n\n")[-1].split("\n")
        pairs = (line.split(": ", 1) for line in lines[1:])
        return int(lines[0].split()[1]), {name.lower(): value for name, value in pairs}, done.stdout

    def test_stores(self):
        blob = self.stored("", "-d", "some string")
        self.assertEqual((blob["size"], blob["storage"]["endEpoch"] - blob["storage"]["startEpoch"]), (11, 1))
        self.assertTrue(blob["deletable"])
        owner = "0x" + "09" * 32
        blob = self.stored(f"?send_object_to={owner}&deletable=true", "--upload-file", self.file)
        self.assertEqual(blob["blobId"], self.blob["blobId"])
        other = self.directory / "permanent"
        other.write_bytes(os.urandom(1000))
        self.assertFalse(self.stored("?permanent=true", "--upload-file", other)["deletable"])
        again = json.loads(self.put("?permanent=true", "--upload-file", other).stdout)
        self.assertIn("txDigest", again["alreadyCertified"]["event"])

    def test_a_body_of_unknown_length_is_stored(self):
        data = os.urandom(600_000)
        blob = self.stored("", "--upload-file", "-", "-H", "Transfer-Encoding: chunked", data=data)
        _, _, found = self.ask(f"{self.network.aggregator}/v1/blobs/{blob['blobId']}")
        self.assertEqual(found, data)

    def test_a_body_that_is_too_large_is_refused_before_it_is_sent(self):
        large = self.directory / "large"
        with open(large, "wb") as file:
            file.truncate((10 << 20) + 1)
        done = self.put("", "--upload-file", large, "-w", "%{http_code} %{size_upload}", "--expect100-timeout", "10")
        body, _, numbers = done.stdout.decode().rpartition("}")
        self.assertEqual(numbers.split(), ["413", "0"], body)
        self.assertIn("10485760", body)

    def test_reads(self):
        status, headers, body = self.ask(self.url)
        self.assertEqual((status, body), (200, self.data))
        self.assertEqual(headers["x-content-type-options"], "nosniff")
        self.assertEqual(self.ask(f"{self.url}/byte-range?start=0&length=10")[2], self.data[:10])
        by_object = f"{self.network.aggregator}/v1/blobs/by-object-id/{self.blob['id']}"
        self.assertEqual(self.ask(by_object)[2], self.data)
        status, headers, body = self.ask(self.url, "--head")
        self.assertEqual((status, headers["content-length"]), (200, str(len(self.data))))
        etag = headers["etag"]
        self.assertEqual(self.ask(self.url, "-H", f"If-None-Match: {etag}")[0], 304)

    def test_files_of_a_form_are_a_quilt(self):
        other = self.directory / "other"
        other.write_bytes(b"other")
        metadata = json.dumps([{"identifier": "a", "tags": {"k": "v"}}])
        form = ["-F", f"a=@{self.file}", "-F", f"dir/b=@{other}", "-F", f"_metadata={metadata}"]
        done = self.curl("-X", "PUT", f"{self.network.publisher}/v1/quilts?epochs=5", *form)
        stored = json.loads(done.stdout)
        quilt = stored["blobStoreResult"]["newlyCreated"]["blobObject"]["blobId"]
        patches = {patch["identifier"]: patch["quiltPatchId"] for patch in stored["storedQuiltBlobs"]}
        blobs = f"{self.network.aggregator}/v1/blobs"
        for url in [f"{blobs}/by-quilt-id/{quilt}/a", f"{blobs}/by-quilt-patch-id/{patches['a']}"]:
            status, headers, body = self.ask(url)
            self.assertEqual((status, body), (200, self.data))
            self.assertEqual(headers["x-quilt-patch-identifier"], "a")
        quilts = f"{self.network.aggregator}/v1/quilts/{quilt}"
        listed = json.loads(self.ask(f"{quilts}/patches")[2])
        expected = [("a", {"k": "v"}), ("dir/b", {})]
        self.assertEqual([(patch["identifier"], patch["tags"]) for patch in listed], expected)
        with tarfile.open(fileobj=io.BytesIO(self.ask(f"{quilts}/tar")[2])) as archive:
            files = {member.name: archive.extractfile(member).read() for member in archive.getmembers()}
        self.assertEqual(files, {"a": self.data, "dir/b": b"other"})
        done = self.curl("-X", "PUT", f"{self.network.publisher}/v1/quilts", "-F", "a=1", "-F", "a=2")
        error = json.loads(done.stdout)["error"]
        self.assertEqual((error["code"], error["details"][0]["reason"]), (400, "MALFORMED_REQUEST"))

    def test_ranges(self):
        for asked, expected in [("0-9", self.data[:10]), ("1999990-", self.data[-10:]), ("-7", self.data[-7:])]:
            status, headers, body = self.ask(self.url, "-r", asked)
            self.assertEqual((status, body), (206, expected))
            self.assertTrue(headers["content-range"].endswith("/2000000"))
        status, headers, body = self.ask(self.url, "-r", "0-1,-2")
        self.assertEqual(status, 206)
        self.assertTrue(headers["content-type"].startswith("multipart/byteranges"))
        self.assertEqual(len(body), int(headers["content-length"]))
        status, headers, _ = self.ask(self.url, "-r", "2000000-")
        self.assertEqual((status, headers["content-range"]), (416, "bytes */2000000"))

    def test_a_download_goes_on_where_it_was(self):
        part = self.directory / "part"
        part.write_bytes(self.data[:777_777])
        done = self.curl("--fail", "--continue-at", "-", "--output", part, self.url)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(part.read_bytes(), self.data)
        # Of a whole one there is nothing more.
        done = self.curl("--continue-at", "-", "--output", part, self.url)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(part.read_bytes(), self.data)

    def test_a_download_begins_anywhere(self):
        rest = self.directory / "rest"
        done = self.curl("--fail", "--continue-at", "1999990", "--output", rest, self.url)
        self.assertEqual((done.returncode, rest.read_bytes()), (0, self.data[-10:]), done.stderr)
        # What curl makes of 416 when it is told to fail.
        done = self.curl("--fail", "--continue-at", "2000000", "--output", self.directory / "none", self.url)
        self.assertEqual(done.returncode, 22, done.stderr)

    def test_what_is_not_there_or_no_id_is_told(self):
        status, _, body = self.ask(f"{self.network.aggregator}/v1/blobs/{UNKNOWN}")
        self.assertEqual((status, json.loads(body)["error"]["details"][0]["reason"]), (404, "BLOB_NOT_FOUND"))
        self.assertEqual(self.ask(f"{self.network.aggregator}/v1/blobs/not-an-id")[0], 400)

    def test_http2_without_tls(self):
        for version in ["--http2", "--http2-prior-knowledge"]:
            self.assertEqual(self.ask(self.url, version, "-r", "5-8")[2], self.data[5:9])


if __name__ == "__main__":
    unittest.main()
