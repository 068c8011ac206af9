"""A disk under the agent that is full, read-only or broken: what the server is told, and that the next update works.

A device with a real file system that is too small is in test_device_disk.py.
"""
import errno

import pytest

from agent_kit import DOWNLOADED, DOWNLOADING, ENDPOINT, IDLE, Agent, assert_downloads, peer, state_of, update
from shims import BrokenDisk

ERRORS = {"full": errno.ENOSPC, "over_quota": errno.EDQUOT, "read_only": errno.EROFS, "broken": errno.EIO}
RESULTS = {"full": "2", "over_quota": "2", "read_only": "8", "broken": "8"}
CODES = {"full": "5", "over_quota": "5", "read_only": "8", "broken": "8"}


@pytest.fixture
def disk(start, tmp_path):
    return BrokenDisk(start, tmp_path, tmp_path / f"state-{ENDPOINT.replace(':', '-')}")


@pytest.fixture
def made(disk, tmp_path, keys, peer) -> Agent:
    one = Agent(disk.start, tmp_path, keys, peer.uri, "--download-patience", "20")
    peer.registered(ENDPOINT)
    return one


@pytest.mark.parametrize("what", ERRORS)
def test_an_offer_that_cannot_be_written_down_is_5_00_and_changes_nothing(disk, made, peer, update, what):
    disk.breaks(ERRORS[what])
    assert peer.offer(ENDPOINT, update) == "5.00"
    assert state_of(peer) == (IDLE, "0")
    assert peer.blocks_asked == []
    assert peer.read(ENDPOINT, "/3/0/11/0") == CODES[what]
    assert disk.refused() > 0
    disk.is_well()
    assert_downloads(peer, update)
    assert peer.read(ENDPOINT, "/3/0/11/0") == "0"


@pytest.mark.parametrize("what", ERRORS)
def test_a_disk_that_gives_out_in_mid_download_ends_it(disk, made, peer, update, what):
    """The end is kept in memory until the disk takes it; see the State and Result after kill -9, too."""
    peer.block_hook = lambda number, reply: reply if number < 50 else None
    assert peer.offer(ENDPOINT, update) == "2.04"
    peer.wait_for(lambda: 50 in peer.blocks_asked, 60, "the middle of the download")
    assert peer.read(ENDPOINT, "/5/0/3") == DOWNLOADING
    disk.breaks(ERRORS[what])
    peer.block_hook = lambda number, reply: reply
    peer.poll(ENDPOINT, "/5/0/3", IDLE, 60)
    assert peer.read(ENDPOINT, "/5/0/5") == RESULTS[what]
    assert peer.read(ENDPOINT, "/26241/0/0")
    assert peer.execute(ENDPOINT, "/5/0/2") == "4.05"
    disk.is_well()
    assert peer.execute(ENDPOINT, "/3/0/12") == "2.04"
    made.kill()
    made.begin()
    peer.wait_for_event("register", ENDPOINT, 2, timeout=60)
    assert state_of(peer) == (IDLE, RESULTS[what])
    assert_downloads(peer, update)


@pytest.mark.parametrize("what", ["full", "broken"])
def test_an_update_whose_switch_cannot_be_written_leaves_the_package_waiting(disk, made, peer, update, what):
    """Execute: the agent's state is written by six calls and taken; the boot record is not (OMA test 779)."""
    assert_downloads(peer, update)
    disk.breaks(ERRORS[what])
    assert peer.execute(ENDPOINT, "/5/0/2") == "5.00"
    assert state_of(peer) == (DOWNLOADED, "0")
    disk.breaks(ERRORS[what], after=5)
    assert peer.execute(ENDPOINT, "/5/0/2") == "2.04"
    assert state_of(peer) == (DOWNLOADED, "8")
    assert made.process.process.poll() is None, "no reboot into a slot that nobody switched to"
    assert peer.read(ENDPOINT, "/3/0/3") == "1.0.0"
    disk.is_well()
    assert peer.execute(ENDPOINT, "/5/0/2") == "2.04"
    assert made.process.process.wait(60) == 75
