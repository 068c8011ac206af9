"""Commands of the operator around an update: when they run, what they are told, and that none can hold it up."""
import pathlib
import signal

import pytest

from agent_kit import DOWNLOADED, ENDPOINT, IDLE, UPDATING, agent, assert_downloads, peer, state_of, update
from conftest import wait_until
from test_agent_updates import assert_ends, booted, download_and_execute

TELL = ("echo \"$KEDGE_HOOK|$KEDGE_STATE|$KEDGE_RESULT|$KEDGE_VERSION|$KEDGE_PACKAGE_VERSION|$KEDGE_SLOT|"
        "$KEDGE_ENDPOINT|$KEDGE_SEVERITY|$KEDGE_REASON\" >> {}")
REBOOT = 75


def told(file: pathlib.Path) -> list:
    """Per hook that ran: what it was told."""
    lines = file.read_text().splitlines() if file.exists() else []
    names = ("hook", "state", "result", "version", "package", "slot", "endpoint", "severity", "reason")
    return [dict(zip(names, line.split("|"))) for line in lines]


def names(file: pathlib.Path) -> list:
    return [one["hook"] for one in told(file)]


def hooks(command: str, *which) -> list:
    which = which or ("pre-install", "post-install", "pre-reboot")
    return [word for name in which for word in (f"--hook-{name}", command)]


def is_alive(file: pathlib.Path) -> bool:
    """Whether the process whose number is in `file` still runs."""
    place = pathlib.Path(f"/proc/{file.read_text().strip()}/stat")
    try:
        status = place.read_text()
    except (FileNotFoundError, ProcessLookupError):  # the latter: it ends while it is looked at
        return False
    return status.rsplit(")", 1)[1].split()[0] != "Z"


def test_each_runs_in_its_place_and_is_told_what_goes_on(booted, peer, update, tmp_path):
    file = tmp_path / "told"
    made = booted(*hooks(TELL.format(file)), health="true")
    assert peer.write(ENDPOINT, "/5/0/11", "2") == "2.04"
    download_and_execute(peer, update)
    assert_ends(peer, made, IDLE, 1, "1.1.0", 60)
    wait_until(lambda: len(names(file)) == 3, 60, "the hook after it")
    before, reboot, after = told(file)
    assert (before["hook"], reboot["hook"], after["hook"]) == ("pre-install", "pre-reboot", "post-install")
    for one in (before, reboot):
        assert (one["state"], one["result"], one["version"], one["package"], one["slot"]) == (
            "updating", "0", "1.0.0", "1.1.0", "0")
    assert (after["state"], after["result"], after["version"], after["slot"]) == ("idle", "1", "1.1.0", "1")
    assert {(one["endpoint"], one["severity"], one["reason"]) for one in (before, reboot, after)} == {
        (ENDPOINT, "optional", "")}


def test_the_server_is_answered_while_a_hook_runs(agent, peer, update, tmp_path):
    go = tmp_path / "go"
    made = agent("--hook-pre-install", f"until test -e {go}; do sleep 0.05; done", "--hook-timeout", "600")
    assert_downloads(peer, update)
    assert peer.execute(ENDPOINT, "/5/0/2") == "2.04"
    assert state_of(peer) == (UPDATING, "0")
    assert peer.execute(ENDPOINT, "/5/0/2") == "4.05"
    assert peer.execute(ENDPOINT, "/5/0/10") == "4.05"
    assert peer.write(ENDPOINT, "/5/0/1", "") == "4.05"
    assert made.status()["state"] == "updating"
    go.touch()
    assert made.process.process.wait(60) == REBOOT


@pytest.mark.parametrize("command, words", [("exit 3", "pre-install hook exit status 3"),
                                            ("kill -9 $$", "pre-install hook ended by signal 9"),
                                            ("sleep 600", "pre-install hook did not end within 4 s"),
                                            ("/no/such/command", "pre-install hook exit status 127")])
def test_a_refusal_before_the_install_is_result_8_and_the_next_try_works(booted, peer, update, tmp_path, command, words):
    fixed, file = tmp_path / "fixed", tmp_path / "told"
    limit = "4" if command == "sleep 600" else "60"
    made = booted("--hook-pre-install", f"test -e {fixed} || {command}", "--hook-timeout", limit,
                  *hooks(TELL.format(file), "post-install"), health="true")
    assert_downloads(peer, update)
    assert peer.execute(ENDPOINT, "/5/0/2") == "2.04"
    peer.poll(ENDPOINT, "/5/0/3", DOWNLOADED, 60)
    assert state_of(peer) == (DOWNLOADED, "8")
    assert peer.read(ENDPOINT, "/26241/0/0") == words
    assert peer.read(ENDPOINT, "/3/0/3") == "1.0.0"
    wait_until(lambda: names(file) == ["post-install"], 60, "the hook after it")
    assert (told(file)[0]["state"], told(file)[0]["result"], told(file)[0]["reason"]) == ("downloaded", "8", words)
    assert made.status()["reason"] == words
    fixed.touch()
    assert peer.execute(ENDPOINT, "/5/0/2") == "2.04"
    peer.wait_for_event("register", ENDPOINT, 2, timeout=60)
    assert_ends(peer, made, IDLE, 1, "1.1.0", 60)
    wait_until(lambda: names(file) == ["post-install"] * 2, 60, "the hook after that")


