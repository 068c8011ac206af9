"""Two rollouts that want the same device: the one of the higher priority gets it first, the other one says that it
waits, and goes on after it; also when the server is killed in between."""
from conftest import make_package, wait_until
from test_rollout_approval import people  # noqa: F401 (a fixture)
from test_rollout_dynamic import endpoints
from test_rollout_groups import prepare, show
from test_swarm import swarm  # noqa: F401 (a fixture)
from test_update import assert_versions


def parts(server, number):
    return server.json("rollout", "show", number, "--devices")["deployments"]


def pending(server, number):
    """The explanations of those that wait."""
    return {d["endpoint"]: d["explanation"] for d in parts(server, number) if d["state"] == "pending"}


def upload(server, keys, folder, version, sequence):
    server.kedge("package", "upload", make_package(folder, keys, version, sequence, bytes(4096)))
    return next(p["id"] for p in server.json("package", "list")["packages"] if p["version"] == version)


def test_the_one_of_the_lower_priority_waits_and_goes_on_after_it(server, keys, tmp_path, swarm,
                                                                 people):  # noqa: F811
    swarm(server.coap_uri, 3, "--reboot-time", 0.2)
    first = prepare(server, keys, tmp_path, 3)
    second = upload(server, keys, tmp_path, "1.2.0", 3)
    server.kedge("rollout", "create", "--name", "first", "--package", first, "--priority", 60, "--device",
                 *endpoints(server)[:2], "--group", "1,approval=yes", "--group", "rest", "--start")
    wait_until(lambda: show(server, 1)["groups"][0]["state"] == "waiting_for_gate", 90, "the gate to wait")
    left = list(pending(server, 1))
    server.kedge("rollout", "create", "--name", "second", "--package", second, "--all", "--priority", 10, "--start")
    wait_until(lambda: show(server, 2)["counts"]["succeeded"] == 2, 90, "those that the first does not want")
    server.kill()
    server.begin()
    for _ in range(2):  # as it says it, and as it says it when it knows that the device is there
        assert pending(server, 2) == {left[0]: "pending: rollout 1 goes first with this device, whose part in it is "
                                               "pending: its priority is 60, and that of this one 10"}
        wait_until(lambda: len([d for d in server.json("device", "list")["devices"] if d["registered"]]) == 3, 90)
    who = ("--package", second, "--all", "--priority", 20)
    overlaps = {o["rollout_id"]: (o["goes_first"], o["priority"], o["device_count"], o["example"])
                for o in server.json("rollout", "plan", *who)["overlaps"]}
    assert overlaps == {1: (True, 60, 1, left[0]), 2: (False, 10, 1, left[0])}
    words = server.kedge("rollout", "plan", *who).stdout
    assert f"1, as {left[0]}: rollout 1 (first, running, priority 60) goes first with them" in words
    assert f"1, as {left[0]}: rollout 2 (second, running, priority 10) loses them" in words
    told = server.json("rollout", "show", 2, "--device", left[0])["history"]
    assert any(h["text"].startswith("rollout 1 goes first with this device") for h in told)
    assert people("bob", "rollout", "approve", "1").returncode == 0
    server.kedge("rollout", "watch", 2)
    assert [show(server, number)["counts"]["succeeded"] for number in (1, 2)] == [2, 3]
    assert show(server, 2)["policy"]["priority"] == 10
    assert_versions(server, dict.fromkeys(endpoints(server), "1.2.0"))


def test_a_priority_out_of_range_is_refused(server, keys, tmp_path, swarm):  # noqa: F811
    swarm(server.coap_uri, 1)
    package = prepare(server, keys, tmp_path, 1)
    done = server.kedge("rollout", "create", "--name", "n", "--package", package, "--all", "--priority", 101, check=False)
    assert done.returncode == 1 and "policy.priority" in done.stderr
