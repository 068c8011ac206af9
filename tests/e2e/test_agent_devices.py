"""Slots and boot record on block devices and on NOR flash, good and bad: whole updates, and what the server is told.

The devices are files behind a library that takes nothing which real flash would not take (flash_shim.c), and loop
devices of the real kernel, where it gives them to us.
"""
import contextlib
import errno
import hashlib
import os
import pathlib
import shutil
import signal
import subprocess

import pytest

from agent_kit import (BIG_IMAGE, DOWNLOADED, DOWNLOADING, ENDPOINT, IDLE, Agent, assert_downloads, peer, state_of,
                       update)
from conftest import CLASS, VENDOR, make_package, program, run, wait_until
from shims import FlashDevices

SIZE = 512 * 1024
KINDS = {
    "block": {"kind": FlashDevices.BLOCK},
    "nor": {"kind": FlashDevices.MTD, "erase_size": 65536, "write_size": 16},
}
IMAGE_AT = {"block": 12288, "nor": 65536}  # behind the erase units of the header


@pytest.fixture(params=KINDS)
def devices(request, start, tmp_path):
    made = FlashDevices(start, tmp_path, size=SIZE, **KINDS[request.param])
    yield made
    assert made.violations() == 0


@pytest.fixture
def made(devices, tmp_path, keys, peer) -> Agent:
    one = Agent(devices.start, tmp_path, keys, peer.uri, "--download-patience", "20", places=devices.options)
    peer.registered(ENDPOINT)
    return one


class Loops:
    """The same on loop devices."""

    def __init__(self, start_process, folder: pathlib.Path):
        self.start, self.files, self.names = start_process, [], []
        for name in ("slot0", "slot1", "record"):
            file = folder / f"{name}.disk"
            with open(file, "wb") as new:
                new.truncate(2 * SIZE)
            done = run("losetup", "--find", "--show", file)
            if done.returncode != 0:
                self.close()
                pytest.skip(f"no loop devices here: {done.stderr.strip()}")
            self.files.append(file)
            self.names.append(done.stdout.strip())
        self.options = ["--slot0", self.names[0], "--slot1", self.names[1], "--boot-record", self.names[2]]

    def close(self):
        for name in self.names:
            run("losetup", "--detach", name)


@pytest.fixture
def loops(start, tmp_path):
    if shutil.which("losetup") is None:
        pytest.skip("no losetup here")
    made = Loops(start, tmp_path)
    yield made
    made.close()


# ---- whole updates, under kedge-boot ----

class Board:
    """kedge-boot with kedge-agent on devices."""

    def __init__(self, devices, folder, keys, peer):
        self.devices, self.state = devices, folder / "state"
        identity = ["--state", self.state, *devices.options, "--trust", keys.public, "--vendor", VENDOR,
                    "--class", CLASS]
        factory = devices.start(program("kedge-agent"), "install-factory", *identity,
                                make_package(folder, keys, "1.0.0", 1))
        assert factory.process.wait(60) == 0, factory.log
        self.command = [program("kedge-boot"), "--state", self.state, *devices.options, "--trust", keys.public, "--",
                        program("kedge-agent"), "--server", peer.uri, "--endpoint", ENDPOINT, *identity,
                        "--health-command", "true"]
        self.begin()

    def begin(self):
        self.process = self.devices.start(*self.command)


def assert_updates_twice(board, folder, keys, peer):
    peer.registered(ENDPOINT)
    for version, sequence, slot in (("1.1.0", 2, 1), ("1.2.0", 3, 0)):
        package = make_package(folder, keys, version, sequence).read_bytes()
        assert peer.offer(ENDPOINT, package) == "2.04"
        peer.poll(ENDPOINT, "/5/0/3", DOWNLOADED, 60)
        assert peer.execute(ENDPOINT, "/5/0/2") == "2.04"
        board.process.wait_for(rf"slot {slot}, version {version}, on trial")
        peer.poll(ENDPOINT, "/3/0/3", version, 60)
        peer.poll(ENDPOINT, "/5/0/3", IDLE, 60)
        assert state_of(peer) == (IDLE, "1")
    board.process.stop(signal.SIGKILL)
    peer.forget()
    board.begin()
    board.process.wait_for("slot 0, version 1.2.0$")
    peer.registered(ENDPOINT)
    assert state_of(peer) == (IDLE, "1")


