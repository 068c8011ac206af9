"""What a device comes to whose firmware ends its own agent, or whose flash is not what it was: it runs, or says what
is left to run; and the next update works."""
import signal
import struct
import zlib

from agent_kit import ENDPOINT, IDLE, peer, update
from conftest import make_package, program, run, wait_until
from test_agent_updates import assert_ends, booted, download_and_execute

RECORD_SIZE = 256


def count_registers(peer) -> int:
    return len([1 for kind, name, _ in peer.events if (kind, name) == ("register", ENDPOINT)])


def record_places(made) -> list:
    """Where each copy of the boot record begins in its file: half of it is for each."""
    return [0, (made.state / "boot.record").stat().st_size // 2]


def change(path, at: int, content: bytes):
    with open(path, "r+b") as file:
        file.seek(at)
        file.write(content)


def restart(peer, made, change_flash):
    """The power goes, the flash changes, the power comes back."""
    boots = count_registers(peer)
    made.process.stop(signal.SIGKILL)
    change_flash()
    made.begin()
    peer.wait_for_event("register", ENDPOINT, boots + 1, 60)


def assert_next_update_works(peer, made, tmp_path, keys):
    package = make_package(tmp_path, keys, "1.2.0", 7).read_bytes()
    download_and_execute(peer, package, count_registers(peer))
    assert_ends(peer, made, IDLE, 1, "1.2.0", 60)


def test_a_health_command_that_kills_its_agent_costs_three_boots_and_not_the_device(booted, peer, update, tmp_path,
                                                                                    keys):
    made = booted(health='[ "$KEDGE_VERSION" != 1.1.0 ] || { kill -KILL $PPID; sleep 600; }')
    download_and_execute(peer, update)
    wait_until(lambda: made.status()["updates_rolled_back"] == 1, 90, "the way back")
    peer.poll(ENDPOINT, "/3/0/3", "1.0.0", 60)
    status = assert_ends(peer, made, IDLE, 8, "1.0.0", 60)
    assert "three boots" in status["reason"] and status["updates_rolled_back"] == 1
    assert_next_update_works(peer, made, tmp_path, keys)


def test_a_device_that_has_lost_both_records_runs_what_was_confirmed_and_says_so(booted, peer, tmp_path, keys):
    made = booted(health="true")

    def spoil():
        for at in record_places(made):
            change(made.state / "boot.record", at + 40, b"\xff" * 8)
    restart(peer, made, spoil)
    assert peer.read(ENDPOINT, "/3/0/3") == "1.0.0"
    assert "boot record was lost" in peer.read(ENDPOINT, "/26241/0/0")
    assert "boot record was lost" in made.status()["reason"]
    assert_next_update_works(peer, made, tmp_path, keys)


def later_format(record: bytes) -> bytes:
    body = record[:8] + struct.pack(">H", 2) + record[10:-4]
    return body + struct.pack(">I", zlib.crc32(body))


def test_a_record_of_a_later_version_is_left_alone_until_an_update_begins_one(booted, peer, tmp_path, keys):
    made = booted(health="true")
    path = made.state / "boot.record"

    def make_later():
        content = path.read_bytes()
        for at in record_places(made):
            if content[at:at + 8] == b"KEDGEREC":
                change(path, at, later_format(content[at:at + RECORD_SIZE]))
    restart(peer, made, make_later)
    before = path.read_bytes()
    assert peer.read(ENDPOINT, "/3/0/3") == "1.0.0"
    assert "later version" in peer.read(ENDPOINT, "/26241/0/0")
    assert made.status()["version"] == "1.0.0"
    assert path.read_bytes() == before
    assert_next_update_works(peer, made, tmp_path, keys)


def test_two_slots_that_do_not_verify_are_told_and_a_factory_makes_a_device_of_it_again(booted, peer, tmp_path, keys):
    made = booted(health="true")
    made.process.stop(signal.SIGKILL)
    for slot in range(2):
        change(next(made.state.glob(f"slot*{slot}*")), 0, bytes(65536))
    made.begin()
    assert made.process.process.wait(60) != 0
    made.process.wait_for("no slot holds a verified image")
    install = [program("kedge-agent"), "install-factory", "--state", made.state, *made.identity,
               tmp_path / "factory.suit"]
    refused = run(*install)
    assert refused.returncode != 0 and "has firmware already" in refused.stderr
    (made.state / "boot.record").unlink()
    assert run(*install).returncode == 0
    boots = count_registers(peer)
    made.begin()
    peer.wait_for_event("register", ENDPOINT, boots + 1, 60)
    assert_next_update_works(peer, made, tmp_path, keys)
