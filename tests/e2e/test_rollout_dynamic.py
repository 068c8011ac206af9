"""Dynamic rollouts: devices that come to match later join, in a group of their own, until somebody closes it."""
from conftest import wait_until
from test_rollout_groups import prepare, show
from test_swarm import swarm  # noqa: F401 (a fixture)


def parts(server, number=1):
    """Each device's part: its group and its state."""
    return {d["endpoint"]: (d["group_index"], d["state"])
            for d in server.json("rollout", "show", number, "--devices")["deployments"]}


def endpoints(server):
    return sorted(d["endpoint"] for d in server.json("device", "list")["devices"])


def wait_for_parts(server, expected, number=1):
    wait_until(lambda: parts(server, number) == expected, 90, f"the devices to be {expected}")


def test_a_device_that_is_tagged_later_joins_and_a_static_rollout_stays_as_it_was(server, keys, tmp_path,
                                                                                 swarm):  # noqa: F811
    swarm(server.coap_uri, 4, "--reboot-time", 0.2)
    package = prepare(server, keys, tmp_path, 4)
    first, second, third, fourth = endpoints(server)
    server.kedge("device", "tag", first, "pilot=")
    who = ("--package", package, "--filter", "tag == 'pilot'")
    planned = server.json("rollout", "plan", *who, "--dynamic")
    assert [(g["name"], g["device_count"]) for g in planned["groups"]] == [("group 1", 1), ("joined", 0)]
    assert "join the last group" in server.kedge("rollout", "plan", *who, "--dynamic").stdout
    assert [g["name"] for g in server.json("rollout", "plan", *who)["groups"]] == ["group 1"]
    server.kedge("rollout", "create", "--name", "static", *who)
    server.kedge("rollout", "create", "--name", "dynamic", *who, "--dynamic", "--start")
    wait_for_parts(server, {first: (0, "succeeded")}, 2)
    server.kedge("device", "tag", second, "pilot=")
    wait_for_parts(server, {first: (0, "succeeded"), second: (1, "succeeded")}, 2)
    shown = show(server, 2)
    assert [(g["name"], g["state"]) for g in shown["groups"]] == [("group 1", "succeeded"), ("joined", "running")]
    assert (shown["dynamic"], shown["closed_at_ms"], shown["device_count"]) == (True, None, 2)
    assert "waits for others that come to match, until somebody closes the rollout" in shown["explanation"]
    assert parts(server, 1) == {first: (0, "pending")}
    server.kill()
    server.begin()
    server.kedge("device", "tag", third, "pilot=")
    wait_for_parts(server, {first: (0, "succeeded"), second: (1, "succeeded"), third: (1, "succeeded")}, 2)
    assert "closed: no device joins any more" in server.kedge("rollout", "close", 2).stdout
    assert show(server, 2)["state"] == "finished"
    server.kedge("device", "tag", fourth, "pilot=")
    assert len(parts(server, 2)) == 3
    refused = server.kedge("rollout", "close", 1, check=False)
    assert refused.returncode == 1 and "rollout 1 is static" in refused.stderr


def test_a_device_that_registers_for_the_first_time_joins_and_its_errors_count(server, keys, tmp_path,
                                                                              swarm):  # noqa: F811
    swarm(server.coap_uri, 2, "--reboot-time", 0.2)
    package = prepare(server, keys, tmp_path, 2)
    before = endpoints(server)
    server.kedge("rollout", "create", "--name", "all", "--package", package, "--all", "--dynamic", "--group", "1",
                 "--group", "rest", "--error-sample", 2, "--start")
    wait_until(lambda: show(server)["counts"]["succeeded"] == 2, 90, "those of the plan")
    swarm(server.coap_uri, 2, "--prefix", "late-", "--fail-rate", 1, "--reboot-time", 0.2)
    wait_until(lambda: show(server)["state"] == "paused", 90, "the errors of those that joined")
    late = {endpoint: part for endpoint, part in parts(server).items() if endpoint not in before}
    assert set(late.values()) == {(2, "failed")} and len(late) == 2
    assert "2 of 2 devices of group 3 ended in error" in show(server)["reason"]


def test_a_list_of_devices_cannot_be_dynamic(server, keys, tmp_path, swarm):  # noqa: F811
    swarm(server.coap_uri, 1)
    package = prepare(server, keys, tmp_path, 1)
    done = server.kedge("rollout", "create", "--name", "n", "--package", package, "--dynamic", "--device",
                        *endpoints(server), check=False)
    assert done.returncode == 1 and "not one for a list of them" in done.stderr
