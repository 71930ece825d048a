"""A `walrus localnet` of its own for a test: a temporary directory, free loopback ports, gone at the end."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import threading

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
START_SECONDS = 120
STOP_SECONDS = 20


def walrus_binary():
    """The `walrus` program: `WALRUS_BIN`, or what `cargo build -p walrus` made."""
    target = REPOSITORY / os.environ.get("CARGO_TARGET_DIR", "target")
    binary = pathlib.Path(os.environ.get("WALRUS_BIN", target / "debug" / "walrus"))
    if not binary.exists():
        raise FileNotFoundError(f"{binary} does not exist; run `cargo build -p walrus`, or set WALRUS_BIN")
    return binary


class Localnet:
    """A network that is up. `aggregator` and `publisher` are URLs."""

    def __init__(self, nodes=4, shards=13):
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="walrus-py-"))
        temporary = self.home / "tmp"
        temporary.mkdir()
        environment = {**os.environ, "HOME": str(self.home), "TMPDIR": str(temporary)}
        environment.pop("XDG_CONFIG_HOME", None)
        command = [walrus_binary(), "localnet", "--dir", self.home / "network", "--json"]
        command += ["--rpc-port", "0", "--faucet-port", "0", "--nodes", str(nodes), "--shards", str(shards)]
        self.errors = open(self.home / "errors", "w+b")
        self.process = subprocess.Popen(
            command, cwd=self.home, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.errors
        )
        try:
            self.description = self._description()
        except Exception:
            self.stop()
            raise
        self.config = self.home / "network" / "client_config.yaml"
        self.aggregator = self.description["aggregatorUrl"]
        self.publisher = self.description["publisherUrl"]

    def _description(self):
        """The one JSON document that is printed when the network is up."""
        late = threading.Timer(START_SECONDS, self.process.kill)
        late.start()
        try:
            text = b""
            for line in self.process.stdout:
                text += line
                # Nothing is behind the object.
                if line == b"}\n":
                    return json.loads(text)
        finally:
            late.cancel()
        self.errors.seek(0)
        raise RuntimeError(f"walrus localnet was not up: {self.errors.read().decode(errors='replace')}")

    def run(self, *arguments):
        """What a command of the program prints."""
        environment = {**os.environ, "HOME": str(self.home)}
        command = [walrus_binary(), *map(str, arguments)]
        return subprocess.run(command, cwd=self.home, env=environment, stdout=subprocess.PIPE, check=True).stdout

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process.stdout.close()
        self.errors.close()
        shutil.rmtree(self.home, ignore_errors=True)
