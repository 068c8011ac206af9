"""Resources of object 5 since its version 1.1: what a device is told before Execute, one that puts it off, and Cancel."""
import os

import pytest
from conftest import make_package
from field_device import DOWNLOADED, DOWNLOADING, IDLE, NEW, UPDATING, FieldDevice, deployments, ended, known, roll_out
from lwm2m_client import decode, until
from lwm2m_peer import BLOCK1, POST, PUT

LINKS_1_0 = b"</1/0>,</3/0>,</5>;ver=1.0,</5/0>"
LINKS_1_1 = b"</1/0>,</3/0>,</5>;ver=1.1,</5/0>"


class Newer(FieldDevice):
    """Object 5 in version 1.1: Severity, Maximum Defer Period, Cancel."""

    links = LINKS_1_1
    has_settings = True
    has_cancel = True
    defers = False

    def __init__(self, server, **habits):
        super().__init__(server, **habits)
        self.told = {}  # what was written before Execute
        self.canceled = self.reset = 0
        self.stays = False  # in what it has begun to download

    def change(self, message, path, form):
        if message.code == PUT and path in ("/5/0/11", "/5/0/13") and self.has_settings:
            assert self.state() == DOWNLOADED and not self.executes
            value = decode(form, path, message.payload)[path]
            self.told[path] = int.from_bytes(value, "big") if isinstance(value, bytes) else int(value)
            self.reply(message, "2.04")
        elif (message.code, path) == (POST, "/5/0/10") and self.has_cancel:
            self.canceled += 1
            self.reply(message, "2.04")
            self.becomes(IDLE, 10)
        else:
            self.reset += (message.code, path) == (PUT, "/5/0/1") and not message.payload.strip(b"\0\xc0\x01")
            super().change(message, path, form)

    def take_execute(self, message):
        if not self.defers:
            super().take_execute(message)
            return
        self.executes += 1
        self.reply(message, "2.04")
        self.becomes(DOWNLOADED, 11)

    def accept(self):
        """Its user does not put it off any more."""
        self.todo += [lambda: self.becomes(UPDATING), self.reboot]

    def download(self):
        if not self.stays:
            super().download()


@pytest.fixture
def begins(server, keys, tmp_path):
    """Registers such a device and starts a rollout with these options."""
    running = []

    def begin(*options, kind=Newer, stays=False, **habits) -> Newer:
        device = kind(server, **habits)
        device.stays = stays
        device.begin()
        running.append(device)
        known(server)
        roll_out(server, keys, make_package(tmp_path, keys, NEW, 2, os.urandom(9000)), *options)
        return device
    yield begin
    for device in running:
        device.end()


def history(server):
    return [entry["text"] for entry in server.json("rollout", "show", "1", "--device", "client")["history"]]


def test_severity_and_defer_period_are_told_before_execute(server, begins):
    device = begins("--severity", "optional", "--max-defer-s", "3600")
    assert ended(server, device)["state"] == "succeeded"
    assert device.told == {"/5/0/11": 2, "/5/0/13": 3600}
    policy = server.json("rollout", "show", "1")["policy"]
    assert (policy["severity"], policy["max_defer_s"]) == ("optional", 3600)
    words = history(server)
    assert "answered 2.04 to Severity 2" in words and "answered 2.04 to Maximum Defer Period 3600" in words


def test_a_device_is_told_only_what_the_rollout_says(server, begins):
    device = begins("--severity", "critical")
    assert ended(server, device)["state"] == "succeeded"
    assert device.told == {"/5/0/11": 0}


def test_a_device_without_them_is_told_to_install_all_the_same(server, begins):
    device = begins("--severity", "mandatory", "--max-defer-s", "0", has_settings=False, links=LINKS_1_0)
    assert ended(server, device)["state"] == "succeeded"
    assert device.told == {} and device.executes == 1
    assert "answered 4.05 to Severity 1" in history(server)


def test_one_that_puts_it_off_is_waited_for_and_the_history_says_so(server, begins):
    device = begins("--max-defer-s", "3600", "--verify-limit", "60", defers=True)
    until(lambda: "put off (Result 11, deferred), for 3600 s at most" in history(server))
    part = deployments(server)["client"]
    assert (part["state"], part["update_result"]) == ("verifying", 11)
    assert "put off" in part["explanation"]
    device.accept()
    assert ended(server, device)["state"] == "succeeded"
    assert device.executes == 1


@pytest.mark.parametrize("links,has_cancel,canceled", [(LINKS_1_1, True, 1), (LINKS_1_1, False, 0), (LINKS_1_0, True, 0)])
def test_an_abort_takes_the_package_back_by_the_means_of_its_version(server, begins, links, has_cancel, canceled):
    device = begins(links=links, has_cancel=has_cancel, stays=True)
    until(lambda: device.state() == DOWNLOADING and deployments(server)["client"]["state"] == "downloading")
    server.kedge("rollout", "abort", "1")
    until(lambda: device.state() == IDLE)
    assert device.canceled == canceled
    assert device.objects[5][5] == (10 if canceled else 0)
    assert device.reset == (0 if canceled else 1)


class Stuck(Newer):
    """Takes the first blocks of what is pushed to it, and is too busy for the others."""

    pushed = True
    formats = (*Newer.formats, 42)
    zeros = 0

    def take_block(self, message):
        self.zeros += message.payload == b"\0"
        if message.payload == b"\0" or message.number(BLOCK1) >> 4 < 2:
            super().take_block(message)
            if self.state() == IDLE and message.payload != b"\0":
                self.becomes(DOWNLOADING)
        else:
            self.reply(message, "5.03")


@pytest.mark.parametrize("links,canceled", [(LINKS_1_1, 1), (LINKS_1_0, 0)])
def test_an_abort_takes_back_what_is_being_pushed_by_cancel_or_by_a_zero_byte(server, begins, links, canceled):
    device = begins(kind=Stuck, links=links)
    until(lambda: device.state() == DOWNLOADING and deployments(server)["client"]["state"] == "downloading")
    server.kedge("rollout", "abort", "1")
    until(lambda: device.state() == IDLE)
    assert (device.canceled, device.zeros) == (canceled, 1 - canceled)
    assert device.given is None and device.reset == 0


@pytest.mark.parametrize("option,value", [("--severity", "urgent"), ("--max-defer-s", "31536001")])
def test_what_cannot_be_told_is_refused(server, keys, tmp_path, option, value):
    server.kedge("trust", "add", "--name", "release", keys.public)
    server.kedge("package", "upload", make_package(tmp_path, keys, NEW, 2))
    package = server.json("package", "list")["packages"][0]["id"]
    refused = server.kedge("rollout", "create", "--name", "x", "--package", package, "--all", option, value, check=False)
    assert refused.returncode == 1 and "must be" in refused.stderr, refused.stderr
