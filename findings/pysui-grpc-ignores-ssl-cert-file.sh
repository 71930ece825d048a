#!/usr/bin/env bash
# Guessed: SSL_CERT_FILE names the authorities that a Python process trusts, also for gRPC with pysui: OpenSSL, Python's `ssl` and httpx heed it.
# Seen: pysui 1.5.1 connects with grpclib 0.4.9, which loads the bundle of certifi, and nothing else, when certifi can be imported; httpx, which pysui
#   needs, brings it. A full node with a certificate of one's own authority is refused with CERTIFICATE_VERIFY_FAILED, though SSL_CERT_FILE names that
#   authority and Python's default context connects. Where certifi cannot be imported, the same call with the same variable goes through.
# For users: put the authority into the file that `certifi.where()` names, or patch that function before the client is made.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check pysui==1.5.1 grpclib==0.4.9 trustme==1.2.1
cat >server.py <<'PY'
import asyncio
import ssl
import sys

import trustme
from grpclib.const import Cardinality, Handler
from grpclib.server import Server
from pysui.sui.sui_grpc.suimsgs.sui.rpc import v2 as sui

NAME = "/sui.rpc.v2.LedgerService/GetServiceInfo"


class Node:
    def __mapping__(self):
        async def answer(stream):
            await stream.recv_message()
            await stream.send_message(sui.GetServiceInfoResponse(chain="ours"))

        return {NAME: Handler(answer, Cardinality.UNARY_UNARY, sui.GetServiceInfoRequest, sui.GetServiceInfoResponse)}


async def main():
    authority = trustme.CA()
    authority.cert_pem.write_to_path("authority.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    context.set_alpn_protocols(["h2"])
    server = Server([Node()])
    await server.start("127.0.0.1", 0, ssl=context)
    port = server._server.sockets[0].getsockname()[1]
    client = await asyncio.create_subprocess_exec(sys.executable, "client.py", str(port))
    status = await client.wait()
    server.close()
    sys.exit(status)


asyncio.run(main())
PY
cat >client.py <<'PY'
import asyncio
import os
import ssl
import sys
import types

import certifi

os.environ["SSL_CERT_FILE"] = "authority.pem"
os.environ.pop("SSL_CERT_DIR", None)

from pysui.sui.sui_grpc.pgrpc_clients import GrpcProtocolClient
from pysui.sui.sui_grpc.suimsgs.sui.rpc import v2 as sui

port = int(sys.argv[1])


async def plain():
    """TLS with the default context of Python."""
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=ssl.create_default_context(), server_hostname="localhost")
    writer.close()
    return "connected"


async def grpc():
    """A call over the channel that pysui makes."""
    profile = types.SimpleNamespace(url=f"https://localhost:{port}")
    config = types.SimpleNamespace(active_profile="own", active_group=types.SimpleNamespace(active_profile=profile))
    client = GrpcProtocolClient(pysui_config=config)
    try:
        answer = await sui.LedgerServiceStub(client._channel).get_service_info(sui.GetServiceInfoRequest())
        return f"chain {answer.chain}"
    except ssl.SSLCertVerificationError:
        return "CERTIFICATE_VERIFY_FAILED"
    finally:
        client._channel.close()


async def main():
    seen = {"default context": await plain(), "pysui": await grpc()}
    where, certifi.where = certifi.where, lambda: "authority.pem"
    seen["pysui, certifi names the authority"] = await grpc()
    certifi.where = where
    sys.modules["certifi"] = None  # an import of it raises ImportError from here on
    seen["pysui, no certifi"] = await grpc()
    for what, outcome in seen.items():
        print(f"{what}: {outcome}")
    assert list(seen.values()) == ["connected", "CERTIFICATE_VERIFY_FAILED", "chain ours", "chain ours"], seen


asyncio.run(main())
PY
python/bin/python server.py
