"""Whole updates of the agent under the bootloader: trial, confirm, and the way back."""
import os
import pathlib
import signal
import time

import pytest

from agent_kit import DOWNLOADED, ENDPOINT, IDLE, UPDATING, assert_downloads, peer, state_of, update
from conftest import make_package, wait_until


@pytest.fixture
def booted(device, peer, keys, tmp_path):
    """booted(health=...) is a device with factory firmware 1.0.0 under kedge-boot, registered with `peer`."""
    def make(*extra, **keywords):
        factory = make_package(tmp_path, keys, "1.0.0", 5, name="factory.suit")
        made = device(ENDPOINT, keys, factory, peer.uri, *extra, **keywords)
        peer.registered(ENDPOINT)
        return made
    return make


def agent_pid(made) -> int:
    """The process that kedge-boot runs now; it starts no other."""
    pid = made.process.process.pid
    children = pathlib.Path(f"/proc/{pid}/task/{pid}/children")
    return wait_until(lambda: int((children.read_text().split() or ["0"])[0]), 60, "an agent to run")


def download_and_execute(peer, package: bytes, boots: int = 1):
    """Up to Execute's 2.04; the device then registers for the (boots + 1)-th time."""
    peer.offer(ENDPOINT, package)
    peer.poll(ENDPOINT, "/5/0/3", DOWNLOADED)
    assert peer.execute(ENDPOINT, "/5/0/2") == "2.04"
    peer.wait_for_event("register", ENDPOINT, boots + 1)


def execute_and_go_away(peer):
    """No Register of the new firmware reaches the server, however soon it comes."""
    peer.network = lambda direction, message: [] if direction == "in" and message.path == "/rd" else [0]
    assert peer.execute(ENDPOINT, "/5/0/2") == "2.04"
    peer.go_away()
    peer.network = lambda direction, message: [0]


def assert_ends(peer, made, state: str, result: int, version: str, timeout: float = 60):
    peer.poll(ENDPOINT, "/5/0/3", state, timeout)
    assert (peer.read(ENDPOINT, "/5/0/5"), peer.read(ENDPOINT, "/3/0/3")) == (str(result), version)
    status = made.status()
    assert (status["endpoint"], status["state"], status["result"], status["version"], status["on_trial"]) == (
        ENDPOINT, "idle", result, version, False)
    assert status["reason"] == peer.read(ENDPOINT, "/26241/0/0")
    return status


def test_updates_are_confirmed_one_after_the_other(booted, peer, keys, tmp_path):
    made = booted(health="true")
    for count, (version, sequence) in enumerate((("1.1.0", 6), ("1.2.0", 7), ("1.3.0-rc.1", 7)), 1):
        package = make_package(tmp_path, keys, version, sequence).read_bytes()
        download_and_execute(peer, package, count)
        status = assert_ends(peer, made, IDLE, 1, version)
        assert (status["slot"], status["reason"], status["updates_confirmed"]) == (count % 2, "", count)
        assert peer.read(ENDPOINT, "/5/0/1") == ""
    # The floor has risen with the confirmations: what came before them is not taken any more.
    peer.offer(ENDPOINT, make_package(tmp_path, keys, "1.1.0", 6).read_bytes())
    peer.poll(ENDPOINT, "/5/0/5", "6")


def test_it_is_updating_for_the_whole_trial(booted, peer, update, tmp_path):
    go = tmp_path / "go"
    made = booted(health=f'while [ "$KEDGE_VERSION" = 1.1.0 ] && ! [ -e {go} ]; do sleep 0.05; done; '
                         f'echo "$KEDGE_VERSION $KEDGE_ENDPOINT $KEDGE_SLOT" > {tmp_path}/told')
    download_and_execute(peer, update)
    state = peer.observe(ENDPOINT, "/5/0/3")
    assert state_of(peer) == (UPDATING, "0")
    for forbidden in (lambda: peer.execute(ENDPOINT, "/5/0/2"), lambda: peer.execute(ENDPOINT, "/5/0/10"),
                      lambda: peer.write(ENDPOINT, "/5/0/1", "")):
        assert forbidden() == "4.05"
    assert peer.write(ENDPOINT, "/5/0/1", peer.uri + "/fw/package") == "4.00"
    status = made.status()
    assert (status["state"], status["on_trial"], status["version"], status["slot"], status["boots_used"]) == (
        "updating", True, "1.1.0", 1, 1)
    go.touch()
    peer.wait_for(lambda: state.values == [UPDATING, IDLE], 60, "the confirmation")
    assert_ends(peer, made, IDLE, 1, "1.1.0")
    assert (tmp_path / "told").read_text() == f"1.1.0 {ENDPOINT} 1\n"


@pytest.mark.parametrize("health, words", [
    ('test "$KEDGE_VERSION" != 1.1.0', "health command exit status 1"),
    ('[ "$KEDGE_VERSION" != 1.1.0 ] || kill -ABRT $$', "health command ended by signal 6"),
    ('[ "$KEDGE_VERSION" != 1.1.0 ] || sleep 600', "health command did not end within 4 s")])
