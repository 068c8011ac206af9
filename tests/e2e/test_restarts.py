"""A server that is killed again and again in the middle of a rollout."""
import random
import time

from conftest import make_package, wait_until


def test_a_server_that_is_killed_again_and_again_brings_everybody_over(server, keys, device, tmp_path):
    draw = random.Random(5)
    factory = make_package(tmp_path, keys, "1.0.0", 1)
    update = make_package(tmp_path, keys, "1.1.0", 2, draw.randbytes(1 << 20))
    server.kedge("trust", "add", "--name", "release", keys.public)
    server.kedge("package", "upload", update)
    package = server.json("package", "list")["packages"][0]["id"]
    names = [f"d{i}" for i in range(4)]
    for name in names:
        device(name, keys, factory, server.coap_uri, "--lifetime", "20", health="true")

    def versions():
        return {d["endpoint"]: d["version"] for d in server.json("device", "list")["devices"]}
    wait_until(lambda: versions() == dict.fromkeys(names, "1.0.0"), 60, "the devices")
    server.kedge("rollout", "create", "--name", "again", "--package", package, "--all", "--start")
    for _ in range(6):
        time.sleep(draw.uniform(0.02, 0.4))  # any moment will do
        server.kill()
        server.begin()
    server.kedge("rollout", "watch", "1", timeout=300)
    wait_until(lambda: versions() == dict.fromkeys(names, "1.1.0"), 60, "the records of the devices")
    shown = server.json("rollout", "show", "1", "--devices")
    assert {d["endpoint"]: d["state"] for d in shown["deployments"]} == dict.fromkeys(names, "succeeded")
    assert shown["counts"]["succeeded"] == len(names)