def test_updates_go_round_on_devices(devices, tmp_path, keys, peer):
    assert_updates_twice(Board(devices, tmp_path, keys, peer), tmp_path, keys, peer)


def test_updates_go_round_on_loop_devices(loops, tmp_path, keys, peer):
    board = Board(loops, tmp_path, keys, peer)
    assert_updates_twice(board, tmp_path, keys, peer)
    done = run(program("kedge-agent"), "status", "--state", board.state, *loops.options)
    assert "slot 0    1.2.0\nslot 1    1.1.0\n" in done.stdout
    assert not list(board.state.glob("slot*")) and not (board.state / "boot.record").exists()


def test_a_board_without_its_second_device_goes_on_with_the_first(devices, tmp_path, keys, peer):
    board = Board(devices, tmp_path, keys, peer)
    peer.registered(ENDPOINT)
    board.process.stop(signal.SIGKILL)
    peer.forget()
    devices.set(1, kind=0)
    board.begin()
    board.process.wait_for(f"{devices.paths[1]}: No such file or directory")
    board.process.wait_for("slot 0, version 1.0.0$")
    peer.registered(ENDPOINT)
    assert peer.offer(ENDPOINT, make_package(tmp_path, keys, "1.1.0", 2).read_bytes()) == "2.04"
    peer.poll(ENDPOINT, "/5/0/5", "8", 60)
    assert "No such file" in peer.read(ENDPOINT, "/26241/0/0")
    devices.set(1, kind=devices.kind)
    assert_downloads(peer, make_package(tmp_path, keys, "1.1.0", 3).read_bytes())


# ---- what goes wrong ----

FAULTS = {
    "fails_to_write_the_header": {"bad_write_at": 40},
    "fails_to_write_the_image": {"bad_write_at": 200_000},
    "loses_a_bit": {"forgets_at": 200_000},
    "cannot_be_read_back": {"bad_read_at": 200_000},
    "is_read_only": {"read_only": 1},
    "is_unplugged": {"gone": 1},
    "is_not_there": {"kind": 0},
}


def faults_of(kind: str) -> dict:
    last = IMAGE_AT[kind] + len(BIG_IMAGE) - 1
    own = {"fails_to_erase": {"erase_error": errno.EIO}} if kind == "nor" else {
        "fails_to_sync": {"sync_error": errno.EIO}, "is_mounted": {"in_use": 1}, "opens_read_only": {"read_only": 2}}
    return {**FAULTS, **own, "fails_to_write_the_last_byte": {"bad_write_at": last}}


WORDS = {"is_mounted": "is in use", "is_read_only": "Permission denied", "opens_read_only": "is read-only",
         "is_not_there": "No such file", "loses_a_bit": "did not hold"}


@pytest.mark.parametrize("devices, fault, fields", [(kind, fault, fields) for kind in KINDS
                                                    for fault, fields in faults_of(kind).items()], indirect=["devices"])
