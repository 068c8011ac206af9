"""kedge-swarm against kedged: whole rollouts, faults, and what both sides say of them."""
import hashlib
import json
import random
import re
import signal
import subprocess
import time

import pytest

from conftest import CLASS, ROOT, VENDOR, Server, free_port, make_package, needs_ipv6, program, run, wait_until
from dtls_front import DtlsFront
from lwm2m_peer import BLOCK1, GET, PUT, Peer, uint
from test_dtls import SecureServer


class Swarm:
    """A swarm that runs beside the test; its summary when it has ended."""

    def __init__(self, uri: str, devices: int, *extra):
        self.process = subprocess.Popen(
            [program("kedge-swarm"), "--server", uri, "--devices", str(devices), "--vendor", VENDOR, "--class", CLASS,
             "--version", "1.0.0", "--json", "--time-limit", "300", "--linger", "60", *map(str, extra)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def end(self, status: int = 0) -> dict:
        """Ends it when the rollout has; what it says of it."""
        self.process.send_signal(signal.SIGTERM)
        return self.summary(status)

    def summary(self, status: int = 0, timeout: float = 240) -> dict:
        out, errors = self.process.communicate(timeout=timeout)
        assert self.process.returncode == status, out + errors
        assert errors == ""
        return json.loads(out)


@pytest.fixture
def swarm():
    running = []

    def begin(*args) -> Swarm:
        running.append(Swarm(*args))
        return running[-1]

    yield begin
    for one in running:
        if one.process.poll() is None:
            one.process.kill()
            one.process.communicate()


def rollout(server, keys, folder, devices: int, image_size: int, *policy) -> None:
    """Waits for the devices, and starts a rollout to 1.1.0 for all of them."""
    package = make_package(folder, keys, "1.1.0", 2, random.Random(7).randbytes(image_size), "--compress", "none")
    server.kedge("trust", "add", "--name", "release", keys.public)
    server.kedge("package", "upload", package)
    name = server.json("package", "list")["packages"][0]["id"]
    wait_until(lambda: len([d for d in known(server) if d["version"] == "1.0.0"]) == devices, 120, "all devices")
    server.kedge("rollout", "create", "--name", "all", "--package", name, "--all", "--start", "--in-flight", devices,
                 "--error-threshold", 100, *policy)


def known(server) -> list:
    return server.json("device", "list")["devices"]


def ended(server) -> dict:
    """How many deployments ended in which way, once the rollout has."""
    server.kedge("rollout", "watch", "1", check=False, timeout=240)
    return {state: count for state, count in server.json("rollout", "show", "1")["counts"].items() if count}


def test_500_devices_over_a_network_that_loses_doubles_and_reorders(server, keys, tmp_path, swarm):
    fleet = swarm(server.coap_uri, 500, "--loss", 0.02, "--duplicate", 0.02, "--reorder", 0.02, "--reboot-time", 0.5,
                  "--ack-timeout", 0.5)
    rollout(server, keys, tmp_path, 500, 8192)
    assert ended(server) == {"succeeded": 500}
    wait_until(lambda: {d["version"] for d in known(server)} == {"1.1.0"}, 60, "the records of the devices")
    summary = fleet.end()
    assert (summary["updated"], summary["failed"], summary["unfinished"], summary["mismatches"]) == (500, {}, 0, 0)
    assert summary["images"] >= 500
    assert min(summary["datagrams_lost"], summary["datagrams_duplicated"], summary["datagrams_reordered"]) > 50
    wait_until(lambda: not any(d["registered"] for d in known(server)), 60, "all to de-register")


# How kedged calls a device that ends with this Result.
STATE_OF_RESULT = {"2": "rejected", "3": "failed", "4": "failed", "5": "rejected", "6": "rejected", "7": "rejected",
                   "8": "failed", "9": "rejected", "10": "canceled"}


def test_both_sides_agree_on_every_kind_of_end(server, keys, tmp_path, swarm):
    fleet = swarm(server.coap_uri, 150, "--fail-rate", 0.5, "--fail-result", "2,3,4,5,6,7,8,9,10", "--vanish-rate", 0.1,
                  "--wrong-version-rate", 0.1, "--reboot-time", 0.3)
    rollout(server, keys, tmp_path, 150, 16384, "--verify-limit", 30)
    shown = ended(server)
    summary = fleet.end()
    assert sorted(summary["failed"], key=int) == sorted(STATE_OF_RESULT, key=int), "each Result once at least"
    expected = {"succeeded": summary["updated"], "timed_out": summary["vanished"], "failed": summary["wrong_version"]}
    for result, count in summary["failed"].items():
        state = STATE_OF_RESULT[result]
        expected[state] = expected.get(state, 0) + count
    assert min(expected.values()) > 0
    assert shown == expected
    assert summary["unexpected"] == summary["mismatches"] == summary["unfinished"] == 0
    assert {d["version"] for d in known(server)} == {"1.0.0", "1.1.0"}


def test_devices_that_restart_move_and_dawdle_on_the_way_are_all_brought_over(server, keys, tmp_path, swarm):
    fleet = swarm(server.coap_uri, 100, "--reboot-rate", 0.3, "--address-change-rate", 0.3, "--slow-rate", 0.3,
                  "--slow-time", 0.2, "--reboot-time", 0.3)
    rollout(server, keys, tmp_path, 100, 32768)
    assert ended(server) == {"succeeded": 100}
    summary = fleet.end()
    assert summary["updated"] == 100 and summary["unexpected"] == 0
    assert min(summary["restarts_in_transfer"], summary["address_changes"]) > 10
    assert summary["images"] >= 100


def test_a_change_of_address_with_the_last_block_is_told_before_anything_else(server, keys, tmp_path, swarm):
    fleet = swarm(server.coap_uri, 50, "--address-change-rate", 1, "--reboot-time", 0.3)
    rollout(server, keys, tmp_path, 50, 500)  # two blocks: every other device moves with the last one
    assert ended(server) == {"succeeded": 50}
    assert fleet.end()["address_changes"] == 50


# ---- IPv6 ----

class Ipv6Server(Server):
    def listeners(self) -> list[str]:
        self.coap_uri = f"coap://[::1]:{self.coap_port}"
        return ["--coap", f"[::1]:{self.coap_port}"]


@needs_ipv6
def test_devices_at_ports_of_the_one_ipv6_loopback_address(start, keys, tmp_path, swarm):
    server = Ipv6Server(start, tmp_path / "server")
    fleet = swarm(server.coap_uri, 60, "--address-change-rate", 0.3, "--reboot-rate", 0.3, "--reboot-time", 0.3)
    rollout(server, keys, tmp_path, 60, 16384)
    assert ended(server) == {"succeeded": 60}
    summary = fleet.end()
    assert (summary["updated"], summary["unexpected"], summary["mismatches"]) == (60, 0, 0)
    assert min(summary["restarts_in_transfer"], summary["address_changes"]) > 5


# ---- pre-shared keys ----

def keys_of_a_fleet(folder, devices: int, *extra):
    file = folder / "fleet.csv"
    done = run(program("kedge-swarm"), "--make-psk-file", file, "--devices", devices, *extra)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return file


class TicketServer(SecureServer):
    """One that shows a raw public key too, and so hands out tickets."""

    def listeners(self) -> list[str]:
        key = self.data.parent / "server-key.pem"
        if not key.exists():
            run("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key)
        return super().listeners() + ["--coaps-key", str(key)]


@pytest.mark.parametrize("make, resumes", [(SecureServer, False), (TicketServer, True)])
def test_devices_with_keys_through_restarts_moves_and_a_bad_network(start, keys, tmp_path, swarm, make, resumes):
    server = make(start, tmp_path / "server", True)
    file = keys_of_a_fleet(tmp_path, 120)
    server.kedge("device", "enroll", "--psk-file", file)
    fleet = swarm(server.coaps_uri, 100, "--psk-file", file, "--reboot-rate", 0.3, "--address-change-rate", 0.3,
                  "--slow-rate", 0.2, "--slow-time", 0.2, "--loss", 0.02, "--duplicate", 0.02, "--reorder", 0.02,
                  "--reboot-time", 0.3, "--ack-timeout", 0.5)
    rollout(server, keys, tmp_path, 100, 16384)
    assert ended(server) == {"succeeded": 100}
    summary = fleet.end()
    assert (summary["updated"], summary["unexpected"], summary["mismatches"]) == (100, 0, 0)
    assert min(summary["datagrams_lost"], summary["datagrams_duplicated"], summary["datagrams_reordered"]) > 50
    moves = summary["restarts_in_transfer"] + summary["address_changes"]
    assert moves > 20
    assert summary["handshakes"] >= 200 + moves, "one at first, and one after every restart and change of address"
    assert (summary["handshakes_resumed"] > 100) == resumes
    assert all(d["address"].startswith("coaps://127.") for d in known(server))
    server.process.wait_for("ended the association")


def test_devices_with_keys_survive_kill_9_of_the_server_in_mid_download(start, keys, tmp_path, swarm):
    server = SecureServer(start, tmp_path / "server", True)
    file = keys_of_a_fleet(tmp_path, 100)
    server.kedge("device", "enroll", "--psk-file", file)
    fleet = swarm(server.coaps_uri, 100, "--psk-file", file, "--reboot-time", 0.3, "--ack-timeout", 0.5)
    rollout(server, keys, tmp_path, 100, 1 << 20)
    wait_until(lambda: server.json("rollout", "show", "1")["counts"]["downloading"] > 80, 60, "the downloads")
    server.kill()
    server.begin()
    assert ended(server) == {"succeeded": 100}
    summary = fleet.end()
    assert (summary["updated"], summary["images"], summary["mismatches"]) == (100, 100, 0)
    assert summary["handshakes"] >= 280, "nobody made a new association with the restarted server"


def test_devices_with_keys_that_are_pushed_to_see_that_the_server_was_killed(start, keys, tmp_path, swarm):
    server = SecureServer(start, tmp_path / "server", True)
    file = keys_of_a_fleet(tmp_path, 10)
    server.kedge("device", "enroll", "--psk-file", file)
    fleet = swarm(server.coaps_uri, 10, "--psk-file", file, "--delivery", "push", "--reboot-time", 0.3,
                  "--ack-timeout", 0.5, "--slow-rate", 1, "--slow-time", 0.02)
    rollout(server, keys, tmp_path, 10, 400_000)
    wait_until(lambda: server.json("rollout", "show", "1")["counts"]["downloading"] == 10, 60, "the pushes")
    server.kill()
    server.begin()
    assert ended(server) == {"succeeded": 10}
    summary = fleet.end()
    assert (summary["updated"], summary["unexpected"], summary["mismatches"]) == (10, 0, 0)
    assert summary["handshakes"] >= 30, "nobody made a new association with the restarted server"


def test_a_key_that_is_not_enrolled_opens_nothing(start, tmp_path, swarm):
    server = SecureServer(start, tmp_path / "server", True)
    file = keys_of_a_fleet(tmp_path, 3, "--prefix", "stranger-")
    fleet = swarm(server.coaps_uri, 3, "--psk-file", file)
    # More often than there are devices: one of them has heard of its first refusal and tried again.
    wait_until(lambda: server.process.log.count("nobody is enrolled by its identity") > 3, 120, "a second attempt")
    summary = fleet.end(status=1)
    assert (summary["registered"], summary["handshakes"]) == (0, 0) and summary["handshakes_failed"] > 0


def test_a_device_with_a_key_speaks_to_openssl(tmp_path, swarm, peer):
    front = DtlsFront(peer, free_port(), bytes.fromhex("00112233445566778899aabbccddeeff"))
    try:
        file = tmp_path / "one.csv"
        file.write_text("endpoint,identity,hexkey\ngate-1,its identity,00112233445566778899aabbccddeeff\n")
        fleet = swarm(front.uri, 1, "--psk-file", file)
        assert peer.registered("gate-1").endpoint == "gate-1"
        assert [peer.read("gate-1", path) for path in ("/3/0/2", "/3/0/3")] == ["gate-1", "1.0.0"]
        assert peer.write("gate-1", "/5/0/1", f"{peer.uri}/fw/{64 * '0'}") == "4.00"
        assert peer.read("gate-1", "/5/0/5") == "9"
        fleet.process.send_signal(signal.SIGTERM)
        peer.wait_for_event("deregister", "gate-1")
        assert fleet.summary(status=1)["handshakes"] == 1
    finally:
        front.stop()


def test_a_file_of_keys_is_its_owners_and_is_never_written_over(tmp_path):
    file = keys_of_a_fleet(tmp_path, 2, "--prefix", "gate-")
    assert file.stat().st_mode & 0o777 == 0o600
    rows = [line.split(",") for line in file.read_text().splitlines()]
    assert [row[:2] for row in rows] == [["gate-0", "gate-0"], ["gate-1", "gate-1"]]
    assert all(len(bytes.fromhex(row[2])) == 16 for row in rows) and rows[0][2] != rows[1][2]
    before = file.read_bytes()
    done = run(program("kedge-swarm"), "--make-psk-file", file, "--devices", "2")
    assert done.returncode == 2 and "exists" in done.stderr and file.read_bytes() == before
    assert run(program("kedge-swarm"), "--make-psk-file", tmp_path / "new").returncode == 2


@pytest.mark.parametrize("text, words", [("a,b,00\na\n", "keys.csv:2: "), ("a,b,00\na,c,00\n", "keys.csv:2: this endpoint"),
                                         ("", "no device"), ("a,b,00\n", "it is for 1 device\n")])
def test_a_bad_file_of_keys_is_refused_by_its_line(tmp_path, text, words):
    file = tmp_path / "keys.csv"
    file.write_text(text)
    done = run(program("kedge-swarm"), *GOOD, "--server", "coaps://127.0.0.1:9", "--devices", "2", "--psk-file", file)
    assert done.returncode == 2 and words in done.stderr and done.stdout == ""


# ---- push ----

SIZE1 = 60


def pushed(folder, keys, size: int = 3000) -> bytes:
    return make_package(folder, keys, "1.1.0", 2, random.Random(5).randbytes(size)).read_bytes()


def push_block(peer, body: bytes, number: int, exponent: int = 6):
    """Writes one block of a Package to swarm-0; the code of the answer, and its Block1 as number, more, exponent."""
    size = 16 << exponent
    more = (number + 1) * size < len(body)
    request = peer.make_request(PUT, "/5/0/0", body[number * size:(number + 1) * size], content_format=42)
    request.options += [(BLOCK1, uint(number << 4 | more << 3 | exponent)), (SIZE1, uint(len(body)))]
    answer = peer.exchange("swarm-0", request)
    block = answer.number(BLOCK1)
    return answer.code_text, None if block is None else (block >> 4, block >> 3 & 1, block & 7)


def test_devices_that_are_pushed_to_through_restarts_moves_and_small_blocks(server, keys, tmp_path, swarm):
    fleet = swarm(server.coap_uri, 100, "--delivery", "push", "--small-block-rate", 0.3, "--block-size", 256,
                  "--reboot-rate", 0.2, "--address-change-rate", 0.2, "--reboot-time", 0.3, "--loss", 0.01,
                  "--duplicate", 0.02)
    rollout(server, keys, tmp_path, 100, 8192)
    assert ended(server) == {"succeeded": 100}
    summary = fleet.end()
    assert (summary["updated"], summary["unexpected"], summary["mismatches"]) == (100, 0, 0)
    assert min(summary["restarts_in_transfer"], summary["address_changes"]) > 5
    assert summary["blocks"] > 100 * 9 and summary["images"] >= 100


def test_both_sides_agree_on_every_kind_of_end_of_a_push(server, keys, tmp_path, swarm):
    fleet = swarm(server.coap_uri, 100, "--delivery", "push", "--fail-rate", 0.6, "--fail-result", "2,3,4,5,6,8,10",
                  "--reboot-time", 0.3)
    rollout(server, keys, tmp_path, 100, 8192)
    shown = ended(server)
    summary = fleet.end()
    expected = {"succeeded": summary["updated"]}
    for result, count in summary["failed"].items():
        expected[STATE_OF_RESULT[result]] = expected.get(STATE_OF_RESULT[result], 0) + count
    assert len(summary["failed"]) == 7 and shown == expected
    assert summary["unexpected"] == summary["mismatches"] == summary["unfinished"] == 0


def test_a_push_has_continue_gaps_duplicates_and_an_end(keys, tmp_path, swarm, peer):
    body = pushed(tmp_path, keys)
    fleet = swarm(peer.uri, 1, "--delivery", "push", "--reboot-time", 0.2)
    peer.registered("swarm-0")
    assert peer.read("swarm-0", "/5/0/9") == "1"
    assert push_block(peer, body, 1)[0] == "4.08"
    assert push_block(peer, body, 0) == ("2.31", (0, 1, 6))
    assert peer.read("swarm-0", "/5/0/3") == "1"
    assert push_block(peer, body, 2)[0] == "4.08"
    assert push_block(peer, body, 1) == ("2.31", (1, 1, 6))
    assert push_block(peer, body, 1) == ("2.31", (1, 1, 6)), "its answer may have been lost"
    assert push_block(peer, body, 0)[0] == "2.31", "the first block begins anew"
    last = (len(body) - 1) // 1024
    for number in range(1, last):
        assert push_block(peer, body, number) == ("2.31", (number, 1, 6))
    assert push_block(peer, body, last) == ("2.04", (last, 0, 6))
    assert push_block(peer, body, last) == ("2.04", (last, 0, 6))
    assert peer.read("swarm-0", "/5/0/3") == "2"
    assert push_block(peer, body, 0)[0] == "4.00"
    assert peer.execute("swarm-0", "/5/0/2") == "2.04"
    peer.wait_for_event("register", "swarm-0", 2)
    assert [peer.read("swarm-0", path) for path in ("/3/0/3", "/5/0/3", "/5/0/5")] == ["1.1.0", "0", "1"]
    summary = fleet.end()
    assert (summary["images"], summary["blocks_again"], summary["block_gaps"]) == (1, 2, 2)
    assert (summary["offers_taken"], summary["installations"]) == (1, 1)


def test_a_push_in_smaller_blocks_is_asked_for(keys, tmp_path, swarm, peer):
    body, asked = pushed(tmp_path, keys), set()
    for seed in range(1, 9):  # of such devices half refuse the first block, half take it
        fleet = swarm(peer.uri, 1, "--delivery", "push", "--small-block-rate", 1, "--block-size", 256, "--seed", seed)
        peer.registered("swarm-0")
        answer = push_block(peer, body, 0)
        asked.add(answer[0])
        assert answer == (("2.31", (0, 1, 4)) if answer[0] == "2.31" else ("4.13", (0, 1, 4)))
        assert peer.read("swarm-0", "/5/0/3") == ("1" if answer[0] == "2.31" else "0")
        number = 4 if answer[0] == "2.31" else 0
        assert push_block(peer, body, number, 4) == ("2.31", (number, 1, 4))
        fleet.end(status=1)
        peer.forget()
    assert asked == {"2.31", "4.13"}


def test_one_changed_byte_of_a_push_fails_the_run(keys, tmp_path, swarm, peer):
    body = bytearray(pushed(tmp_path, keys))
    body[-1] ^= 1
    fleet = swarm(peer.uri, 1, "--delivery", "push")
    peer.registered("swarm-0")
    for number in range((len(body) + 1023) // 1024):
        push_block(peer, bytes(body), number)
    peer.poll("swarm-0", "/5/0/5", "5")
    summary = fleet.end(status=1)
    assert (summary["mismatches"], summary["images"], summary["ok"]) == (1, 0, False)


# ---- queue mode ----

@pytest.mark.parametrize("version, binding, query", [("1.0", "UQ", None), ("1.1", "U", ""), ("1.2", "U", "")])
def test_a_device_in_queue_mode_says_so_is_deaf_and_wakes_by_an_update(swarm, peer, version, binding, query):
    fleet = swarm(peer.uri, 1, "--sleep-rate", 1, "--awake-time", 0.2, "--sleep-time", 2, "--lwm2m", version)
    peer.registered("swarm-0")
    register = peer.wait_for_event("register", "swarm-0")
    assert (register.query["lwm2m"], register.query["b"], register.query.get("Q")) == (version, binding, query)
    peer.wait_for_event("update", "swarm-0", 1, timeout=60)
    assert peer.read("swarm-0", "/1/0/7") == binding

    def asked_while_asleep() -> bool:
        updates = sum(kind == "update" for kind, _, _ in peer.events)
        time.sleep(0.6)  # silence, in which it falls asleep
        request = peer.make_request(GET, "/3/0/3")
        peer.send("swarm-0", request)
        peer.wait_for_event("update", "swarm-0", updates + 1, timeout=60)
        return peer.answer_to(request) is None
    assert any(asked_while_asleep() for _ in range(8))
    assert peer.read("swarm-0", "/3/0/3") == "1.0.0"
    summary = fleet.end(status=1)
    assert summary["datagrams_unheard"] > 0 and summary["sleeps"] > 1


def test_a_rollout_over_devices_in_queue_mode_finishes(server, keys, tmp_path, swarm):
    fleet = swarm(server.coap_uri, 30, "--sleep-rate", 0.5, "--awake-time", 4, "--sleep-time", 3, "--reboot-time", 0.3)
    rollout(server, keys, tmp_path, 30, 4096)
    assert ended(server) == {"succeeded": 30}
    assert fleet.end()["updated"] == 30


def test_a_device_that_is_awake_for_a_moment_is_met_in_it(server, keys, tmp_path, swarm):
    """It listens for a fifth of a second after each message, and wakes every four seconds."""
    fleet = swarm(server.coap_uri, 10, "--sleep-rate", 1, "--awake-time", 0.2, "--sleep-time", 4, "--reboot-time", 0.3)
    wait_until(lambda: len([d for d in known(server) if d["version"] == "1.0.0"]) == 10, 120, "all devices")
    time.sleep(1)  # silence, in which they fall asleep
    rollout(server, keys, tmp_path, 10, 4096)
    assert ended(server) == {"succeeded": 10}
    summary = fleet.end()
    assert summary["updated"] == 10 and summary["sleeps"] >= 10


# ---- a server of another make, and a bad one ----

@pytest.fixture
def peer():
    one = Peer()
    yield one
    one.close()


def offered(peer, keys, folder):
    """A package that swarm-0 is offered under its right name."""
    body = make_package(folder, keys, "1.1.0", 2, random.Random(3).randbytes(5000)).read_bytes()
    assert peer.offer("swarm-0", body, "fw/" + hashlib.sha256(body).hexdigest()) == "2.04"


def test_a_device_goes_the_whole_way_with_a_foreign_server(keys, tmp_path, swarm, peer):
    fleet = swarm(peer.uri, 1, "--reboot-time", 0.2, "--hardware", "rev-b")
    assert [peer.read("swarm-0", path) for path in ("/3/0/0", "/3/0/1", "/3/0/3", "/3/0/18", "/5/0/3", "/5/0/5")] == [
        VENDOR, CLASS, "1.0.0", "rev-b", "0", "0"]
    states = peer.observe("swarm-0", "/5/0/3")
    assert peer.execute("swarm-0", "/5/0/2") == "4.05"
    offered(peer, keys, tmp_path)
    peer.wait_for(lambda: states.values[-1:] == ["2"], what="State Downloaded")
    assert peer.write("swarm-0", "/5/0/1", "coap://127.0.0.1/x") == "4.00"
    assert peer.execute("swarm-0", "/5/0/2") == "2.04"
    peer.wait_for_event("register", "swarm-0", 2)
    assert [peer.read("swarm-0", path) for path in ("/3/0/3", "/5/0/3", "/5/0/5", "/5/0/1")] == ["1.1.0", "0", "1", ""]
    assert states.values == ["0", "1", "2", "3"]
    assert fleet.end()["updated"] == 1
    peer.wait_for_event("deregister", "swarm-0")


def test_one_changed_byte_of_an_image_fails_the_run(keys, tmp_path, swarm, peer):
    def change(number, reply):
        if number == 3:
            reply.payload = reply.payload[:-1] + bytes([reply.payload[-1] ^ 1])
        return reply
    peer.block_hook = change
    fleet = swarm(peer.uri, 1)
    peer.registered("swarm-0")
    offered(peer, keys, tmp_path)
    peer.poll("swarm-0", "/5/0/5", "5")
    assert peer.read("swarm-0", "/5/0/3") == "0"
    summary = fleet.end(status=1)
    assert (summary["mismatches"], summary["images"], summary["failed"], summary["ok"]) == (1, 0, {"5": 1}, False)


@pytest.mark.parametrize("what, result", [("coap://127.0.0.1:9/fw/short", "7"), ("http://127.0.0.1/fw/" + 64 * "0", "9"),
                                          ("coaps://127.0.0.1:9/fw/" + 64 * "0", "9"), ("coap://[::1]:9/fw/" + 64 * "0", "7"),
                                          ("coap://192.0.2.1/fw/" + 64 * "0", "7")])
def test_a_uri_that_names_no_digest_on_loopback_is_refused(swarm, peer, what, result):
    swarm(peer.uri, 1)
    peer.registered("swarm-0")
    assert peer.write("swarm-0", "/5/0/1", what) == "4.00"
    assert (peer.read("swarm-0", "/5/0/3"), peer.read("swarm-0", "/5/0/5")) == ("0", result)


def test_devices_that_are_never_offered_anything_are_not_a_success(swarm, peer):
    fleet = swarm(peer.uri, 3, "--time-limit", 15)  # they are registered by then on any machine
    summary = fleet.summary(status=1)
    assert (summary["registered"], summary["unfinished"], summary["ok"]) == (3, 3, False)


# ---- the command line ----

GOOD = ["--server", "coap://127.0.0.1:9", "--devices", "1", "--vendor", VENDOR, "--class", CLASS, "--version", "1.0.0"]


@pytest.mark.parametrize("more, words", [
    (["--devices", "0"], "whole number"), (["--devices", "2000000"], "whole number"),
    (["--server", "http://127.0.0.1"], "coap:// and coaps://"), (["--server", "coap://192.0.2.1"], "loopback"),
    (["--server", "coap://127.0.0.1:70000"], "coap://127.0.0.1:5683"), (["--loss", "1.5"], "from 0 to 1"),
    (["--loss", "nan"], "from 0 to 1"), (["--fail-result", "1"], "2 to 10"), (["--fail-result", "5,,6"], "2 to 10"),
    (["--version", "newest"], "1.2.3"), (["--fail-rate", "0.6", "--vanish-rate", "0.6"], "at most 1"),
    (["--psk-file", "x"], "coaps://"), (["extra"], "extra"),
    (["--lwm2m", "2.0"], "1.0, 1.1 or 1.2"), (["--delivery", "both"], "pull or push"), (["--block-size", "100"], "128"),
    (["--delivery", "push", "--fail-result", "7"], "not with --delivery push"),
    (["--server", "coaps://127.0.0.1:9"], "--psk-file CSV is missing"),
    (["--server", "coaps://127.0.0.1:9", "--psk-file", "/no/such"], "/no/such: No such file"),
])
def test_what_it_cannot_do_is_refused_with_words(more, words):
    done = run(program("kedge-swarm"), *GOOD, *more)
    assert done.returncode == 2 and words in done.stderr and done.stdout == ""


@pytest.mark.parametrize("missing", range(0, 10, 2))
def test_what_is_missing_is_named(missing):
    done = run(program("kedge-swarm"), *GOOD[:missing], *GOOD[missing + 2:])
    assert done.returncode == 2 and f"{GOOD[missing]} " in done.stderr


def test_the_same_seed_draws_the_same_fates(swarm, peer):
    fates = ["--fail-rate", 0.5, "--fail-result", "7,9"]

    def refusing(seed):
        fleet = swarm(peer.uri, 40, *fates, "--seed", seed)
        names = [f"swarm-{i}" for i in range(40)]
        for name in names:
            peer.registered(name)
            assert peer.write(name, "/5/0/1", f"coap://127.0.0.1:9/fw/{64 * '0'}") in ("2.04", "4.00")
        results = [peer.read(name, "/5/0/5") for name in names]
        fleet.end(status=1)
        return results
    first = refusing(5)
    assert set(first) == {"0", "7", "9"}
    assert refusing(5) == first
    assert refusing(6) != first


def test_the_manual_page_has_every_option_of_the_help():
    done = run(program("kedge-swarm"), "--help")
    page = (ROOT / "docs" / "kedge-swarm.1").read_text().replace("\\-", "-")
    options = set(re.findall(r"--[a-z0-9-]+", done.stdout))
    assert len(options) > 30
    assert options == set(re.findall(r"--[a-z0-9-]+", page))
