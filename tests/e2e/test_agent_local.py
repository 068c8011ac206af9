"""What the device's own software gets from the agent: status with and without a running one, and the local socket."""
import grp
import json
import os
import signal
import socket
import stat
import subprocess
import time

import pytest

from agent_kit import DOWNLOADED, ENDPOINT, IDLE, Agent, agent, assert_downloads, peer, state_of, update
from conftest import run, program, wait_until
from lwm2m_peer import TLV


class Local:
    """A program on the device that speaks to the agent's socket."""

    def __init__(self, state, name="agent.sock"):
        folder = os.open(state, os.O_PATH)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(60)
        self.socket.connect(f"/proc/self/fd/{folder}/{name}")
        os.close(folder)
        self.lines = self.socket.makefile("r", encoding="utf-8")

    def say(self, **request):
        self.socket.sendall(json.dumps(request).encode() + b"\n")

    def hear(self) -> dict:
        line = self.lines.readline()
        assert line.endswith("\n"), line
        return json.loads(line)

    def ask(self, **request) -> dict:
        self.say(**request)
        return self.hear()


def test_the_running_agent_and_its_folder_say_the_same(agent, peer, update):
    made = agent()
    assert_downloads(peer, update)
    told = made.status()
    assert told["agent_running"] is True
    assert (told["state"], told["version"], told["slot"]) == ("downloaded", "1.0.0", 0)
    assert (told["slot0_version"], told["slot1_version"], told["package_version"]) == ("1.0.0", "1.1.0", "1.1.0")
    assert Local(made.state).ask(command="status") == told
    made.kill()
    alone = made.status()
    assert alone["agent_running"] is False
    differ = {"agent_running"}
    assert {name: told[name] for name in told if name not in differ} == {
        name: alone[name] for name in alone if name not in differ}


def test_people_are_told_the_same(agent, peer, update):
    made = agent()
    assert_downloads(peer, update)
    text = run(program("kedge-agent"), "status", "--state", made.state).stdout
    for words in ("version   1.0.0 (slot 0)", "slot 1    1.1.0", "state     downloaded", "result    0, initial value",
                  "agent     running"):
        assert words in text, text
    made.kill()
    assert "agent     not running" in run(program("kedge-agent"), "status", "--state", made.state).stdout


def test_the_progress_of_a_download_is_told(agent, peer, update):
    made = agent()
    peer.block_hook = lambda number, reply: reply if number < 50 else None
    assert peer.offer(ENDPOINT, update) == "2.04"
    peer.wait_for(lambda: 50 in peer.blocks_asked, 60, "the download")
    wait_until(lambda: made.status()["downloaded_bytes"] == 50 * 1024, 60, "50 blocks to be told")
    status = made.status()
    assert (status["state"], status["package_bytes"], status["package_version"]) == ("downloading", len(update), "1.1.0")
    assert f"download  51200 of {len(update)} bytes" in run(program("kedge-agent"), "status", "--state", made.state).stdout
    peer.block_hook = lambda number, reply: reply
    wait_until(lambda: made.status()["state"] == "downloaded", 60, "the rest")
    assert made.status()["package_bytes"] == 0


@pytest.mark.parametrize("pmin", [None, 1])
def test_the_server_is_told_how_far_a_download_is(agent, peer, update, pmin):
    agent()
    if pmin:
        assert peer.attach(ENDPOINT, "/26241/0/1", f"pmin={pmin}") == "2.04"
    observed, words = peer.observe(ENDPOINT, "/26241/0/1"), peer.observe(ENDPOINT, "/26241/0", accept=TLV)
    peer.block_hook = lambda number, reply: (time.sleep(0.01), reply)[1]
    begin = time.monotonic()
    assert_downloads(peer, update, 60)
    peer.wait_for(lambda: observed.values[-1:] == ["100"], 60, "the end")
    told = [int(value) for value in observed.values]
    assert told == sorted(set(told)) and told[0] == 0 and len(told) > 2
    assert len(told) <= (101 if pmin is None else (time.monotonic() - begin) / pmin + 2)
    assert len(words.messages) == 1, "no news of the words"
    assert peer.execute(ENDPOINT, "/5/0/10") == "2.04"
    peer.wait_for(lambda: observed.values[-1:] == ["0"], 60, "nothing")


def test_why_the_last_update_failed_is_told(agent, peer):
    made = agent()
    assert peer.write(ENDPOINT, "/5/0/1", "ftp://host/fw") == "4.00"
    status = made.status()
    assert (status["result"], status["result_text"]) == (9, "unsupported protocol")
    assert status["reason"] == peer.read(ENDPOINT, "/26241/0/0") != ""


