"""The main job, as its users see it: signed packages, a server, devices, a rollout, and the way back."""
import json
import signal

from conftest import CLASS, VENDOR, make_package, program, run, wait_until


def registered(server, count):
    """The devices that are registered and identified, once there are `count`."""
    def look():
        devices = [d for d in server.json("device", "list")["devices"] if d["registered"] and d["version"]]
        return devices if len(devices) >= count else None
    return wait_until(look, 60, f"{count} devices to register")


def upload(server, keys, package) -> str:
    server.kedge("trust", "add", "--name", "release", keys.public)
    server.kedge("package", "upload", package)
    return server.json("package", "list")["packages"][0]["id"]


def versions(server):
    return {d["endpoint"]: d["version"] for d in server.json("device", "list")["devices"]}


def assert_versions(server, expected: dict):
    """The records of devices follow their reports."""
    wait_until(lambda: versions(server) == expected, 60, f"the records of the devices to be {expected}")


def deployments(server, rollout="1"):
    return {d["endpoint"]: d for d in server.json("rollout", "show", rollout, "--devices")["deployments"]}


def test_healthy_devices_move_and_the_sick_one_goes_back_with_its_reason(server, keys, device, tmp_path):
    factory = make_package(tmp_path, keys, "1.0.0", 1)
    update = make_package(tmp_path, keys, "1.1.0", 2)
    package = upload(server, keys, update)
    well = [device(f"well-{i}", keys, factory, server.coap_uri, health="true") for i in range(2)]
    sick = device("sick", keys, factory, server.coap_uri, health='test "$KEDGE_VERSION" != 1.1.0')
    registered(server, 3)

    server.kedge("rollout", "create", "--name", "first", "--package", package, "--all", "--soak", "1",
                 "--error-threshold", "100", "--start")
    watch = server.kedge("rollout", "watch", "1", timeout=240)

    assert "succeeded" in watch.stdout
    assert_versions(server, {"well-0": "1.1.0", "well-1": "1.1.0", "sick": "1.0.0"})
    by_endpoint = deployments(server)
    assert by_endpoint["well-0"]["state"] == by_endpoint["well-1"]["state"] == "succeeded"
    assert by_endpoint["sick"]["state"] == "failed"
    assert by_endpoint["sick"]["update_result"] == 8
    assert "health" in by_endpoint["sick"]["reason"].lower()
    status = sick.status()
    assert (status["state"], status["result"], status["version"]) == ("idle", 8, "1.0.0")
    assert "health" in status["reason"].lower()
    assert well[0].status()["version"] == "1.1.0"


