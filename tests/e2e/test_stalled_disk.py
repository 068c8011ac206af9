"""A store whose disk stands still for seconds: devices do not notice, and nothing is done that is not durable."""
import random
import socket
import threading
import time

import pytest
from conftest import free_port, make_package, wait_until
from lwm2m_peer import BLOCK2, CON, CONTENT_FORMAT, GET, LINK, POST, RST, URI_PATH, URI_QUERY, Message, code, uint
from shims import ServerWithDisk
from test_agent_resume_ways import RangeRelay
from test_dtls import device_of
from test_update import deployments, upload
from wire import LINKS, Wire

STALL_S = 5


@pytest.fixture
def stalling(start, tmp_path):
    server = ServerWithDisk(start, tmp_path / "server")
    yield server
    server.go_on()


@pytest.fixture
def stalling_behind_relay(start, tmp_path):
    """One whose devices download through what can hold them up."""
    port = free_port(socket.SOCK_STREAM)
    relay = RangeRelay(port)
    server = ServerWithDisk(start, tmp_path / "server", "--download-base-url", relay.uri, http_port=port)
    yield server, relay
    server.go_on()
    relay.close()


def known(server, name: str) -> Wire:
    wire = Wire(server)
    wire.location = wire.registered(name)
    wire.serve_until(lambda: device_of(server, name).get("version") == "1.0.0", f"{name} to be known", 60)
    return wire


def ping(wire: Wire):
    """Returns when the server has answered an empty message, as RFC 7252 section 4.3 has it."""
    wire.next_id = (wire.next_id + 1) % 0x10000
    wire.send(Message(CON, 0, wire.next_id).encode())
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        message = wire.receive(0.5)
        if message is not None and message.is_request:
            wire.serve(message)
        elif message is not None and message.kind == RST and message.message_id == wire.next_id:
            return
    raise AssertionError("no answer to a ping")


class Later(threading.Thread):
    """A command that is answered some time, and whether it has been."""

    def __init__(self, server, *args):
        super().__init__(daemon=True)
        self._command, self.done = lambda: server.kedge(*args, check=False, timeout=120), None
        self.start()

    def run(self):
        self.done = self._command()


def test_devices_are_answered_while_the_store_stands_still_and_nothing_is_done_before_it_is_durable(
        stalling, keys, tmp_path):
    package = upload(stalling, keys, make_package(tmp_path, keys, "1.1.0", 2, None, "--compress", "none"))
    digest = stalling.json("package", "list")["packages"][0]["device_digest"]
    wire = known(stalling, "dev")
    wire.writable.add("/5/0/1")
    stalling.kedge("rollout", "create", "--name", "all", "--package", package, "--all")

    stalling.stall()
    begun = time.monotonic()
    started = Later(stalling, "rollout", "start", "1")
    stalling.wait_until_stalled()
    rounds = slowest_s = 0
    newcomers = []
    while rounds < 10 or time.monotonic() - begun < STALL_S:
        asked = time.monotonic()
        assert wire.ask(POST, wire.location).code_text == "2.04"
        block = wire.ask(GET, f"fw/{digest}", options=[(BLOCK2, uint(rounds % 20 << 4 | 6))])
        assert block.code_text == "2.05" and len(block.payload) == 1024
        ping(wire)
        newcomers.append(Wire(stalling))  # kept: whose port is taken by another is gone
        newcomers[-1].registered(f"new-{rounds}")
        slowest_s = max(slowest_s, time.monotonic() - asked)
        rounds += 1
        time.sleep(0.05)
    assert slowest_s < 30, "somebody waited for the disk, which stands still all the time"
    # What is not durable was neither answered nor carried out, and readers see what is.
    assert started.done is None and wire.written == {}
    assert stalling.json("rollout", "show", "1")["state"] == "ready"
    assert device_of(stalling, "new-0") == {}

    stalling.go_on()
    started.join(60)
    assert started.done.returncode == 0, started.done.stderr
    wire.serve_until(lambda: wire.written, "the offer", 60)
    assert deployments(stalling)["dev"]["state"] != "pending"

    def are_known():
        for one in newcomers:
            while (message := one.receive(0.001)) is not None:
                one.serve(message)
        known_ones = {d["endpoint"] for d in stalling.json("device", "list")["devices"] if d["registered"]}
        return known_ones >= {f"new-{i}" for i in range(rounds)}
    wait_until(are_known, 60, "all newcomers")


