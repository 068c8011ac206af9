"""The agent as a service: what it tells a service manager, its unit and its configuration file."""
import contextlib
import grp
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import pytest

from agent_kit import ENDPOINT, assert_downloads, peer
from conftest import CLASS, VENDOR, make_package, program, run, wait_until

ROOT = pathlib.Path(__file__).parents[2]
SERVICE = ROOT / "agent" / "service"


class Manager:
    """What systemd is to a service of Type=notify: a socket, and a watchdog over the main process."""

    def __init__(self, folder: pathlib.Path, watchdog_us: int):
        self.path = folder / "notify"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(self.path))
        self.socket.settimeout(60)
        self.watchdog_us = watchdog_us
        self.seen = []

    def command(self, *command) -> list:
        """`command` as the manager starts it: the shell's pid becomes the program's."""
        return ["env", f"NOTIFY_SOCKET={self.path}", f"WATCHDOG_USEC={self.watchdog_us}", "sh", "-c",
                'WATCHDOG_PID=$$ exec "$@"', "sh", *command]

    def wait_for(self, pattern: str, count: int = 1):
        deadline = time.monotonic() + 60
        while sum(re.fullmatch(pattern, line) is not None for line in self.seen) < count:
            assert time.monotonic() < deadline, f"no {pattern} number {count} in {self.seen}"
            self.seen += self.socket.recv(4096).decode().splitlines()


@pytest.fixture
def manager(tmp_path):
    with tempfile.TemporaryDirectory(prefix="kedge-", dir="/tmp") as folder:  # the path of a socket has 107 bytes at most
        made = Manager(pathlib.Path(folder), 600_000)
        yield made
        made.socket.close()


def test_a_service_manager_hears_of_readiness_status_life_and_end(manager, start, tmp_path, keys, peer):
    factory = make_package(tmp_path, keys, "1.0.0", 1)
    identity = ["--state", tmp_path / "state", "--trust", keys.public, "--vendor", VENDOR, "--class", CLASS]
    assert run(program("kedge-agent"), "install-factory", *identity, factory).returncode == 0
    process = start(*manager.command(program("kedge-agent"), "--server", peer.uri, "--endpoint", ENDPOINT, *identity))
    manager.wait_for("READY=1")
    manager.wait_for(rf"STATUS=version 1\.0\.0, registered with {re.escape(peer.uri)}")
    manager.wait_for("WATCHDOG=1", 3)
    process.process.send_signal(signal.SIGTERM)
    manager.wait_for("STOPPING=1")
    assert manager.seen.count("READY=1") == 1


def test_a_service_manager_that_reads_late_hears_of_readiness_all_the_same(manager, start, tmp_path, keys, peer):
    factory = make_package(tmp_path, keys, "1.0.0", 1)
    identity = ["--state", tmp_path / "state", "--trust", keys.public, "--vendor", VENDOR, "--class", CLASS]
    assert run(program("kedge-agent"), "install-factory", *identity, factory).returncode == 0
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as another:
        another.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                another.sendto(b"X", str(manager.path))
    process = start(*manager.command(program("kedge-agent"), "--server", peer.uri, "--endpoint", ENDPOINT, *identity, "--verbose"))
    peer.registered(ENDPOINT)
    process.wait_for("registered with")
    manager.wait_for("READY=1")
    manager.wait_for(rf"STATUS=version 1\.0\.0, registered with {re.escape(peer.uri)}")


