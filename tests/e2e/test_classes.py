"""Devices with an image format of their own: the bare image, by pull and push, and what holds for their class."""
import os

import pytest
from conftest import CLASS, VENDOR, make_package
from field_device import IDLE, NEW, OLD, FieldDevice, deployments, ended, known, roll_out
from lwm2m_client import until

LOADER = "mcuboot-2.1.0"  # what /3/0/3 of such a device reads, before and after


class OwnFormat(FieldDevice):
    """Its firmware's version is at /5/0/7; after the update its Result is `confirms`."""

    confirms = 0
    says_version = NEW

    def __init__(self, server, **habits):
        super().__init__(server, **habits)
        self.objects[3][3] = LOADER
        self.objects[5][7] = "1.0.0"

    def register_it(self):
        if self.registers:  # it comes back from its update
            self.objects[3][3] = LOADER
            self.objects[5].update({3: IDLE, 5: self.confirms, 7: self.says_version})
        super().register_it()


@pytest.fixture
def updates(server, keys, tmp_path):
    """Takes such a device through an update by a package with a bare image; the device's part of it."""
    running = []

    def update(*options, **habits):
        image = os.urandom(20000)
        device = OwnFormat(server, **habits)
        if device.pushed:
            device.formats = (*device.formats, 42)
        device.begin()
        running.append(device)
        until(lambda: server.kedge("--json", "device", "show", "client", check=False).stdout.count(CLASS))
        roll_out(server, keys, make_package(tmp_path, keys, NEW, 2, image, "--deliver", "payload"), *options)
        done = ended(server, device)
        assert device.downloaded == image
        return done
    yield update
    for device in running:
        device.end()


@pytest.mark.parametrize("pushed", [False, True])
def test_a_bare_image_with_the_version_at_5_0_7(server, updates, pushed):
    server.kedge("class", "set", CLASS, "--vendor", VENDOR, "--version-path", "/5/0/7", "--success", "version")
    done = updates(pushed=pushed)
    assert (done["state"], done["update_result"]) == ("succeeded", 0), done
    assert f"version {NEW}" in done["reason"]
    known(server, version=NEW)  # of the firmware, and not of what loads it


@pytest.mark.parametrize("pushed", [False, True])
def test_a_result_alone_counts_where_the_version_says_nothing(server, updates, pushed):
    server.kedge("class", "set", CLASS, "--success", "result")
    done = updates(pushed=pushed, confirms=1, says_version="build 4711")
    assert done["state"] == "succeeded", done


def test_a_result_of_an_earlier_update_is_no_success(server, keys, tmp_path):
    server.kedge("class", "set", CLASS, "--success", "result")
    device = OwnFormat(server, confirms=1)
    device.objects[5][5] = 1
    device.begin()
    until(lambda: server.kedge("--json", "device", "show", "client", check=False).stdout.count(CLASS))
    roll_out(server, keys, make_package(tmp_path, keys, NEW, 2, os.urandom(9000), "--deliver", "payload"))
    done = ended(server, device)
    device.end()
    assert done["state"] == "succeeded" and device.executes == 1


def test_without_settings_a_device_of_its_own_format_is_not_believed(server, updates):
    done = updates("--verify-limit", "5", confirms=0)
    assert done["state"] == "timed_out", done


def test_settings_that_were_removed_hold_no_more(server):
    """Those of one vendor, or those for any: never both, and each holds for devices that register from then on."""
    server.kedge("class", "set", CLASS, "--version-path", "/5/0/7")
    server.kedge("class", "set", CLASS, "--vendor", VENDOR, "--version-path", "/5/0/7", "--success", "version")
    unknown = server.kedge("class", "remove", CLASS, "--vendor", "somebody.else", check=False)
    assert unknown.returncode == 1 and 'has no settings for vendor "somebody.else"' in unknown.stderr
    server.kedge("class", "remove", CLASS)
    assert [one["vendor"] for one in server.json("class", "list")["classes"]] == [VENDOR]
    again = server.kedge("class", "remove", CLASS, check=False)
    assert again.returncode == 1 and "has no settings for any vendor" in again.stderr
    with_settings = OwnFormat(server, endpoint="before")
    with_settings.begin()
    until(lambda: version_of(server, "before") == "1.0.0")
    with_settings.end()
    server.kedge("class", "remove", CLASS, "--vendor", VENDOR)
    assert server.json("class", "list")["classes"] == []
    without = OwnFormat(server, endpoint="after")
    without.begin()
    until(lambda: version_of(server, "after") == LOADER)
    without.end()
    last = server.json("audit", "list")["audit"][-1]
    assert (last["what"], last["subject"]) == ("class.remove", f"{CLASS} of {VENDOR}")
    assert last["before"] == "version at /5/0/7, success by version" and not last["after"]


