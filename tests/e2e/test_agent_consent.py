"""Severity, deferral and the consent of the device's own software: object 5 version 1.1, resources 11 and 13."""
import time

import pytest

from agent_kit import DOWNLOADED, ENDPOINT, IDLE, Agent, agent, assert_downloads, peer, state_of, update
from conftest import make_package, program, run, wait_until
from lwm2m_peer import OPAQUE, PUT
from shims import WallClock
from test_agent_updates import assert_ends, booted
from test_update import assert_versions, deployments, upload, versions

REBOOT = 75  # the exit status by which the agent asks for one: the update goes on


def tell(made, *words) -> str:
    """kedge-agent accept, or defer; what it says on standard error when that is no use."""
    done = run(program("kedge-agent"), *words, "--state", made.state)
    assert done.returncode == (1 if done.stderr else 0), done
    return done.stderr


def asked(made) -> dict:
    """The status of an agent whose update waits for consent."""
    status = made.status()
    assert (status["state"], status["result"], status["consent_wanted"]) == ("downloaded", 11, True), status
    return status


@pytest.fixture
def waiting(agent, peer, update):
    """waiting(period, severity) is an agent with a downloaded package that was executed and waits for consent."""
    def make(period=None, severity=None, *extra) -> Agent:
        made = agent("--consent", *extra)
        assert_downloads(peer, update)
        if severity is not None:
            assert peer.write(ENDPOINT, "/5/0/11", severity) == "2.04"
        if period is not None:
            assert peer.write(ENDPOINT, "/5/0/13", str(period)) == "2.04"
        assert peer.execute(ENDPOINT, "/5/0/2") == "2.04"
        return made
    return make


def goes_on(made):
    assert made.process.process.wait(60) == REBOOT


# ---- waiting ----

def test_an_update_waits_for_consent_and_goes_on_by_it(waiting, peer):
    made = waiting(3600)
    assert state_of(peer) == (DOWNLOADED, "11")
    assert peer.read(ENDPOINT, "/26241/0/0") == "the device's own software has not agreed yet"
    status = asked(made)
    assert status["severity"] == "mandatory" and status["maximum_defer_s"] == 3600
    assert 3500 < status["consent_left_s"] <= 3600
    text = run(program("kedge-agent"), "status", "--state", made.state).stdout
    assert "consent   wanted, severity mandatory; goes on by itself in 3" in text
    assert tell(made, "accept") == ""
    goes_on(made)
    status = made.status()
    assert (status["state"], status["consent_wanted"], status["consent_left_s"]) == ("updating", False, None)


def test_the_servers_notifications_tell_of_the_deferral(agent, peer, update):
    agent("--consent")
    assert_downloads(peer, update)
    result = peer.observe(ENDPOINT, "/5/0/5")
    assert peer.execute(ENDPOINT, "/5/0/2") == "2.04"
    peer.wait_for(lambda: "11" in result.values, 60, "Result 11")


def test_execute_again_while_it_waits_changes_nothing(waiting, peer):
    made = waiting(3600)
    before = asked(made)
    assert peer.execute(ENDPOINT, "/5/0/2") == "2.04"
    after = asked(made)
    assert after["consent_left_s"] <= before["consent_left_s"] and after["changed_at"] == before["changed_at"]


def test_without_a_period_it_waits_until_somebody_says_something(waiting, peer):
    made = waiting()
    assert asked(made)["consent_left_s"] is None
    assert peer.request(ENDPOINT, 1, "/5/0/13").code_text == "4.04"
    assert tell(made, "defer") == "" and asked(made)["reason"] == "put off on the device"
    assert tell(made, "defer", "--seconds", "1000") == "" and 900 < asked(made)["consent_left_s"] <= 1000
    assert tell(made, "accept") == ""
    goes_on(made)


def test_it_is_put_off_for_as_long_as_is_said(waiting, peer):
    made = waiting(3600)
    began = time.monotonic()
    assert tell(made, "defer", "--seconds", "2") == ""
    goes_on(made)
    assert time.monotonic() - began > 1


def test_the_period_bounds_what_the_device_may_say(waiting, peer):
    made = waiting(12)
    assert tell(made, "defer", "--seconds", "1000") == ""
    goes_on(made)


