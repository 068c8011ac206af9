"""Intermediate versions, offered first: devices go to them, and from there to the rollout's version."""
from conftest import make_package, wait_until
from test_filters import left_out
from test_swarm import known, swarm  # noqa: F401 (a fixture)
from test_update import assert_versions, deployments, registered, versions


def add(server, keys, folder, version, sequence, *window):
    server.kedge("package", "upload", make_package(folder, keys, version, sequence, None, *window))
    return next(p["id"] for p in server.json("package", "list")["packages"] if p["version"] == version)


def chain(server, keys, folder):
    """To 2.0.0, which replaces 1.4.0 and later, by 1.4.0, which replaces 1.0.0 and later."""
    server.kedge("trust", "add", "--name", "release", keys.public)
    first = add(server, keys, folder, "1.4.0", 3, "--min-version", "1.0.0", "--max-version", "1.3.9")
    return first, add(server, keys, folder, "2.0.0", 5, "--min-version", "1.4.0")


def told(server, endpoint):
    return [h["text"] for h in server.json("rollout", "show", 1, "--device", endpoint)["history"]]


def test_devices_go_through_what_they_need_and_are_counted_once(server, keys, device, tmp_path):
    first, last = chain(server, keys, tmp_path)
    old = device("old", keys, make_package(tmp_path, keys, "1.0.0", 1), server.coap_uri)
    device("new", keys, make_package(tmp_path, keys, "1.5.0", 4), server.coap_uri)
    device("none", keys, make_package(tmp_path, keys, "0.9.0", 1), server.coap_uri)
    registered(server, 3)
    who = ("--package", last, "--all")
    assert left_out(server.json("rollout", "plan", *who)) == {"version": (2, "none")}
    who += ("--intermediate", first)
    plan = server.json("rollout", "plan", *who)
    assert left_out(plan) == {"version": (1, "none")} and plan["device_count"] == 2
    assert [(s["version"], s["device_count"], s["example"]) for s in plan["intermediates"]] == [("1.4.0", 1, "old")]
    assert f"version 1.4.0 (package {first[:8]}) for 1 of them, as old" in server.kedge("rollout", "plan", *who).stdout

    server.kedge("rollout", "create", "--name", "leap", *who)
    assert [s["version"] for s in server.json("rollout", "show", 1)["intermediates"]] == ["1.4.0"]
    refused = server.kedge("package", "delete", first, check=False)
    assert refused.returncode == 1 and "rollout" in refused.stderr
    server.kedge("rollout", "start", 1)
    wait_until(lambda: any("is confirmed" in text for text in told(server, "old")), 90, "the first step")
    server.kill()
    server.begin()
    server.kedge("rollout", "watch", 1, timeout=120)
    assert_versions(server, {"old": "2.0.0", "new": "2.0.0", "none": "0.9.0"})
    assert {e: d["state"] for e, d in deployments(server).items()} == {"old": "succeeded", "new": "succeeded"}
    shown = server.json("rollout", "show", 1)
    assert (shown["counts"]["succeeded"], shown["errors"], shown["device_count"]) == (2, 0, 2)
    history = told(server, "old")
    assert any(f"step 1 of 2: to version 1.4.0 (package {first[:8]}), then to 2.0.0" in text for text in history)
    assert any("step 2 of 2: to version 2.0.0" in text for text in history)
    assert not any("step" in text for text in told(server, "new"))
    assert old.status()["version"] == "2.0.0"


def test_a_chain_that_leads_nowhere_is_refused_before_anything_is_made(server, keys, tmp_path):
    first, last = chain(server, keys, tmp_path)
    for command in (("plan",), ("create", "--name", "n")):
        for ids, words in (([last], "sequence number 5"), ([first, first], "sequence number 3"), (["0" * 64], "package 0")):
            options = [part for one in ids for part in ("--intermediate", one)]
            done = server.kedge("rollout", *command, "--package", last, "--all", *options, check=False)
            assert done.returncode == 1 and words in done.stderr, done.stderr
    assert server.json("rollout", "list")["rollouts"] == []


def test_a_fleet_goes_through_an_intermediate_version_and_fails_on_either_way(server, keys, tmp_path, swarm):  # noqa: F811
    count = 60
    first, last = chain(server, keys, tmp_path)
    fleet = swarm(server.coap_uri, count, "--intermediates", 1, "--fail-rate", 0.3, "--reboot-time", 0.2)
    wait_until(lambda: len([d for d in known(server) if d["version"] == "1.0.0"]) == count, 60, "all devices")
    server.kedge("rollout", "create", "--name", "leap", "--package", last, "--intermediate", first, "--all", "--start",
                 "--error-threshold", 100, "--success-threshold", 0)
    server.kedge("rollout", "watch", 1, timeout=180)
    parts = deployments(server)
    failed = {endpoint for endpoint, part in parts.items() if part["state"] == "failed"}
    assert {part["state"] for part in parts.values()} == {"succeeded", "failed"}

    def stand():
        ran = versions(server)
        return {ran[e] for e in failed}, {ran[e] for e in ran if e not in failed}
    wait_until(lambda: stand() == ({"1.0.0", "1.4.0"}, {"2.0.0"}), 60, "those that failed to be on either version before it")
    summary = fleet.end()
    assert (summary["updated"], summary["failed"]) == (count - len(failed), {"8": len(failed)})
    assert (summary["unexpected"], summary["mismatches"], summary["unfinished"]) == (0, 0, 0)
    on_their_way = sum(version == "1.4.0" for version in versions(server).values())
    assert summary["installations"] == 2 * (count - len(failed) + on_their_way) + (len(failed) - on_their_way)


def test_a_simulated_device_that_was_to_go_through_more_has_not_ended(server, keys, tmp_path, swarm):  # noqa: F811
    _, last = chain(server, keys, tmp_path)
    fleet = swarm(server.coap_uri, 3, "--intermediates", 1, "--version", "1.4.0", "--reboot-time", 0.2)
    wait_until(lambda: len([d for d in known(server) if d["version"] == "1.4.0"]) == 3, 60, "all devices")
    server.kedge("rollout", "create", "--name", "on", "--package", last, "--all", "--start")
    server.kedge("rollout", "watch", 1, timeout=120)
    assert_versions(server, {f"swarm-{i}": "2.0.0" for i in range(3)})
    summary = fleet.end(1)
    assert (summary["unfinished"], summary["updated"], summary["installations"]) == (3, 0, 3)
