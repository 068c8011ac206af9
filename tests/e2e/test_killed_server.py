"""kill -9 of the server in the middle of a fleet's downloads: everybody gets the whole image, once."""
import os
import signal
import socket

import pytest
from conftest import make_package, wait_until
from test_dtls import agent as secure_agent
from test_dtls import secure
from test_swarm import ended, keys_of_a_fleet, known, rollout, swarm
from test_update import deployments, upload


def kill_in_the_middle(server, at_least: int):
    """Kills it when so many are downloading."""
    def downloading():
        return server.json("rollout", "show", "1")["counts"]["downloading"] >= at_least
    wait_until(downloading, 60, f"{at_least} downloads")
    server.kill()


def hear(port: int, count: int):
    """Stands at the port of a dead server until so many devices have asked there, and answers nobody."""
    asking = set()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as dead:
        dead.bind(("127.0.0.1", port))
        dead.settimeout(60)
        while len(asking) < count:
            asking.add(dead.recvfrom(2048)[1])


def test_1000_downloads_survive_the_death_of_the_server_in_their_middle(secure, keys, tmp_path, swarm):
    open_ones, keyed_ones = 600, 400
    file = keys_of_a_fleet(tmp_path, keyed_ones, "--prefix", "keyed-")
    secure.kedge("device", "enroll", "--psk-file", file)
    faults = ["--reboot-time", 0.3, "--ack-timeout", 0.5]
    fleets = {open_ones: swarm(secure.coap_uri, open_ones, *faults),
              keyed_ones: swarm(secure.coaps_uri, keyed_ones, "--psk-file", file, *faults)}
    rollout(secure, keys, tmp_path, 1000, 256 << 10)
    kill_in_the_middle(secure, 700)
    hear(secure.coap_port, 300)
    hear(secure.coaps_port, 200)
    secure.begin()
    assert ended(secure) == {"succeeded": 1000}
    wait_until(lambda: {d["version"] for d in known(secure)} == {"1.1.0"}, 60, "the records of the devices")
    for devices, fleet in fleets.items():
        summary = fleet.end()
        assert (summary["updated"], summary["images"], summary["mismatches"], summary["unfinished"]) == \
            (devices, devices, 0, 0)
    # At most 600 of the 700 were open ones. The log is that of the second server.
    wait_until(lambda: secure.process.log.count("made an association") >= keyed_ones, 60, "the lines of the log")
    assert sum(d["address"].startswith("coaps://") for d in known(secure)) == keyed_ones


def test_downloads_by_dtls_survive_it_too(secure, keys, device, tmp_path):
    count = 20
    factory = make_package(tmp_path, keys, "1.0.0", 1, b"factory " * 500)
    image = os.urandom(3 << 20)
    package = upload(secure, keys, make_package(tmp_path, keys, "1.1.0", 2, image, "--compress", "none"))
    psks = secure.enroll(tmp_path, *[(f"d{i}", f"id{i}") for i in range(count)])
    agents = [secure_agent(device, secure, tmp_path, keys, factory, name, f"id{name[1:]}", key, health="true")
              for name, key in psks.items()]
    wait_until(lambda: sum(d["version"] == "1.0.0" for d in known(secure)) == count, 90, "the devices")
    secure.kedge("rollout", "create", "--name", "cut", "--package", package, "--all", "--start")
    kill_in_the_middle(secure, count // 2)
    secure.begin()
    secure.kedge("rollout", "watch", "1", timeout=180)
    assert {name: d["state"] for name, d in deployments(secure).items()} == dict.fromkeys(psks, "succeeded")
    statuses = [one.status() for one in agents]
    for one in agents:
        one.process.stop(signal.SIGKILL)  # twenty polite farewells take a minute
    # An agent that has confirmed has compared the image with the digest that is signed.
    assert [(s["version"], s["updates_confirmed"]) for s in statuses] == [("1.1.0", 1)] * count
    # By the second server, whose log it is.
    wait_until(lambda: secure.process.log.count("made an association") >= count // 2, 60, "the lines of the log")
