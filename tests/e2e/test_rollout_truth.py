"""What is said of devices stays true when nobody was there to see it change."""
from conftest import make_package, wait_until
from field_device import NEW, FieldDevice, deployments, known, roll_out
from test_rollout_groups import prepare, show
from test_swarm import swarm  # noqa: F401 (a fixture)


def test_a_device_that_fell_back_while_the_server_was_down_counts_when_it_comes(server, keys, tmp_path,
                                                                               swarm):  # noqa: F811
    fleet = swarm(server.coap_uri, 3, "--reboot-time", 0.2)
    package = prepare(server, keys, tmp_path, 3)
    server.kedge("rollout", "create", "--name", "n", "--package", package, "--all", "--group-soak", 3600,
                 "--error-sample", 1, "--start")
    wait_until(lambda: show(server)["groups"][0]["state"] == "soaking", 90, "the group to soak")
    wait_until(lambda: {d["version"] for d in server.json("device", "list")["devices"]} == {"1.1.0"}, 60, "the records")
    server.kill()
    fleet.process.kill()
    fleet.process.communicate()
    server.begin()
    assert show(server)["counts"]["succeeded"] == 3
    swarm(server.coap_uri, 3)  # the same devices, on what they ran before
    wait_until(lambda: show(server)["state"] == "paused", 90, "the rollout to stop")
    failed = [d for d in server.json("rollout", "show", 1, "--devices")["deployments"] if d["state"] == "failed"]
    assert failed and all("had succeeded, and runs version 1.0.0 now" in d["explanation"] for d in failed)


class Dawdling(FieldDevice):
    """Its download takes as long as the test wants."""

    def download(self):
        pass


def test_a_device_that_was_canceled_too_late_says_so_after_its_rollout_has_ended(server, keys, tmp_path):
    device = Dawdling(server).begin()
    part = lambda: deployments(server)["client"]  # noqa: E731
    try:
        known(server)
        roll_out(server, keys, make_package(tmp_path, keys, NEW, 2))
        wait_until(lambda: part()["state"] == "downloading", 60, "the download")
        server.kedge("rollout", "abort", 1)
        wait_until(lambda: (show(server)["state"], part()["state"]) == ("aborted", "canceled"), 60, "the end")
        assert "all the same" not in part()["explanation"]
        device.objects[3][3] = NEW  # what it had begun has brought it there
        device.todo.append(device.register_it)
        wait_until(lambda: part()["explanation"].endswith("it runs version 1.1.0 all the same"), 60, "the truth of it")
    finally:
        device.end()


def test_a_device_whose_hardware_was_changed_meanwhile_is_not_offered_the_package(server, keys, tmp_path,
                                                                                 swarm):  # noqa: F811
    fleet = swarm(server.coap_uri, 2, "--hardware", "A")
    prepare(server, keys, tmp_path, 2)
    server.kedge("package", "upload", make_package(tmp_path, keys, "1.2.0", 3, bytes(4096), "--hardware", "A"))
    package = next(p["id"] for p in server.json("package", "list")["packages"] if p["version"] == "1.2.0")
    server.kedge("rollout", "create", "--name", "n", "--package", package, "--all")
    fleet.process.kill()
    fleet.process.communicate()
    server.kill()
    server.begin()
    swarm(server.coap_uri, 2, "--hardware", "B")
    wait_until(lambda: {d["hardware"] for d in server.json("device", "list")["devices"]} == {"B"}, 60, "the new boards")
    server.kedge("rollout", "start", 1)
    wait_until(lambda: show(server)["counts"]["canceled"] == 2, 60, "both to be left out")
    for part in server.json("rollout", "show", 1, "--devices")["deployments"]:
        assert "has a hardware revision that the package is not for (hardware \"B\")" in part["explanation"]
    wait_until(lambda: show(server)["state"] == "finished", 60, "the end of the rollout")
    assert show(server)["errors"] == 0
