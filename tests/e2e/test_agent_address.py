"""A device whose address changes in mid download: it goes on, and the server learns where it is.

The test and the agent are in a network of their own for that, with nothing in it but loopback addresses.
"""
import ctypes
import os
import subprocess

import pytest

from agent_kit import DOWNLOADED, DOWNLOADING, ENDPOINT, Agent, update
from conftest import wait_until
from lwm2m_peer import Peer

CLONE_NEWNET = 0x40000000
HERE, FIRST, SECOND = "127.0.0.1", "127.0.0.2", "127.0.0.3"


def ip(*words):
    subprocess.run(["ip", *words], check=True, capture_output=True)


def take_address(address, former=None):
    """From now on the device speaks to the server from there, and from nowhere else."""
    ip("address", "add", f"{address}/32", "dev", "lo")
    if former:
        ip("address", "delete", f"{former}/32", "dev", "lo")
    ip("route", "replace", "local", HERE, "dev", "lo", "table", "local", "src", address)


@pytest.fixture
def network():
    """This thread, and what it starts, in a network of its own."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/thread-self/ns/net", "rb") as before:
        if libc.unshare(CLONE_NEWNET) != 0:
            pytest.skip("no network of its own: " + os.strerror(ctypes.get_errno()))
        try:
            try:
                ip("link", "set", "lo", "up")
                ip("address", "add", f"{HERE}/32", "dev", "lo")
                ip("address", "delete", f"{HERE}/8", "dev", "lo")
                take_address(FIRST)
            except (OSError, subprocess.CalledProcessError) as failure:
                pytest.skip(f"no addresses can be set here: {failure}")
            yield
        finally:
            assert libc.setns(before.fileno(), CLONE_NEWNET) == 0


def address_of(peer) -> str:
    return peer.registered(ENDPOINT).address[0]


def test_a_download_goes_on_from_another_address(network, start, tmp_path, keys, update):
    peer = Peer()
    try:
        made = Agent(start, tmp_path, keys, peer.uri)
        assert address_of(peer) == FIRST

        def move(number, reply):
            if number == 100 and not moved:
                moved.append(number)
                take_address(SECOND, FIRST)
                return None  # it could not be sent to where nobody is any more
            return reply
        moved = []
        peer.block_hook = move
        assert peer.offer(ENDPOINT, update) == "2.04"
        wait_until(lambda: made.status()["state"] != "downloading", 240, f"the end of the download; {made.process.log}")
        assert (made.status()["state"], made.status()["reason"]) == ("downloaded", "")
        assert moved and peer.blocks_asked.count(0) == 1, "not from the beginning"
        peer.wait_for(lambda: address_of(peer) == SECOND, 120, "its new address")
        assert peer.read(ENDPOINT, "/5/0/3") == DOWNLOADED
    finally:
        peer.close()