def test_a_device_that_does_not_take_an_update_is_result_8_and_the_next_one_works(devices, made, peer, update, fault,
                                                                                fields):
    running = hashlib.sha256(devices.paths[0].read_bytes()).digest()
    usual = {field: devices.get(1, field) for field in fields}
    devices.set(1, **fields)
    assert peer.offer(ENDPOINT, update) == "2.04"
    peer.poll(ENDPOINT, "/5/0/5", "8", 60)
    assert peer.read(ENDPOINT, "/5/0/3") == IDLE
    assert WORDS.get(fault, "") in peer.read(ENDPOINT, "/26241/0/0")
    assert peer.execute(ENDPOINT, "/5/0/2") == "4.05"
    assert peer.read(ENDPOINT, "/3/0/3") == "1.0.0"
    assert hashlib.sha256(devices.paths[0].read_bytes()).digest() == running
    devices.set(1, **usual)
    assert_downloads(peer, update)
    assert peer.execute(ENDPOINT, "/5/0/2") == "2.04"
    assert made.process.process.wait(60) == 75


def stall_at(peer, block: int):
    peer.block_hook = lambda number, reply: reply if number < block else None


def go_on(peer):
    peer.block_hook = lambda number, reply: reply


def test_a_device_that_is_unplugged_in_mid_download_is_result_8(devices, made, peer, update):
    stall_at(peer, 100)
    assert peer.offer(ENDPOINT, update) == "2.04"
    peer.wait_for(lambda: 100 in peer.blocks_asked, 60, "the middle of the download")
    assert peer.read(ENDPOINT, "/5/0/3") == DOWNLOADING
    devices.set(1, gone=1)
    go_on(peer)
    peer.poll(ENDPOINT, "/5/0/5", "8", 60)
    assert peer.read(ENDPOINT, "/5/0/3") == IDLE
    devices.set(1, gone=0)
    assert_downloads(peer, update)


def test_a_switch_that_the_record_does_not_take_leaves_the_package_waiting(devices, made, peer, update):
    assert_downloads(peer, update)
    devices.set(2, gone=1)
    assert peer.execute(ENDPOINT, "/5/0/2") == "2.04"
    peer.poll(ENDPOINT, "/5/0/5", "8", 60)
    assert peer.read(ENDPOINT, "/5/0/3") == DOWNLOADED
    assert made.process.process.poll() is None
    devices.set(2, gone=0)
    assert peer.execute(ENDPOINT, "/5/0/2") == "2.04"
    assert made.process.process.wait(60) == 75


def test_a_package_that_is_larger_than_the_device_is_result_2_and_no_byte_is_written(devices, made, peer, keys,
                                                                                   tmp_path):
    written = [devices.get(1, "writes"), devices.get(1, "erases")]
    package = make_package(tmp_path, keys, "1.1.0", 6, bytes(SIZE), "--compress", "none").read_bytes()
    assert peer.offer(ENDPOINT, package) == "2.04"
    peer.poll(ENDPOINT, "/5/0/5", "2", 60)
    assert peer.read(ENDPOINT, "/5/0/3") == IDLE
    assert [devices.get(1, "writes"), devices.get(1, "erases")] == written
    assert max(peer.blocks_asked) < 10, "known before the bulk of it was downloaded"


def test_a_download_that_was_cut_goes_on_at_an_erase_boundary(devices, made, peer, update):
    frame = max(32768, devices.get(1, "erase_size"))
    stall_at(peer, 150)
    assert peer.offer(ENDPOINT, update) == "2.04"
    peer.wait_for(lambda: 150 in peer.blocks_asked, 60, "the middle of the download")
    wait_until((made.state / "agent.download").exists, what="how far it is to be kept")
    made.process.stop(signal.SIGTERM)  # which keeps the last point
    peer.forget_blocks()
    peer.forget()
    go_on(peer)
    made.begin()
    peer.registered(ENDPOINT)
    peer.poll(ENDPOINT, "/5/0/3", DOWNLOADED, 60)
    first = min(peer.blocks_asked) * 1024
    assert 150 * 1024 - frame - 2048 <= first <= 150 * 1024, "the last frame that ended with an erase unit"
    assert peer.execute(ENDPOINT, "/5/0/2") == "2.04"
    assert made.process.process.wait(60) == 75


# ---- the factory ----

