"""ffmpeg: a film whose index is at its end, read through the aggregator without downloading it first."""

import json
import os
import pathlib
import subprocess
import tempfile
import unittest
import urllib.request

from localnet import Localnet

FFMPEG = os.environ.get("FFMPEG_BIN", "ffmpeg")
SECONDS = 20
# Of a well-formed blob ID that nobody stored.
UNKNOWN = "A" * 43


def ffmpeg(*arguments):
    command = [FFMPEG, "-nostdin", "-loglevel", "error", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, check=False, timeout=120)


def make_film(file):
    """Moving test patterns with a tone, H.264 and AAC in MP4; ffmpeg writes the index at the end unless told otherwise."""
    done = ffmpeg(
        *("-f", "lavfi", "-i", f"testsrc2=size=320x180:rate=10:duration={SECONDS}"),
        *("-f", "lavfi", "-i", f"sine=frequency=440:duration={SECONDS}"),
        *("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "10", "-c:a", "aac"),
        *("-b:v", "1000k", "-minrate", "1000k", "-maxrate", "1000k", "-bufsize", "1000k", "-x264-params", "nal-hrd=cbr"),
        file,
    )
    assert done.returncode == 0, done.stderr.decode()


def boxes(data):
    """The boxes of an MP4, outermost: name and where each begins."""
    offset = 0
    while offset < len(data):
        length = int.from_bytes(data[offset : offset + 4], "big")
        yield data[offset + 4 : offset + 8].decode(), offset
        offset += length


class Ffmpeg(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.network = Localnet()
        cls.addClassCleanup(cls.network.stop)
        directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(directory.cleanup)
        cls.film = pathlib.Path(directory.name) / "film.mp4"
        make_film(cls.film)
        data = cls.film.read_bytes()
        order = [name for name, _ in boxes(data)]
        assert order.index("moov") > order.index("mdat"), order
        request = urllib.request.Request(f"{cls.network.publisher}/v1/blobs", data=data, method="PUT")
        with urllib.request.urlopen(request) as answer:
            blob_id = json.load(answer)["newlyCreated"]["blobObject"]["blobId"]
        cls.url = f"{cls.network.aggregator}/v1/blobs/{blob_id}"

    def test_every_frame_and_every_sound_is_that_of_the_file(self):
        digests = [ffmpeg("-i", source, "-f", "streamhash", "-") for source in [self.film, self.url]]
        for done in digests:
            self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assertEqual(len(digests[0].stdout.splitlines()), 2, "a film and a sound")
        self.assertEqual(digests[0].stdout, digests[1].stdout)

    def test_a_frame_is_taken_from_anywhere(self):
        for time in [0, 13.5, 19]:
            frames = [
                ffmpeg("-ss", time, "-i", source, "-frames:v", 1, "-f", "rawvideo", "-") for source in [self.film, self.url]
            ]
            self.assertEqual([done.returncode for done in frames], [0, 0], frames)
            self.assertEqual(len(frames[0].stdout), 320 * 180 * 3 // 2)
            self.assertEqual(frames[0].stdout, frames[1].stdout)

    def test_without_ranges_it_cannot(self):
        """What the tests above would not show if ffmpeg read the whole film first."""
        done = ffmpeg("-seekable", "0", "-i", self.url, "-f", "null", "-")
        self.assertNotEqual(done.returncode, 0)

    def test_what_is_not_there_is_an_error(self):
        done = ffmpeg("-i", f"{self.network.aggregator}/v1/blobs/{UNKNOWN}", "-f", "null", "-")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(b"404", done.stderr)


if __name__ == "__main__":
    unittest.main()
