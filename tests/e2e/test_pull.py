"""Packages that are pulled, by each protocol and of both deliveries, by devices that restart in the middle of it."""
import os
import ssl

import pytest
from conftest import free_port, make_package
from field_device import IDLE, NEW, FieldDevice, SecureFieldDevice, ended, known, roll_out
from test_tls import Secured

PROTOCOLS = {"coap": 0, "coaps": 1, "http": 2, "https": 3}
PART = 8192


class Server(Secured):
    """A kedged that serves by all of them."""

    def __init__(self, start_process, data):
        self.coaps_port = free_port()
        super().__init__(start_process, data)

    def listeners(self) -> list[str]:
        return [*super().listeners(), "--coaps", f"127.0.0.1:{self.coaps_port}"]

    def enroll(self, folder):
        key = os.urandom(16)
        file = folder / "psk"
        file.write_text(key.hex() + "\n")
        self.kedge("device", "enroll", FieldDevice.endpoint, "--identity", "one", "--psk-file", file)
        return "one", key


class Restarting:
    """It restarts once in the middle of its download, and comes back from another port. It goes on where it was,
    or has forgotten all of it."""

    forgets = False
    part = b""
    has_restarted = False

    def download(self):
        if not self.has_restarted:
            self.part = self.fetch(0, PART)
            self.restart()
        else:
            self.has_downloaded(self.part + self.fetch(len(self.part)))

    def restart(self):
        self.has_restarted = True
        self.reconnect()
        self.observed.clear()
        if self.forgets:
            self.part = b""
            del self.objects[5][1]
            self.objects[5][3] = IDLE
        else:
            self.todo.append(self.download)
        self.register_it()


class Plain(Restarting, FieldDevice):
    pass


class Secret(Restarting, SecureFieldDevice):
    pass


@pytest.mark.parametrize("forgets", [False, True], ids=["goes_on", "forgets"])
@pytest.mark.parametrize("delivery", ["envelope", "payload"])
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_one_that_restarts_in_the_middle_of_a_download_is_updated(start, keys, tmp_path, protocol, delivery, forgets):
    server = Server(start, tmp_path / "server")
    habits = {"protocols": (PROTOCOLS[protocol],), "forgets": forgets}
    if protocol == "https":
        habits["trust"] = ssl.create_default_context(cafile=server.certificate)
    if protocol == "coaps":
        device = Secret(server, psk=server.enroll(tmp_path), **habits).begin()
    else:
        device = Plain(server, **habits).begin()
    image = os.urandom(40000)
    try:
        known(server)
        roll_out(server, keys, make_package(tmp_path, keys, NEW, 2, image, "--deliver", delivery))
        done = ended(server, device)
    finally:
        device.end()
    assert (done["state"], done["update_result"], done["bytes_done"]) == ("succeeded", 1, len(device.downloaded)), done
    assert device.given.startswith(f"{protocol}://") and device.executes == 1
    assert (device.downloaded == image) is (delivery == "payload") and len(device.downloaded) >= len(image)
    assert device.registers == ["2.01"] * 3
    words = [one["text"] for one in server.json("rollout", "show", "1", "--device", "client")["history"]]
    assert sum(f"the Package URI {device.given} is written" in text for text in words) == (2 if forgets else 1), words
