"""Rollouts in groups: how devices are divided among them, what a group has of its own, and at which pace they go."""
import collections
import json

import pytest

from conftest import make_package, wait_until
from test_api import curl, json_body  # noqa: F401 (a fixture)
from test_swarm import swarm  # noqa: F401 (a fixture)


def prepare(server, keys, folder, devices):
    """The id of a package to 1.1.0, when all devices are there."""
    server.kedge("trust", "add", "--name", "release", keys.public)
    server.kedge("package", "upload", make_package(folder, keys, "1.1.0", 2, bytes(4096)))
    wait_until(lambda: len([d for d in server.json("device", "list")["devices"] if d["version"]]) == devices,
               60 + devices / 20, "all devices")
    return server.json("package", "list")["packages"][0]["id"]


def create(server, package, *options, **keywords):
    return server.kedge("rollout", "create", "--name", "staged", "--package", package, "--all", *options, **keywords)


def show(server, number=1):
    return server.json("rollout", "show", number)


def test_groups_are_spread_over_sites_in_an_order_that_can_be_repeated(server, keys, tmp_path, swarm):  # noqa: F811
    swarm(server.coap_uri, 40)
    package = prepare(server, keys, tmp_path, 40)
    for number, device in enumerate(server.json("device", "list")["devices"]):
        server.kedge("device", "tag", device["endpoint"], f"site={number % 4}")
    site = {d["endpoint"]: d["tags"]["site"] for d in server.json("device", "list")["devices"]}
    options = ("--spread-by", "site", "--group", "8", "--group", "rest")
    create(server, package, *options)
    seed = show(server)["seed"]
    assert show(server)["spread_by"] == "site"
    create(server, package, *options, "--seed", seed)
    create(server, package, *options, "--seed", (seed + 1) % 10**9)
    members = [[d["endpoint"] for d in server.json("rollout", "show", number, "--devices")["deployments"]
                if d["group_index"] == 0] for number in (1, 2, 3)]
    assert members[0] == members[1] != members[2]
    for group in members:
        assert len(group) == 8
        assert max(collections.Counter(site[endpoint] for endpoint in group).values()) <= 4
    assert f"seed {seed}, spread by site" in server.kedge("rollout", "show", 2).stdout


@pytest.mark.parametrize("groups, words", [
    (("10%", "30%"), "add up to 40 %, not to 100 %: add a group of the rest"),
    (("60%", "50%"), "add up to 110 %, more than 100 %"),
    (("4",), "the groups take 4 devices, but there are only 3"),
    (("2",), "the groups take only 2 of 3 devices: add a group of the rest"),
    (("1", "1", "1", "rest"), "group 4 would have none of the 3 devices"),
    (("rest", "1"), "the rest must be the last group"),
])
def test_groups_that_do_not_add_up_are_refused_before_anything_is_made(server, keys, tmp_path, swarm, groups,
                                                                      words):  # noqa: F811
    swarm(server.coap_uri, 3)
    package = prepare(server, keys, tmp_path, 3)
    done = create(server, package, *(text for group in groups for text in ("--group", group)), check=False)
    assert done.returncode == 1 and words in done.stderr
    assert server.json("rollout", "list")["rollouts"] == []


def test_those_that_failed_get_another_try_in_a_rollout_of_their_own(server, keys, tmp_path, swarm):  # noqa: F811
    swarm(server.coap_uri, 30, "--fail-rate", 0.4, "--fail-result", 8, "--reboot-time", 0.2)
    package = prepare(server, keys, tmp_path, 30)
    create(server, package, "--error-threshold", 100, "--success-threshold", 0)
    refused = server.kedge("rollout", "retry", 1, check=False)
    assert refused.returncode == 1 and "no device of rollout 1 has failed" in refused.stderr
    server.kedge("rollout", "start", 1)
    server.kedge("rollout", "watch", "1")
    before = {d["endpoint"]: d["state"] for d in server.json("rollout", "show", 1, "--devices")["deployments"]}
    failed = {endpoint for endpoint, state in before.items() if state == "failed"}
    assert failed
    said = server.kedge("rollout", "retry", 1, "--start").stdout
    assert f"rollout 2 is running: version 1.1.0 for {len(failed)} device" in said
    server.kedge("rollout", "watch", "2", check=False)
    assert {d["endpoint"] for d in server.json("rollout", "show", 2, "--devices")["deployments"]} == failed
    assert {d["endpoint"]: d["state"] for d in server.json("rollout", "show", 1, "--devices")["deployments"]} == before