def install_factory(tmp_path, keys, *options):
    identity = ["--trust", keys.public, "--vendor", VENDOR, "--class", CLASS]
    return run(program("kedge-agent"), "install-factory", "--state", tmp_path / "state", *identity, *options,
               make_package(tmp_path, keys, "1.0.0", 1))


@pytest.mark.parametrize("second, words", [
    ("/dev/null", "/dev/null is neither a block device nor NOR flash"),
    ("/dev/no-such-device", "/dev/no-such-device: No such file or directory"),
    ("/proc/version", "/proc/version is neither a block device nor NOR flash"),
])
def test_a_factory_refuses_what_is_no_device_and_makes_nothing_in_its_place(tmp_path, keys, second, words):
    done = install_factory(tmp_path, keys, "--slot1", second)
    assert done.returncode == 1 and words in done.stderr
    assert not pathlib.Path("/dev/no-such-device").exists()


def test_a_factory_refuses_one_device_for_two_slots(loops, tmp_path, keys):
    done = install_factory(tmp_path, keys, "--slot0", loops.names[0], "--slot1", loops.names[0])
    assert done.returncode == 1 and f"{loops.names[0]} is {loops.names[0]}, or in it, or around it" in done.stderr
    assert loops.files[0].read_bytes() == bytes(2 * SIZE)


def test_a_factory_leaves_nothing_bootable_in_the_second_slot(loops, tmp_path, keys):
    options = ["--slot0", loops.names[1], "--slot1", loops.names[0]]
    assert install_factory(tmp_path, keys, *options).returncode == 0
    shutil.rmtree(tmp_path / "state")
    assert install_factory(tmp_path, keys, *loops.options).returncode == 0
    done = run(program("kedge-agent"), "status", "--state", tmp_path / "state", *loops.options)
    assert "slot 0    1.0.0\nslot 1    nothing\n" in done.stdout


@contextlib.contextmanager
def mounted(start, device: str, folder: pathlib.Path):
    """An ext4 file system on `device`, mounted where only this process sees it."""
    if shutil.which("mkfs.ext4") is None:
        pytest.skip("no mkfs.ext4 here")
    folder.mkdir()
    assert run("mkfs.ext4", "-q", "-O", "^has_journal", device).returncode == 0
    process = start("unshare", "--mount", "sh", "-c",
                    f"mount {device} {folder} && echo ours > {folder}/file && echo mounted >&2 && exec sleep 600")
    with contextlib.suppress(AssertionError):
        process.wait_for("^mounted$")
    if "mounted" not in process.lines:
        pytest.skip(f"mounting a file system is not permitted here: {process.log}")
    yield
    process.stop(signal.SIGKILL)
    wait_until(lambda: run("blockdev", "--getsize64", device).returncode == 0 and not is_held(device),
               what="the file system to be unmounted")


def is_held(device: str) -> bool:
    """Whether somebody has it against everybody else."""
    try:
        os.close(os.open(device, os.O_RDONLY | os.O_EXCL))
    except OSError as error:
        assert error.errno == errno.EBUSY
        return True
    return False


def test_a_slot_with_a_mounted_file_system_is_left_alone(loops, tmp_path, keys, peer, start, update):
    agent = Agent(start, tmp_path, keys, peer.uri, places=loops.options)
    peer.registered(ENDPOINT)
    agent.process.stop()
    peer.forget()
    with mounted(start, loops.names[1], tmp_path / "mount"):
        agent.begin()
        peer.registered(ENDPOINT)
        assert peer.offer(ENDPOINT, update) == "2.04"
        peer.poll(ENDPOINT, "/5/0/5", "8", 60)
        assert f"{loops.names[1]} is in use" in peer.read(ENDPOINT, "/26241/0/0")
    assert run("e2fsck", "-f", "-n", loops.names[1]).returncode == 0
    assert b"ours" in subprocess.run(["debugfs", "-R", "cat /file", loops.names[1]], capture_output=True).stdout
    assert_downloads(peer, update)
