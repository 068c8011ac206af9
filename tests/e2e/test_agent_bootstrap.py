"""The agent with nothing but what it was given in the factory: it gets an account, registers and is updated; and whatever
goes wrong with that."""
import stat
import zlib

import pytest
from bootstrap_device import BootstrapServer

from agent_kit import Agent
from conftest import Device, make_package, wait_until
from test_update import assert_versions, deployments, upload

ENDPOINT = "urn:dev:factory-fresh"


def bootstrapping(kind):
    """Agent or Device, told of a bootstrap server instead of a server."""
    class Bootstrapping(kind):
        def begin(self):
            self.command = ["--bootstrap-server" if part == "--server" else part for part in self.command]
            super().begin()
    return Bootstrapping


BootstrappedAgent, BootstrappedDevice = bootstrapping(Agent), bootstrapping(Device)


@pytest.fixture
def server(start, tmp_path) -> BootstrapServer:
    return BootstrapServer(start, tmp_path / "server")


def bootstrap_uri(server, host="127.0.0.1") -> str:
    return f"coaps://{host}:{server.bootstrap_port}"


def by_factory_key(server, folder, endpoint) -> list:
    identity, key = server.enroll_factory(folder, endpoint)
    file = folder / f"{endpoint}.key"
    file.write_text(key.hex() + "\n")
    return ["--psk-identity", identity, "--psk-file", file]


def shown(server, endpoint) -> dict:
    return next((d for d in server.json("device", "list")["devices"] if d["endpoint"] == endpoint), {})


def registered(server, endpoint, limit=60):
    """Waits until the server knows the device, and which firmware it runs."""
    def known():
        device = shown(server, endpoint)
        return device.get("registered") and device.get("version")
    return wait_until(known, limit, f"{endpoint} to be registered")


def test_it_gets_an_account_registers_and_is_updated(server, keys, start, tmp_path):
    factory = make_package(tmp_path, keys, "1.0.0", 1)
    package = upload(server, keys, make_package(tmp_path, keys, "1.1.0", 2))
    proof = by_factory_key(server, tmp_path, ENDPOINT)
    one = BootstrappedDevice(start, tmp_path, ENDPOINT, keys, factory, bootstrap_uri(server), *proof, health="true")
    registered(server, ENDPOINT)
    server.traced(ENDPOINT, "adopted")
    server.kedge("rollout", "create", "--name", "first", "--package", package, "--all", "--start")
    server.kedge("rollout", "watch", "1", timeout=240)
    assert [d["state"] for d in deployments(server).values()] == ["succeeded"]
    assert_versions(server, {ENDPOINT: "1.1.0"})
    # The new firmware uses the account that is there: it has not been bootstrapped again.
    assert [event for event, _ in server.trace(ENDPOINT)].count("issued") == 1
    account = one.state / "agent.account"
    assert stat.S_IMODE(account.stat().st_mode) == 0o600


def test_without_security_it_is_bootstrapped_step_by_step(server, keys, start, tmp_path):
    """There the server has no pack (5.01); the account itself is one by DTLS."""
    server.kedge("device", "enroll", ENDPOINT, "--bootstrap", "--no-security")
    BootstrappedAgent(start, tmp_path, keys, f"coap://127.0.0.1:{server.plain_port}", endpoint=ENDPOINT)
    registered(server, ENDPOINT)
    assert server.traced_to_the_end(ENDPOINT) == [
        "put", "requested", "issued", "discovered", "deleted", "deleted", "written", "written", "read", "finished", "adopted"]


def test_a_restart_uses_the_account_that_is_there(server, keys, start, tmp_path):
    one = BootstrappedAgent(start, tmp_path, keys, bootstrap_uri(server), *by_factory_key(server, tmp_path, ENDPOINT),
                            endpoint=ENDPOINT)
    one.process.wait_for("registered with coaps")
    account = (one.state / "agent.account").read_bytes()
    one.kill()
    one.begin()
    one.process.wait_for("registered with coaps")
    assert (one.state / "agent.account").read_bytes() == account
    assert [event for event, _ in server.trace(ENDPOINT)].count("issued") == 1


def test_the_server_has_its_key_replaced(server, keys, start, tmp_path):
    one = BootstrappedAgent(start, tmp_path, keys, bootstrap_uri(server), *by_factory_key(server, tmp_path, ENDPOINT),
                            endpoint=ENDPOINT)
    server.traced(ENDPOINT, "adopted")
    first = (one.state / "agent.account").read_bytes()
    server.kedge("device", "bootstrap", ENDPOINT)
    second_identity = server.traced(ENDPOINT, "adopted", count=2)
    assert (one.state / "agent.account").read_bytes() != first
    assert second_identity != server.traced(ENDPOINT, "adopted", count=1)
    registered(server, ENDPOINT)
    wait_until(lambda: one.status()["message"] == f"registered with coaps://127.0.0.1:{server.coaps_port}", 60, "the status")


@pytest.mark.parametrize("damage", ["flipped", "cut", "empty", "another endpoint"])
def test_an_account_that_is_of_no_use_is_replaced(server, keys, start, tmp_path, damage):
    one = BootstrappedAgent(start, tmp_path, keys, bootstrap_uri(server), *by_factory_key(server, tmp_path, ENDPOINT),
                            endpoint=ENDPOINT)
    one.process.wait_for("registered with coaps")
    one.kill()
    file = one.state / "agent.account"
    account = file.read_bytes()
    if damage == "another endpoint":
        at = account.index(ENDPOINT.encode())
        changed = account[:at] + b"urn:dev:anybody-elses"[:len(ENDPOINT)] + account[at + len(ENDPOINT):-4]
        account = changed + zlib.crc32(changed).to_bytes(4, "big")
    else:
        account = {"flipped": account[:50] + bytes([account[50] ^ 1]) + account[51:], "cut": account[:60], "empty": b""}[damage]
    file.write_bytes(account)
    one.begin()
    one.process.wait_for("agent.account: .*asking for another account")
    one.process.wait_for("registered with coaps")
    server.traced(ENDPOINT, "issued", count=2)