def test_under_the_bootloader_the_firmware_of_each_boot_speaks_for_the_service(manager, start, tmp_path, keys, peer):
    factory = make_package(tmp_path, keys, "1.0.0", 1)
    identity = ["--state", tmp_path / "state", "--trust", keys.public, "--vendor", VENDOR, "--class", CLASS]
    assert run(program("kedge-agent"), "install-factory", *identity, factory).returncode == 0
    start(*manager.command(
        program("kedge-boot"), "--state", tmp_path / "state", "--trust", keys.public, "--", program("kedge-agent"),
        "--server", peer.uri, "--endpoint", ENDPOINT, *identity,
        # A child of the agent must not be able to speak for it.
        "--health-command", f"env > {tmp_path / 'environment'}"))
    manager.wait_for("WATCHDOG=1", 2)
    peer.registered(ENDPOINT)
    assert_downloads(peer, make_package(tmp_path, keys, "1.1.0", 2).read_bytes())
    assert peer.execute(ENDPOINT, "/5/0/2") == "2.04"
    manager.wait_for("READY=1", 2)
    manager.wait_for(r"STATUS=version 1\.1\.0, registered with .*")
    wait_until(lambda: (tmp_path / "environment").exists() and "KEDGE" in (tmp_path / "environment").read_text(), 60,
               "the health command")
    environment = (tmp_path / "environment").read_text()
    assert "KEDGE" in environment and "NOTIFY_SOCKET" not in environment and "WATCHDOG" not in environment


def test_a_manager_that_is_not_there_is_said_and_the_agent_runs(start, tmp_path, keys, peer):
    factory = make_package(tmp_path, keys, "1.0.0", 1)
    identity = ["--state", tmp_path / "state", "--trust", keys.public, "--vendor", VENDOR, "--class", CLASS]
    assert run(program("kedge-agent"), "install-factory", *identity, factory).returncode == 0
    process = start("env", "NOTIFY_SOCKET=/nonexistent/notify", program("kedge-agent"), "--server", peer.uri,
                    "--endpoint", ENDPOINT, *identity)
    process.wait_for("the service manager cannot be told of this agent: No such file or directory")
    peer.registered(ENDPOINT)


def test_the_unit_is_one_that_systemd_takes(tmp_path):
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not here")
    text = (SERVICE / "kedge-agent.service").read_text()
    for name in ("kedge-boot", "kedge-agent"):
        assert f"/usr/bin/{name}" in text
        text = text.replace(f"/usr/bin/{name}", str(program(name)))
    unit = tmp_path / "kedge-agent.service"
    unit.write_text(text)
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and "kedge" not in done.stderr, done.stderr


def options_for_the_file() -> set[str]:
    """Those of the agent's help that are no switch of the moment."""
    names = set(re.findall(r"^  --([a-z0-9-]+)", run(program("kedge-agent"), "--help").stdout, re.M))
    assert "server" in names
    return names - {"config", "help", "version"}


def test_the_configuration_file_that_comes_along_has_every_option_and_its_default(start, tmp_path, keys, peer):
    lines = (SERVICE / "kedge-agent.conf").read_text().splitlines()
    settings = [line.lstrip("#") for line in lines if re.match(r"#?[a-z0-9-]+ = ", line)]
    assert {line.split(" = ")[0] for line in settings} == options_for_the_file()
    # What it says, with this test's own paths and server, makes a device that comes up.
    own = {"state": tmp_path / "state", "trust": keys.public, "vendor": VENDOR, "class": CLASS, "server": peer.uri,
           "health-command": "true", "socket": tmp_path / "sock",
           "socket-group": grp.getgrgid(os.getgid()).gr_name}
    unset = ("psk-", "private-key", "certificate", "server-", "bootstrap-", "download-ca", "slot", "boot-record")
    config = tmp_path / "agent.conf"
    config.write_text("".join(f"{name} = {own.get(name, value)}\n" for name, value in
                              (line.split(" = ", 1) for line in settings) if not name.startswith(unset)))
    done = run(program("kedge-agent"), "install-factory", "--config", config, make_package(
        tmp_path, keys, "1.0.0", 1, None, "--hardware", "rev-c"))
    assert done.returncode == 0, done.stderr
    start(program("kedge-agent"), "--config", config)
    assert peer.registered("urn:dev:board-0001").query["lt"] == "86400"