# ---- not waiting ----

@pytest.mark.parametrize("period, severity", [(None, "0"), (3600, "0"), (0, None), (0, "2")])
def test_a_critical_update_or_a_period_of_0_asks_nobody(waiting, peer, period, severity):
    goes_on(waiting(period, severity))


def test_without_the_option_nobody_is_asked(agent, peer, update):
    made = agent()
    assert_downloads(peer, update)
    assert peer.write(ENDPOINT, "/5/0/13", "3600") == "2.04"
    assert peer.execute(ENDPOINT, "/5/0/2") == "2.04"
    goes_on(made)


@pytest.mark.parametrize("path, value", [("/5/0/11", "0"), ("/5/0/13", "0"), ("/5/0/13", "1")])
def test_a_server_that_changes_its_mind_ends_the_wait(waiting, peer, path, value):
    made = waiting(3600, "2")
    asked(made)
    assert peer.write(ENDPOINT, path, value) == "2.04"
    goes_on(made)


@pytest.mark.parametrize("how, result", [("cancel", "10"), ("empty", "0"), ("nul", "0")])
def test_what_waits_can_be_taken_back(waiting, peer, update, how, result):
    made = waiting(3600)
    if how == "cancel":
        assert peer.execute(ENDPOINT, "/5/0/10") == "2.04"
    elif how == "empty":
        assert peer.write(ENDPOINT, "/5/0/1", "") == "2.04"
    else:
        assert peer.request(ENDPOINT, PUT, "/5/0/0", b"\0", content_format=OPAQUE).code_text == "2.04"
    assert state_of(peer) == (IDLE, result)
    assert made.status()["consent_wanted"] is False
    for words in (["accept"], ["defer"], ["defer", "--seconds", "5"]):
        assert "no update waits for consent" in tell(made, *words)
    assert_downloads(peer, update)
    assert state_of(peer) == (DOWNLOADED, "0")
    assert "no update waits" in tell(made, "accept"), "a package that nobody has executed"
    assert peer.execute(ENDPOINT, "/5/0/2") == "2.04"
    asked(made)


def test_there_is_nobody_to_tell_without_an_agent(waiting, peer):
    made = waiting(3600)
    made.kill()
    assert "none runs here" in tell(made, "accept")
    done = run(program("kedge-agent"), "defer", "--seconds", "0", "--state", made.state)
    assert done.returncode == 2 and "--seconds" in done.stderr
    done = run(program("kedge-agent"), "accept", "--seconds", "5", "--state", made.state)
    assert done.returncode == 2


# ---- over restarts, and by the clock ----

def test_the_wait_survives_kill_9_and_is_no_longer_for_it(waiting, peer):
    made = waiting(6400)
    left = asked(made)["consent_left_s"]
    made.kill()
    assert 0 < made.status()["consent_left_s"] <= 6400
    made.begin()
    peer.wait_for_event("register", ENDPOINT, 2)
    assert state_of(peer) == (DOWNLOADED, "11")
    assert asked(made)["consent_left_s"] <= left - 100, "a restart counts as a 64th of the period"
    assert tell(made, "accept") == ""
    goes_on(made)


def test_what_was_put_off_stays_so_over_kill_9(waiting, peer):
    made = waiting()
    assert tell(made, "defer", "--seconds", "640") == ""
    made.kill()
    made.begin()
    peer.wait_for_event("register", ENDPOINT, 2)
    assert 600 < asked(made)["consent_left_s"] <= 630
    assert made.status()["reason"] == "put off on the device"


def test_an_agent_that_asks_nobody_any_more_goes_on(waiting, peer):
    made = waiting(3600)
    made.kill()
    made.command.remove("--consent")
    made.begin()
    goes_on(made)


