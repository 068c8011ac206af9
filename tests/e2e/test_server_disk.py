"""The server program on a full disk: it refuses clearly, loses nothing, and gets over it."""
import errno
import os
import pathlib
import subprocess

import pytest

from conftest import Keys, Server, make_package, program, wait_until
from rest_kit import call, files_below, listing, trust, upload, uploads_below
from wire import Wire


class SmallDisk(Server):
    """A server whose data folder is a file system of a few megabytes, which only it can see."""

    def begin(self):
        self.data.mkdir(exist_ok=True)
        self.process = self._start(
            "unshare", "--mount", "sh", "-c", 'mount -t tmpfs -o size=10m none "$1" && shift && exec "$@"', "sh",
            self.data, program("kedged"), "--data", self.data, "--coap", f"127.0.0.1:{self.coap_port}",
            "--http", self.http_url.removeprefix("http://"), "--log-level", "debug")
        self.process.wait_for("ready")
        self.seen = pathlib.Path(f"/proc/{self.process.process.pid}/root{self.data}")
        self.token_file = self.seen / "admin.token"

    def fill(self, leave: int):
        """Takes the room that is left, but for `leave` bytes."""
        def taken():
            room = os.statvfs(self.seen)
            try:
                return (self.seen / "ballast").write_bytes(bytes(room.f_bavail * room.f_bsize - leave)) is not None
            except OSError as error:  # the server has taken some of it meanwhile
                if error.errno != errno.ENOSPC:
                    raise
                self.make_room()
        wait_until(taken, 60, "the room to be taken")

    def make_room(self):
        (self.seen / "ballast").unlink()


@pytest.fixture
def small_disk(start, tmp_path):
    probe = tmp_path / "probe"
    probe.mkdir()
    tried = subprocess.run(["unshare", "--mount", "mount", "-t", "tmpfs", "none", probe], capture_output=True)
    if tried.returncode != 0:
        pytest.skip("mounting a file system is not permitted here")
    return SmallDisk(start, tmp_path / "small")


def test_a_full_disk_refuses_clearly_loses_nothing_and_is_got_over(small_disk, keys, tmp_path):
    server = small_disk
    first = make_package(tmp_path, keys, "1.1.0", 2)
    second = make_package(tmp_path, keys, "1.2.0", 3, os.urandom(2 << 20))
    assert trust(server, keys)[0] == 201
    assert upload(server, first)[0] == 201
    before = (listing(server, "packages"), files_below(server.seen))

    # No room for the package: refused, and nothing of it stays.
    server.fill(2 << 20)
    status, body = upload(server, second)
    assert status == 507, body
    assert "full" in body["detail"] or "space" in body["detail"].lower()
    assert (listing(server, "packages"), files_below(server.seen)) == before
    wait_until(lambda: not uploads_below(server.seen), 60, "the upload to go")
    server.make_room()

    # No room for the database either: changes are refused, reading goes on.
    server.fill(0)
    statuses = set()

    def tag_until_refused():
        status, body = call(server, "PATCH", "/api/v1/devices/nobody", {"tags": {}})
        assert status == 404
        name = os.urandom(4).hex()
        status, body = call(server, "POST", "/api/v1/trust", {"name": name, "pem": other_key(tmp_path, name)})
        statuses.add(status)
        return status != 201 and body
    body = wait_until(tag_until_refused, 60, "the database to run out of room")
    assert statuses <= {201, 503, 507}
    assert body["detail"]
    held = len(listing(server, "trust"))
    assert (listing(server, "packages"), files_below(server.seen)) == before

    # With room again it carries on by itself.
    server.make_room()
    name = "after"
    pem = other_key(tmp_path, name)
    wait_until(lambda: call(server, "POST", "/api/v1/trust", {"name": name, "pem": pem})[0] == 201, 60, "it to go on")
    assert len(listing(server, "trust")) == held + 1
    assert upload(server, second)[0] == 201
    assert server.process.stop() == 0


def test_a_package_whose_record_finds_no_room_leaves_no_files(small_disk, keys, tmp_path):
    server = small_disk
    package = make_package(tmp_path, keys, "1.1.0", 2)
    assert len(package.read_bytes()) < 4096
    trust(server, keys)
    details = []
    for pages in range(3, 9):  # one for the upload, two for the files, some for the database
        wait_until(lambda: call(server, "GET", "/healthz")[0] == 200, 60, "the server to be ready")
        server.fill(pages * 4096)
        status, body = upload(server, package)
        server.make_room()
        if status == 201:
            break
        details.append(body["detail"])
        assert status == 507, body
        assert listing(server, "packages") == [] and files_below(server.seen) == []
    assert any("database" in detail for detail in details), details
    wait_until(lambda: upload(server, package)[0] in (200, 201), 60, "it to go on")
    assert len(files_below(server.seen)) == 2
    assert server.process.stop() == 0


def test_a_device_that_comes_while_the_disk_is_full_is_stored_when_there_is_room(small_disk, keys, tmp_path):
    server = small_disk
    server.fill(0)

    def refused():
        name = os.urandom(4).hex()
        return call(server, "POST", "/api/v1/trust", {"name": name, "pem": other_key(tmp_path, name)})[0] == 507
    wait_until(refused, 60, "the database to run out of room")
    wire = Wire(server)
    wire.registered("patient")
    server.process.wait_for("device patient registered")
    assert listing(server, "devices") == []
    server.make_room()
    wire.serve_until(lambda: [d for d in listing(server, "devices") if d["version"] == "1.0.0"], "the device", 60)
    assert server.process.stop() == 0


def other_key(folder, name):
    return Keys(folder, name).public.read_text()
