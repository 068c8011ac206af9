"""What is watched at a real server with simulated devices: a rollout group by group, a device, all rollouts."""
import json
import re
import subprocess

import pytest

from cli_kit import screens, terminal
from conftest import CLASS, VENDOR, make_package, program, run, wait_until


@pytest.fixture
def fleet(request, server, start, keys, tmp_path):
    """Twelve devices, which take 3 s, or as long as is said, to restart: a group runs for so long at least."""
    server.kedge("trust", "add", "--name", "release", keys.public)
    start(program("kedge-swarm"), "--server", server.coap_uri, "--devices", "12", "--vendor", VENDOR, "--class", CLASS,
          "--version", "1.0.0", "--prefix", "edge-", "--reboot-time", str(getattr(request, "param", 3)), "--linger", "3600")
    wait_until(lambda: len(server.json("device", "list", "--filter", "version == 1.0.0")["devices"]) == 12, what="the fleet")
    return server.json("package", "upload", make_package(tmp_path, keys, "1.1.0", 2))["id"]


def kedge_of(server, *args):
    return [program("kedge"), "--server", server.http_url, "--token-file", server.token_file, *args]


def create(server, package, *options):
    server.kedge("rollout", "create", "--name", "haul", "--package", package, "--all", "--group", "canary=2", "--group", "rest=rest",
                 "--seed", "1", *options)


@pytest.mark.parametrize("fleet", [8], indirect=True, ids=["restarts_in_8_s"])  # so that each is drawn, however late it is
def test_a_rollout_on_a_terminal_goes_group_by_group(server, fleet):
    create(server, fleet)
    status, output = terminal(kedge_of(server, "rollout", "watch", "1"), 80, lambda: server.kedge("rollout", "start", "1"))
    assert status == 0 and 'rollout 1 "haul" finished: 12 succeeded' in output
    drawn = [screen for screen in screens(output) if len(screen) == 3]
    assert any(re.match(r"canary  \[[#.]+\] +\d+ %  running", screen[1]) and "scheduled: 10 pending" in screen[2] for screen in drawn)
    assert any("succeeded: 2 succeeded" in screen[1] and re.match(r"rest    \[[#.]+\] +\d+ %  running", screen[2]) for screen in drawn)


def test_a_device_is_watched_from_before_it_is_offered_anything(server, fleet):
    watcher = subprocess.Popen(kedge_of(server, "device", "watch", "edge-3"), stdout=subprocess.PIPE, text=True)
    assert "waiting for one" in watcher.stdout.readline()
    create(server, fleet, "--start")
    told = watcher.stdout.read().splitlines()
    assert watcher.wait(60) == 0
    steps = [re.fullmatch(r".{19}  edge-3: (?:\w+ -> )?(\w+).*", line)[1] for line in told[:-1]]
    assert steps[0] == "offered" and steps[-1] == "succeeded", told
    assert re.match("edge-3 succeeded in rollout 1", told[-1])


def listens(server):
    """Whether somebody has asked for the stream of events."""
    figures = run("curl", "--silent", "-H", f"Authorization: Bearer {server.token}", f"{server.http_url}/metrics").stdout
    return re.search(r'kedge_http_requests_total\{[^}]*route="/api/v1/events"', figures)


def test_all_rollouts_are_told_of_as_they_go(server, fleet):
    watcher = subprocess.Popen(kedge_of(server, "--json", "rollout", "list", "--watch"), stdout=subprocess.PIPE, text=True)
    wait_until(lambda: listens(server), what="the watcher to listen")
    create(server, fleet, "--start")
    states = []
    while not states or states[-1] != "finished":
        states.append(json.loads(watcher.stdout.readline())["state"])
    watcher.terminate()
    watcher.wait(60)
    assert set(states) <= {"ready", "running", "finished"}