def test_a_hook_that_hangs_is_killed_with_all_that_it_started(agent, peer, update, tmp_path):
    child = tmp_path / "child"
    agent("--hook-pre-install", f"sleep 600 & echo $! > {child}; wait", "--hook-timeout", "4")
    assert_downloads(peer, update)
    assert peer.execute(ENDPOINT, "/5/0/2") == "2.04"
    peer.poll(ENDPOINT, "/5/0/3", DOWNLOADED, 60)
    assert state_of(peer) == (DOWNLOADED, "8")
    wait_until(lambda: not is_alive(child), 60, "the end of what it started")


@pytest.mark.parametrize("command", ["exit 1", "sleep 600"])
def test_a_bad_hook_before_the_reboot_or_after_the_update_stops_nothing(booted, peer, update, tmp_path, command):
    file = tmp_path / "told"
    made = booted(*hooks(f"{TELL.format(file)}; {command}", "pre-reboot", "post-install"), "--hook-timeout", "4",
                  health="true")
    download_and_execute(peer, update)
    assert_ends(peer, made, IDLE, 1, "1.1.0", 60)
    wait_until(lambda: names(file) == ["pre-reboot", "post-install"], 60, "both hooks")
    made.process.wait_for("error: post-install hook")


def test_a_rollback_is_told_with_its_reason(booted, peer, update, tmp_path):
    file = tmp_path / "told"
    made = booted(*hooks(TELL.format(file)), health="exit 3")
    download_and_execute(peer, update, 2)
    assert_ends(peer, made, IDLE, 8, "1.0.0", 60)
    wait_until(lambda: len(names(file)) == 4, 60, "the hook after it")
    assert names(file) == ["pre-install", "pre-reboot", "pre-reboot", "post-install"]
    after = told(file)[-1]
    assert (after["state"], after["result"], after["version"]) == ("idle", "8", "1.0.0")
    assert after["reason"] == made.status()["reason"] and "exit status 3" in after["reason"]


def test_a_reboot_that_the_server_asks_for_has_its_hook(booted, peer, tmp_path):
    file = tmp_path / "told"
    booted(*hooks(TELL.format(file)))
    assert peer.execute(ENDPOINT, "/3/0/4") == "2.04"
    peer.wait_for_event("register", ENDPOINT, 2, timeout=60)
    assert [(one["hook"], one["state"]) for one in told(file)] == [("pre-reboot", "idle")]


def test_an_agent_that_is_killed_in_a_hook_takes_it_along_and_says_what_happened(agent, peer, update, tmp_path):
    child, file = tmp_path / "child", tmp_path / "told"
    made = agent("--hook-pre-install", f"echo $$ > {child}; sleep 600", *hooks(TELL.format(file), "post-install"))
    assert_downloads(peer, update)
    assert peer.execute(ENDPOINT, "/5/0/2") == "2.04"
    wait_until(lambda: child.exists() and child.read_text(), 60, "the hook")
    made.process.process.send_signal(signal.SIGKILL)
    made.process.process.wait(60)
    wait_until(lambda: not is_alive(child), 60, "the end of the hook")
    made.begin()
    peer.wait_for_event("register", ENDPOINT, 2)
    assert state_of(peer) == (DOWNLOADED, "8")
    assert "before the switch" in peer.read(ENDPOINT, "/26241/0/0")
    wait_until(lambda: names(file) == ["post-install"], 60, "the hook after it")


def test_the_hook_after_an_update_that_was_cut_short_runs_again(agent, peer, update, tmp_path):
    ran, done = tmp_path / "ran", tmp_path / "done"
    made = agent("--hook-pre-install", "exit 1", "--hook-post-install",
                 f"echo x >> {ran}; test $(wc -l < {ran}) -gt 1 || sleep 600; touch {done}", "--hook-timeout", "600")
    assert_downloads(peer, update)
    assert peer.execute(ENDPOINT, "/5/0/2") == "2.04"
    wait_until(lambda: ran.exists() and ran.read_text(), 60, "the hook")
    made.kill()
    assert not done.exists()
    made.begin()
    made.process.wait_for("post-install hook: done")
    assert done.exists()
    made.process.process.send_signal(signal.SIGTERM)
    made.process.process.wait(60)
    made.begin()
    peer.wait_for_event("register", ENDPOINT, 3)
    assert ran.read_text().count("x") == 2, "once it has ended it is not due any more"