def test_the_server_refuses_a_tampered_package_and_stores_nothing(server, keys, tmp_path):
    package = make_package(tmp_path, keys, "1.1.0", 2)
    server.kedge("trust", "add", "--name", "release", keys.public)
    good = package.read_bytes()
    for place in (200, len(good) // 2, len(good) - 1):
        damaged = bytearray(good)
        damaged[place] ^= 1
        package.write_bytes(damaged)
        refused = server.kedge("package", "upload", package, check=False)
        assert refused.returncode == 1
        assert refused.stderr.strip()
    package.write_bytes(good[: len(good) // 2])
    assert server.kedge("package", "upload", package, check=False).returncode == 1
    assert server.json("package", "list")["packages"] == []
    assert list((server.data / "packages").glob("*")) == [] if (server.data / "packages").exists() else True
    assert [f for f in (server.data / "fw").glob("*")] == [] if (server.data / "fw").exists() else True


def test_the_server_refuses_a_package_by_an_unknown_key(server, keys, tmp_path):
    package = make_package(tmp_path, keys, "1.1.0", 2)
    refused = server.kedge("package", "upload", package, check=False)
    assert refused.returncode == 1
    assert "trust" in refused.stderr


def test_a_killed_server_carries_on_where_it_was(server, keys, device, tmp_path):
    factory = make_package(tmp_path, keys, "1.0.0", 1)
    update = make_package(tmp_path, keys, "1.1.0", 2)
    package = upload(server, keys, update)
    for i in range(3):
        device(f"d{i}", keys, factory, server.coap_uri, "--lifetime", "20", health="true")
    registered(server, 3)
    server.kedge("rollout", "create", "--name", "killed", "--package", package, "--all", "--start")
    wait_until(lambda: any(d["state"] not in ("pending",) for d in deployments(server).values()), 60, "an offer")
    server.kill()
    server.begin()
    server.kedge("rollout", "watch", "1", timeout=120)
    assert_versions(server, dict.fromkeys(deployments(server), "1.1.0"))
    assert all(d["state"] == "succeeded" for d in deployments(server).values())


def test_everything_survives_kill_9(server, keys, tmp_path):
    package = upload(server, keys, make_package(tmp_path, keys, "1.1.0", 2))
    before = (server.json("package", "list"), server.json("trust", "list"), server.json("audit", "list"))
    server.kill()
    server.begin()
    assert (server.json("package", "list"), server.json("trust", "list"), server.json("audit", "list")) == before
    assert before[0]["packages"][0]["id"] == package


def test_an_agent_that_is_killed_in_mid_download_ends_on_the_new_version(server, keys, device, tmp_path):
    factory = make_package(tmp_path, keys, "1.0.0", 1)
    update = make_package(tmp_path, keys, "1.1.0", 2, bytes(range(256)) * 8192, "--compress", "none")
    package = upload(server, keys, update)
    one = device("restarted", keys, factory, server.coap_uri, "--lifetime", "20", health="true")
    registered(server, 1)
    server.kedge("rollout", "create", "--name", "cut", "--package", package, "--all", "--start")
    one.process.wait_for("downloading: ")
    one.process.stop(signal.SIGKILL)
    one.begin()
    server.kedge("rollout", "watch", "1", timeout=120)
    assert_versions(server, {"restarted": "1.1.0"})


def test_a_device_given_a_tampered_package_refuses_it_with_update_result_5(keys, tmp_path):
    package = make_package(tmp_path, keys, "1.1.0", 2)
    damaged = bytearray(package.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    package.write_bytes(damaged)
    refused = run(program("kedge-agent"), "install-factory", "--state", tmp_path / "fresh", "--trust", keys.public,
                  "--vendor", VENDOR, "--class", CLASS, package)
    assert refused.returncode != 0
    assert "5" in refused.stderr


def test_the_newest_register_of_an_endpoint_wins_and_is_audited(server, keys, device, tmp_path):
    factory = make_package(tmp_path, keys, "1.0.0", 1)
    device("twin", keys, factory, server.coap_uri)
    registered(server, 1)
    (tmp_path / "other").mkdir()
    first = server.json("device", "show", "twin")["address"]
    from conftest import Device
    Device(device.__closure__[0].cell_contents, tmp_path / "other", "twin", keys, factory, server.coap_uri)
    wait_until(lambda: server.json("device", "show", "twin")["address"] != first, 60, "the newer one to win")
    assert any("conflict" in entry["what"] for entry in server.json("audit", "list")["audit"])


def test_the_rollout_that_ends_badly_makes_watch_exit_1(server, keys, device, tmp_path):
    factory = make_package(tmp_path, keys, "1.0.0", 1)
    package = upload(server, keys, make_package(tmp_path, keys, "1.1.0", 2))
    device("sick", keys, factory, server.coap_uri, health='test "$KEDGE_VERSION" != 1.1.0')
    registered(server, 1)
    server.kedge("rollout", "create", "--name", "bad", "--package", package, "--all", "--error-threshold", "0",
                 "--start")
    watch = server.kedge("rollout", "watch", "1", check=False, timeout=240)
    assert watch.returncode == 1
    assert server.json("rollout", "show", "1")["state"] == "paused"


def test_json_of_every_list_is_json(server):
    for what in (("device", "list"), ("package", "list"), ("trust", "list"), ("rollout", "list"), ("audit", "list")):
        json.dumps(server.json(*what))