def version_of(server, endpoint: str) -> str:
    return next((one["version"] for one in server.json("device", "list")["devices"] if one["endpoint"] == endpoint), "")


def test_a_fleet_of_both_kinds_is_updated_at_once_by_pull_and_by_push(server, keys, tmp_path, device):
    """Bare images for one class and envelopes for another, each by both ways, in two rollouts that run beside each other."""
    server.kedge("class", "set", "sensor", "--vendor", VENDOR, "--version-path", "/5/0/7", "--success", "version")
    server.kedge("trust", "add", "--name", "release", keys.public)
    image = os.urandom(40000)
    packages = {"sensor": make_package(tmp_path, keys, NEW, 2, image, "--deliver", "payload", class_name="sensor"),
                CLASS: make_package(tmp_path, keys, NEW, 3)}
    factory = make_package(tmp_path, keys, OLD, 1)
    sensors = [OwnFormat(server, endpoint=f"sensor-{how}", pushed=how == "push") for how in ("pull", "push")]
    boards = [device(f"board-{how}", keys, factory, f"coap://127.0.0.1:{server.coap_port}", "--delivery", how)
              for how in ("pull", "push")]
    try:
        for sensor in sensors:
            sensor.objects[3][1] = "sensor"
            if sensor.pushed:
                sensor.formats = (*sensor.formats, 42)
            sensor.begin()
        until(lambda: sum(one["version"] == OLD for one in server.json("device", "list")["devices"]) == 4)
        for class_name, package in packages.items():
            server.kedge("package", "upload", package)
            identity, = (one["id"] for one in server.json("package", "list")["packages"] if one["class"] == class_name)
            server.kedge("rollout", "create", "--name", class_name, "--package", identity, "--all", "--soak", "1", "--start")
        until(lambda: [one["state"] for one in server.json("rollout", "list")["rollouts"]] == ["finished"] * 2, 120)
        assert [one["counts"]["succeeded"] for one in server.json("rollout", "list")["rollouts"]] == [2, 2]
        for sensor in sensors:
            assert sensor.fault is None and sensor.downloaded == image and sensor.executes == 1
            # The one was given an address, the other was not.
            assert (sensor.given is None) is sensor.pushed
        for board in boards:
            assert board.status()["version"] == NEW
        versions = {one["endpoint"]: one["version"] for one in server.json("device", "list")["devices"]}
        assert versions == dict.fromkeys(("sensor-pull", "sensor-push", "board-pull", "board-push"), NEW)
    finally:
        for sensor in sensors:
            sensor.end()


def test_settings_are_kept_audited_and_shown(server):
    assert server.kedge("class", "show", CLASS, check=False).returncode == 1
    server.kedge("class", "set", CLASS, "--vendor", VENDOR, "--version-path", "/5/0/7")
    server.kedge("class", "set", CLASS, "--success", "result")
    server.kill()
    server.begin()
    classes = server.json("class", "list")["classes"]
    assert [(c["class"], c["vendor"], c["version_path"], c["success"]) for c in classes] == \
        [(CLASS, None, "/3/0/3", "result"), (CLASS, VENDOR, "/5/0/7", "both")]
    # What is not said stays as it is.
    server.kedge("class", "set", CLASS, "--vendor", VENDOR, "--success", "version")
    assert server.json("class", "show", CLASS)["classes"][1]["version_path"] == "/5/0/7"
    entries = [e for e in server.json("audit", "list")["audit"] if e["what"] == "class.set"]
    assert len(entries) == 3 and entries[2]["subject"] == f"{CLASS} of {VENDOR}"
    assert entries[2]["before"] == "version at /5/0/7, success by both"
    assert entries[2]["after"] == "version at /5/0/7, success by version"


@pytest.mark.parametrize("option,value", [("--version-path", "/3/0"), ("--version-path", "/3/0/3/1"),
                                          ("--version-path", "version"), ("--version-path", "/3/0/99999"),
                                          ("--success", "maybe")])
def test_settings_that_cannot_be_are_refused(server, option, value):
    refused = server.kedge("class", "set", CLASS, option, value, check=False)
    assert refused.returncode == 1 and "must be" in refused.stderr
    assert server.json("class", "list")["classes"] == []
