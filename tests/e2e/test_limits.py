"""What a device says that it takes, its lowest sequence number and its largest image, and who is left out by that
before anything is offered."""
from conftest import make_package, wait_until
from lwm2m_peer import TLV
from test_filters import left_out
from test_update import deployments, registered

SLOT = 262144


def shown(server, endpoint):
    return server.json("device", "show", endpoint)


def add(server, keys, folder, version, sequence, image=None):
    server.kedge("package", "upload", make_package(folder, keys, version, sequence, image, "--compress", "none"))
    return next(p["id"] for p in server.json("package", "list")["packages"] if p["version"] == version)


def test_who_does_not_take_the_sequence_or_the_size_is_left_out_with_the_figures(server, keys, device, tmp_path):
    server.kedge("trust", "add", "--name", "release", keys.public)
    factory = make_package(tmp_path, keys, "1.0.0", 5)
    device("small", keys, factory, server.coap_uri, slot_size=SLOT)
    device("large", keys, factory, server.coap_uri)
    registered(server, 2)
    capacity = shown(server, "small")["slot_capacity"]
    assert 100000 < capacity < SLOT and shown(server, "large")["slot_capacity"] > 60 << 20
    assert {shown(server, e)["sequence_floor"] for e in ("small", "large")} == {5}

    older, exact, big = (add(server, keys, tmp_path, *what) for what in (
        ("0.9.0", 4), ("1.1.0", 6, bytes(capacity)), ("1.2.0", 7, bytes(capacity + 1))))
    plan = server.json("rollout", "plan", "--package", big, "--all")
    assert left_out(plan) == {"size": (1, "small")} and plan["device_count"] == 1
    assert plan["left_out"][0]["text"] == \
        f"has room for an image of {capacity} bytes, and that of the package has {capacity + 1}"
    refused = server.kedge("rollout", "create", "--name", "old", "--package", older, "--all", check=False)
    assert refused.returncode == 1
    assert "takes no sequence number below 5, and the package has 4" in refused.stderr

    server.kedge("rollout", "create", "--name", "exact", "--package", exact, "--all", "--start")
    server.kedge("rollout", "watch", 1, timeout=240)
    assert {d["state"] for d in deployments(server).values()} == {"succeeded"}
    wait_until(lambda: {shown(server, e)["sequence_floor"] for e in ("small", "large")} == {6}, 60,
               "both to say what they take now")
    server.kill()
    server.begin()
    assert shown(server, "small")["slot_capacity"] == capacity


def test_a_device_that_does_not_say_judges_itself(server, keys, client, tmp_path):
    server.kedge("trust", "add", "--name", "release", keys.public)
    package = add(server, keys, tmp_path, "1.1.0", 1)
    client(TLV)
    wait_until(lambda: [d for d in server.json("device", "list")["devices"] if d["version"]], 60, "the device")
    one = server.json("device", "list")["devices"][0]
    assert (one["sequence_floor"], one["slot_capacity"]) == (None, None)
    assert server.json("rollout", "plan", "--package", package, "--all")["left_out"] == []
