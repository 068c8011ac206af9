"""kill -9 of the server again and again while two rollouts go through the same devices: nobody is forgotten, nobody is
told anything twice or by both at once, and no group begins before its gate and its approval."""
import random

from conftest import make_package, wait_until
from rollout_replay import BUSY, Replay, whole_history
from test_api import curl  # noqa: F401 (a fixture)
from test_rollout_approval import people  # noqa: F401 (a fixture)
from test_rollout_groups import show
from test_swarm import known, swarm  # noqa: F401 (a fixture)

SIZES = [60, 90]
DEVICES = sum(SIZES)
IN_FLIGHT = 20
WAY = ("pending", *BUSY, "succeeded")
GROUPS = ("--group", "40%,approval=yes", "--group", "rest", "--seed", 3)


def upload(server, keys, folder, version, sequence):
    """The id of a package of two hundred blocks."""
    image = random.Random(sequence).randbytes(200_000)
    server.kedge("package", "upload", make_package(folder, keys, version, sequence, image, "--compress", "none"))
    return next(p["id"] for p in server.json("package", "list")["packages"] if p["version"] == version)


def kill(server):
    server.kill()
    server.begin()


def kill_when(server, *instants):
    """Kills it as soon as so many devices have come as far as a state, for each of these; how many were in flight then."""
    def has_come(state, count):
        counts = show(server)["counts"]
        assert sum(counts.values()) == DEVICES
        return counts if sum(counts[later] for later in WAY[WAY.index(state):]) >= count else None

    busy = []
    for state, count in instants:
        counts = wait_until(lambda: has_come(state, count), 90, f"{count} devices to be {state}")  # noqa: B023
        kill(server)
        busy.append(sum(counts[state] for state in BUSY))
    return busy


def never_two_at_once(entries):
    """Goes through what both rollouts did: no device is at work for one while it is for the other."""
    at_work = {}
    for entry in sorted(entries, key=lambda entry: entry["id"]):
        endpoint, rollout = entry["endpoint"], entry["rollout_id"]
        if entry["to"] in BUSY:
            assert at_work.setdefault(endpoint, rollout) == rollout, entry
        elif at_work.get(endpoint) == rollout:
            del at_work[endpoint]


def test_two_rollouts_go_their_way_through_ten_deaths_of_the_server(server, keys, tmp_path, swarm, people,
                                                                    curl):  # noqa: F811
    fleet = swarm(server.coap_uri, DEVICES, "--reboot-time", 0.4, "--ack-timeout", 0.5)
    server.kedge("trust", "add", "--name", "release", keys.public)
    wait_until(lambda: len([d for d in known(server) if d["version"]]) == DEVICES, 90, "all devices")
    for priority, package in ((60, upload(server, keys, tmp_path, "1.1.0", 2)),
                              (40, upload(server, keys, tmp_path, "1.2.0", 3))):
        server.kedge("rollout", "create", "--name", package[:8], "--package", package, "--all", "--priority", priority,
                     "--in-flight", IN_FLIGHT, *(GROUPS if priority == 60 else ()), "--start")

    busy = kill_when(server, ("offered", 1), ("downloading", 10), ("installing", 22), ("verifying", 30),
                     ("succeeded", 35))
    wait_until(lambda: show(server)["groups"][0]["state"] == "waiting_for_gate", 90, "the gate to wait")
    kill(server)
    assert show(server)["groups"][1]["state"] == "scheduled", "a restart approves nothing"
    before_the_approval = len(whole_history(curl))
    assert people("bob", "rollout", "approve", "1").returncode == 0
    kill(server)
    busy += kill_when(server, ("offered", 61), ("downloaded", 90), ("succeeded", 120))
    assert len(busy) + 2 == 10 and sum(count > 0 for count in busy) >= 4, "it was killed while there was nothing to lose"
    for number in (1, 2):
        server.kedge("rollout", "watch", number, timeout=120)

    shown = show(server)
    assert [sum(g["counts"].values()) for g in shown["groups"]] == SIZES
    assert shown["groups"][0]["approver"] == "bob"
    histories = {number: whole_history(curl, number) for number in (1, 2)}
    assert not any(entry["group_index"] == 1 for entry in histories[1][:before_the_approval]), "begun unapproved"
    for number, sizes in ((1, SIZES), (2, [DEVICES])):
        assert {state: count for state, count in show(server, number)["counts"].items() if count} == {"succeeded": DEVICES}
        told = Replay(sizes, IN_FLIGHT).run(histories[number])
        assert (told.rollout, set(told.groups), set(told.devices.values())) == ("finished", {"succeeded"}, {"succeeded"})
        assert len(told.offers) == told.offers.total() == DEVICES, "everybody was offered it once"
    never_two_at_once(histories[1] + histories[2])
    wait_until(lambda: {d["version"] for d in known(server)} == {"1.2.0"}, 60, "the records of the devices")
    summary = fleet.end()
    assert (summary["updated"], summary["unfinished"], summary["mismatches"]) == (DEVICES, 0, 0)
    # All of them run the second package by way of the first: nobody took one, had all of it, or installed it twice.
    assert summary["offers_taken"] == summary["images"] == summary["installations"] == 2 * DEVICES
