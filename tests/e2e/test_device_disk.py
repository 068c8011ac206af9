"""A device whose disk is too small for what it is sent."""
import json
import os
import pathlib
import subprocess

import pytest
from conftest import CLASS, VENDOR, make_package, program, run, wait_until

@pytest.fixture
def small_device(start, tmp_path, keys, server):
    """A device on 1.0.0 (400,000 bytes) with a file system of 1.5 MB of its own; and where its files are seen."""
    folder = tmp_path / "small"
    folder.mkdir()
    tried = subprocess.run(["unshare", "--mount", "mount", "-t", "tmpfs", "none", folder], capture_output=True)
    if tried.returncode != 0:
        pytest.skip("mounting a file system is not permitted here")
    factory = make_package(tmp_path, keys, "1.0.0", 1, os.urandom(400_000))
    state = folder / "state"
    identity = f"--trust {keys.public} --vendor {VENDOR} --class {CLASS}"
    script = f"""mount -t tmpfs -o size=1500k none {folder} &&
        {program('kedge-agent')} install-factory --state {state} {identity} {factory} &&
        exec {program('kedge-boot')} --state {state} --trust {keys.public} -- {program('kedge-agent')} \
            --server {server.coap_uri} --endpoint small --state {state} {identity} --health-command true"""
    process = start("unshare", "--mount", "sh", "-c", script)
    process.wait_for("registered with")
    return pathlib.Path(f"/proc/{process.process.pid}/root{state}")


def status(state: pathlib.Path) -> dict:
    return json.loads(run(program("kedge-agent"), "status", "--json", "--state", state).stdout)


def test_a_download_that_finds_no_room_is_refused_durably_and_leaves_room_for_the_next(server, small_device, keys,
                                                                                       tmp_path):
    server.kedge("trust", "add", "--name", "release", keys.public)
    for version, sequence, size in (("1.1.0", 2, 3_000_000), ("1.2.0", 3, 100_000)):
        server.kedge("package", "upload", make_package(tmp_path, keys, version, sequence, os.urandom(size)))
    packages = {p["version"]: p["id"] for p in server.json("package", "list")["packages"]}
    wait_until(lambda: [d["version"] for d in server.json("device", "list")["devices"]] == ["1.0.0"], 60, "the device")

    def roll_out(number, version):
        server.kedge("rollout", "create", "--name", version, "--package", packages[version], "--all", "--start",
                     "--error-threshold", "100")
        server.kedge("rollout", "watch", str(number), check=False, timeout=240)
        return server.json("rollout", "show", str(number), "--devices")["deployments"][0]

    refused = roll_out(1, "1.1.0")
    assert (refused["state"], refused["update_result"]) == ("rejected", 2)
    kept = status(small_device)
    assert (kept["state"], kept["result"], kept["version"]) == ("idle", 2, "1.0.0")
    assert "room" in kept["reason"]
    assert roll_out(2, "1.2.0")["state"] == "succeeded"
    assert status(small_device)["version"] == "1.2.0"