def test_devices_are_offered_it_at_the_pace_that_was_asked_for(server, keys, tmp_path, swarm):  # noqa: F811
    devices = 48  # they are offered it for twelve seconds, so that some still wait when it is looked who does
    swarm(server.coap_uri, devices, "--reboot-time", 0.2)
    package = prepare(server, keys, tmp_path, devices)
    create(server, package, "--offers-per-minute", 240, "--start")
    wait_until(lambda: show(server)["counts"]["pending"] < devices - 1, what="a second offer")

    def say_what_they_wait_for() -> bool:
        """Those that wait; while kedged has not looked at them for a moment, they say nothing."""
        waiting = [d["explanation"] for d in server.json("rollout", "show", 1, "--devices")["deployments"]
                   if d["state"] == "pending"]
        assert waiting, "all have been offered it, and none has said what it waited for"
        return all("240 devices a minute are offered the package now" in words for words in waiting)
    wait_until(say_what_they_wait_for, what="those that wait to say what for")
    server.kedge("rollout", "watch", "1")
    offered = sorted(d["offered_at_ms"] for d in server.json("rollout", "show", 1, "--devices")["deployments"])
    for number, at_ms in enumerate(offered):
        assert at_ms - offered[0] >= number * 250 - 1, "never before its turn"
    refused = create(server, package, "--offers-per-minute", 10, "--offers-per-minute-max", 5, check=False)
    assert refused.returncode == 1 and "at least offers_per_minute" in refused.stderr


def test_groups_of_their_own_filters_take_their_devices_first(server, keys, tmp_path, swarm):  # noqa: F811
    swarm(server.coap_uri, 12, "--reboot-time", 0.2)
    package = prepare(server, keys, tmp_path, 12)
    names = sorted(d["endpoint"] for d in server.json("device", "list")["devices"])
    for name in names[:3]:
        server.kedge("device", "tag", name, "pilot=yes", "eu=yes")
    for name in names[3:5]:
        server.kedge("device", "tag", name, "eu=yes")
    groups = ("--group", "half=50%", "--group", 'pilots=success=100,filter=tag == "pilot"',
              "--group", "filter=tag == 'eu'", "--group", "rest,approval=no", "--seed", 3)
    planned = json.loads(server.kedge("--json", "rollout", "plan", "--package", package, "--all", *groups).stdout)
    assert [(g["name"], g["device_count"]) for g in planned["groups"]] == \
        [("half", 4), ("pilots", 3), ("group 3", 2), ("group 4", 3)]
    assert sorted(planned["groups"][1]["devices"]) == names[:3]
    assert sorted(planned["groups"][2]["devices"]) == names[3:5]
    said = server.kedge("rollout", "plan", "--package", package, "--all", *groups).stdout
    assert 'pilots: success=100,filter=tag == "pilot"' in said
    create(server, package, *groups, "--start")
    server.kedge("rollout", "watch", "1")
    shown = show(server)
    pilots = shown["groups"][1]
    assert pilots["filter"] == 'tag == "pilot"' and pilots["success_threshold_percent"] == 100
    assert pilots["approval"] is None and shown["groups"][3]["approval"] is False
    assert pilots["reason"] == "3 of 3 devices succeeded, at least 100 %"
    assert shown["groups"][0]["reason"] == "4 of 4 devices succeeded, at least 80 %"
    members = server.json("rollout", "show", 1, "--devices")["deployments"]
    for group, planned_group in zip(shown["groups"], planned["groups"]):
        assert {d["endpoint"] for d in members if d["group_index"] == group["index"]} == set(planned_group["devices"])


@pytest.mark.parametrize("groups, words", [
    (("filter=tag == 'none'", "rest"), "group 1 would have none of the 3 devices: its filter means none"),
    (("filter=registered", "rest"), "group 2 would have none of the 3 devices"),
])
def test_filters_of_groups_that_do_not_add_up_are_refused(server, keys, tmp_path, swarm, groups, words):  # noqa: F811
    swarm(server.coap_uri, 3)
    package = prepare(server, keys, tmp_path, 3)
    done = create(server, package, *(text for group in groups for text in ("--group", group)), check=False)
    assert done.returncode == 1 and words in done.stderr
    assert server.json("rollout", "list")["rollouts"] == []


def test_a_filter_of_a_group_that_is_none_is_refused_by_its_place(curl):  # noqa: F811
    body = {"package_id": "0" * 64, "all_devices": True, "groups": [{"rest": True}, {"filter": "tag = 1"}]}
    answer = curl("POST", "/api/v1/rollouts/plan", *json_body(body))
    assert answer.status == 400 and answer.json["field"] == "groups[1].filter"
    assert "line 1, column 5" in json.dumps(answer.json)