def test_what_was_not_durable_when_the_power_went_has_not_happened(stalling, keys, tmp_path):
    package = upload(stalling, keys, make_package(tmp_path, keys, "1.1.0", 2))
    wire = known(stalling, "dev")
    wire.writable.add("/5/0/1")
    stalling.kedge("rollout", "create", "--name", "all", "--package", package, "--all")
    stalling.stall()
    started = Later(stalling, "rollout", "start", "1")
    stalling.wait_until_stalled()
    for _ in range(20):
        assert wire.ask(POST, wire.location).code_text == "2.04"
    stalling.kill()
    started.join(60)
    assert started.done.returncode != 0 and wire.written == {}
    stalling.go_on()
    stalling.begin()
    assert stalling.json("rollout", "show", "1")["state"] == "ready"
    stalling.kedge("rollout", "start", "1")
    wire.serve_until(lambda: wire.written, "the offer", 60)


def resident_kib(server) -> int:
    with open(f"/proc/{server.process.process.pid}/status") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


def test_what_waits_for_the_disk_is_bounded_and_whoever_is_over_it_is_told_to_come_again(stalling):
    dev, crowd = known(stalling, "dev"), known(stalling, "crowd")
    stalling.stall()
    before_kib, refused = resident_kib(stalling), 0
    for number in range(40_000):  # one that is known and registers again and again is never charged
        options = [(URI_PATH, b"rd"), (CONTENT_FORMAT, uint(LINK)),
                   *((URI_QUERY, q) for q in (b"ep=crowd", b"lt=300", b"lwm2m=1.1", b"b=U"))]
        crowd.send(Message(CON, POST, number, b"%08d" % number, options, LINKS).encode())
        while (answer := crowd.receive(60)).is_request or answer.message_id != number:
            pass
        assert answer.code in (code("2.01"), code("5.03"))
        refused = refused + 1 if answer.code == code("5.03") else 0
        if refused > 100:
            break
    assert refused > 100, "there was no end to it"
    assert resident_kib(stalling) - before_kib < 100 << 10
    assert dev.ask(POST, dev.location).code_text == "2.04"
    stalling.go_on()
    wait_until(lambda: crowd.register("crowd").code_text == "2.01", 60, "a Register to be taken")
    crowd.serve_until(lambda: device_of(stalling, "crowd")["registered"], "its record", 60)


def test_a_device_that_was_updated_behind_the_back_of_the_store_has_succeeded_at_the_first_look(stalling_behind_relay, keys,
                                                                                             device, tmp_path):
    stalling, relay = stalling_behind_relay
    factory = make_package(tmp_path, keys, "1.0.0", 1, b"factory " * 500)
    image = random.Random(1).randbytes(300_000)
    package = upload(stalling, keys, make_package(tmp_path, keys, "1.1.0", 2, image, "--compress", "none"))
    agent = device("dev", keys, factory, stalling.coap_uri, "--lifetime", "20", health="true")
    wait_until(lambda: device_of(stalling, "dev").get("version") == "1.0.0", 60, "the device")
    relay.allowance = 100_000  # of a download that does not end before the disk stands still
    stalling.kedge("rollout", "create", "--name", "all", "--package", package, "--all", "--start")
    wait_until(lambda: relay.held.is_set() and deployments(stalling)["dev"]["state"] == "downloading", 60, "its download")
    stalling.stall()
    stalling.wait_until_stalled()
    relay.allowance = None
    wait_until(lambda: agent.status()["updates_confirmed"] == 1, 120, "the update, of which no record can be written")
    assert deployments(stalling)["dev"]["state"] == "downloading"
    stalling.kill()
    stalling.go_on()
    stalling.begin()
    stalling.kedge("rollout", "watch", "1", timeout=120)
    history = stalling.json("rollout", "show", "1", "--device", "dev")["history"]
    steps = [(entry["from"], entry["to"]) for entry in history if entry["from"] != entry["to"]]
    assert steps[-1] == ("downloading", "succeeded"), f"it was looked at once more, much later: {history}"
