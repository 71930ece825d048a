"""`walrus-python` 0.1.0, unmodified: every public call, against a gateway."""

import io
import os
import pathlib
import tempfile
import unittest

from walrus import WalrusAPIError, WalrusClient

from localnet import Localnet

# Of a well-formed blob ID that nobody stored.
UNKNOWN = "A" * 43


class Pipe(io.RawIOBase):
    """A stream that does not tell its length: it is sent in chunks."""

    def __init__(self, data):
        super().__init__()
        self.data = io.BytesIO(data)

    def readable(self):
        return True

    def readinto(self, buffer):
        return self.data.readinto(memoryview(buffer)[:1000])


class WalrusPython(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.network = Localnet()
        cls.addClassCleanup(cls.network.stop)
        # A slash at the end is taken off.
        cls.client = WalrusClient(cls.network.publisher + "/", cls.network.aggregator + "/")

    def stored(self, result):
        blob = result["newlyCreated"]["blobObject"]
        return blob["blobId"], blob["id"]

    def test_a_blob_comes_back_in_every_way(self):
        data = os.urandom(300_000)
        result = self.client.put_blob(data, encoding_type="RS2", epochs=3, deletable=True)
        blob_id, object_id = self.stored(result)
        self.assertEqual(result["newlyCreated"]["blobObject"]["size"], len(data))
        self.assertEqual(self.client.get_blob(blob_id), data)
        self.assertEqual(self.client.get_blob_by_object_id(object_id), data)
        self.assertEqual(self.client.get_blob_as_stream(blob_id).read(), data)
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory) / "blob"
            self.client.get_blob_as_file(blob_id, str(path))
            self.assertEqual(path.read_bytes(), data)
        headers = self.client.get_blob_metadata(blob_id)
        # A HEAD says what the GET would.
        lower = {name.lower(): value for name, value in headers.items()}
        self.assertEqual(lower["content-length"], str(len(data)))
        self.assertEqual(lower["etag"], f'"{blob_id}"')

    def test_files_and_streams_are_stored(self):
        data = os.urandom(70_000)
        with tempfile.NamedTemporaryFile() as file:
            file.write(data)
            file.flush()
            blob_id, _ = self.stored(self.client.put_blob_from_file(file.name))
            self.assertEqual(self.client.get_blob(blob_id), data)
        for stream in [io.BytesIO(data + b"1"), Pipe(data + b"22")]:
            blob_id, _ = self.stored(self.client.put_blob_from_stream(stream, epochs=1))
            self.assertEqual(self.client.get_blob(blob_id)[:70_000], data)

    def test_objects_are_sent_where_they_are_asked_to(self):
        owner = "0x" + "07" * 32
        result = self.client.put_blob(b"for somebody", send_object_to=owner)
        blob_id, _ = self.stored(result)
        self.assertEqual(self.client.get_blob(blob_id), b"for somebody")

    def test_errors_have_what_the_client_reads(self):
        with self.assertRaises(WalrusAPIError) as refused:
            self.client.get_blob(UNKNOWN)
        error = refused.exception
        self.assertEqual((error.code, error.status), (404, "NOT_FOUND"))
        self.assertEqual(error.details[0]["reason"], "BLOB_NOT_FOUND")
        with self.assertRaises(WalrusAPIError) as refused:
            self.client.put_blob(b"x", epochs=0)
        self.assertEqual(refused.exception.code, 400)
        with self.assertRaises(WalrusAPIError) as refused:
            self.client.put_blob(bytes((10 << 20) + 1))
        self.assertEqual(refused.exception.code, 413)
        self.assertIn("10485760", refused.exception.message)


if __name__ == "__main__":
    unittest.main()
