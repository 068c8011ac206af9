"""Hundreds of devices that are bootstrapped at once: each gets an account of its own, in bounded memory, and nobody waits for them."""
import concurrent.futures
import contextlib
import pathlib
import secrets
import threading

import pytest
from bootstrap_device import BootstrapServer, SecureDevice, registers
from conftest import SANITIZED, wait_until
from lwm2m_peer import GET, POST
from wire import Wire

DEVICES = 300
SESSION_MAX_KIB = 48  # the association's 10, room for two certificates, and what the allocator keeps


@pytest.fixture
def server(start, tmp_path) -> BootstrapServer:
    return BootstrapServer(start, tmp_path / "server")


def enroll(server, folder, count) -> dict:
    factories = {f"dev-{i:03}": secrets.token_bytes(16) for i in range(count)}
    file = folder / "devices.csv"
    file.write_text("endpoint,key\n" + "".join(f"{name},{key.hex()}\n" for name, key in factories.items()))
    server.kedge("device", "import", file)
    return factories


def resident_kib(server) -> int:
    status = pathlib.Path(f"/proc/{server.process.process.pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:")))


def versions(server) -> list:
    return [device["version"] for device in server.json("device", "list")["devices"]]


class Crowd:
    """A thread for each device; what one raises is raised by each()."""

    def __init__(self, names):
        self.names, self.results, self.errors = list(names), {}, []
        self.shaken = threading.Barrier(len(self.names))        # theirs
        self.all_here = threading.Barrier(len(self.names) + 1)  # theirs, and who looks at them

    def each(self, work) -> dict:
        def one(name):
            try:
                self.results[name] = work(name)
            except Exception as error:  # noqa: BLE001
                self.errors.append((name, error))
                self.shaken.abort()
                self.all_here.abort()
        threads = [threading.Thread(target=one, args=(name,)) for name in self.names]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(240)
        if self.errors:
            raise AssertionError(f"{len(self.errors)} of {len(self.names)} failed, {self.errors[0][0]} first") from self.errors[0][1]
        assert len(self.results) == len(self.names), "some did not end"
        return self.results


def test_hundreds_of_devices_are_bootstrapped_at_once(server, tmp_path):
    factories = enroll(server, tmp_path, DEVICES)
    crowd, go = Crowd(factories), threading.Event()
    other = Wire(server)
    location = other.registered("other")
    other.serve_until(lambda: "1.0.0" in versions(server), "the other device")
    before = resident_kib(server)

    def one(name):
        device = SecureDevice(server, name, (name, factories[name]), timeout=120)
        # None answers the first step before all have been told that theirs comes.
        device.answers = {(GET, "/"): lambda _: "" if go.is_set() else None}
        # Nor asks any before all have shaken hands: the first step is given up when it is not answered for a minute.
        crowd.shaken.wait(200)
        assert device.request() == "2.04"
        crowd.all_here.wait(200)
        device.serve_to_the_end(120)
        return device.account()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        accounts = pool.submit(crowd.each, one)
        with contextlib.suppress(threading.BrokenBarrierError):  # one has failed: each() says which
            crowd.all_here.wait(200)
        grown = resident_kib(server) - before
        go.set()
        assert other.ask(POST, location).code_text == "2.04"
        accounts = accounts.result()
    assert len({a.key for a in accounts.values()} | {a.identity for a in accounts.values()}) == 2 * DEVICES
    assert SANITIZED or grown < DEVICES * SESSION_MAX_KIB, f"{grown} KiB for {DEVICES} sessions"
    # Each stays, so that no other one comes from its port.
    wires = Crowd(factories).each(lambda name: registers(server, accounts[name], name))

    def registered():
        return sum(d["registered"] for d in server.json("device", "list")["devices"]) == DEVICES + 1
    wait_until(registered, 120, "all to be registered")
    assert other.ask(POST, location).code_text == "2.04" and len(wires) == DEVICES
