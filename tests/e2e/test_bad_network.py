"""The whole update between the real server and real agents, over a network that mistreats datagrams."""
import random

import pytest
from bad_network import BadNetwork
from conftest import make_package, wait_until


@pytest.fixture
def bad_network(server):
    networks = []

    def make(*args, **keywords) -> BadNetwork:
        networks.append(BadNetwork(server.coap_port, *args, **keywords))
        return networks[-1]
    yield make
    for network in networks:
        network.close()


def test_everybody_is_updated_once_over_a_network_that_loses_repeats_and_reorders(server, keys, device, tmp_path,
                                                                                  bad_network):
    network = bad_network(seed=7)
    factory = make_package(tmp_path, keys, "1.0.0", 1)
    update = make_package(tmp_path, keys, "1.1.0", 2, random.Random(7).randbytes(20_000))
    server.kedge("trust", "add", "--name", "release", keys.public)
    server.kedge("package", "upload", update)
    package = server.json("package", "list")["packages"][0]["id"]
    devices = {f"d{i}": device(f"d{i}", keys, factory, network.uri, health="true") for i in range(4)}

    def versions():
        return {d["endpoint"]: d["version"] for d in server.json("device", "list")["devices"]}
    wait_until(lambda: versions() == dict.fromkeys(devices, "1.0.0"), 120, "the devices")
    server.kedge("rollout", "create", "--name", "storm", "--package", package, "--all", "--start")
    server.kedge("rollout", "watch", "1", timeout=300)

    assert min(network.counts["lost"], network.counts["repeated"], network.counts["delayed"]) > 0
    shown = server.json("rollout", "show", "1", "--devices")
    assert {d["endpoint"]: d["state"] for d in shown["deployments"]} == dict.fromkeys(devices, "succeeded")
    statuses = [one.status() for one in devices.values()]
    assert [(s["version"], s["updates_confirmed"], s["updates_rolled_back"]) for s in statuses] == \
        [("1.1.0", 1, 0)] * len(devices)
