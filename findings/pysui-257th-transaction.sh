#!/usr/bin/env bash
# Guessed: a long-lived Python process can build any number of transactions with pysui, and reads the signature of a Move function from the chain
#   once.
# Seen: in pysui 1.5.1 the cache of signatures is keyed by the whole transaction that asks, too. So it never answers (a request for every
#   call), and since a transaction changes when it is built, its own key cannot be found any more when the cache is full: from the
#   257th transaction on, every `move_call` of the process raises KeyError.
# For users: restart workers before that, or empty the cache (`AsyncSuiTransaction._function_meta_args.cache_clear()`).
# Runs without a chain: the client answers what a full node does.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check pysui==1.5.1
cat >run.py <<'PY'
import asyncio
import types

from pysui.sui.sui_common.async_txn import AsyncSuiTransaction
from pysui.sui.sui_grpc.suimsgs.sui.rpc import v2 as sui

ADDRESS = "0x" + "1" * 64


class Answer:
    def __init__(self, data):
        self.result_data = data

    def is_ok(self):
        return True


class Client:
    config = types.SimpleNamespace(active_address=ADDRESS)

    def __init__(self):
        self.signatures_asked = 0

    async def gasless_for(self, *, coin_tokens):
        return False

    async def execute(self, *, command, **_):
        if type(command).__name__ == "GetFunction":
            self.signatures_asked += 1
            return Answer(sui.GetFunctionResponse(function=sui.FunctionDescriptor(name=command.function_name)))
        assert type(command).__name__ == "GetBasicCurrentEpochInfo", command
        return Answer(sui.Epoch(reference_gas_price=1000))


async def main():
    client = Client()
    gas = sui.Object(object_id="0x" + "2" * 64, version=1, digest="1" * 32, balance=10**9)
    outcomes = []
    for _ in range(260):
        transaction = AsyncSuiTransaction(client=client)
        try:
            await transaction.move_call(target="0x2::example::call", arguments=[])
            await transaction.build(gas_budget=10**7, use_gas_objects=[gas])
            outcomes.append("built")
        except KeyError:
            outcomes.append("KeyError")
    built = outcomes.index("KeyError")
    print(f"{built} built, then {outcomes[built:]}; the same signature asked for {client.signatures_asked} times")
    assert built == 256
    assert set(outcomes[built:]) == {"KeyError"}
    assert client.signatures_asked == 260


asyncio.run(main())
PY
python/bin/python run.py