def test_a_sick_device_goes_back_with_result_8_and_its_reason(booted, peer, update, health, words):
    made = booted("--health-timeout", "4", health=health)
    download_and_execute(peer, update)
    peer.wait_for_event("register", ENDPOINT, 3)
    status = assert_ends(peer, made, IDLE, 8, "1.0.0")
    assert words in status["reason"] and "health" in status["reason"]
    assert (status["slot"], status["updates_rolled_back"]) == (0, 1)
    # What was said survives; a new offer ends it.
    made.process.stop(signal.SIGKILL)
    made.begin()
    peer.wait_for_event("register", ENDPOINT, 4)
    assert words in assert_ends(peer, made, IDLE, 8, "1.0.0")["reason"]
    assert_downloads(peer, update)
    assert peer.read(ENDPOINT, "/26241/0/0") == ""


def test_after_the_soak_the_command_runs_once_more_and_has_the_last_word(booted, peer, update, keys, tmp_path):
    checks = tmp_path / "checks"  # 1.2.0 falls ill in the soak
    made = booted("--health-soak", "1", health=f'[ "$KEDGE_VERSION" = 1.0.0 ] || {{ echo >> {checks}; '
                                               f'[ "$KEDGE_VERSION" != 1.2.0 ] || [ $(wc -l < {checks}) -lt 4 ]; }}')
    download_and_execute(peer, update)
    assert_ends(peer, made, IDLE, 1, "1.1.0")
    assert len(checks.read_text()) == 2
    download_and_execute(peer, make_package(tmp_path, keys, "1.2.0", 7).read_bytes(), 2)
    assert assert_ends(peer, made, IDLE, 8, "1.1.0")["reason"].endswith("health command exit status 1, after the soak")


def test_a_server_that_need_not_be_reached_is_not_waited_for(booted, peer, update):
    made = booted("--health-without-server", health="true")
    peer.offer(ENDPOINT, update)
    peer.poll(ENDPOINT, "/5/0/3", DOWNLOADED)
    execute_and_go_away(peer)
    wait_until(lambda: made.status()["updates_confirmed"] == 1, 60, "the confirmation")
    assert made.status()["version"] == "1.1.0"


def test_kill_9_in_mid_trial_only_costs_a_boot(booted, peer, update, tmp_path):
    go = tmp_path / "go"
    made = booted(health=f'[ "$KEDGE_VERSION" != 1.1.0 ] || while ! [ -e {go} ]; do sleep 0.05; done')
    download_and_execute(peer, update)
    assert state_of(peer) == (UPDATING, "0")
    os.kill(agent_pid(made), signal.SIGKILL)
    peer.wait_for_event("register", ENDPOINT, 3)
    assert made.status()["boots_used"] == 2
    go.touch()
    assert_ends(peer, made, IDLE, 1, "1.1.0")


def test_a_trial_that_is_killed_three_times_goes_back(booted, peer, update):
    made = booted(health='[ "$KEDGE_VERSION" != 1.1.0 ] || sleep 600')
    download_and_execute(peer, update)
    for boot in (3, 4, 5):
        os.kill(agent_pid(made), signal.SIGKILL)
        peer.wait_for_event("register", ENDPOINT, boot)
    assert "three boots" in assert_ends(peer, made, IDLE, 8, "1.0.0")["reason"]


def test_a_power_cut_in_mid_trial_goes_on_with_it(booted, peer, update, tmp_path):
    go = tmp_path / "go"
    made = booted(health=f'[ "$KEDGE_VERSION" != 1.1.0 ] || while ! [ -e {go} ]; do sleep 0.05; done')
    download_and_execute(peer, update)
    made.process.stop(signal.SIGKILL)
    assert made.status()["state"] == "updating"
    go.touch()
    made.begin()
    peer.wait_for_event("register", ENDPOINT, 3)
    assert_ends(peer, made, IDLE, 1, "1.1.0")


def test_a_server_that_is_away_during_the_trial_reverts_nobody(booted, peer, update):
    made = booted(health="true")
    peer.offer(ENDPOINT, update)
    peer.poll(ENDPOINT, "/5/0/3", DOWNLOADED)
    execute_and_go_away(peer)
    made.process.wait_for("on trial")
    made.process.wait_for("is not reachable now")
    for _ in range(4):
        time.sleep(1)
        status = made.status()
        assert (status["state"], status["on_trial"], status["version"]) == ("updating", True, "1.1.0")
    peer.come_back()
    peer.wait_for_event("register", ENDPOINT, 2)
    assert_ends(peer, made, IDLE, 1, "1.1.0")


def test_the_trial_limit_sends_a_device_back_that_never_reaches_its_server(booted, peer, update):
    made = booted(health="true", trial_limit_s=2)
    peer.offer(ENDPOINT, update)
    peer.poll(ENDPOINT, "/5/0/3", DOWNLOADED)
    execute_and_go_away(peer)
    wait_until(lambda: made.status()["updates_rolled_back"] == 1, 60, "the limit")
    peer.come_back()
    peer.wait_for_event("register", ENDPOINT, 2)
    assert "trial limit" in assert_ends(peer, made, IDLE, 8, "1.0.0")["reason"]


def test_a_reboot_that_the_server_asks_for_brings_the_same_firmware_back(booted, peer, update):
    made = booted(health="true")
    assert_downloads(peer, update)
    assert peer.execute(ENDPOINT, "/3/0/4") == "2.04"
    peer.wait_for_event("register", ENDPOINT, 2)
    assert state_of(peer) == (DOWNLOADED, "0")
    assert made.status()["version"] == "1.0.0"
