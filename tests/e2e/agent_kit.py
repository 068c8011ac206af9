"""What the tests of the agent share: a foreign server, an agent with factory firmware, an update for it."""
import json
import pathlib
import signal

import pytest

from conftest import CLASS, VENDOR, Keys, make_package, program, run
from lwm2m_peer import Peer

IDLE, DOWNLOADING, DOWNLOADED, UPDATING = "0123"
ENDPOINT = "urn:dev:under-test"
BIG_IMAGE = bytes(range(256)) * 1024  # 256 KiB; stored, so that the download has as many blocks


@pytest.fixture
def peer():
    server = Peer()
    yield server
    server.close()


class Agent:
    """A state folder with factory firmware 1.0.0, and kedge-agent on it, without a bootloader."""

    def __init__(self, start_process, folder: pathlib.Path, keys: Keys, server_uri: str, *extra, endpoint=ENDPOINT,
                 factory_sequence: int = 5, slot_size: int | None = None, places: list = ()):
        self.endpoint, self.state, self._start = endpoint, folder / f"state-{endpoint.replace(':', '-')}", start_process
        self.places = list(places)  # --slot0 DEVICE and so on
        self.identity = ["--trust", keys.public, "--vendor", VENDOR, "--class", CLASS]
        factory = make_package(folder, keys, "1.0.0", factory_sequence, b"factory firmware " * 2000, name="factory.suit")
        size = [] if slot_size is None else ["--slot-size", str(slot_size)]
        self.run_command("install-factory", *self.identity, *size, factory)
        self.command = [program("kedge-agent"), "--server", server_uri, "--endpoint", endpoint, "--state", self.state,
                        *self.places, *self.identity, "--verbose", *extra]
        self.begin()

    def begin(self):
        self.process = self._start(*self.command)

    def kill(self):
        self.process.stop(signal.SIGKILL)

    def run_command(self, command: str, *options):
        """A command of kedge-agent in the same world as the agent, with what is loaded before the system's there."""
        process = self._start(program("kedge-agent"), command, "--state", self.state, *self.places, *options)
        assert process.process.wait(60) == 0, process.log

    def status(self) -> dict:
        done = run(program("kedge-agent"), "status", "--json", "--state", self.state, *self.places)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@pytest.fixture
def agent(start, tmp_path, keys, peer):
    """agent(options...) makes one that is registered with `peer`."""
    def make(*extra, **keywords) -> Agent:
        made = Agent(start, tmp_path, keys, keywords.pop("server_uri", peer.uri), *extra, **keywords)
        peer.registered(made.endpoint)
        return made
    return make


@pytest.fixture
def update(tmp_path, keys) -> bytes:
    return make_package(tmp_path, keys, "1.1.0", 6, BIG_IMAGE, "--compress", "none").read_bytes()


def state_of(peer) -> tuple:
    return peer.read(ENDPOINT, "/5/0/3"), peer.read(ENDPOINT, "/5/0/5")


def assert_downloads(peer, package: bytes, timeout: float = 60):
    assert peer.offer(ENDPOINT, package) == "2.04"
    peer.poll(ENDPOINT, "/5/0/3", DOWNLOADED, timeout)
    assert peer.read(ENDPOINT, "/5/0/5") == "0"
    assert peer.read(ENDPOINT, "/5/0/7") == "1.1.0"


def flip(package: bytes, place: int) -> bytes:
    damaged = bytearray(package)
    damaged[place] ^= 1
    return bytes(damaged)
