"""10/30/60 over a whole fleet: with few devices that fail, and with too many.

KEDGE_GROUPS_DEVICES says how large the fleet is (1000 unless it does; a multiple of 1000)."""
import os
import re

from conftest import wait_until
from rollout_replay import BUSY, Replay, whole_history
from test_api import curl  # noqa: F401 (a fixture)
from test_rollout_groups import create, prepare, show
from test_swarm import swarm  # noqa: F401 (a fixture)

DEVICES = int(os.environ.get("KEDGE_GROUPS_DEVICES", "1000"))
GROUPS = ("--group", "canary=10%", "--group", "30%", "--group", "60%")
SIZES = [DEVICES // 10, DEVICES * 3 // 10, DEVICES * 6 // 10]
PATIENCE = 60 + DEVICES / 20


def fleet_of(swarm, server, fail_rate):  # noqa: F811
    return swarm(server.coap_uri, DEVICES, "--seed", 5, "--fail-rate", fail_rate, "--fail-result", "5,8",
                 "--reboot-time", 0.3, "--time-limit", PATIENCE * 3, "--keep-registered")


def test_a_staged_rollout_with_2_percent_failing_finishes_group_by_group(server, keys, tmp_path, swarm,
                                                                         curl):  # noqa: F811
    fleet = fleet_of(swarm, server, 0.02)
    package = prepare(server, keys, tmp_path, DEVICES)
    create(server, package, *GROUPS, "--seed", 7, "--in-flight", 100, "--start")
    server.kedge("rollout", "watch", "1", timeout=PATIENCE * 3)
    summary = fleet.end()
    shown = show(server)
    failed = sum(summary["failed"].values())
    assert shown["state"] == "finished" and 0.01 < failed / DEVICES < 0.03
    assert shown["counts"]["succeeded"] == summary["updated"] == DEVICES - failed
    assert shown["counts"]["rejected"] == summary["failed"]["5"] and shown["counts"]["failed"] == summary["failed"]["8"]
    assert shown["errors"] == failed
    assert summary["offers_taken"] == DEVICES
    assert summary["images"] == summary["installations"] == DEVICES - summary["failed"]["5"]
    groups = shown["groups"]
    assert [g["name"] for g in groups] == ["canary", "group 2", "group 3"]
    assert [sum(g["counts"].values()) for g in groups] == SIZES
    assert {g["state"] for g in groups} == {"succeeded"}
    for before, after in zip(groups, groups[1:]):
        assert after["started_at_ms"] >= before["ended_at_ms"]
    told = Replay(SIZES, in_flight=100).run(whole_history(curl))
    assert (told.rollout, told.groups) == ("finished", ["succeeded"] * 3)
    assert len(told.offers) == told.offers.total() == DEVICES, "everybody was offered it once"
    for index, group in enumerate(groups):
        assert {state: told.of_group(index, (state,)) for state in group["counts"]} == group["counts"]


def test_a_rollout_over_many_devices_is_a_draft_until_they_are_written(server, keys, tmp_path, swarm, curl):  # noqa: F811
    fleet = fleet_of(swarm, server, 0)
    create(server, prepare(server, keys, tmp_path, DEVICES), "--start")
    server.kedge("rollout", "watch", "1", timeout=PATIENCE * 3)
    fleet.end()
    history = curl("GET", "/api/v1/rollouts/1/history?limit=10").json["history"]
    moves = [(entry["from"], entry["to"]) for entry in history if entry["group_index"] is None]
    assert moves[:3] == [("", "draft"), ("draft", "ready"), ("ready", "running")]
    assert show(server)["counts"]["succeeded"] == DEVICES


def test_a_staged_rollout_with_30_percent_failing_stops_itself_in_the_first_group(server, keys, tmp_path, swarm,
                                                                                  curl):  # noqa: F811
    in_flight = DEVICES // 50
    fleet = fleet_of(swarm, server, 0.3)
    package = prepare(server, keys, tmp_path, DEVICES)
    create(server, package, *GROUPS, "--seed", 7, "--in-flight", in_flight, "--error-threshold", 10, "--start")
    wait_until(lambda: show(server)["state"] == "paused", PATIENCE, "the rollout to stop itself")
    wait_until(lambda: not any(show(server)["counts"][state] for state in BUSY), PATIENCE, "those in flight to end")
    shown = show(server)
    assert shown["state"] == "paused"
    first, *others = shown["groups"]
    size, bearable = SIZES[0], SIZES[0] // 10
    said = re.fullmatch(rf"(\d+) of {size} devices of group 1 ended in error, more than 10 %", shown["reason"])
    assert int(said[1]) == bearable + 1, "not one later than it is too many"
    assert first["state"] == "running"
    assert bearable < first["errors"] <= bearable + in_flight, "beyond it only those that were in flight"
    assert first["counts"]["failed"] + first["counts"]["rejected"] == first["errors"] == shown["errors"]
    assert sum(first["counts"].values()) == size
    for group, of_all in zip(others, SIZES[1:]):
        assert (group["state"], group["started_at_ms"]) == ("scheduled", None)
        assert group["counts"]["pending"] == sum(group["counts"].values()) == of_all
    # None was offered it after the stop: the history has no offer of a rollout that does not run.
    told = Replay(SIZES, in_flight).run(whole_history(curl))
    assert (told.rollout, told.groups) == ("paused", ["running", "scheduled", "scheduled"])
    assert told.errors_at_stop == bearable + 1
    assert told.offers.total() == first["counts"]["succeeded"] + first["errors"]
    summary = fleet.end(1)  # those that were never offered anything did not end
    assert sum(summary["failed"].values()) == first["errors"]
    assert summary["updated"] == first["counts"]["succeeded"]
    assert summary["offers_taken"] == told.offers.total() == DEVICES - summary["unfinished"]
