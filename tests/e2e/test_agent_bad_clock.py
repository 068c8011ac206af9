"""A device whose clock is in 1970 or 2099, and state files that are not what was written."""
import os
import time

import pytest

from agent_kit import DOWNLOADED, DOWNLOADING, ENDPOINT, IDLE, Agent, agent, assert_downloads, flip, peer, state_of, update
from conftest import wait_until
from shims import WallClock
from test_agent_keys import by_certificate, certified
from test_dtls import authority

_ = certified, authority  # fixtures


@pytest.fixture
def clock(start, tmp_path) -> WallClock:
    return WallClock(start, tmp_path)


def year(unix_s: str) -> int:
    return time.gmtime(int(unix_s)).tm_year


@pytest.mark.parametrize("first, then", [(1970, 2099), (2099, 1970)])
def test_an_update_goes_on_whatever_the_clock_is_set_to(clock, tmp_path, keys, peer, update, first, then):
    clock.set_year(first)
    made = Agent(clock.start, tmp_path, keys, peer.uri)
    peer.registered(ENDPOINT)
    peer.block_hook = lambda number, reply: reply if number < 50 else None
    assert peer.offer(ENDPOINT, update) == "2.04"
    peer.wait_for(lambda: 50 in peer.blocks_asked, 60, "the middle of the download")
    assert state_of(peer) == (DOWNLOADING, "0")
    assert year(peer.read(ENDPOINT, "/5/0/12")) == year(peer.read(ENDPOINT, "/3/0/13")) == first
    clock.set_year(then)
    peer.block_hook = lambda number, reply: reply
    peer.poll(ENDPOINT, "/5/0/3", DOWNLOADED, 60)
    assert year(peer.read(ENDPOINT, "/5/0/12")) == then
    made.kill()
    made.begin()
    peer.wait_for_event("register", ENDPOINT, 2, timeout=60)
    assert state_of(peer) == (DOWNLOADED, "0")
    assert peer.execute(ENDPOINT, "/5/0/2") == "2.04"
    assert made.process.process.wait(60) == 75


@pytest.mark.parametrize("wrong", [1970, 2099])
def test_certificates_wait_for_a_clock_that_is_right(clock, tmp_path, keys, certified, authority, wrong):
    """Not yet, or no longer, valid by the device's clock; when that is set it registers by itself."""
    clock.set_year(wrong)
    made = Agent(clock.start, tmp_path, keys, certified.coaps_uri, *map(str, by_certificate(authority, ENDPOINT)))
    made.process.wait_for("does not take this device.s credential", timeout=120)
    assert not [d for d in certified.json("device", "list")["devices"] if d["registered"]]
    clock.set_year(None)
    wait_until(lambda: [d for d in certified.json("device", "list")["devices"] if d["registered"]], 120, "the device")


DAMAGES = {"empty": lambda whole: b"", "cut": lambda whole: whole[:len(whole) // 2], "a_bit": lambda whole: flip(whole, 9),
           "longer": lambda whole: whole + bytes(100), "noise": lambda whole: os.urandom(300),
           "far_too_long": lambda whole: whole * 1000}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_state_file_that_is_damaged_in_mid_download_is_begun_anew(agent, peer, update, damage):
    made = agent()
    peer.block_hook = lambda number, reply: reply if number < 50 else None
    assert peer.offer(ENDPOINT, update) == "2.04"
    peer.wait_for(lambda: 50 in peer.blocks_asked, 60, "the middle of the download")
    made.kill()
    file = made.state / "agent.state"
    file.write_bytes(DAMAGES[damage](file.read_bytes()))
    peer.block_hook = lambda number, reply: reply
    made.begin()
    peer.wait_for_event("register", ENDPOINT, 2, timeout=60)
    assert state_of(peer) == (IDLE, "0")
    assert "damaged" in peer.read(ENDPOINT, "/26241/0/0")
    assert_downloads(peer, update)
