"""Whole updates by DTLS over a network that loses, repeats and reorders datagrams, handshakes and downloads included."""
import random
import signal

import pytest
from conftest import make_package, wait_until
from shims import ServerInWeather
from test_dtls import SecureServer
from test_dtls import agent as secure_agent
from test_swarm import TicketServer, known
from test_update import deployments, upload

LIMIT_S = 240


class SecureServerInWeather(SecureServer, ServerInWeather):
    """DTLS alone, in bad weather."""


class TicketServerInWeather(TicketServer, ServerInWeather):
    """The same with tickets, which make the last flight of a handshake longer."""


@pytest.mark.parametrize("make", [SecureServerInWeather, TicketServerInWeather])
def test_everybody_is_updated_once_by_dtls_in_bad_weather(start, keys, device, tmp_path, make):
    secure = make(start, tmp_path / "server", only=True)
    factory = make_package(tmp_path, keys, "1.0.0", 1)
    package = upload(secure, keys, make_package(tmp_path, keys, "1.1.0", 2, random.Random(7).randbytes(60_000)))
    psks = secure.enroll(tmp_path, *[(f"d{i}", f"id{i}") for i in range(8)])
    agents = [secure_agent(device, secure, tmp_path, keys, factory, name, f"id{name[1:]}", key, health="true")
              for name, key in psks.items()]
    wait_until(lambda: {d["endpoint"]: d["version"] for d in known(secure)} == dict.fromkeys(psks, "1.0.0"), LIMIT_S,
               "the devices")
    secure.kedge("rollout", "create", "--name", "storm", "--package", package, "--all", "--start")
    secure.kedge("rollout", "watch", "1", timeout=LIMIT_S)
    assert min(secure.counts().values()) > 5, secure.counts()
    assert {name: d["state"] for name, d in deployments(secure).items()} == dict.fromkeys(psks, "succeeded")
    for one in agents:
        one.process.stop(signal.SIGKILL)
    statuses = [one.status() for one in agents]
    assert [(s["version"], s["updates_confirmed"], s["updates_rolled_back"]) for s in statuses] == \
        [("1.1.0", 1, 0)] * len(agents)