def test_who_follows_is_told_each_change_until_the_agent_ends(agent, peer, update, start):
    made = agent()
    follower = subprocess.Popen(
        [program("kedge-agent"), "status", "--follow", "--json", "--state", str(made.state)], stdout=-1, text=True)
    try:
        assert json.loads(follower.stdout.readline())["state"] == "idle"
        assert peer.offer(ENDPOINT, update) == "2.04"
        seen = []
        while not seen or seen[-1]["state"] != "downloaded":
            seen.append(json.loads(follower.stdout.readline()))
        assert all(one["state"] in ("idle", "downloading", "downloaded") for one in seen)
        assert sorted(one["downloaded_bytes"] for one in seen[:-1]) == [one["downloaded_bytes"] for one in seen[:-1]]
        made.process.stop(signal.SIGTERM)
        follower.stdout.read()
        assert follower.wait(60) == 0
    finally:
        follower.kill()
        follower.wait()
        follower.stdout.close()
    alone = run(program("kedge-agent"), "status", "--follow", "--state", made.state)
    assert alone.returncode == 1 and "none runs here" in alone.stderr


def test_the_socket_is_the_agents_users_alone_and_goes_with_the_agent(agent, peer):
    made = agent()
    mode = (made.state / "agent.sock").stat().st_mode
    assert stat.S_ISSOCK(mode) and stat.S_IMODE(mode) == 0o600
    made.process.stop(signal.SIGTERM)
    assert not (made.state / "agent.sock").exists()


def test_a_killed_agents_socket_is_replaced(agent, peer):
    made = agent()
    made.kill()
    assert (made.state / "agent.sock").exists()
    assert made.status()["agent_running"] is False
    made.begin()
    peer.wait_for_event("register", ENDPOINT, 2)
    assert Local(made.state).ask(command="status")["agent_running"] is True


def test_an_agent_that_hangs_is_said_to_and_its_folder_read(agent, peer):
    made = agent()
    made.process.process.send_signal(signal.SIGSTOP)
    try:
        done = run(program("kedge-agent"), "status", "--json", "--state", made.state)
        assert done.returncode == 0 and "no answer in time" in done.stderr
        assert json.loads(done.stdout)["agent_running"] is False
    finally:
        made.process.process.send_signal(signal.SIGCONT)


def test_the_socket_may_be_elsewhere_and_a_groups(agent, peer, tmp_path):
    group = grp.getgrgid(os.getgid()).gr_name
    folder = tmp_path / "run"
    folder.mkdir()
    made = agent("--socket", folder / "kedge.sock", "--socket-group", group)
    assert not (made.state / "agent.sock").exists()
    assert stat.S_IMODE((folder / "kedge.sock").stat().st_mode) == 0o660
    assert Local(folder, "kedge.sock").ask(command="status")["state"] == "idle"
    done = run(program("kedge-agent"), "status", "--json", "--state", made.state, "--socket", folder / "kedge.sock")
    assert json.loads(done.stdout)["agent_running"] is True


def test_a_group_that_there_is_not_is_a_usage_error(agent, peer):
    made = agent()
    made.process.stop(signal.SIGTERM)
    done = run(*made.command, "--socket-group", "no-such-group")
    assert done.returncode == 2 and "no-such-group" in done.stderr


def test_updates_go_on_where_no_socket_can_be_made(start, tmp_path, keys, peer, update):
    made = Agent(start, tmp_path, keys, peer.uri, "--socket", tmp_path / "none" / "agent.sock")
    made.process.wait_for("warning: no local socket")
    peer.registered(ENDPOINT)
    assert_downloads(peer, update)


NOISES = {"silence": b"", "half_a_line": b'{"comm', "zeros": bytes(255), "a_long_line": b"x" * 5000,
          "many_lines": b'{"command": "watch"}\n' * 50, "line_ends": b"\n" * 200, "depth": b"[" * 250 + b"\n"}


@pytest.mark.parametrize("noise", NOISES.values(), ids=NOISES)
def test_bad_company_costs_the_agent_nothing(agent, peer, update, noise):
    made = agent()
    company = [Local(made.state) for _ in range(12)]
    for one in company:
        try:
            one.socket.send(noise)
        except OSError:
            pass  # it was one too many, or has been let go
    assert_downloads(peer, update)
    assert state_of(peer) == (DOWNLOADED, "0")
    for one in company:
        one.lines.close()
        one.socket.close()
    assert wait_until(lambda: made.status()["agent_running"], 60, "an answer")
    assert made.process.process.poll() is None


def test_what_is_no_request_is_answered_by_its_reason(agent, peer):
    made = agent()
    local = Local(made.state)
    assert "error" in local.ask(command="format")
    assert local.ask(command="status")["state"] == "idle"
    assert peer.read(ENDPOINT, "/5/0/3") == IDLE
