"""Rollouts that are rolled back: those that moved get the older image, signed again."""
from conftest import make_package, wait_until
from test_rollout_groups import prepare, show
from test_swarm import swarm  # noqa: F401 (a fixture)

DEVICES = 60


def way_back(server, keys, folder, version="1.0.1", sequence=3):
    """The id of the old image, signed again."""
    server.kedge("package", "upload", make_package(folder, keys, version, sequence, bytes(4000)))
    return next(p["id"] for p in server.json("package", "list")["packages"] if p["version"] == version)


def deployments(server, number):
    return server.json("rollout", "show", number, "--devices")["deployments"]


def members(server, number, state):
    """The endpoints of a rollout's deployments in this state."""
    return {d["endpoint"] for d in deployments(server, number) if d["state"] == state}


def wait_for_version(server, version, endpoints):
    """The records of devices follow their reports."""
    wait_until(lambda: {d["version"] for d in server.json("device", "list")["devices"] if d["endpoint"] in endpoints}
               == {version}, what=f"the records of devices on {version}")


def begin(server, package, back, *options, check=True):
    return server.kedge("rollout", "create", "--name", "staged", "--package", package, "--revert-package", back, "--all",
                        *options, check=check)


def test_too_many_errors_take_those_that_moved_back_and_leave_the_others_alone(server, keys, tmp_path,
                                                                              swarm):  # noqa: F811
    fleet = swarm(server.coap_uri, DEVICES, "--fail-rate", 0.4, "--fail-result", 8, "--reboot-time", 0.3)
    package = prepare(server, keys, tmp_path, DEVICES)
    back = way_back(server, keys, tmp_path)
    begin(server, package, back, "--in-flight", 4, "--seed", 1, "--error-threshold", 10, "--error-sample", 0,
          "--error-action", "roll_back", "--start")
    done = server.kedge("rollout", "watch", "1", check=False)
    assert done.returncode == 1
    first, second = show(server, 1), show(server, 2)
    assert (first["state"], second["state"]) == ("rolled_back", "finished")
    assert (first["revert_rollout_id"], second["reverts_rollout_id"]) == (2, 1)
    assert 7 <= first["errors"] <= 10, "the seventh of sixty is more than 10 %, and three more were in flight"
    # One whose cancel came too late may have moved as well, and is taken back then.
    moved = members(server, 1, "succeeded")
    taken_back = members(server, 2, "succeeded")
    assert moved and moved <= taken_back and second["device_count"] == len(taken_back)
    count = len(taken_back)
    assert first["reason"] == f"{count} of {count} devices that had moved are on version 1.0.1 now (rollout 2)"
    wait_for_version(server, "1.0.1", taken_back)
    offered = {d["endpoint"] for d in deployments(server, 1) if d["offered_at_ms"]}
    assert len(offered) <= len(members(server, 1, "succeeded")) + first["errors"] + 3, "three more were in flight"
    never = members(server, 1, "canceled") - offered
    assert never and len(never) == DEVICES - len(offered)
    wait_for_version(server, "1.0.0", never)
    assert server.kedge("package", "delete", back, check=False).returncode == 1
    fleet.end(1)


def test_a_person_takes_a_rollout_back_and_a_killed_server_goes_on_doing_so(server, keys, tmp_path, swarm):  # noqa: F811
    swarm(server.coap_uri, DEVICES, "--reboot-time", 1, "--ack-timeout", 0.5)
    package = prepare(server, keys, tmp_path, DEVICES)
    begin(server, package, way_back(server, keys, tmp_path), "--in-flight", 4, "--start")
    # Twelve times four are left then, which takes 12 s at least.
    wait_until(lambda: show(server)["counts"]["succeeded"] >= 10, what="some to have moved")
    said = server.kedge("rollout", "roll-back", 1).stdout
    assert "rolling_back" in said and "1.0.1" in said
    server.kill()
    server.begin()
    wait_until(lambda: show(server)["state"] == "rolled_back", 120, "the rollout to be rolled back")
    # One whose cancel came too late may have moved as well, and is taken back then.
    moved = members(server, 1, "succeeded")
    taken_back = members(server, 2, "succeeded")
    assert len(moved) >= 10 and moved <= taken_back
    assert show(server, 2)["device_count"] == len(taken_back)
    wait_for_version(server, "1.0.1", taken_back)
    assert server.kedge("rollout", "resume", 1, check=False).returncode == 1


def test_a_way_back_that_leads_nowhere_is_refused_before_anything_is_made(server, keys, tmp_path, swarm):  # noqa: F811
    swarm(server.coap_uri, 1)
    package = prepare(server, keys, tmp_path, 1)
    refused = server.kedge("rollout", "create", "--name", "n", "--package", package, "--all", "--error-action",
                           "roll_back", check=False)
    assert refused.returncode == 1 and "needs a revert package" in refused.stderr
    old = way_back(server, keys, tmp_path, "0.9.0", 1)
    assert "must be above that of the package, 2" in begin(server, package, old, check=False).stderr
    assert "has the version of the package" in begin(server, package, way_back(server, keys, tmp_path, "1.1.0", 9),
                                                     check=False).stderr
    other = "0" * 64
    assert begin(server, package, other, check=False).returncode == 1
    assert server.json("rollout", "list")["rollouts"] == []
    server.kedge("rollout", "create", "--name", "n", "--package", package, "--all", "--start")
    done = server.kedge("rollout", "roll-back", 1, check=False)
    assert done.returncode == 1 and "roll" in done.stderr
