#!/usr/bin/env bash
# Guessed: pysui connects over gRPC to the `url` of a profile, written as a URL or, as in its own list of networks, as host:port.
# Seen: in pysui 1.5.1 host:port is parsed as scheme:path. So a host that begins with a digit or has an underscore (127.0.0.1:9000, my_node:9000) "is not valid
#   URL". An https URL without a port goes to 50051, the port of grpclib, not to 443; http:// is connected to with TLS.
# For users: write https:// and the port always; a node without TLS cannot be asked.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check pysui==1.5.1 grpclib==0.4.9
cat >run.py <<'PY'
import asyncio
import types

from pysui.sui.sui_grpc.pgrpc_clients import GrpcProtocolClient


def channel(url):
    """Where the channel of a client for the URL would connect to, and whether with TLS."""
    profile = types.SimpleNamespace(url=url)
    config = types.SimpleNamespace(active_profile="own", active_group=types.SimpleNamespace(active_profile=profile))
    try:
        made = GrpcProtocolClient(pysui_config=config)._channel
    except ValueError as error:
        return str(error)
    return made._host, made._port, made._ssl is not None


async def main():
    expected = {
        "fullnode.mainnet.sui.io:443": ("fullnode.mainnet.sui.io", 443, True),
        "localhost:9000": ("localhost", 9000, True),
        "127.0.0.1:9000": "127.0.0.1:9000 in own is not valid URL",
        "my_node:9000": "my_node:9000 in own is not valid URL",
        "https://127.0.0.1:9000": ("127.0.0.1", 9000, True),
        "https://fullnode.mainnet.sui.io": ("fullnode.mainnet.sui.io", 50051, True),
        "http://localhost:9000": ("localhost", 9000, True),
    }
    seen = {url: channel(url) for url in expected}
    for url, outcome in seen.items():
        print(f"{url}: {outcome}")
    assert seen == expected, seen


asyncio.run(main())
PY
python/bin/python run.py