def test_severity_and_period_are_read_written_and_kept(agent, peer):
    made = agent()
    assert peer.read(ENDPOINT, "/5/0/11") == "1"
    assert peer.request(ENDPOINT, 1, "/5/0/13").code_text == "4.04"
    for path, wrong in (("/5/0/11", "3"), ("/5/0/11", "-1"), ("/5/0/11", "x"), ("/5/0/13", "-1"),
                        ("/5/0/13", "4294967296"), ("/5/0/13", "")):
        assert peer.write(ENDPOINT, path, wrong) == "4.00", (path, wrong)
    assert peer.read(ENDPOINT, "/5/0/11") == "1"
    for severity, period in (("0", "0"), ("2", "4294967295"), ("1", "86400")):
        assert peer.write(ENDPOINT, "/5/0/11", severity) == "2.04"
        assert peer.write(ENDPOINT, "/5/0/13", period) == "2.04"
        made.kill()
        registered = len([1 for event in peer.events if event[0] == "register"])
        made.begin()
        peer.wait_for_event("register", ENDPOINT, registered + 1)
        assert (peer.read(ENDPOINT, "/5/0/11"), peer.read(ENDPOINT, "/5/0/13")) == (severity, period)


def test_a_clock_that_is_set_makes_the_wait_neither_shorter_nor_longer(start, tmp_path, keys, peer, update):
    clock = WallClock(start, tmp_path)
    clock.set_year(1970)
    one = Agent(clock.start, tmp_path, keys, peer.uri, "--consent")
    peer.registered(ENDPOINT)
    assert_downloads(peer, update)
    assert int(peer.read(ENDPOINT, "/5/0/12")) < 2 * 10**7, "the clock stands in 1970"
    assert peer.write(ENDPOINT, "/5/0/13", "3600") == "2.04"
    assert peer.execute(ENDPOINT, "/5/0/2") == "2.04"
    for year in (2099, 1970, 2026):
        clock.set_year(year)
        assert 3400 < asked(one)["consent_left_s"] <= 3600
    one.kill()
    clock.set_year(2099)
    one.begin()
    peer.wait_for_event("register", ENDPOINT, 2)
    assert 3400 < asked(one)["consent_left_s"] <= 3600
    assert tell(one, "accept") == ""
    goes_on(one)


def test_a_deferral_is_no_change_of_state(waiting, peer):
    made = waiting(3600)
    changed_at = peer.read(ENDPOINT, "/5/0/12")
    assert int(changed_at) == made.status()["changed_at"]
    assert tell(made, "defer") == ""
    assert peer.read(ENDPOINT, "/5/0/12") == changed_at


# ---- whole updates ----

def test_a_device_that_was_asked_updates_and_the_next_update_asks_again(booted, peer, keys, tmp_path):
    made = booted("--consent", health="true")
    for version, sequence in (("1.1.0", 6), ("1.2.0", 7)):
        package = make_package(tmp_path, keys, version, sequence).read_bytes()
        peer.offer(ENDPOINT, package, f"fw/{version}")
        peer.poll(ENDPOINT, "/5/0/3", DOWNLOADED, 60)
        assert peer.execute(ENDPOINT, "/5/0/2") == "2.04"
        asked(made)
        assert tell(made, "accept") == ""
        peer.wait_for_event("register", ENDPOINT, sequence - 4, timeout=60)
        assert_ends(peer, made, IDLE, 1, version, 60)


def test_a_rollout_waits_for_a_device_that_puts_it_off(server, keys, device, tmp_path):
    made = device("asker", keys, make_package(tmp_path, keys, "1.0.0", 1), server.coap_uri, "--consent", health="true")
    package = upload(server, keys, make_package(tmp_path, keys, "1.1.0", 2))
    wait_until(lambda: versions(server) == {"asker": "1.0.0"}, 60, "the device to be known")
    server.kedge("rollout", "create", "--name", "asking", "--package", package, "--all", "--soak", "1",
                 "--severity", "optional", "--max-defer-s", "3600", "--start")
    wait_until(lambda: made.status()["consent_wanted"], 60, "the device to be asked")
    status = asked(made)
    assert status["severity"] == "optional" and 3400 < status["consent_left_s"] <= 3600
    assert tell(made, "defer") == ""
    wait_until(lambda: deployments(server)["asker"]["state"] in ("installing", "verifying"), 60, "the answer to Execute")
    assert tell(made, "accept") == ""
    server.kedge("rollout", "watch", "1", timeout=120)
    assert deployments(server)["asker"]["state"] == "succeeded"
    assert_versions(server, {"asker": "1.1.0"})
