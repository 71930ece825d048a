"""Configurations of `pysui` and `pytusk` for a local network: what a person would write who is told where it is."""

import contextlib
import os
from unittest import mock

from pysui import PysuiConfiguration
from pysui.sui.sui_common.config.confgroup import GroupProtocol, NetworkType
from pytusk import PytuskConfiguration, RelayConfig, WalrusNetworkConfig

NAME = "localnet"
GROUP = "local"


@contextlib.contextmanager
def trusting(bundle):
    """Programs here trust the authority of a network. `httpx` takes it from `SSL_CERT_FILE`; gRPC asks `certifi`, which knows no variable, where
    the certificates of authorities are."""
    with mock.patch.dict(os.environ, SSL_CERT_FILE=bundle), mock.patch("certifi.where", return_value=bundle):
        yield


def configure(folder, description, private_key):
    """Writes both configurations into `folder`, for the account with that key; its address."""
    sui = PysuiConfiguration.initialize_config(in_folder=folder, init_groups=[{"name": "unused", "make_active": True}])
    [address] = sui.new_group(
        group_name=GROUP,
        profile_block=[
            {
                "profile_name": NAME,
                "url": description["rpcTlsUrl"],
                "network_type": NetworkType.TEST,
                "make_active": True,
            }
        ],
        key_block=[{"key_string": private_key, "alias": "main"}],
        active_address_index=0,
        group_protocol=GroupProtocol.GRPC,
        make_group_active=True,
    )
    network = WalrusNetworkConfig(
        network_name=NAME,
        pysui_group_name=GROUP,
        pysui_profile_name=NAME,
        walrus_aggregator_url=description["aggregatorUrl"],
        walrus_publisher_url=description["publisherUrl"],
        system_object=description["systemObject"],
        staking_object=description["stakingObject"],
        exchange_objects=description["exchangeObjects"],
        relays=[RelayConfig(relay_name="local", relay_url=description["relayUrl"])],
        active_relay="local",
        wal_coin_type=f"{description['packages']['wal']}::wal::WAL",
    )
    walrus = PytuskConfiguration(from_cfg_path=str(folder))
    walrus.set_pysui_config_path(str(folder))
    walrus.add_network(network)
    walrus.set_active_network(NAME, persist=True)
    return address
